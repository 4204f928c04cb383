"""The one place where uint8 images become network floats and come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["to_float", "to_uint8"]


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
