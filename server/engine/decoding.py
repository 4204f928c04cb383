"""The child that decodes pictures of uploaded sets: no torch, no network, no files, some memory."""

from __future__ import annotations

import os
import socket
import sys
import warnings
from typing import Any

from PIL import Image

from synthaug.datasets.decode import decode
from synthaug.datasets.limits import Limits
from synthaug.errors import InputError
from synthaug_server.children import Line, confine_decoder, more_time

__all__ = ["main"]

_MEMORY = 4 << 30  # bytes of address space: the largest picture, composited in floats
_CPU_SECONDS = 30  # of one picture


def main() -> None:
    """Decode what comes until the parent is gone."""
    line = Line(socket.socket(fileno=int(sys.argv[1])))
    # Plugins are imported before there is a limit on open files.
    Image.init()
    confine_decoder(int(sys.argv[2]), memory=_MEMORY)
    warnings.simplefilter("ignore")
    while (heard := line.hear()) is not None:
        head, (data,) = heard
        more_time(_CPU_SECONDS)
        line.say(*_answer(data, head))
    os._exit(0)


def _answer(data: bytes, head: dict[str, Any]) -> tuple[Any, ...]:
    try:
        found = decode(data, head["where"], Limits(head["pixels"], head["side"]))
    except InputError as error:
        names = ("what", "expected", "got", "where", "remedy", "code")
        told = {name: getattr(error, name) for name in names}
        return ({"error": type(error).__name__, **told},)
    except MemoryError:
        what = "needs more memory than a picture may take"
        return ({"error": "BadImage", "what": what, "where": head["where"]},)
    # Decoders raise anything on broken files.
    except Exception:
        return ({"error": "BadImage", "what": "cannot be decoded", "where": head["where"]},)
    about = {"shape": found.pixels.shape, "had_alpha": found.had_alpha, "frames": found.frames}
    return about, found.pixels.tobytes()


if __name__ == "__main__":
    main()
