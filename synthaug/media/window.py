"""A window on the screen that shows frames as they come, in a process of its own.

OpenCV's windows stand still for ever in a process that has loaded PyAV before: both bring parts
of X. So this file is also the program that shows what it is given.
"""

from __future__ import annotations

import os
import select
import struct
import subprocess
import sys
from typing import Any, BinaryIO

from synthaug.errors import InputError

__all__ = ["Window"]

_KEYS = (27, ord("q"))  # Escape too
_PATIENCE = 30.0  # seconds
_SIZE = struct.Struct("<II")
_FINE, _CLOSED, _NONE = b"+", b"q", b"-"


class Window:
    """Shows frames; use it as a context manager.

    Closing it, Escape or q ends what is shown as Ctrl-C does.

    Raises:
        InputError: there is no screen, or an OpenCV without windows is installed.
    """

    def __enter__(self) -> Window:
        # Qt, of which OpenCV brings the part for X alone, ends the process without a screen.
        if sys.platform == "linux" and not os.environ.get("DISPLAY"):
            raise _no_window("no screen", "Run it in a desktop session, or write to a file.")
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "synthaug.media.window"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            start_new_session=True,  # a Ctrl-C at the terminal is ours to handle
        )  # fmt: skip
        self._open = self._answer() == _FINE
        if not self._open:
            self.__exit__()
            raise _no_window(
                "none that opens",
                "Run: pip install --force-reinstall --no-deps opencv-python, or write to a file.",
            )
        return self

    def write(self, frame: Any) -> None:
        """Show a frame, an ``av.VideoFrame``.

        Raises:
            KeyboardInterrupt: somebody has closed the window; later frames are not shown.
        """
        from synthaug.media.editing import picture

        if not self._open:
            return
        image = picture(frame)
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(_SIZE.pack(*image.shape[:2]) + image.tobytes())
            self._process.stdin.flush()
            self._open = self._answer() == _FINE
        except BrokenPipeError:
            self._open = False
        if not self._open:
            raise KeyboardInterrupt

    def _answer(self) -> bytes:
        assert self._process.stdout is not None
        handle = self._process.stdout.fileno()
        ready, _, _ = select.select([handle], [], [], _PATIENCE)
        return os.read(handle, 1) if ready else b""

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


def _no_window(got: str, remedy: str) -> InputError:
    return InputError("window", expected="a screen to show it on", got=got, remedy=remedy,
                      code="input.window")  # fmt: skip


def _show(given: BinaryIO, answers: BinaryIO) -> None:
    """Show pictures until there are no more; say after each whether the window is open."""
    import cv2
    import numpy as np

    title = "synthaug"

    def say(answer: bytes) -> None:
        answers.write(answer)
        answers.flush()

    try:
        cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
    except cv2.error:
        return say(_NONE)
    say(_FINE)
    while head := given.read(_SIZE.size):
        height, width = _SIZE.unpack(head)
        image = np.frombuffer(given.read(height * width * 3), np.uint8)
        cv2.imshow(title, np.ascontiguousarray(image.reshape(height, width, 3)[..., ::-1]))
        pressed = cv2.waitKey(1) & 0xFF in _KEYS
        closed = cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) < 1
        say(_CLOSED if pressed or closed else _FINE)
    return None


if __name__ == "__main__":
    _show(sys.stdin.buffer, sys.stdout.buffer)
