"""Shot cuts: where one picture is no continuation of the one before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["CutFinder"]

_SIZE = (32, 18)
_WINDOW = 8


class CutFinder:
    """Told one picture after the other, says whether a new shot begins with it.

    Args:
        least: smallest mean change of grey, 0 to 255, that can be a cut.
        ratio: how many times the usual change of this shot a cut is.
    """

    def __init__(self, *, least: float = 14.0, ratio: float = 4.0) -> None:
        self.least, self.ratio = least, ratio
        self._before: NDArray[np.float32] | None = None
        self._changes: list[float] = []

    def __call__(self, image: NDArray[np.uint8]) -> bool:
        """Whether the picture, uint8 (H, W, 3), begins a shot; the first one does."""
        import cv2

        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        small = cv2.resize(grey, _SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)
        before, self._before = self._before, small
        if before is None:
            return True
        # A flash or an exposure change moves all greys alike: that is no cut.
        change = float(np.abs((small - small.mean()) - (before - before.mean())).mean())
        usual = float(np.median(self._changes)) if self._changes else self.least / self.ratio
        cut = change > max(self.least, self.ratio * usual)
        self._changes = [] if cut else [*self._changes[-_WINDOW + 1 :], change]
        return cut
