"""A face made to look as if the same camera had filmed it: colours, sharpness and grain."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Exposure", "Look", "Treatment", "aligned", "exposure", "like_ring", "looks", "treated",
    "treatment",
]  # fmt: skip

_FIELD = 32
"""Side of the field of colours and of their differences."""
_SEEN = 0.275, 0.345
"""Half axes of the ellipse in which the face is seen, shares of the side: inside the oval."""
_PASSAGE = 0.18
"""How far into the ellipse the face passes into the surroundings, a share of its half axes."""
_MOST_COLOUR = 56.0
_SIGMAS = (0.0, 0.5, 0.8, 1.2, 1.7, 2.4, 3.4)
_MOST_GRAIN = 8.0
_MOST_BLACK, _LEAST_WHITE = 64.0, 60.0
_BRIGHTER = 1.7
"""White over the brightest of what surrounds a face: skin outshines most clothes and walls."""
_MOST_MOVED, _MOST_SCALED, _MOST_TURNED = 0.04, 0.06, 0.1
"""Shares of the side, shares of the size and radians that a face is aligned by."""
_EDGE = 5.0
"""Smallest step from pixel to pixel that is an edge, levels of 255."""
_LARGEST = 160
"""Longest side of what is measured, pixels: more says no more."""


@dataclasses.dataclass(frozen=True)
class Exposure:
    """What black and white are in a part of a picture, levels of 255.

    Rungs were made from well-lit photographs: they are given surroundings stretched to black
    and white, and what they draw is brought back into the light or haze of the picture.
    """

    black: float = 0.0
    white: float = 255.0

    def stretched(self, ring: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A ring, uint8 (R, R, 3), as if it had been well lit; 0, unknown, stays 0."""
        wide = (ring.astype(np.float32) - self.black) * (255 / (self.white - self.black))
        known = ring.any(-1, keepdims=True)
        return np.where(known, np.clip(wide + 0.5, 1, 255), 0).astype(np.uint8)

    def applied(self, crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A well-lit crop, uint8 (R, R, 3), as it would look here."""
        narrow = crop.astype(np.float32) * ((self.white - self.black) / 255) + self.black
        return (narrow + 0.5).astype(np.uint8)

    def after(self, before: Exposure | None, share: float = 0.3) -> Exposure:
        """The exposure where ``before`` was the last one: it changes slowly."""
        if before is None:
            return self
        return Exposure(
            before.black + share * (self.black - before.black),
            before.white + share * (self.white - before.white),
        )


@dataclasses.dataclass(frozen=True)
class Look:
    """How a part of a picture looks.

    Args:
        blur: 0 (sharp) to 1 (blurred away), by re-blurring; None where nothing tells.
        grain: standard deviation of its noise, levels of 255.
        restless: how much of the noise is new in each frame, 0 to 1: encoders let it stand.
    """

    blur: float | None
    grain: float
    restless: float = 1.0


@dataclasses.dataclass(frozen=True)
class Treatment:
    """What makes a face look like its surroundings.

    Args:
        sigma: of the blur, pixels; 0 for none.
        grain: standard deviation of the noise that is added, levels of 255.
        restless: how much of it is new in each frame, 0 to 1.
    """

    sigma: float
    grain: float
    restless: float = 1.0

    def after(self, before: Treatment | None, share: float = 0.3) -> Treatment:
        """The treatment where ``before`` was the last one: it changes slowly."""
        if before is None:
            return self
        return Treatment(
            before.sigma + share * (self.sigma - before.sigma),
            before.grain + share * (self.grain - before.grain),
            before.restless + share * (self.restless - before.restless),
        )


def exposure(picture: NDArray[np.uint8], where: NDArray[np.bool_]) -> Exposure:
    """Black and white of the chosen pixels of a picture, uint8 (H, W, 3) and bool (H, W)."""
    step = max(1, max(where.shape) // 64)
    chosen = picture[::step, ::step][where[::step, ::step]]
    if len(chosen) < 40:
        return Exposure()
    grey = chosen @ np.array([0.299, 0.587, 0.114], np.float32)
    black, white = np.percentile(grey, (2, 98))
    white = float(np.clip(_BRIGHTER * white, _LEAST_WHITE, 255))
    # Where little is bright, black is dark clothes or dark walls, not haze.
    return Exposure(float(np.clip(black - _EDGE, 0, min(_MOST_BLACK, white / 4))), white)


def aligned(
    crop: NDArray[np.uint8], told: NDArray[np.floating], wanted: NDArray[np.floating]
) -> NDArray[np.uint8]:
    """The crop moved, turned and scaled a little, so that its points lie where they should.

    A rung is told points to the nearest cell of its grid; what is lost in that makes a face
    tremble from frame to frame.

    Args:
        crop: uint8 (R, R, 3).
        told: points as the rung was told them, (P, 2), shares of the side from the middle.
        wanted: where they should be, (P, 2).
    """
    import cv2

    side = len(crop)
    middle, other = told.mean(0), wanted.mean(0)
    a, b = told - middle, wanted - other
    size = max(float((a * a).sum()), 1e-9)
    along = float((a * b).sum()) / size
    across = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / size
    scale = float(np.clip(np.hypot(along, across), 1 - _MOST_SCALED, 1 + _MOST_SCALED))
    angle = float(np.clip(np.arctan2(across, along), -_MOST_TURNED, _MOST_TURNED))
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]])
    shift = np.clip(other - middle, -_MOST_MOVED, _MOST_MOVED) + middle - turn @ middle
    # From shares of the side to the middles of pixels.
    origin = np.full(2, side / 2 - 0.5)
    matrix = np.column_stack([turn, shift * side + origin - turn @ origin])
    moved: Any = cv2.warpAffine(
        crop, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, np.uint8)


def like_ring(
    crop: NDArray[np.uint8], ring: NDArray[np.uint8], inside: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """The crop with the colours that its surroundings ask for, uint8 (R, R, 3).

    The difference between ring and crop around the oval is carried evenly into it, and near
    the oval's edge the face passes into the ring's own colours, carried inwards: what a rung
    draws there of hair and wall seldom goes on as the real ones do, and shows as a seam.

    Args:
        crop: uint8 (R, R, 3).
        ring: uint8 (R, R, 3), 0 where unknown.
        inside: the oval, bool (R, R).
    """
    import cv2

    known = ring.any(-1) & ~inside
    if not known.any():
        return crop
    weight = known.astype(np.float32)[..., None]
    both = np.concatenate([(ring.astype(np.float32) - crop) * weight, ring * weight, weight], -1)
    small: Any = cv2.resize(both, (_FIELD, _FIELD), interpolation=cv2.INTER_AREA)
    # Near sources count more, far ones fill in: three widths added, each a tenth of the last.
    total: Any = np.zeros_like(small)
    for sigma, trust in ((1.0, 1.0), (2.5, 0.1), (6.0, 0.01)):
        total += trust * cv2.GaussianBlur(small, (0, 0), sigma * _FIELD / 16)
    field = total[..., :6] / np.maximum(total[..., 6:], 1e-6)
    field[..., :3] = np.clip(field[..., :3], -_MOST_COLOUR, _MOST_COLOUR)
    whole: Any = cv2.resize(field, crop.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    face = crop + whole[..., :3]
    mixed = whole[..., 3:] + (face - whole[..., 3:]) * _seen(len(crop))[..., None]
    return np.asarray(np.clip(mixed + 0.5, 0, 255), np.uint8)


@functools.lru_cache(maxsize=8)
def _seen(resolution: int) -> NDArray[np.float32]:
    """How much of the face is seen, 1 in the middle, 0 at the oval's edge, float32 (R, R)."""
    places = (np.arange(resolution) + 0.5) / resolution - 0.5
    out = np.hypot(places / _SEEN[0], places[:, None] / _SEEN[1])
    rise = np.clip((1 - out) / _PASSAGE, 0, 1)
    return (rise * rise * (3 - 2 * rise)).astype(np.float32)


def looks(
    picture: NDArray[np.uint8],
    where: NDArray[np.bool_],
    before: NDArray[np.uint8] | None = None,
) -> Look | None:
    """How a part of a picture, uint8 (H, W, 3), looks; None where too little is seen of it.

    Args:
        picture: the part.
        where: which of its pixels may be read, bool (H, W).
        before: the same part of the frame before, of which the same pixels may be read.
    """
    import cv2

    if max(where.shape) > 2 * _LARGEST:
        # Strips at the edges, where the ring is; shrinking would sharpen.
        rows = _ends(where.shape[0])
        columns = _ends(where.shape[1])
        picture, where = picture[rows][:, columns], where[rows][:, columns]
        before = None if before is None else before[rows][:, columns]
    if min(where.shape) < 3:
        return None
    grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY).astype(np.float32)
    # Five pixels from what is blank: filters reach that far.
    clear = cv2.erode(where.astype(np.uint8), np.ones((9, 9), np.uint8), borderValue=1) > 0
    if clear.sum() < 60:
        return None
    grain, restless = _noise(grey, clear), 1.0
    if before is not None:
        change = np.abs(grey - cv2.cvtColor(np.ascontiguousarray(before), cv2.COLOR_RGB2GRAY))
        # Of two draws of the same noise, the median difference is 0.954 of its deviation.
        restless = min(1.0, float(np.median(change[clear])) / (0.954 * max(grain, 0.5)))
    return Look(_blur(grey, clear), grain, restless)


