"""Where a face is replaced: its square crop in a frame, the oval inside it, and the ring around."""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np
from numpy.typing import NDArray

from synthaug.faces.tracks import Spot

__all__ = ["Placement", "cut", "level", "oval", "placement", "ring"]

_HALF_WIDTH, _HALF_HEIGHT = 0.30, 0.36
"""Half axes of the oval, shares of the crop's side: ears beside, hairline above, jaw below."""
_ROUNDNESS = 5.0
"""Exponent of the superellipse: 2 would be an ellipse, which leaves the corners of boxes out."""
_RAISED = 0.04
"""How far above the box's middle the oval's middle lies, a share of the box's height: detectors'
boxes reach to the chin below but not to the hairline above."""
_SMALLEST_SIDE = 4.0
_FRAME_MARGIN = 1.5
"""Frame pixels around the oval that no sample of the ring may touch: bilinear sampling reaches
one pixel, and the samples stand at the middles of theirs."""
_FINEST = 8


@dataclasses.dataclass(frozen=True)
class Placement:
    """A face's square crop in a frame: a similarity, no shear.

    Args:
        x: of the middle, frame pixels; pixel i covers i to i + 1.
        y: of the middle, frame pixels.
        side: frame pixels that one side of the crop spans.
        angle: radians, clockwise on screen, of the line between the eyes.
    """

    x: float
    y: float
    side: float
    angle: float

    def to_crop(self, resolution: int) -> NDArray[np.float32]:
        """Frame to crop pixels, float32 (2, 3), between the middles of pixels.

        This is what ``cv2.warpAffine`` takes: there pixel i is the point i.
        """
        scale = resolution / self.side
        cos, sin = math.cos(self.angle) * scale, math.sin(self.angle) * scale
        # Half a pixel more on both sides leads from corners, where we count, to middles.
        x, y = self.x - 0.5, self.y - 0.5
        middle = resolution / 2 - 0.5
        return np.array(
            [[cos, sin, middle - cos * x - sin * y], [-sin, cos, middle + sin * x - cos * y]],
            np.float32,
        )

    def to_frame(self, resolution: int) -> NDArray[np.float32]:
        """Crop to frame pixels, float32 (2, 3), between the middles of pixels."""
        scale = self.side / resolution
        cos, sin = math.cos(self.angle) * scale, math.sin(self.angle) * scale
        middle = resolution / 2 - 0.5
        x, y = self.x - 0.5, self.y - 0.5
        left, top = x - (cos - sin) * middle, y - (sin + cos) * middle
        return np.array([[cos, -sin, left], [sin, cos, top]], np.float32)

    def relative(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Points (..., 2) of the frame, corner-counted pixels, in sides from the crop's middle."""
        x, y = points[..., 0] - self.x, points[..., 1] - self.y
        cos, sin = math.cos(self.angle) / self.side, math.sin(self.angle) / self.side
        return np.stack([cos * x + sin * y, cos * y - sin * x], -1).astype(np.float64)


def placement(spot: Spot) -> Placement:
    """The crop of a face whose oval holds the whole of the detector's box.

    The angle is that of the eyes, the corners of the mouth and the way between them together:
    in profile the eyes' own line is short and says little. Middle and side come from the box
    alone, since points lie in profile.
    """
    left, top, width, height = (float(x) for x in spot.box)
    width, height = max(width, 1.0), max(height, 1.0)
    angle = _angle(spot.points)
    # Up along the face, not along the screen.
    raised = _RAISED * height
    x = left + width / 2 + math.sin(angle) * raised
    y = top + height / 2 - math.cos(angle) * raised
    corners = np.array([[left + i * width, top + j * height] for i in (0, 1) for j in (0, 1)])
    unit = Placement(x, y, 1.0, angle)
    side = float(level(unit.relative(corners)).max())
    return Placement(x, y, max(side, _SMALLEST_SIDE), angle)


def level(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """How far out points are: 1 on the oval's edge, 0 in its middle, growing evenly outwards.

    Args:
        points: (..., 2), shares of the side from the crop's middle, as `Placement.relative`.
    """
    x, y = np.abs(points[..., 0]) / _HALF_WIDTH, np.abs(points[..., 1]) / _HALF_HEIGHT
    return np.asarray((x**_ROUNDNESS + y**_ROUNDNESS) ** (1 / _ROUNDNESS), np.float64)


@functools.lru_cache(maxsize=16)
def oval(resolution: int) -> NDArray[np.bool_]:
    """Which pixels of a crop are replaced, bool (R, R), the same in every crop, read-only.

    A pixel that the oval's edge runs through belongs to it.
    """
    inside = _levels(resolution) <= 1 + 0.75 / (resolution * _HALF_WIDTH)
    inside.setflags(write=False)
    return inside


def cut(
    picture: NDArray[np.uint8], where: Placement, resolution: int, *, edges: bool = False
) -> NDArray[np.uint8]:
    """The crop, uint8 (R, R, 3): averaged over areas when shrinking, black outside the frame.

    The face is in it: for reading a face while planning and for training, never for a rung.
    With ``edges`` the frame's edge is repeated outside in place of black.
    """
    crop, _ = _sampled(picture, where, resolution, edges=edges)
    return _shrunk(crop, resolution)


def ring(picture: NDArray[np.uint8], where: Placement, resolution: int) -> NDArray[np.uint8]:
    """What surrounds the oval, uint8 (R, R, 3); 0 inside it and outside the frame.

    No pixel of the frame whose middle lies inside the oval has any part in it: not through
    interpolation, and not through averaging at the oval's edge.
    """
    crop, fine = _sampled(picture, where, resolution)
    clear = _levels(fine) > 1 + _FRAME_MARGIN / (where.side * _HALF_WIDTH)
    clear = (clear & _framed(picture.shape, where, fine)).astype(np.float32)
    colours = _shrunk(crop.astype(np.float32) * clear[..., None], resolution)
    shares = _shrunk(clear, resolution)[..., None]
    # Black that is there is 1: 0 says that nothing is known.
    colours = np.where(shares > 0, np.maximum(colours / np.maximum(shares, 1e-6), 1), 0)
    colours[oval(resolution)] = 0
    return np.clip(colours + 0.5, 0, 255).astype(np.uint8)


def _angle(points: NDArray[np.float32]) -> float:
    eye, other, _, corner, far = points.astype(np.float64)
    down = (corner + far) / 2 - (eye + other) / 2
    across = (other - eye) + (far - corner) + np.array([down[1], -down[0]])
    return math.atan2(across[1], across[0]) if np.abs(across).max() > 1e-6 else 0.0


def _middles(resolution: int) -> NDArray[np.float64]:
    """Middles of a crop's pixels in sides from the crop's middle, (R, R, 2)."""
    places = (np.arange(resolution) + 0.5) / resolution - 0.5
    return np.stack(np.meshgrid(places, places), -1)


@functools.lru_cache(maxsize=32)
def _levels(resolution: int) -> NDArray[np.float64]:
    return level(_middles(resolution))


def _framed(shape: tuple[int, ...], where: Placement, resolution: int) -> NDArray[np.bool_]:
    """Which pixels of a crop show the frame, bool (R, R)."""
    (a, b, x), (c, d, y) = where.to_frame(resolution).astype(np.float64)
    along = np.arange(resolution)
    across, down = a * along + b * along[:, None] + x, c * along + d * along[:, None] + y
    inside = (across >= 0) & (across <= shape[1] - 1) & (down >= 0) & (down <= shape[0] - 1)
    return np.asarray(inside, np.bool_)


def _sampled(
    picture: NDArray[np.uint8], where: Placement, resolution: int, *, edges: bool = False
) -> tuple[NDArray[np.uint8], int]:
    """The crop at a multiple of the resolution where the frame has more pixels, and its side."""
    import cv2

    times = min(max(1, math.ceil(where.side / resolution - 0.25)), _FINEST)
    fine = resolution * times
    crop = cv2.warpAffine(
        picture, where.to_crop(fine), (fine, fine), flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE if edges else cv2.BORDER_CONSTANT, borderValue=(0, 0, 0),
    )  # fmt: skip
    return np.asarray(crop, np.uint8), fine


def _shrunk(crop: NDArray, resolution: int) -> NDArray:  # type: ignore[type-arg]
    import cv2

    if len(crop) == resolution:
        return crop
    return np.asarray(cv2.resize(crop, (resolution, resolution), interpolation=cv2.INTER_AREA))
