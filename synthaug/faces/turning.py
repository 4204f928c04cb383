"""Pictures as players show them, and places in them back in the frame as stored."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from synthaug.faces.tracks import Spot

__all__ = ["stored", "upright"]


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


def _back(points: NDArray[np.float32], quarter: int, size: tuple[int, int]) -> NDArray[np.float32]:
    x, y = points[:, 0], points[:, 1]
    width, height = size
    places = {1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}[quarter]
    return np.stack(places, 1).astype(np.float32)
