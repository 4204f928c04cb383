"""Several images as one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

__all__ = ["rows_of", "tiled"]


def tiled(images: Tensor, *, columns: int) -> Tensor:
    """Images side by side, ``columns`` a row, without gaps.

    Args:
        images: uint8 (N, C, H, W), N a multiple of ``columns``.
        columns: images a row.

    Returns:
        uint8 (C, H * N / columns, W * columns).

    Example:
        >>> tiled(torch.zeros(6, 1, 4, 4, dtype=torch.uint8), columns=3).shape
        torch.Size([1, 8, 12])
    """
    rows = [torch.cat(list(row), dim=2) for row in torch.split(images, columns)]
    return torch.cat(rows, dim=1)


def rows_of(file: Path, *rows: Sequence[Tensor]) -> None:
    """Write rows of images, one below the other, as one PNG.

    Args:
        file: to write.
        rows: uint8 (C, H, W) each, all of one size, grey or colour, as many in every row.
    """
    from PIL import Image

    flat = torch.stack([image.expand(3, -1, -1) for row in rows for image in row])
    picture = tiled(flat, columns=len(rows[0]))
    if bool((picture == picture[:1]).all()):
        picture = picture[:1]
    pixels = picture.permute(1, 2, 0).numpy()
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[..., 0] if len(picture) == 1 else pixels).save(file)
