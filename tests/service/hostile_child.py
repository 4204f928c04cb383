"""A decoder that does what hostile media would have it do; `test_confined` starts it."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import tempfile
import time
from pathlib import Path
from typing import Any

from synthaug_server.children import decode_for


def main() -> None:
    """Do what the bytes ask for."""
    decode_for(answer, warm=lambda: None, memory=1 << 30, seconds=1)


def answer(head: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    """A grey pixel as either decoder tells it, if it comes to that."""
    act(*data.decode().split())
    good: dict[str, Any] = {"id": head.get("id"), "shape": [1, 1], "had_alpha": False}
    good |= {"frames": 1, "width": 1, "height": 1, "format": 1}
    return good, b"\x80" * (1 if "where" in head else 3)


def act(what: str, detail: str = "") -> None:
    """One evil deed, or nothing."""
    if what == "memory":
        # A busy machine takes more than the second that it has to fill a gigabyte.
        resource.setrlimit(resource.RLIMIT_CPU, (resource.RLIM_INFINITY,) * 2)
        kept = []
        while True:
            kept.append(bytearray(64 << 20))
    if what == "processor":
        while True:
            pass
    if what == "waiting":
        time.sleep(3600)
    if what == "crash":
        ctypes.string_at(0)
    if what == "abort":
        os.abort()
    if what == "file":
        with Path(tempfile.mkdtemp(), "x").open("wb", buffering=0) as file:
            file.write(b"x")
    if what == "files":
        kept = [os.open("/dev/null", os.O_RDONLY) for _ in range(1000)]
    if what == "network":
        with socket.create_connection(("127.0.0.1", int(detail)), timeout=5) as there:
            there.sendall(b"stolen")
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
