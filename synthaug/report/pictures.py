"""Images for a page: sheets of a class, and synthetic images beside their nearest real ones."""

from __future__ import annotations

import base64
import dataclasses
import io
import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import torch

    from synthaug.datasets.augmented import AugmentedDataset

__all__ = ["Pair", "Sheet", "nearest_pairs", "png_uri", "sheets"]

_GAP = 2  # transparent pixels between the images of a sheet
_COLUMNS = 9
_MOST_SHEETS = 120
_BUDGET = 1_000_000  # bytes of PNG a page may hold; base64 makes them a third more
# What is tried, richest first: images a sheet and their largest side in pixels.
_RICHNESS = ((18, 64), (18, 48), (18, 32), (9, 32), (9, 24), (5, 24), (4, 16))


@dataclasses.dataclass(frozen=True, slots=True)
class Sheet:
    """Some images of one class and kind as one picture.

    Args:
        class_name: the class.
        kind: ``"gan"`` or ``"classical"``.
        uri: the picture, a PNG as data URI.
        shown: images on it.
        total: images of that class and kind in the set.
        width, height: of the picture, pixels.
        columns: images in a row.
    """

    class_name: str
    kind: str
    uri: str
    shown: int
    total: int
    width: int
    height: int
    columns: int


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """A synthetic image and the real one nearest to it.

    Args:
        class_name: the class of the synthetic image.
        synthetic, real: data URIs.
        distance: feature distance between them.
        name: what messages call the real image.
    """

    class_name: str
    synthetic: str
    real: str
    distance: float
    name: str


def sheets(dataset: AugmentedDataset, *, private: bool) -> tuple[list[Sheet], int]:
    """A sheet for each class and kind, small enough together for one page.

    Args:
        dataset: the set.
        private: whether classical images may be shown, which are real ones, moved and relit.

    Returns:
        The sheets, and how many more there would be.
    """
    members: dict[tuple[int, str], list[int]] = defaultdict(list)
    for index in range(len(dataset.real), len(dataset)):
        kind = str(dataset.kind[index])
        if private or kind == "gan":
            members[int(dataset.targets[index]), kind].append(index)
    order = sorted(members, key=lambda key: (key[0], key[1] != "gan"))
    shown = [members[key] for key in order[:_MOST_SHEETS]]
    drawn = _draw_within_budget(dataset, shown)
    made = [
        Sheet(
            dataset.classes[label], kind, png_uri(png), number, len(members[label, kind]),
            *picture.size, min(number, _COLUMNS),
        )
        for (label, kind), (png, number, picture) in zip(order, drawn, strict=False)
    ]  # fmt: skip
    return made, max(0, len(order) - _MOST_SHEETS)


def nearest_pairs(dataset: AugmentedDataset, most: int = 24) -> list[Pair]:
    """The GAN images nearest to a real image, nearest first, each beside that image."""
    measured = [
        (record.nearest_distance, index, record.nearest_name)
        for index, record in enumerate(dataset.provenance)
        if record is not None
        and record.kind == "gan"
        and record.nearest_distance is not None
        and record.nearest_name is not None
    ]
    places = {dataset.real.path(index): index for index in range(len(dataset.real))}
    known = sorted(found for found in measured if found[2] in places)
    return [
        Pair(
            dataset.classes[dataset.targets[index]], _picture_uri(dataset.image(index)),
            _picture_uri(dataset.image(places[name])), distance, name,
        )
        for distance, index, name in known[:most]
    ]  # fmt: skip


def _draw_within_budget(
    dataset: AugmentedDataset, sheets: list[list[int]]
) -> list[tuple[bytes, int, Image.Image]]:
    """Every sheet at the richest setting whose bytes fit the page."""
    drawn: list[tuple[bytes, int, Image.Image]] = []
    for most, side in _RICHNESS:
        # A few sheets tell what all would weigh.
        tried = sheets[:: max(1, len(sheets) // 6)]
        weight = sum(len(_draw(dataset, sheet, most, side)[0]) for sheet in tried)
        if weight * len(sheets) > _BUDGET * len(tried) and (most, side) != _RICHNESS[-1]:
            continue
        drawn = [_draw(dataset, sheet, most, side) for sheet in sheets]
        if sum(len(png) for png, _, _ in drawn) <= _BUDGET:
            break
    return drawn


def _draw(
    dataset: AugmentedDataset, members: list[int], most: int, side: int
) -> tuple[bytes, int, Image.Image]:
    """A sheet of at most ``most`` images spread evenly over the members."""
    chosen = np.unique(np.linspace(0, len(members) - 1, min(most, len(members))).round())
    pictures = [_picture(dataset.image(members[int(at)]), side) for at in chosen]
    columns = min(_COLUMNS, len(pictures))
    cell = (max(p.width for p in pictures) + _GAP, max(p.height for p in pictures) + _GAP)
    rows = math.ceil(len(pictures) / columns)
    grey = all(picture.mode == "L" for picture in pictures)
    size = (columns * cell[0] - _GAP, rows * cell[1] - _GAP)
    sheet = Image.new("LA" if grey else "RGBA", size)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        sheet.paste(picture.convert(sheet.mode), (column * cell[0], row * cell[1]))
    return _png(sheet), len(pictures), sheet


def _picture(image: torch.Tensor, side: int) -> Image.Image:
    pixels: np.ndarray[Any, Any] = image.numpy()
    picture = Image.fromarray(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, 2))
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)  # shrinks only
    return picture


def _picture_uri(image: torch.Tensor) -> str:
    return png_uri(_png(_picture(image, 64)))


def _png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def png_uri(png: bytes) -> str:
    """A PNG as data URI."""
    return "data:image/png;base64," + base64.b64encode(png).decode()
