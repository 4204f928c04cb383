"""One side of a translation: pictures with names, read at any square size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from synthaug.datasets.convert import to_grey
from synthaug.datasets.decode import BadImage, decode
from synthaug.datasets.folder import images_below
from synthaug.datasets.limits import Limits
from synthaug.datasets.resampling import nearest, stretched
from synthaug.datasets.sources import first_names
from synthaug.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Half", "Side", "few_colours", "files_of", "square"]

Half = Literal["whole", "left", "right"]
_COLOURS = 16  # a picture with no more different ones is taken for a mask


def files_of(folder: Path) -> dict[str, Path]:
    """Image files at any depth below a folder, by their path without the ending, sorted.

    Raises:
        InputError: no folder, no images, or two images of one name.
    """
    if not folder.is_dir():
        raise InputError(
            "image folder", expected="a directory", where=str(folder),
            got="a file" if folder.exists() else "nothing there", remedy="Check the path.",
            code="input.path",
        )  # fmt: skip
    found: dict[str, Path] = {}
    twice: list[str] = []
    for file in images_below(folder)[0]:
        name = file[: -len(Path(file).suffix)]
        if name in found:
            twice.append(name)
        found[name] = folder / file
    if twice:
        raise InputError(
            "names in a folder", expected="one image a name", got=f"two of {first_names(twice)}",
            where=str(folder), remedy="Keep one of each, whatever its ending.", code="input.pairs",
        )  # fmt: skip
    if not found:
        raise InputError(
            "image folder", expected="images", got="none", where=str(folder),
            remedy="Check the path.", code="input.empty",
        )  # fmt: skip
    return found


class Side:
    """The pictures of one side, every one of them decoded once.

    Args:
        name: short name for people.
        files: by name; see `files_of`.
        half: which part of each file shows this side.
        masks: whether values are names, so that nothing may lie between two of them; None
            looks: at most 16 colours in every picture.
        limits: largest image that is decoded.

    Attributes:
        names: names of usable pictures.
        sizes: int32 (N, 2), height and width.
        bad: pictures that cannot be used, with the reason.
        channels: 1 where all are grey, else 3.
        masks: as given, or as found.
    """

    def __init__(
        self, name: str, files: Mapping[str, Path], *, half: Half = "whole",
        masks: bool | None = None, limits: Limits | None = None,
    ) -> None:  # fmt: skip
        self.name, self.files, self.half = name, dict(files), half
        self._limits = limits or Limits()
        self.bad: list[BadImage] = []
        names, sizes, grey, few = [], [], True, True
        for each in self.files:
            try:
                pixels = self._decoded(each)
            except BadImage as error:
                self.bad.append(error)
                continue
            names.append(each)
            sizes.append(pixels.shape[:2])
            grey = grey and is_grey(pixels)
            few = few and masks is None and few_colours(pixels)
        self.names: tuple[str, ...] = tuple(names)
        self.sizes: NDArray[np.int32] = np.array(sizes, np.int32).reshape(-1, 2)
        self.channels = 1 if grey else 3
        self.masks = few if masks is None else masks

    def __len__(self) -> int:
        return len(self.names)

    def path(self, index: int) -> str:
        """The name of a picture."""
        return self.names[index]

    def location(self, index: int) -> str:
        """The absolute path of its file."""
        return self.files[self.names[index]].resolve().as_posix()

    def keep(self, names: Sequence[str]) -> None:
        """Keep these names only, in this order."""
        place = {name: row for row, name in enumerate(self.names)}
        self.sizes = self.sizes[[place[name] for name in names]]
        self.names = tuple(names)

    def read(self, rows: Sequence[int] | NDArray[np.int64], resolution: int) -> NDArray[np.uint8]:
        """Some pictures as squares, uint8 (N, C, R, R)."""
        squares = [
            square(self._decoded(self.names[row]), resolution, self.channels, masks=self.masks)
            for row in rows
        ]
        empty = np.empty((0, self.channels, resolution, resolution), np.uint8)
        return np.stack(squares) if squares else empty

    def fill(self, store: NDArray[np.uint8], first: int = 0) -> None:
        """Write all pictures as squares into ``store`` (N, C, R, R), from channel ``first`` on."""
        for row in range(len(self)):
            here = slice(first, first + self.channels)
            store[row, here] = self.read([row], store.shape[-1])[0]

    def _decoded(self, name: str) -> NDArray[np.uint8]:
        file = self.files[name]
        pixels = decode(file, f"{self.name}/{name}{file.suffix}", self._limits).pixels
        if self.half == "whole":
            return pixels
        middle, odd = divmod(pixels.shape[1], 2)
        if odd or not middle:
            raise BadImage(
                f"is {pixels.shape[1]} px wide, which does not part into two sides",
                where=f"{self.name}/{name}{file.suffix}",
            )
        return pixels[:, :middle] if self.half == "left" else pixels[:, middle:]


def square(
    pixels: NDArray[np.uint8], resolution: int, channels: int, *, masks: bool
) -> NDArray[np.uint8]:
    """A picture (H, W) or (H, W, 3) as uint8 (channels, R, R)."""
    resize = nearest if masks else stretched
    resized = resize(pixels, resolution, resolution)
    if resized.ndim == 2:
        return np.repeat(resized[None], channels, axis=0)
    if channels == 1:
        return to_grey(resized)[None]
    return np.moveaxis(resized, 2, 0)


def is_grey(pixels: NDArray[np.uint8]) -> bool:
    """Whether a picture has no colour, however it is stored."""
    if pixels.ndim == 2:
        return True
    return bool((pixels[..., :1] == pixels[..., 1:]).all())


def few_colours(pixels: NDArray[np.uint8]) -> bool:
    """Whether a picture looks like a mask: at most 16 different colours."""
    flat = pixels.reshape(-1, 1) if pixels.ndim == 2 else pixels.reshape(-1, 3)
    number = flat.astype(np.uint32) @ (256 ** np.arange(flat.shape[1], dtype=np.uint32))
    return len(np.unique(number)) <= _COLOURS
