"""A face made to look as if the same camera had filmed it: colours, sharpness and grain."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Look", "Treatment", "like_ring", "looks", "treated", "treatment"]

_FIELD = 16
"""Side of the field of colour differences."""
_MOST_COLOUR = 56.0
_SIGMAS = (0.0, 0.5, 0.8, 1.2, 1.7, 2.4, 3.4)
_MOST_GRAIN = 8.0
_EDGE = 5.0
"""Smallest step from pixel to pixel that is an edge, levels of 255."""
_LARGEST = 160
"""Longest side of what is measured, pixels: more says no more."""


@dataclasses.dataclass(frozen=True)
class Look:
    """How a part of a picture looks.

    Args:
        blur: 0 (sharp) to 1 (blurred away), by re-blurring; None where nothing tells.
        grain: standard deviation of its noise, levels of 255.
    """

    blur: float | None
    grain: float


@dataclasses.dataclass(frozen=True)
class Treatment:
    """What makes a face look like its surroundings.

    Args:
        sigma: of the blur, pixels; 0 for none.
        grain: standard deviation of the noise that is added, levels of 255.
    """

    sigma: float
    grain: float

    def after(self, before: Treatment | None, share: float = 0.3) -> Treatment:
        """The treatment where ``before`` was the last one: it changes slowly."""
        if before is None:
            return self
        return Treatment(
            before.sigma + share * (self.sigma - before.sigma),
            before.grain + share * (self.grain - before.grain),
        )


def like_ring(
    crop: NDArray[np.uint8], ring: NDArray[np.uint8], inside: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """The crop with the colours that its surroundings ask for, uint8 (R, R, 3).

    The difference between ring and crop around the oval is carried evenly into it.

    Args:
        crop: uint8 (R, R, 3).
        ring: uint8 (R, R, 3), 0 where unknown.
        inside: the oval, bool (R, R).
    """
    import cv2

    known = ring.any(-1) & ~inside
    if not known.any():
        return crop
    weight = known.astype(np.float32)
    difference = (ring.astype(np.float32) - crop) * weight[..., None]
    small = (_FIELD, _FIELD)
    shares: Any = cv2.resize(weight, small, interpolation=cv2.INTER_AREA)
    field: Any = cv2.resize(difference, small, interpolation=cv2.INTER_AREA)
    # Near sources count more, far ones fill in: three widths added, each a tenth of the last.
    total: Any = np.zeros_like(field)
    weights: Any = np.zeros_like(shares)
    for sigma, trust in ((1.0, 1.0), (2.5, 0.1), (6.0, 0.01)):
        total += trust * cv2.GaussianBlur(field, (0, 0), sigma)
        weights += trust * cv2.GaussianBlur(shares, (0, 0), sigma)
    field = total / np.maximum(weights, 1e-6)[..., None]
    field = np.clip(field, -_MOST_COLOUR, _MOST_COLOUR)
    whole: Any = cv2.resize(field, crop.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(crop + whole + 0.5, 0, 255), np.uint8)


def looks(picture: NDArray[np.uint8], where: NDArray[np.bool_]) -> Look | None:
    """How a part of a picture, uint8 (H, W, 3), looks; None where too little is seen of it."""
    import cv2

    if max(where.shape) > 2 * _LARGEST:
        # Strips at the edges, where the ring is; shrinking would sharpen.
        rows = _ends(where.shape[0])
        columns = _ends(where.shape[1])
        picture, where = picture[rows][:, columns], where[rows][:, columns]
    if min(where.shape) < 3:
        return None
    grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY).astype(np.float32)
    # Five pixels from what is blank: filters reach that far.
    clear = cv2.erode(where.astype(np.uint8), np.ones((9, 9), np.uint8), borderValue=1) > 0
    if clear.sum() < 60:
        return None
    return Look(_blur(grey, clear), _noise(grey, clear))


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
    return Treatment(sigma, float(np.sqrt(max(0.0, missing))))


def treated(
    picture: NDArray[np.uint8], wanted: Treatment, noise: np.random.Generator
) -> NDArray[np.uint8]:
    """The picture blurred and with grain."""
    import cv2

    if wanted.sigma > 0.3:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), wanted.sigma), np.uint8)
    if wanted.grain > 0.3:
        drawn: Any = noise.standard_normal(picture.shape[:2], np.float32)
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
