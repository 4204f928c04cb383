"""Image files as a generator's size and channels ask for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from synthaug.datasets.convert import to_grey
from synthaug.datasets.decode import BadImage, decode
from synthaug.datasets.limits import Limits
from synthaug.datasets.resampling import squash
from synthaug.errors import InputError
from synthaug.training import Generator

__all__ = ["read_folder", "read_image"]


def read_image(path: str | Path, generator: Generator, *, crop: bool = False) -> tuple[Tensor, str]:
    """A file of any size and format as the generator's images are, and what was done to it.

    Squashed to a square, as training images are; with ``crop`` the central square is taken
    first.

    Args:
        path: the file.
        generator: whose size and channels count.
        crop: cut to the central square before resizing.

    Returns:
        uint8 (C, R, R), and a sentence about the change of size and colour.

    Raises:
        InputError: no such file, or no image.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            "image", expected="a file", got="a folder" if path.is_dir() else "nothing",
            where=str(path), remedy="Name one image file.", code="input.image",
        )  # fmt: skip
    pixels = decode(path, str(path), Limits()).pixels
    height, width = pixels.shape[:2]
    told = f"{width} x {height} px"
    if crop and height != width:
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        pixels = pixels[top : top + side, left : left + side]
        told += f", cropped to its central {side} x {side}"
    size = generator.resolution
    if pixels.shape[:2] != (size, size):
        squashed = pixels.shape[0] != pixels.shape[1]
        told += f", {'squashed' if squashed else 'resized'} to {size} x {size}"
        told += " as training images are" if squashed else ""
        pixels = squash(pixels, size)
    if generator.channels == 1 and pixels.ndim == 3:
        pixels, told = to_grey(pixels), told + ", colour made grey"
    if pixels.ndim == 2:
        pixels = pixels[..., None].repeat(generator.channels, axis=2)
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))), told


def read_folder(folder: str | Path, generator: Generator) -> Tensor:
    """All images in a folder and its sub-folders, uint8 (N, C, R, R), in order of their names.

    Files that begin with a dot are left out.

    Raises:
        InputError: no folder, no file in it, or a file that is no image (all are named).
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(
            "folder of images", expected="a folder", got="a file" if folder.exists() else "nothing",
            where=str(folder), remedy="Name a folder that holds images.",
        )  # fmt: skip
    files = sorted(path for path in folder.rglob("*") if _counts(path.relative_to(folder), path))
    images, bad = [], []
    for path in files:
        try:
            images.append(read_image(path, generator)[0])
        except BadImage as error:
            bad.append(f"{path.relative_to(folder)} {error.what}")
    if bad or not images:
        more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        raise InputError(
            "folder of images", expected="image files only, at least one",
            got="; ".join(bad[:3]) + more if bad else "no file", where=str(folder),
            remedy="Take out what is no image." if bad else "Put the images there.",
            code="input.image",
        )  # fmt: skip
    return torch.stack(images)


def _counts(inside: Path, path: Path) -> bool:
    return path.is_file() and not any(part.startswith(".") for part in inside.parts)
