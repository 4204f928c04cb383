"""Squashing an image to a square without aliasing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["squash"]


def squash(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The image as a square: axes that shrink are averaged over area, axes that grow are linear.

    Squashed and not cropped, because a defect at the rim is often what makes the class.

    Args:
        pixels: uint8 (H, W) or (H, W, 3).
        side: side of the square, pixels.

    Returns:
        uint8 (side, side) or (side, side, 3).

    Example:
        >>> squash(np.array([[0, 100], [100, 200]], np.uint8), 1).tolist()
        [[100]]
    """
    import cv2

    height, width = pixels.shape[:2]
    down = (min(width, side), min(height, side))
    square: Any = pixels
    if down != (width, height):
        square = cv2.resize(square, down, interpolation=cv2.INTER_AREA)
    if down != (side, side):
        square = cv2.resize(square, (side, side), interpolation=cv2.INTER_LINEAR)
    return np.asarray(square, np.uint8)
