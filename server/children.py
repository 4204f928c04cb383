"""Children: processes of their own for whatever may crash, leak or hang. Never forked.

Parent and child speak in frames over one socket: a line of JSON with the lengths of the parts
that follow it. A child ends when its parent does, however that ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

__all__ = [
    "Line", "confine", "decode_for", "end", "ending", "environment_for", "spawn",
]  # fmt: skip

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_LONGEST_HEAD = 1 << 20
_LONGEST_PART = 1 << 30
# What a child needs of our environment: no secrets, no proxies.
_KEPT = (
    "PATH", "LANG", "HOME", "TMPDIR", "OMP_NUM_THREADS", "MKL_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "SYNTHAUG_WEIGHTS", "XDG_CACHE_HOME",
)  # fmt: skip


class Line:
    """One end of the socket, read and written in blocking calls."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._got = bytearray()

    def fileno(self) -> int:
        """Of the socket, to wait for it."""
        return self._socket.fileno()

    @property
    def buffered(self) -> bool:
        """Whether something of a frame is here already."""
        return bool(self._got)

    def say(self, head: dict[str, Any], *parts: bytes) -> None:
        """Send one frame."""
        told = {**head, "parts": [len(part) for part in parts]} if parts else head
        self._socket.sendall(b"".join([json.dumps(told).encode(), b"\n", *parts]))

    def hear(self) -> tuple[dict[str, Any], list[bytes]] | None:
        """The next frame; None where the other end is gone.

        Raises:
            ValueError: it is no frame.
        """
        while (cut := self._got.find(b"\n")) < 0:
            if len(self._got) > _LONGEST_HEAD:
                raise ValueError("a frame's head is too long")
            if not self._more():
                return None
        head = json.loads(self._take(cut + 1))
        parts = []
        for length in head.pop("parts", ()):
            if not 0 <= length <= _LONGEST_PART:
                raise ValueError("a part of a frame is too long")
            while len(self._got) < length:
                if not self._more():
                    return None
            parts.append(self._take(length))
        return head, parts

    def _take(self, length: int) -> bytes:
        taken = bytes(memoryview(self._got)[:length])
        del self._got[:length]
        return taken

    def _more(self) -> bool:
        try:
            more = self._socket.recv(1 << 18)
        except OSError:
            return False
        self._got += more
        return bool(more)

    def close(self) -> None:
        """Close this end."""
        with contextlib.suppress(OSError):
            # Whoever reads it in another thread wakes up.
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def spawn(
    module: str, *, log: int | None = None, environment: Mapping[str, str] | None = None
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """A fresh interpreter that runs a module, and our end of the socket to it.

    The child finds its end as the descriptor named by its first argument, our process id as its
    second. It leads a session of its own, so that `end` reaches what it starts.

    Args:
        module: to run with ``-m``; calls `confine` first.
        log: descriptor for its stderr; None drops it.
        environment: variables beside those that every child has.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, str(theirs.fileno()), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL if log is None else log,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
            env={
                **{name: os.environ[name] for name in _KEPT if name in os.environ},
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "PYTHONDONTWRITEBYTECODE": "1",
                **(environment or {}),
            },
        )
    return process, ours


def environment_for(device: str) -> dict[str, str]:
    """What shows a child the one device it is for.

    Example:
        >>> environment_for("cuda:1"), environment_for("cpu")
        ({'CUDA_VISIBLE_DEVICES': '1'}, {'CUDA_VISIBLE_DEVICES': ''})
    """
    kind, _, number = device.partition(":")
    if kind == "cpu":
        return {"CUDA_VISIBLE_DEVICES": ""}
    return {"CUDA_VISIBLE_DEVICES": number} if number else {}


def confine(parent: int, *, worker: bool = True, memory: int | None = None) -> bool:
    """Take limits upon this process that it cannot lift again.

    Args:
        parent: process with whose end this one ends.
        worker: it touches what strangers sent: it goes without a network, and first where the
            machine's memory runs out.
        memory: bytes of address space; None sets no limit (torch maps more than it uses).

    Returns:
        Whether it is now without a network; not every host lets a process leave it.
    """
    system = ctypes.CDLL(None, use_errno=True)
    system.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    system.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    # A Ctrl-C at the server's terminal is the server's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    if not worker:
        return False
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("900")
    return not (system.unshare(_CLONE_NEWNET) and system.unshare(_CLONE_NEWUSER | _CLONE_NEWNET))


def decode_for(
    answer: Callable[[dict[str, Any], bytes], tuple[Any, ...]],
    *,
    warm: Callable[[], object],
    memory: int,
    seconds: int,
) -> NoReturn:
    """Decode what strangers sent, frame by frame, until the parent is gone: a child's whole life.

    No network, no file written, few open ones; each answer within limits of memory and time.

    Args:
        answer: the head and parts to say, given those that were heard: one part.
        warm: called before there are limits; imports what would open files later.
        memory: bytes of address space.
        seconds: of processor time for one answer.
    """
    line = Line(socket.socket(fileno=int(sys.argv[1])))
    warm()
    confine(int(sys.argv[2]), memory=memory)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
    warnings.simplefilter("ignore")
    while (heard := line.hear()) is not None:
        head, (data,) = heard
        _more_time(seconds)
        line.say(*answer(head, data))
    os._exit(0)


def _more_time(seconds: int) -> None:
    """Allow this process so many more seconds of processor time, then SIGXCPU."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def end(process: subprocess.Popen[bytes]) -> int:
    """End a child and all of its session at once; gives its exit code."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def ending(code: int) -> str:
    """How a child ended, for people and for ErrorInfo: a signal's name or the exit code.

    Example:
        >>> ending(-9), ending(3)
        ('SIGKILL', 'exit code 3')
    """
    if code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
    return f"exit code {code}"
