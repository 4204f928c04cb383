"""Pictures of uploaded sets, decoded in a child without torch: what breaks there breaks alone.

The child of the job hands over the bytes and takes back pixels; `decoding` is the other end.
"""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import numpy as np

from synthaug.datasets.decode import BadImage, Picture
from synthaug.datasets.limits import Limits
from synthaug.errors import InputError
from synthaug_server.children import Line, end, ending, spawn

__all__ = ["Decoder"]

_PATIENCE = 60.0  # seconds one picture may take


class Decoder:
    """Decodes as `synthaug.datasets.decode.decode` does; may be called from any thread.

    Args:
        module: the child's.
        patience: seconds one picture may take.
    """

    def __init__(
        self,
        *,
        module: str = "synthaug_server.engine.decoding",
        patience: float = _PATIENCE,
    ) -> None:
        self._module, self._patience = module, patience
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Line | None = None

    def __call__(self, raw: str | Path | bytes, where: str, limits: Limits) -> Picture:
        """One picture.

        Raises:
            BadImage: broken or over the limits; it ended the child, or took too long.
            InputError: pixels that are no image's.
        """
        try:
            data = raw if isinstance(raw, bytes) else Path(raw).read_bytes()
        except OSError as error:
            text = (error.strerror or "an error").lower()
            raise BadImage(f"cannot be decoded, {text}", where=where) from error
        with self._lock:
            return self._asked(data, where, limits)

    def _asked(self, data: bytes, where: str, limits: Limits) -> Picture:
        process, line = self._child()
        asked = {"where": where, "pixels": limits.max_pixels, "side": limits.max_side}
        try:
            line.say(asked, data)
            heard = line.hear()
        except OSError:
            heard = None
        if heard is None:
            raise BadImage(self._died(process), where=where)
        head, parts = heard
        if "error" in head:
            kind = BadImage if head.pop("error") == BadImage.__name__ else InputError
            raise kind(**head)
        pixels = np.frombuffer(parts[0], np.uint8).reshape(head["shape"])
        return Picture(pixels.copy(), head["had_alpha"], head["frames"])

    def _child(self) -> tuple[subprocess.Popen[bytes], Line]:
        # One ends with the thread that asked for it first: that is no picture's fault.
        if self._process is None or self._line is None or self._process.poll() is not None:
            self.close()
            self._process, ours = spawn(self._module)
            ours.settimeout(self._patience)
            self._line = Line(ours)
        return self._process, self._line

    def _died(self, process: subprocess.Popen[bytes]) -> str:
        try:
            how = f"ended its decoder by {ending(process.wait(1))}"
        except subprocess.TimeoutExpired:
            how = f"took its decoder longer than {self._patience:.0f} s"
        self.close()
        return how

    def close(self) -> None:
        """End the child."""
        if self._process is not None:
            end(self._process)
        if self._line is not None:
            self._line.close()
        self._process = self._line = None
