"""Several images as one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from synthaug.datasets.png import png_chunks
from synthaug.provenance import Provenance

__all__ = ["rows_of"]


def rows_of(
    file: Path, *rows: Sequence[Tensor], gap: int = 0, origin: Provenance | None = None
) -> None:
    """Write rows of images, one below the other, as one PNG.

    Args:
        file: to write.
        rows: uint8 (C, H, W) each, all of one size, grey or colour, as many in every row.
        gap: transparent pixels between images.
        origin: what the file says of its generated images; None where all are real.
    """
    from PIL import Image

    _, height, width = rows[0][0].shape
    step = (width + gap, height + gap)
    grey = all(len(image) == 1 for row in rows for image in row)
    size = (len(rows[0]) * step[0] - gap, len(rows) * step[1] - gap)
    picture = Image.new(("LA" if grey else "RGBA") if gap else ("L" if grey else "RGB"), size)
    for line, row in enumerate(rows):
        for place, image in enumerate(row):
            pixels = image.numpy()
            drawn = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
            picture.paste(drawn.convert(picture.mode), (place * step[0], line * step[1]))
    file.parent.mkdir(parents=True, exist_ok=True)
    picture.save(file, pnginfo=png_chunks(origin))
