"""Photographs of faces as a generator is trained on them: cropped, turned, spoilt like video."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthaug.faces.conditions import Conditions, conditions
from synthaug.faces.geometry import Placement, cut, placement
from synthaug.faces.tracks import Source, Spot

__all__ = ["FacePhotos", "Photo", "photo"]

_ROOM = 1.3
"""Side of what is kept over the crop's, for shifts and turns."""
_VARIANTS = 8
_MIRRORED = [1, 0, 2, 4, 3]


@dataclasses.dataclass(frozen=True, eq=False)
class Photo:
    """One face with some room around it.

    Args:
        encoded: a square picture, JPEG.
        points: its five points, pixels of that picture, float32 (5, 2).
        mouth: gap of the lips, see `synthaug.faces.conditions.conditions`.
        eyes: height over width of the eyes' openings.
        person: number of the person; equal for photographs of one.
    """

    encoded: bytes
    points: NDArray[np.float32]
    mouth: float
    eyes: float
    person: int


def photo(
    picture: NDArray[np.uint8], spot: Spot, openness: tuple[float, float], *,
    resolution: int, person: int,
) -> Photo:  # fmt: skip
    """What is kept of a face in a picture, uint8 (H, W, 3)."""
    import cv2

    where = placement(spot)
    wide = dataclasses.replace(where, side=where.side * _ROOM)
    side = round(resolution * _ROOM)
    # In training the photograph's edge stands for what lay beyond it.
    crop = cut(picture, wide, side, edges=True)
    _, encoded = cv2.imencode(".jpg", crop[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    points = (wide.relative(spot.points) + 0.5) * side
    return Photo(encoded.tobytes(), points.astype(np.float32), *openness, person)


class FacePhotos:
    """Photographs as the training loop reads them: several variants of each, always the same.

    Row ``photo * 8 + variant``: odd variants are mirrored; the first two are as the photograph
    is, the others are shifted, turned and, half of them, spoilt.

    Args:
        photos: what there is.
        resolution: side of the crops.
        seed: of the variants.
    """

    channels = 3

    def __init__(self, photos: Sequence[Photo], resolution: int, *, seed: int = 0) -> None:
        self.photos, self.resolution, self.seed = list(photos), resolution, seed
        self.labels: NDArray[np.int64] = np.zeros(len(self.photos) * _VARIANTS, np.int64)
        told = [self.conditions(row).vector() for row in range(len(self.labels))]
        self.attributes: NDArray[np.float32] | None = np.stack(told)

    def rows(self, photos: NDArray[np.int64], variants: Sequence[int]) -> NDArray[np.int64]:
        """The rows of some photographs and variants."""
        rows = np.asarray(photos)[:, None] * _VARIANTS + np.array(variants)
        return np.asarray(rows.ravel(), np.int64)

    def read(self, indices: NDArray[np.int64]) -> Tensor:
        """uint8 (B, 3, R, R) of the rows asked for; 0 in all channels where nothing is known."""
        crops = np.stack([self._crop(int(row)) for row in indices])
        return torch.from_numpy(crops).permute(0, 3, 1, 2)

    def conditions(self, row: int) -> Conditions:
        """What a generator is told of a row."""
        photo, where, _ = self._placed(row)
        spot = Spot(np.zeros(4, np.float32), self._points(row), 1.0, Source.DETECTED)
        return conditions(spot, mouth=photo.mouth, eyes=photo.eyes, where=where)

    def exact(self, row: int) -> NDArray[np.float64]:
        """What `conditions` tell of a row before it is rounded: points, mouth, eyes, (12,)."""
        photo, where, _ = self._placed(row)
        points = where.relative(self._points(row)).ravel()
        return np.concatenate([points, [photo.mouth, photo.eyes]])

    def _points(self, row: int) -> NDArray[np.float32]:
        points = self.photos[row // _VARIANTS].points
        if row % 2 == 0:
            return points
        mirrored = points * [-1, 1] + [round(self.resolution * _ROOM), 0]
        return np.asarray(mirrored[_MIRRORED], np.float32)

    def _placed(self, row: int) -> tuple[Photo, Placement, np.random.Generator]:
        rng = np.random.default_rng((self.seed, row))
        side, middle = self.resolution, round(self.resolution * _ROOM) / 2
        if row % _VARIANTS < 2:
            return self.photos[row // _VARIANTS], Placement(middle, middle, side, 0), rng
        scale = float(np.clip(np.exp(rng.normal(0, 0.07)), 0.88, 1.2))
        x, y = middle + rng.normal(0, 0.012, 2) * side
        where = Placement(x, y, side * scale, float(rng.normal(0, 0.06)))
        return self.photos[row // _VARIANTS], where, rng

    def _crop(self, row: int) -> NDArray[np.uint8]:
        import cv2

        photo, where, rng = self._placed(row)
        picture: Any = cv2.imdecode(np.frombuffer(photo.encoded, np.uint8), cv2.IMREAD_COLOR)
        picture = picture[:, ::-1, ::-1] if row % 2 else picture[..., ::-1]
        crop = cut(np.ascontiguousarray(picture), where, self.resolution, edges=True)
        if row % _VARIANTS >= 2 and rng.random() < 0.5:
            crop = _spoilt(crop, rng)
        crop = np.maximum(crop, 1)
        if row % _VARIANTS >= 2 and rng.random() < 0.15:
            _beyond(crop, rng)
        return crop


def _spoilt(whole: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The crop as a video may show it: small, blurred, dark, noisy, compressed."""
    import cv2

    crop: Any = whole
    side = len(crop)
    if rng.random() < 0.5:
        small = round(side / rng.uniform(1.2, 3.5))
        crop = cv2.resize(crop, (small, small), interpolation=cv2.INTER_AREA)
        crop = cv2.resize(crop, (side, side), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.4:
        crop = cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.3, 1.2) * side / 128)
    values = crop.astype(np.float32)
    if rng.random() < 0.4:
        values *= rng.uniform(0.35, 1.1)
    if rng.random() < 0.5:
        values += rng.normal(0, rng.uniform(1, 9), values.shape)
    crop = np.clip(values, 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))]
        crop = cv2.imdecode(cv2.imencode(".jpg", crop, quality)[1], cv2.IMREAD_COLOR)
    return np.asarray(crop, np.uint8)


def _beyond(crop: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Blacken what lies beyond a frame's edge that runs through the ring."""
    side = len(crop)
    turned = np.rot90(crop, int(rng.integers(4)))
    turned[: int(side * rng.uniform(0, 0.12))] = 0
