"""Files of strangers are read in a child process with limits: what breaks there breaks alone.

The child has no torch, no network where the host lets it be without, may write no file but
the one it is asked to, and dies with its parent. Frames come back as the numbers of their
planes through shared memory, and are made anew here.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import select
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaug import errors
from synthaug.errors import SynthaugError

__all__ = ["SLOTS", "Child", "Crashed", "plane_layout"]

SLOTS = 3
_LONGEST_LINE = 4 << 20
_ERRORS = {name: getattr(errors, name) for name in errors.__all__}


class Crashed(Exception):
    """The child ended or stood still before it had answered; the text says how."""


class Child:
    """A process that reads one file; use it as a context manager.

    Args:
        request: what to do, JSON-ready; see `synthaug.media.child`.
        shared: bytes of shared memory.
        memory: bytes of address space the child may have.
        patience: seconds without an answer after which it is given up.
        writes: whether it may write files.
    """

    def __init__(
        self,
        request: dict[str, Any],
        *,
        shared: int = 0,
        memory: int = 2 << 30,
        patience: float = 60.0,
        writes: bool = False,
    ) -> None:
        self._request, self._size, self._patience = request, shared, patience
        self._limits = {"memory": memory + shared, "writes": writes, "seconds": patience}
        self._text = b""

    def __enter__(self) -> Child:
        handle = os.memfd_create("synthaug") if self._size else None
        if handle is not None:
            os.ftruncate(handle, self._size)
            self.memory = np.frombuffer(mmap.mmap(handle, self._size), np.uint8)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "synthaug.media.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=() if handle is None else (handle,),
            # A Ctrl-C at the terminal is ours to handle.
            start_new_session=True,
            env={
                **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "PYTHONDONTWRITEBYTECODE": "1",
                "OPENBLAS_NUM_THREADS": "1",
            },
        )
        try:
            self._send({"limits": self._limits, "parent": os.getpid(), "memory": handle,
                        "size": self._size, **self._request})  # fmt: skip
        finally:
            if handle is not None:
                os.close(handle)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._process.wait()

    def answers(self) -> Iterator[dict[str, Any]]:
        """What the child says, until it says that it is done.

        Raises:
            SynthaugError: what it met.
            Crashed: it ended without a word, or said nothing for too long.
        """
        while True:
            answer = json.loads(self._line())
            if "error" in answer:
                raise _error(answer["error"])
            if "done" in answer:
                return
            yield answer

    def free(self) -> None:
        """Tell the child that one more slot of the memory may be written."""
        with contextlib.suppress(BrokenPipeError):
            self._write(b"\n")

    def _send(self, request: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._write(json.dumps(request).encode() + b"\n")

    def _write(self, text: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text)
        self._process.stdin.flush()

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        handle = self._process.stdout.fileno()
        while b"\n" not in self._text:
            ready, _, _ = select.select([handle], [], [], self._patience)
            if not ready:
                raise Crashed(f"nothing for {self._patience:.0f} s")
            more = os.read(handle, 1 << 16)
            if not more or len(self._text) > _LONGEST_LINE:
                raise Crashed(self._end())
            self._text += more
        line, _, self._text = self._text.partition(b"\n")
        return line

    def _end(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(5)
            if code < 0:
                return f"the decoder ended by {signal.Signals(-code).name}"
            return f"the decoder ended with {code}"
        return "the decoder fell silent"


def _error(fields: dict[str, Any]) -> SynthaugError:
    """The error a child met."""
    kind = _ERRORS.get(fields.pop("class", ""), errors.Damaged)
    error: SynthaugError = kind(**{name: str(value)[:2000] for name, value in fields.items()})
    return error


def plane_layout(frame: Any) -> Generator[tuple[int, int, NDArray[np.uint8]], None, None]:
    """Of each plane of an ``av.VideoFrame``: rows, bytes of pixels in a row, and a view of it.

    The view is uint8 (rows, bytes); the padding at the ends of rows is left out.
    """
    parts = frame.format.components
    for index, plane in enumerate(frame.planes):
        here = [part for part in parts if part.plane == index]
        wide = plane.width * len(here) * (2 if max(part.bits for part in here) > 8 else 1)
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        yield plane.height, wide, rows[:, :wide]
