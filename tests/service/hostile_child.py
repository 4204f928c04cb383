"""A decoder that does what hostile media would have it do; `test_confined` starts it."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from synthaug_server.children import Line, confine_decoder, more_time


def main() -> None:
    """Do what the bytes ask for."""
    line = Line(socket.socket(fileno=int(sys.argv[1])))
    confine_decoder(int(sys.argv[2]), memory=1 << 30)
    while (heard := line.hear()) is not None:
        head, (data,) = heard
        more_time(1)
        act(*data.decode().split())
        # As both decoders answer: a grey pixel.
        good: dict[str, Any] = {"id": head.get("id"), "shape": [1, 1], "had_alpha": False}
        good |= {"frames": 1, "width": 1, "height": 1, "format": 1}
        line.say(good, b"\x80" * (1 if "where" in head else 3))
    os._exit(0)


def act(what: str, detail: str = "") -> None:
    """One evil deed, or nothing."""
    if what == "memory":
        more_time(30)  # a busy machine takes a second and more to fill a gigabyte
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
