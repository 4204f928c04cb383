"""What a detector finds, and how findings are compared."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Detections", "Detector", "agreeing", "closeness", "overlap", "without_twins"]

Floats = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, eq=False)
class Detections:
    """Faces found in one picture.

    Args:
        boxes: float32 (N, 4), left, top, width, height in pixels; may reach outside.
        points: float32 (N, 5, 2), x and y of the eye on the left of the picture, the other
            eye, the nose, the mouth's corner on the left, the other corner.
        scores: float32 (N,), 0 to 1; the detector's own scale.
        by: uint8 (N,), one bit a detector that found the face; 0 where nobody noted it.
    """

    boxes: Floats
    points: Floats
    scores: Floats
    by: NDArray[np.uint8] = dataclasses.field(default_factory=lambda: np.zeros(0, np.uint8))

    def __post_init__(self) -> None:
        if not len(self.by):
            object.__setattr__(self, "by", np.zeros(len(self.scores), np.uint8))

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Detections:
        return Detections(self.boxes[rows], self.points[rows], self.scores[rows], self.by[rows])

    @classmethod
    def none(cls) -> Detections:
        """No face."""
        boxes, points, scores = (np.zeros(shape, np.float32) for shape in ((0, 4), (0, 5, 2), 0))
        return cls(boxes, points, scores)

    @classmethod
    def joined(cls, parts: Sequence[Detections]) -> Detections:
        """All faces of several findings."""
        if not parts:
            return cls.none()
        return cls(
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.points for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.by for part in parts]),
        )

    def moved(self, scale: float, left: float = 0.0, top: float = 0.0) -> Detections:
        """The same faces where the picture was scaled first and shifted then."""
        shift = np.array([left, top], np.float32)
        boxes = self.boxes * np.float32(scale)
        boxes[:, :2] += shift
        return Detections(boxes, self.points * np.float32(scale) + shift, self.scores, self.by)


class Detector(Protocol):
    """Finds faces; ``name`` and ``sha256`` of its weights stand in plans and reports.

    A detector may say in ``sure`` from which score it can be believed alone; 0.5 else.
    """

    name: str
    sha256: str

    def __call__(self, image: NDArray[np.uint8]) -> Detections:
        """Faces in an RGB picture, uint8 (H, W, 3), of any size."""


def overlap(a: Floats, b: Floats) -> Floats:
    """Intersection over union of every box of ``a`` with every one of ``b``, float32 (A, B)."""
    corner = np.maximum(a[:, None, :2], b[None, :, :2])
    other = np.minimum(a[:, None, :2] + a[:, None, 2:], b[None, :, :2] + b[None, :, 2:])
    shared = np.clip(other - corner, 0, None).prod(-1)
    both = a[:, 2:].prod(-1)[:, None] + b[:, 2:].prod(-1)[None] - shared
    # Thin boxes far from the corner round to a little more than all of them.
    return np.asarray(np.minimum(shared / np.maximum(both, 1e-9), 1), np.float32)


def without_twins(found: Detections, *, most: float = 0.4) -> Detections:
    """The faces without those that overlap a more certain one by more than ``most``."""
    kept: list[int] = []
    shares = overlap(found.boxes, found.boxes)
    for row in np.argsort(-found.scores, kind="stable"):
        if not kept or shares[row, kept].max() <= most:
            kept.append(int(row))
    return found[np.array(kept, np.int64)]


def agreeing(a: Detections, b: Detections, *, least: float = 0.4) -> NDArray[np.bool_]:
    """Which faces of ``a`` some face of ``b`` overlaps by ``least`` or more, bool (A,)."""
    if not len(a) or not len(b):
        return np.zeros(len(a), np.bool_)
    return np.asarray(overlap(a.boxes, b.boxes).max(1) >= least)


def closeness(a: Floats, b: Floats) -> NDArray[np.float64]:
    """How well boxes fit, float64 (A, B): above 0 for pairs that may be one face, at most 2.

    Overlap first; small fast faces leave their own box within a frame, so centres within
    a face's size count too, where the sizes agree.
    """
    centres = np.linalg.norm(
        (a[:, None, :2] + a[:, None, 2:] / 2) - (b[None, :, :2] + b[None, :, 2:] / 2), axis=-1
    )
    sides = np.sqrt(a[:, 2:].prod(-1))[:, None], np.sqrt(b[:, 2:].prod(-1))[None]
    larger, smaller = np.maximum(*sides), np.minimum(*sides)
    near = 1 - centres / np.maximum(larger, 1e-6)
    fits = (smaller > 0.5 * larger) & (near > 0)
    return np.where(fits, overlap(a, b) + near, 0.0).astype(np.float64)
