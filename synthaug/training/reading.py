"""Images that a trained network is asked about: checked, and cut into batches."""

from __future__ import annotations

import torch
from torch import Tensor

from synthaug.datasets import to_float
from synthaug.errors import InputError

__all__ = ["batches"]

_CHUNK = 64


def batches(images: Tensor, channels: int, resolution: int, *, where: str) -> list[Tensor]:
    """Float images in [-1, 1], up to 64 at a time; none where there is no image.

    Args:
        images: uint8 (N, C, R, R).
        channels: C.
        resolution: R.
        where: the function they were given to, for the error.

    Raises:
        InputError: images of another shape or type.
    """
    shape = (channels, resolution, resolution)
    if images.dtype != torch.uint8 or images.shape[1:] != shape:
        raise InputError(
            "images", expected=f"uint8 (N, {', '.join(map(str, shape))})",
            got=f"{str(images.dtype).removeprefix('torch.')} {tuple(images.shape)}",
            where=where, remedy="Resize and convert them.", code="input.images",
        )  # fmt: skip
    parts = torch.split(images, _CHUNK) if len(images) else ()
    return [to_float(part) for part in parts]
