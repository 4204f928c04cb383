"""The ladder: a generated face, else an average face, else a cover; never the face itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from synthaug.replacing.cover import Cover
from synthaug.replacing.rung import Hidden, Rung

__all__ = ["Ladder", "implausible"]

_FLATTEST = 4.0
_MOST_AT_THE_ENDS = 0.6

Faces = Callable[[int, int], Sequence[Hidden]]
"""Faces to be replaced for a rung's resolution and length of latents."""


class Ladder:
    """Draws faces with the first rung that can.

    A rung that cannot be built, raises or gives something that is no picture is left for good,
    and it is said; one whose faces are implausible is left for those faces alone.

    Args:
        rungs: what builds each rung, by its name, best first. A cover is always below.

    Attributes:
        said: what went wrong, once each, in words.
    """

    def __init__(self, rungs: Sequence[tuple[str, Callable[[], Rung]]] = ()) -> None:
        self._waiting = list(rungs)
        self._rung: Rung | None = None
        self._cover = Cover()
        self.said: list[str] = []

    @property
    def rung(self) -> Rung:
        """The best rung that still works."""
        while self._rung is None and self._waiting:
            name, build = self._waiting.pop(0)
            try:
                self._rung = build()
            # Whatever is wrong with weights or libraries, the face must not show.
            except Exception as error:
                self._say(f"{name} is not used: {error}")
        return self._rung or self._cover

    def __call__(self, faces: Faces, count: int) -> tuple[list[NDArray[np.uint8]], list[str]]:
        """A crop for each face, uint8 (R, R, 3), and the name of the rung that drew it.

        Args:
            faces: gives the faces as a rung takes them.
            count: how many there are.
        """
        left, made = list(range(count)), {}
        while left:
            rung = self.rung
            if rung is self._cover:
                break
            try:
                crops = _drawn(rung, faces)
            except Exception as error:
                self._say(f"{rung.name} is left: {type(error).__name__}: {error}")
                self._rung = None
                continue
            for row in list(left):
                why = implausible(crops[row])
                if why:
                    self._say(f"{rung.name}: a face was {why} and is covered")
                else:
                    made[row] = (crops[row], rung.name)
                    left.remove(row)
            break
        if left:
            covers = self._cover(faces(self._cover.resolution, self._cover.z_dim))
            made |= {row: (covers[row], self._cover.name) for row in left}
        ordered = [made[row] for row in range(count)]
        return [crop for crop, _ in ordered], [name for _, name in ordered]

    def covers(self, faces: Faces) -> list[NDArray[np.uint8]]:
        """Covers for faces that are to have nothing else."""
        return list(self._cover(faces(self._cover.resolution, self._cover.z_dim)))

    def _say(self, words: str) -> None:
        if words not in self.said:
            self.said.append(words)


def _drawn(rung: Rung, faces: Faces) -> NDArray[np.uint8]:
    asked = faces(rung.resolution, rung.z_dim)
    crops = np.asarray(rung(asked))
    shape = (len(asked), rung.resolution, rung.resolution, 3)
    if crops.dtype != np.uint8 or crops.shape != shape:
        raise ValueError(f"expected uint8 {shape}, got {crops.dtype} {crops.shape}")
    return crops


def implausible(crop: NDArray[np.uint8]) -> str:
    """Why a crop, uint8 (R, R, 3), shows no face; empty where it may."""
    quarter = len(crop) // 4
    inside = crop[quarter:-quarter, quarter:-quarter].astype(np.float32)
    if inside.mean(-1).std() < _FLATTEST:
        return "flat"
    if ((inside < 3) | (inside > 252)).mean() > _MOST_AT_THE_ENDS:
        return "black and white"
    return ""
