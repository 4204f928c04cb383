"""A face set into a frame: placed, matched to its surroundings, with no seam and no leak.

A canvas holds the frame's pixels with every oval blanked before anything is drawn on it, so
that neither the rings nor the feathers can carry a pixel of any face that is hidden.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaug.faces.geometry import Placement, level, oval
from synthaug.replacing.matching import (
    Exposure,
    Look,
    Treatment,
    exposure,
    like_ring,
    looks,
    treatment,
)

__all__ = ["Canvas", "Window", "window"]

_FEATHER = 0.04
"""How far beyond the oval the feather reaches, a share of the half axes."""
_FEATHER_PIXELS = 1.0
_LIT = 0.8
"""How far from a face's middle its light is measured, in sides: farther off, others move."""
_HALF_WIDTH = 0.30
"""Of the oval, a share of the side; see `synthaug.faces.geometry`."""


@dataclasses.dataclass(frozen=True)
class Window:
    """The part of a frame that one face touches.

    Args:
        left: first column.
        top: first row.
        inside: where the oval is, bool (h, w).
        alpha: 1 inside, falling to 0 over the feather, float32 (h, w).
    """

    left: int
    top: int
    inside: NDArray[np.bool_]
    alpha: NDArray[np.float32]

    @property
    def at(self) -> tuple[slice, slice]:
        """Rows and columns of the frame."""
        rows, columns = self.inside.shape
        return slice(self.top, self.top + rows), slice(self.left, self.left + columns)


def window(where: Placement, size: tuple[int, int]) -> Window | None:
    """Where a face lies in a frame of a width and height; None where it lies outside."""
    pixel = 1 / (where.side * _HALF_WIDTH)  # in units of the oval's level, at its narrow side
    feather = max(_FEATHER, _FEATHER_PIXELS * pixel)
    reach = where.side * 0.36 * (1 + feather) + 2
    cos, sin = abs(math.cos(where.angle)), abs(math.sin(where.angle))
    half = where.side * _HALF_WIDTH * (1 + feather) + 2
    wide, tall = cos * half + sin * reach, sin * half + cos * reach
    x0, x1 = max(0, math.floor(where.x - wide)), min(size[0], math.ceil(where.x + wide))
    y0, y1 = max(0, math.floor(where.y - tall)), min(size[1], math.ceil(where.y + tall))
    if x0 >= x1 or y0 >= y1:
        return None
    middles = np.stack(np.meshgrid(np.arange(x0, x1) + 0.5, np.arange(y0, y1) + 0.5), -1)
    out = level(where.relative(middles))
    edge = 1 + 0.5 * pixel  # a pixel that the edge runs through is inside
    inside = out <= edge
    if not inside.any():
        return None
    fall = np.clip((edge + feather - out) / feather, 0, 1)
    alpha = np.where(inside, 1.0, fall * fall * (3 - 2 * fall)).astype(np.float32)
    return Window(x0, y0, inside, alpha)


class Canvas:
    """One frame on which faces are replaced.

    Args:
        picture: the frame, uint8 (H, W, 3); not changed.
        faces: where faces are hidden.
        before: the canvas of the frame before.
    """

    def __init__(
        self,
        picture: NDArray[np.uint8],
        faces: Sequence[Placement],
        before: Canvas | None = None,
    ) -> None:
        size = picture.shape[1], picture.shape[0]
        self.faces = list(faces)
        self.windows = [window(where, size) for where in faces]
        self.pixels = picture.copy()
        for one in self.windows:
            if one is not None:
                self.pixels[one.at][one.inside] = 0
        self._hidden = np.zeros(picture.shape[:2], np.bool_)
        for one in self.windows:
            if one is not None:
                self._hidden[one.at] |= one.inside
        if before is not None and before.pixels.shape == picture.shape:
            self._before: Canvas | None = before
            before._before = None  # one frame back is enough
        else:
            self._before = None

    def look(self, row: int) -> Look | None:
        """How blurred, how grainy and how restless the surroundings of a face are."""
        at = self._around(row, 0.5)
        hidden = self._hidden[at]
        if self._before is None:
            return looks(self.pixels[at], ~hidden)
        return looks(self.pixels[at], ~(hidden | self._before._hidden[at]), self._before.pixels[at])

    def exposure(self, row: int) -> Exposure:
        """What black and white are around a face; no blacker than anything in the frame."""
        at = self._around(row, _LIT)
        near = exposure(self.pixels[at], ~self._hidden[at])
        return dataclasses.replace(near, black=min(near.black, self._whole.black))

    @functools.cached_property
    def _whole(self) -> Exposure:
        return exposure(self.pixels, ~self._hidden)

    def _around(self, row: int, sides: float) -> tuple[slice, slice]:
        """Rows and columns as far from a face's middle as some of its sides."""
        where = self.faces[row]
        half = where.side * sides
        y0, y1 = max(0, round(where.y - half)), min(self.pixels.shape[0], round(where.y + half))
        x0, x1 = max(0, round(where.x - half)), min(self.pixels.shape[1], round(where.x + half))
        return slice(y0, max(y0, y1)), slice(x0, max(x0, x1))

    def treatment(self, row: int, drawn: NDArray[np.uint8], before: Treatment | None) -> Treatment:
        """What a drawn face lacks of its surroundings' look, changed slowly from ``before``."""
        look, one = self.look(row), self.windows[row]
        if look is None or one is None:
            return before or Treatment(0.0, 0.0)
        return treatment(drawn, one.inside, look).after(before)

    def drawn(
        self, row: int, crop: NDArray[np.uint8], ring: NDArray[np.uint8] | None
    ) -> NDArray[np.uint8] | None:
        """A crop where a face is, uint8 (h, w, 3) of its window; None outside the frame.

        Args:
            row: which face.
            crop: the face that is to be seen, uint8 (R, R, 3).
            ring: what surrounds it, uint8 (R, R, 3), 0 where unknown; the crop is brought to
                its colours. None leaves them.
        """
        one = self.windows[row]
        if one is None:
            return None
        if ring is not None:
            crop = like_ring(crop, ring, oval(len(crop)))
        return self._placed(crop, self.faces[row], one)

    def set(self, row: int, drawn: NDArray[np.uint8]) -> None:
        """Put what is drawn over a face, uint8 (h, w, 3) of its window."""
        one = self.windows[row]
        if one is None:
            return
        under = self.pixels[one.at].astype(np.float32)
        # What other faces hide is blank still or drawn already: the feather takes it as it is.
        mixed = under + (drawn.astype(np.float32) - under) * one.alpha[..., None]
        self.pixels[one.at] = (mixed + 0.5).astype(np.uint8)

    def changed(self) -> list[tuple[int, int, NDArray[np.uint8], NDArray[np.bool_]]]:
        """What is to be painted into the frame: left, top, colours and which of them."""
        return [
            (one.left, one.top, self.pixels[one.at], one.alpha > 1 / 255)
            for one in self.windows
            if one is not None
        ]

    def _placed(self, crop: NDArray[np.uint8], where: Placement, one: Window) -> NDArray[np.uint8]:
        """The crop turned and scaled into the window."""
        import cv2

        if where.side < len(crop):
            side = max(4, round(where.side))
            crop = np.asarray(cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA))
        matrix = where.to_frame(len(crop)).astype(np.float64)
        matrix[:, 2] -= one.left, one.top
        rows, columns = one.inside.shape
        flags = cv2.INTER_CUBIC if where.side > 1.2 * len(crop) else cv2.INTER_LINEAR
        placed: Any = cv2.warpAffine(
            crop, matrix, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(placed, np.uint8)
