"""What a generator is told about a face: coarse numbers, none of its pixels."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaug.faces.geometry import Placement, placement
from synthaug.faces.tracks import Spot

__all__ = ["GRID", "Conditions", "conditions", "steady"]

GRID = 32
"""Cells a side that landmarks are told in."""
NUM_YAW, NUM_PITCH, NUM_MOUTH, NUM_EYES = 13, 7, 5, 4
_YAW_STEP, _PITCH_STEP = 12.0, 10.0  # degrees
_MOUTH_EDGES = (0.04, 0.10, 0.18, 0.28)
"""Between the bins of mouths, gap of the lips over the distance from eyes to mouth: closed, lips
apart, teeth, open, wide open. With the eyes', at quantiles of the training faces."""
_EYES_EDGES = (0.20, 0.27, 0.34)
"""Between the bins of eyes, their height over their width: shut, narrow, usual, wide."""
_NOSE_REACH = 0.62
"""How far the tip of the nose stands before the plane of eyes and mouth, over the distance from
eyes to mouth; from faces seen side on."""
_NOSE_HEIGHT = 0.56
"""Where the nose stands between the eyes (0) and the mouth (1) when nobody looks up or down."""
_STICK = 0.8
"""How far beyond its cell or bin a number must go, in cells, before a track's changes."""


@dataclasses.dataclass(frozen=True, eq=False)
class Conditions:
    """All that a generator is told about a face.

    Args:
        landmarks: cells of a 32x32 grid over the crop, x and y of the five points, int8 (5, 2).
        yaw: bin, 0 to 12; 6 is straight ahead, above it the face looks to the picture's right.
        pitch: bin, 0 to 6; 3 is straight ahead, above it the face looks down.
        mouth: bin, 0 (closed) to 4 (wide open).
        eyes: bin, 0 (shut) to 3 (wide).
    """

    landmarks: NDArray[np.int8]
    yaw: int
    pitch: int
    mouth: int
    eyes: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Conditions) and bool((self.vector() == other.vector()).all())

    def __hash__(self) -> int:
        return hash(self.vector().tobytes())

    def near(self, other: Conditions) -> bool:
        """Whether nothing differs but points, and those by a cell at most."""
        mine, others = self.vector(), other.vector()
        points = np.abs(self.landmarks.astype(np.int64) - other.landmarks).max() <= 1
        return bool(points and (mine[10:] == others[10:]).all())

    def vector(self) -> NDArray[np.float32]:
        """The same as numbers around -1 to 1 for networks, float32 (14,).

        Five times x and y, yaw, pitch, mouth, eyes.
        """
        cells = (self.landmarks.astype(np.float32).ravel() + 0.5) / (GRID / 2) - 1
        bins = [
            self.yaw / (NUM_YAW // 2) - 1, self.pitch / (NUM_PITCH // 2) - 1,
            self.mouth / 2 - 1, self.eyes / 1.5 - 1,
        ]  # fmt: skip
        return np.concatenate([cells, np.array(bins, np.float32)])


def conditions(
    spot: Spot, *, mouth: float = 0.02, eyes: float = 0.3, where: Placement | None = None
) -> Conditions:
    """What a generator is told about one face, each frame for itself; `steady` for tracks.

    Args:
        spot: of the face.
        mouth: gap between the lips over the distance from eyes to mouth.
        eyes: height over width of the eyes' openings.
        where: its crop; `placement` of the spot by default.
    """
    return _told(np.round(_numbers(spot, mouth, eyes, where)).astype(np.int64))


def steady(
    spots: Sequence[Spot],
    *,
    openness: NDArray[np.floating] | None = None,
    where: Sequence[Placement] | None = None,
) -> list[Conditions]:
    """Conditions of a track's frames that do not flicker between neighbouring cells.

    A number moves on only when it has left its cell by most of another.

    Args:
        spots: of consecutive frames.
        openness: mouth and eyes of each, smoothed, float (T, 2); usual ones by default.
        where: their crops.
    """
    told: list[Conditions] = []
    held: NDArray[np.int64] | None = None
    for row, spot in enumerate(spots):
        mouth, eyes = (0.02, 0.3) if openness is None else map(float, openness[row])
        numbers = _numbers(spot, mouth, eyes, where[row] if where else None)
        near = np.round(numbers).astype(np.int64)
        if held is not None:
            near = np.where(np.abs(numbers - held) <= 0.5 + _STICK, held, near)
        held = near
        told.append(_told(held))
    return told


def _numbers(spot: Spot, mouth: float, eyes: float, where: Placement | None) -> NDArray[np.float64]:
    """Every number in units of its cells, so that rounding tells the cell, float64 (14,)."""
    relative = (where or placement(spot)).relative(spot.points)
    cells = (relative + 0.5) * GRID - 0.5
    yaw, pitch = _angles(relative)
    return np.concatenate([
        cells.ravel(),
        [
            yaw / _YAW_STEP + NUM_YAW // 2, pitch / _PITCH_STEP + NUM_PITCH // 2,
            _bin(mouth, _MOUTH_EDGES), _bin(eyes, _EYES_EDGES),
        ],
    ])  # fmt: skip


def _told(numbers: NDArray[np.int64]) -> Conditions:
    landmarks = np.clip(numbers[:10].reshape(5, 2), 0, GRID - 1).astype(np.int8)
    tops = (NUM_YAW, NUM_PITCH, NUM_MOUTH, NUM_EYES)
    bins = [
        int(np.clip(number, 0, top - 1)) for number, top in zip(numbers[10:], tops, strict=True)
    ]
    return Conditions(landmarks, *bins)


def _angles(points: NDArray[np.float64]) -> tuple[float, float]:
    """Yaw and pitch in degrees from where the nose stands between eyes and mouth."""
    eye, other, nose, corner, far = points
    eyes, mouth = (eye + other) / 2, (corner + far) / 2
    down = mouth - eyes
    length = max(float(np.linalg.norm(down)), 1e-6)
    along = float((nose - eyes) @ down) / length**2
    beside = float((nose - eyes) @ np.array([down[1], -down[0]])) / length**2
    yaw = math.degrees(math.asin(max(-1.0, min(1.0, beside / _NOSE_REACH))))
    pitch = math.degrees(math.asin(max(-1.0, min(1.0, (along - _NOSE_HEIGHT) / _NOSE_REACH))))
    return yaw, pitch


def _bin(value: float, edges: Sequence[float]) -> float:
    """A bin with its fraction: rounding gives the bin, halves are its edges."""
    widths = np.diff(edges)
    places = np.concatenate([[edges[0] - widths[0]], edges, [edges[-1] + widths[-1]]])
    steps: Any = np.arange(len(places)) - 0.5
    return float(np.interp(value, places, steps))
