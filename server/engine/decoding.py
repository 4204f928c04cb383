"""The child that decodes pictures of uploaded sets: no torch, no network, no files, some memory."""

from __future__ import annotations

from typing import Any

from PIL import Image

from synthaug.datasets.decode import decode
from synthaug.datasets.limits import Limits
from synthaug.errors import InputError
from synthaug_server.children import decode_for

__all__ = ["main"]

_MEMORY = 4 << 30  # bytes of address space: the largest picture, composited in floats
_CPU_SECONDS = 30  # of one picture


def main() -> None:
    """Decode what comes until the parent is gone."""
    # Plugins are imported before there is a limit on open files.
    decode_for(_answer, warm=Image.init, memory=_MEMORY, seconds=_CPU_SECONDS)


def _answer(head: dict[str, Any], data: bytes) -> tuple[Any, ...]:
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
