"""The process that reads files of strangers; `synthaug.media.sheltered` starts it.

It is told one thing to do as a line of JSON on stdin and answers in lines on stdout. It takes
its limits upon itself before anything of the file is read.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import resource
import signal
import sys
from typing import Any

__all__ = ["main"]

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


def main() -> None:
    """Do what the first line on stdin asks for."""
    request = json.loads(sys.stdin.buffer.readline())
    confine(request["limits"], request["parent"])
    try:
        _DUTIES[request["do"]](request)
        _say({"done": True})
    except BrokenPipeError:
        os._exit(1)
    except MemoryError:
        _say({"error": {"class": "Damaged", "what": "decoding", "expected": "less memory than "
                        f"{request['limits']['memory'] >> 20} MB", "got": "more"}})  # fmt: skip
    except Exception as error:
        _say({"error": _told(error)})
    sys.stdout.flush()
    # Decoders that crash while they are taken down have done their work all the same.
    os._exit(0)


def confine(limits: dict[str, Any], parent: int) -> None:
    """Take limits upon this process that it cannot lift again.

    Args:
        limits: ``memory`` in bytes, ``seconds`` of CPU between two answers, ``writes``.
        parent: process with whose end this one ends.
    """
    system = ctypes.CDLL(None, use_errno=True)
    system.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    system.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    # Not every host lets a process leave its network; FFmpeg is told to open files only.
    if system.unshare(_CLONE_NEWNET):
        system.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    resource.setrlimit(resource.RLIMIT_AS, (limits["memory"],) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    if not limits["writes"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    _more_time(limits)


def _more_time(limits: dict[str, Any]) -> None:
    """Allow as much CPU time again as one answer may take."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime + limits["seconds"] * 4) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _told(error: Exception) -> dict[str, Any]:
    from synthaug.errors import SynthaugError

    if isinstance(error, SynthaugError):
        names = ("what", "expected", "got", "where", "remedy", "code")
        return {"class": type(error).__name__, **{name: getattr(error, name) for name in names}}
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return {"class": "OutOfResources", "what": "video cannot be written",
                "got": os.strerror(error.errno).lower(),
                "remedy": "Make room and run the same command again."}  # fmt: skip
    return {"class": "Damaged", "what": "file", "expected": "one that can be decoded",
            "got": f"{type(error).__name__}: {error}"[:300]}  # fmt: skip


def _describe(request: dict[str, Any]) -> None:
    from synthaug.media.clip import Limits, described

    _say({"clip": described(request["path"], limits=Limits(**request["allow"])).to_dict()})


def _frames(request: dict[str, Any]) -> None:
    """Put frame after frame into shared memory, as long as slots are free."""
    import mmap

    import numpy as np

    from synthaug.media.clip import Clip
    from synthaug.media.decoding import decoded
    from synthaug.media.sheltered import SLOTS, plane_layout

    memory = np.frombuffer(mmap.mmap(request["memory"], request["size"]), np.uint8)
    slot = len(memory) // SLOTS
    free = SLOTS
    for number, frame in enumerate(decoded(Clip.from_dict(request["clip"]))):
        if not free:
            if not sys.stdin.buffer.readline():
                os._exit(1)
            free += 1
        at = number % SLOTS * slot
        for rows, wide, view in plane_layout(frame):
            memory[at : at + rows * wide].reshape(rows, wide)[:] = view
            at += rows * wide
        free -= 1
        _more_time(request["limits"])
        _say({"pts": frame.pts})


def _describe_still(request: dict[str, Any]) -> None:
    from pathlib import Path

    from synthaug.media.clip import Limits
    from synthaug.media.stills import described_still

    still = described_still(Path(request["path"]), Limits(**request["allow"]))
    _say({"still": still.to_dict()})


def _pixels(request: dict[str, Any]) -> None:
    """Put frame after frame of a picture file into shared memory."""
    import mmap

    import numpy as np

    from synthaug.media.stills import Still, pixels_of

    memory = np.frombuffer(mmap.mmap(request["memory"], request["size"]), np.uint8)
    for number, (pixels, duration, whole) in enumerate(
        pixels_of(Still.from_dict(request["still"]))
    ):
        if number and not sys.stdin.buffer.readline():
            os._exit(1)
        memory[:] = np.ascontiguousarray(pixels).reshape(-1).view(np.uint8)
        _more_time(request["limits"])
        _say({"duration": duration, "whole": whole})


def _join(request: dict[str, Any]) -> None:
    """Write the output from coded pictures and the source's sound."""
    from pathlib import Path

    from synthaug.media.clip import Clip
    from synthaug.media.encoding import Coding
    from synthaug.media.joining import join

    warning = join(
        Clip.from_dict(request["clip"]), Coding(**request["coding"]),
        bytes.fromhex(request["header"]), [Path(part) for part in request["parts"]],
        Path(request["output"]), mute=request["mute"], metadata=request["metadata"],
    )  # fmt: skip
    if warning:
        _say({"warning": warning})


_DUTIES = {
    "describe": _describe, "frames": _frames, "join": _join,
    "describe still": _describe_still, "pixels": _pixels,
}  # fmt: skip

if __name__ == "__main__":
    main()