def _ends(side: int) -> NDArray[np.int64]:
    """Places near both ends of a side."""
    if side <= 2 * _LARGEST:
        return np.arange(side)
    return np.concatenate([np.arange(_LARGEST), np.arange(side - _LARGEST, side)])


def treatment(picture: NDArray[np.uint8], inside: NDArray[np.bool_], look: Look) -> Treatment:
    """What a drawn face, uint8 (H, W, 3), lacks of a look.

    It is made no sharper than the look, and as noisy.
    """
    import cv2

    grey: Any = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    sigma = 0.0
    if look.blur is not None and not _soft_enough(grey, inside, look.blur):
        low, high = 1, len(_SIGMAS) - 1
        while low < high:
            middle = (low + high) // 2
            if _soft_enough(cv2.GaussianBlur(grey, (0, 0), _SIGMAS[middle]), inside, look.blur):
                high = middle
            else:
                low = middle + 1
        sigma = _SIGMAS[low]
        grey = cv2.GaussianBlur(grey, (0, 0), sigma)
    missing = min(look.grain, _MOST_GRAIN) ** 2 - _noise(grey, inside) ** 2
    return Treatment(sigma, float(np.sqrt(max(0.0, missing))), look.restless)


def treated(
    picture: NDArray[np.uint8],
    wanted: Treatment,
    noise: np.random.Generator,
    standing: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """The picture blurred and with grain.

    Args:
        picture: uint8 (H, W, 3).
        wanted: what is done.
        noise: of what is new in this frame.
        standing: noise that stands still, standard normal, float32 (H, W).
    """
    import cv2

    if wanted.sigma > 0.3:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), wanted.sigma), np.uint8)
    if wanted.grain > 0.3:
        new = wanted.restless if standing is not None else 1.0
        drawn: Any = np.float32(new) * noise.standard_normal(picture.shape[:2], np.float32)
        if standing is not None:
            drawn += np.float32(np.sqrt(max(0.0, 1 - new * new))) * standing
        drawn = picture + drawn[..., None] * np.float32(wanted.grain) + np.float32(0.5)
        picture = np.clip(drawn, 0, 255).astype(np.uint8)
    return picture


