"""Zones: boxes that are always covered, drawn by hand."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from synthaug.errors import InputError
from synthaug.faces.tracks import Source, Spot

__all__ = ["Zone", "zone_spots"]

# Where eyes, nose and mouth would be, were the zone a face.
_FACE = np.array([[0.31, 0.4], [0.69, 0.4], [0.5, 0.6], [0.34, 0.8], [0.66, 0.8]], np.float32)


@dataclasses.dataclass(frozen=True)
class Zone:
    """A box of the picture as players show it, for a span of time.

    Args:
        left: pixels.
        top: pixels.
        width: pixels.
        height: pixels.
        start: seconds since the first frame.
        stop: seconds since the first frame.
    """

    left: float
    top: float
    width: float
    height: float
    start: float = 0.0
    stop: float = math.inf


def zone_spots(
    zone: Zone, seconds: Sequence[float], size: tuple[int, int]
) -> tuple[int, list[Spot]]:
    """The first frame of a zone and its spots, one a frame.

    Args:
        zone: the zone.
        seconds: of all frames since the first one.
        size: width and height of the picture.

    Raises:
        InputError: it lies outside the picture, or no frame is in its span.
    """
    got = f"{zone.left:g},{zone.top:g},{zone.width:g},{zone.height:g}"
    box = np.array([zone.left, zone.top, zone.width, zone.height], np.float32)
    if not np.isfinite(box).all() or zone.width <= 0 or zone.height <= 0:
        raise InputError("zone", expected="left, top, width and height in pixels", got=got)
    if (box[:2] >= size).any() or (box[:2] + box[2:] <= 0).any():
        raise InputError("zone", expected=f"a box in the picture of {size[0]}x{size[1]}", got=got)
    frames = [n for n, second in enumerate(seconds) if zone.start <= second <= zone.stop]
    if not frames:
        raise InputError(
            "zone", expected=f"a span within {seconds[-1]:.2f} seconds",
            got=f"{zone.start:g} to {zone.stop:g}",
        )  # fmt: skip
    points = box[:2] + _FACE * box[2:]
    return frames[0], [Spot(box, points, 1.0, Source.BY_HAND) for _ in frames]
