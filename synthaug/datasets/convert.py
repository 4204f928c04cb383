"""The one place where images change their kind: uint8 to floats and back, colour to grey."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["to_float", "to_grey", "to_uint8"]

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


def to_float(images: Tensor) -> Tensor:
    """uint8 images as float32 in [-1, 1]: 0 becomes -1, 255 becomes 1.

    Args:
        images: uint8, any shape.

    Returns:
        float32, same shape and device.

    Example:
        >>> import torch
        >>> to_float(torch.tensor([0, 255], dtype=torch.uint8)).tolist()
        [-1.0, 1.0]
    """
    return images.float().div_(127.5).sub_(1.0)


def to_uint8(images: Tensor) -> Tensor:
    """Network output as uint8, rounded to the nearest level; `to_float` undone exactly.

    Args:
        images: float, any shape; values outside [-1, 1] are clamped.

    Returns:
        uint8, same shape and device.

    Example:
        >>> import torch
        >>> to_uint8(torch.tensor([-1.2, 0.0, 1.0])).tolist()
        [0, 128, 255]
    """
    import torch

    return images.float().add(1.0).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)


def to_grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Brightness of RGB pixels, uint8 (..., 3) to (...), by ITU-R BT.601.

    Example:
        >>> to_grey(np.array([[255, 0, 0], [9, 9, 9]], np.uint8)).tolist()
        [76, 9]
    """
    return np.asarray(np.rint(pixels @ _LUMA).astype(np.uint8))