def _soft_enough(grey: Any, where: NDArray[np.bool_], blur: float) -> bool:
    found = _blur(grey, where)
    return found is None or found >= blur


def _blur(grey: NDArray[np.float32], where: NDArray[np.bool_]) -> float | None:
    """How little another blur changes edges, 0 to 1; None where there are too few of them.

    Source: Crete, Dolmiere, Ladret, Nicolas 2007, "The blur effect: perception and estimation
    with a new no-reference perceptual blur metric", section 3. Differs: only the steepest
    changes of a part of a picture count, since a smooth wall is not blurred.
    """
    import cv2

    changes, less = [], []
    for axis, size in ((0, (1, 9)), (1, (9, 1))):
        again = cv2.blur(grey, size)
        at: Any = (slice(1, None), slice(None)) if axis == 0 else (slice(None), slice(1, None))
        changes.append(np.abs(np.diff(grey, axis=axis))[where[at]])
        less.append(np.abs(np.diff(again, axis=axis))[where[at]])
    change, after = np.concatenate(changes), np.concatenate(less)
    steep = change >= max(_EDGE, float(np.percentile(change, 90))) if len(change) else change > 0
    if steep.sum() < 20:
        return None
    change, after = change[steep], after[steep]
    return 1 - float(np.maximum(0, change - after).sum() / change.sum())


def _noise(grey: NDArray[np.float32], where: NDArray[np.bool_]) -> float:
    """Standard deviation of noise in the smoothest half of a part of a picture.

    Source: Immerkær 1996, "Fast Noise Variance Estimation", equation 2. Differs: the half of
    the pixels with the smallest gradients, since edges are no noise.
    """
    import cv2

    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    high = np.abs(cv2.filter2D(grey, -1, kernel))[where]
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.5)
    slopes = [np.abs(cv2.Sobel(smooth, cv2.CV_32F, 1 - down, down))[where] for down in (0, 1)]
    edges = slopes[0] + slopes[1]
    calm = high[edges <= np.median(edges)]
    return float(np.sqrt(np.pi / 2) / 6 * calm.mean()) if len(calm) else 0.0
