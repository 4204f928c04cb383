"""Pictures as players show them, and places in them back in the frame as stored."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from synthaug.faces.detections import Detections, Detector, overlap
from synthaug.faces.tracks import Spot

__all__ = ["as_stored", "seen_turned", "stored", "upright"]

_PREFERRED = 0.1  # by how much surer a face must look on its side to be taken for lying there
_SAME = 0.35  # overlap from which two findings are one face


def upright(image: NDArray[np.uint8], rotation: int) -> NDArray[np.uint8]:
    """A stored frame turned counter-clockwise by quarter turns, as players show it."""
    return np.ascontiguousarray(np.rot90(image, round(rotation / 90)))


def stored(spot: Spot, rotation: int, size: tuple[int, int]) -> Spot:
    """A face of the upright picture where it is in the frame as stored.

    Args:
        spot: of the upright picture.
        rotation: degrees counter-clockwise by which players turn the frame.
        size: width and height of the frame as stored.
    """
    quarter = round(rotation / 90) % 4
    if not quarter:
        return spot
    corners = np.stack([spot.box[:2], spot.box[:2] + spot.box[2:]])
    ends = _back(corners, quarter, size)
    box = np.concatenate([ends.min(0), ends.max(0) - ends.min(0)])
    return dataclasses.replace(spot, box=box, points=_back(spot.points, quarter, size))


def as_stored(rotation: int) -> tuple[int, ...]:
    """The quarter turns in which faces are looked for beside the upright picture: none at 0.

    Cameras that lie flat write the wrong rotation, and what players show then lies on its
    side; the frame as stored may be the right one.
    """
    quarter = round(rotation / 90) % 4
    return (4 - quarter,) if quarter else ()


def seen_turned(
    detector: Detector, image: NDArray[np.uint8], quarters: Iterable[int]
) -> tuple[Detections, NDArray[np.int64]]:
    """Faces that lie on their side too, and in which quarter turn each looked surest.

    Args:
        detector: what looks.
        image: RGB, uint8 (H, W, 3).
        quarters: counter-clockwise turns of the picture to look at beside itself.

    Returns:
        Faces of the picture as it is, each once, and int64 (N,), 0 for those that stand upright.
    """
    found = detector(image)
    turns = np.zeros(len(found), np.int64)
    size = image.shape[1], image.shape[0]
    for quarter in quarters:
        seen = detector(np.ascontiguousarray(np.rot90(image, quarter)))
        for row in range(len(seen)):
            one = _turned_back(seen[np.array([row])], quarter, size)
            rival = overlap(found.boxes, one.boxes)[:, 0] >= _SAME
            if (found.scores[rival] + _PREFERRED >= one.scores[0]).any():
                continue
            found = Detections.joined([found[~rival], one])
            turns = np.append(turns[~rival], quarter)
    return found, turns


def _turned_back(seen: Detections, quarter: int, size: tuple[int, int]) -> Detections:
    """Faces of a turned picture where they are in the picture of this size."""
    ends = _back(np.concatenate([seen.boxes[:, :2], seen.boxes[:, :2] + seen.boxes[:, 2:]]),
                 quarter, size).reshape(2, -1, 2)  # fmt: skip
    boxes = np.concatenate([ends.min(0), ends.max(0) - ends.min(0)], 1)
    points = _back(seen.points.reshape(-1, 2), quarter, size).reshape(-1, 5, 2)
    return Detections(boxes, points, seen.scores, seen.by)


def _back(points: NDArray[np.float32], quarter: int, size: tuple[int, int]) -> NDArray[np.float32]:
    x, y = points[:, 0], points[:, 1]
    width, height = size
    places = {1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}[quarter]
    return np.stack(places, 1).astype(np.float32)
