"""Resizing without aliasing, and without new values where values are names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["nearest", "squash", "stretched"]


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
    return stretched(pixels, side, side)


def stretched(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """The image at another size: axes that shrink are averaged over area, others are linear.

    Args:
        pixels: uint8 (H, W) or (H, W, 3).
        height: of the result, pixels.
        width: of the result, pixels.
    """
    import cv2

    before = pixels.shape[:2]
    down = (min(before[1], width), min(before[0], height))
    resized: Any = pixels
    if down != (before[1], before[0]):
        resized = cv2.resize(resized, down, interpolation=cv2.INTER_AREA)
    if down != (width, height):
        resized = cv2.resize(resized, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)


def nearest(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """The image at another size, each pixel the one below its middle: no value is new.

    Args:
        pixels: uint8 (H, W) or (H, W, 3).
        height: of the result, pixels.
        width: of the result, pixels.

    Example:
        >>> nearest(np.array([[0, 255]], np.uint8), 1, 4).tolist()
        [[0, 0, 255, 255]]
    """
    rows, columns = (
        np.minimum((np.arange(new) + 0.5) * (old / new), old - 1).astype(np.int64)
        for new, old in ((height, pixels.shape[0]), (width, pixels.shape[1]))
    )
    return np.ascontiguousarray(pixels[rows[:, None], columns])
