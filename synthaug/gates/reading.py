"""Whatever a caller calls images, as uint8 squares with labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthaug.datasets.decode import BadImage, decode
from synthaug.datasets.folder import Folder
from synthaug.datasets.image_set import ImageSet
from synthaug.datasets.limits import Limits
from synthaug.datasets.resampling import squash
from synthaug.errors import InputError

__all__ = ["Pictures", "read"]

# Photographs of mixed sizes are compared at this side unless the generated ones say another.
_SIDE = 64


@dataclasses.dataclass(frozen=True, eq=False)
class Pictures:
    """Images not yet extracted.

    Args:
        fetch: image i as uint8 (H, W) or (H, W, 3).
        labels: int64 (N,).
        classes: class names.
        groups: int64 (N,), None where unknown.
        side: side of the images where all are squares of one size, else None.
        name: what messages call image i.
    """

    fetch: Callable[[int], NDArray[np.uint8]]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    groups: NDArray[np.int64] | None = None
    side: int | None = None
    name: Callable[[int], str] = "item {}".format

    def __len__(self) -> int:
        return len(self.labels)

    def squares(self, start: int, stop: int, side: int | None) -> Tensor:
        """Images from start to stop as uint8 (n, 3 or 1, side, side)."""
        size = side or self.side or _SIDE
        squares = [squash(self.fetch(i), size) for i in range(start, stop)]
        colour = any(square.ndim == 3 for square in squares)
        stack = np.empty((len(squares), 3 if colour else 1, size, size), np.uint8)
        for row, square in zip(stack, squares, strict=True):
            row[:] = square if square.ndim == 2 else square.transpose(2, 0, 1)
        return torch.from_numpy(stack)


def read(source: Any, *, classes: tuple[str, ...] | None = None) -> Pictures:
    """The images of a folder, an ``ImageSet``, an array, or ``(images, labels)``.

    Raises:
        InputError: nothing there, broken files, or values that are not uint8 images.
    """
    if isinstance(source, str | Path):
        return _folder(Path(source))
    if isinstance(source, ImageSet):
        sides = set(source.sizes.ravel().tolist())
        return Pictures(
            fetch=source.pixels,
            labels=source.labels,
            classes=source.classes,
            groups=source.groups,
            side=sides.pop() if len(sides) == 1 else None,
            name=source.path,
        )
    images, labels = source if isinstance(source, tuple) and len(source) == 2 else (source, None)
    return _arrays(images, labels, classes)


def _folder(root: Path) -> Pictures:
    files, labels, classes = _files(root)
    if not files:
        raise InputError(
            "image folder",
            expected="images, or one folder of images a class",
            got="none",
            where=str(root),
            remedy="Check the path.",
        )
    limits = Limits()

    def fetch(index: int) -> NDArray[np.uint8]:
        file = files[index]
        try:
            return decode(file, file.relative_to(root).as_posix(), limits).pixels
        except BadImage as error:
            raise InputError(
                "image",
                expected="a picture that can be decoded",
                got=error.what,
                where=error.where,
                remedy="Repair or remove it.",
            ) from error

    first = fetch(0).shape
    side = first[0] if first[0] == first[1] else None
    return Pictures(
        fetch, np.asarray(labels, np.int64), classes, side=side,
        name=lambda index: files[index].relative_to(root).as_posix(),
    )  # fmt: skip


def _files(root: Path) -> tuple[list[Path], list[int], tuple[str, ...]]:
    folder = Folder(root, one_class=True)
    found = [folder.read(index) for index in range(len(folder))]
    files, labels = [file for file, _ in found], [label for _, label in found]
    # Images without class folders are one class, called the same in every folder.
    loose = all(file.parent == root for file in files)
    return files, labels, ("all",) if loose else folder.classes or ()


def _arrays(images: Any, labels: Any, classes: Sequence[str] | None) -> Pictures:
    array = images.detach().cpu().numpy() if isinstance(images, Tensor) else np.asarray(images)
    if array.dtype != np.uint8 or array.ndim not in (3, 4):
        raise InputError(
            "images to judge",
            expected="uint8 (N, C, H, W), (N, H, W) or (N, H, W, 3), or a folder",
            got=f"{array.dtype} {array.shape}",
            remedy="Scale to 0..255 and convert to uint8.",
        )
    if array.ndim == 4 and array.shape[1] in (1, 3):
        array = array.transpose(0, 2, 3, 1)
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    numbers = np.zeros(len(array), np.int64) if labels is None else np.asarray(labels)
    if numbers.shape != (len(array),) or (len(numbers) and numbers.dtype.kind not in "iu"):
        raise InputError(
            "labels of the images to judge",
            expected=f"{len(array)} integers",
            got=f"{numbers.dtype} {numbers.shape}",
            remedy="Pass one class number an image.",
        )
    if classes is None:
        names = ["all"] if labels is None else [str(i) for i in range(numbers.max(initial=0) + 1)]
        classes = tuple(names)
    side = array.shape[1] if array.shape[1] == array.shape[2] else None
    return Pictures(array.__getitem__, numbers.astype(np.int64), tuple(classes), side=side)
