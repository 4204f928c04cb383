"""A way to a server that can be cut: bytes counted in both directions."""

from __future__ import annotations

import contextlib
import socket
import threading


class Cutting:
    """Passes connections on, and breaks all of them once so many bytes have gone one way.

    Args:
        address: of the server.
        sent: bytes from the client after which to cut; None: never.
        received: bytes to the client after which to cut.
    """

    def __init__(
        self, address: str, *, sent: int | None = None, received: int | None = None
    ) -> None:
        host, _, port = address.rpartition(":")
        self._server = host, int(port)
        self._limits = {"sent": sent, "received": received}
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self.counts = {"sent": 0, "received": 0}
        self.cuts = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Cutting:
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()
        self.cut()

    def cut(self) -> None:
        """Break all connections, whatever is on its way."""
        with self._lock:
            broken, self._open = self._open, []
        for one in broken:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
                far = socket.create_connection(self._server)
            except OSError:
                return
            with self._lock:
                self._open += [near, far]
            for way, source, target in (("sent", near, far), ("received", far, near)):
                threading.Thread(target=self._pass, args=(way, source, target), daemon=True).start()

    def _pass(self, way: str, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self.counts[way] += len(data)
                limit = self._limits[way]
                if limit is not None and self.counts[way] > limit:
                    self._limits[way] = None
                    self.cuts += 1
                    self.cut()
                    return
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
