"""The ladder: a generated face, else an average face, else a cover; never the face itself."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthaug.replacing.cover import Cover
from synthaug.replacing.rung import Hidden, Rung

__all__ = ["Faces", "Ladder", "implausible"]

_FLATTEST = 4.0
_MOST_AT_THE_ENDS = 0.6

Faces = Callable[[Sequence[int], int, int], Sequence[Hidden]]
"""Faces by their numbers, for a rung's resolution and length of latents."""


class Ladder:
    """Draws faces with the first rung that can.

    A rung that cannot be built, raises or gives something that is no picture is left for good,
    and it is said; one whose face is implausible is left for that face.

    Args:
        rungs: what builds each rung, by its name, best first. A cover is always below.

    Attributes:
        said: what went wrong, once each, in words.
    """

    def __init__(self, rungs: Sequence[tuple[str, Callable[[], Rung]]] = ()) -> None:
        self._builders = dict(rungs)
        self._built: dict[str, Rung] = {}
        self._cover = Cover()
        self.said: list[str] = []
        self._left: list[str] = []

    @classmethod
    def usual(cls, folder: Path | str | None = None, *, highest: str = "generated") -> Ladder:
        """Generated face, average face, cover.

        Args:
            folder: what `synthaug.train_faces` wrote; the package's own weights by default,
                and those are passed over where they are missing or damaged.
            highest: name of the best rung to be used.

        Raises:
            InputError, Damaged: the folder's generator cannot be used; it was asked for.
        """
        if folder is not None:
            _generated(folder)
        builders = [("generated", _generated), ("average", _average), ("cover", None)]
        while builders[0][0] != highest:
            builders.pop(0)
        return cls([(name, functools.partial(build, folder)) for name, build in builders if build])

    def renewed(self) -> Ladder:
        """The same rungs for another file: of what was said, what still holds."""
        other = Ladder()
        other._builders, other._built, other._left = self._builders, self._built, self._left
        other.said = list(self._left)
        return other

    @property
    def rung(self) -> Rung:
        """The best rung that works as far as is known."""
        return next(self._working(), self._cover)

    def __call__(self, faces: Faces, count: int) -> tuple[list[NDArray[np.uint8]], list[str]]:
        """A crop for each face, uint8 (R, R, 3), and the name of the rung that drew it.

        Args:
            faces: gives the faces as a rung takes them.
            count: how many there are.
        """
        left: list[int] = list(range(count))
        made: dict[int, tuple[NDArray[np.uint8], str]] = {}
        for rung in self._working():
            if not left:
                break
            try:
                crops = _drawn(rung, faces, left)
            # Whatever a network or its library does, the face must not show.
            except Exception as error:
                self._leave(rung.name, f"{type(error).__name__}: {error}")
                continue
            for row, crop in zip(tuple(left), crops, strict=True):
                why = implausible(crop)
                if why:
                    self._say(f"{rung.name}: a face was {why}, the next rung drew it")
                else:
                    made[row] = (crop, rung.name)
                    left.remove(row)
        covers = self.covers(faces, left)
        made |= {row: (crop, "cover") for row, crop in zip(left, covers, strict=True)}
        ordered = [made[row] for row in range(count)]
        return [crop for crop, _ in ordered], [name for _, name in ordered]

    def covers(self, faces: Faces, rows: Sequence[int]) -> list[NDArray[np.uint8]]:
        """Covers for faces that are to have nothing else."""
        if not rows:
            return []
        return list(self._cover(faces(rows, self._cover.resolution, self._cover.z_dim)))

    def _working(self) -> Iterator[Rung]:
        """Rungs that can be built, best first."""
        for name, build in tuple(self._builders.items()):
            if name not in self._built:
                try:
                    self._built[name] = build()
                except Exception as error:
                    self._leave(name, str(error))
                    continue
            yield self._built[name]

    def _leave(self, name: str, why: str) -> None:
        self._say(f"{name} is not used: {why}")
        self._left.append(f"{name} is not used: {why}")
        self._builders.pop(name, None)

    def _say(self, words: str) -> None:
        if words not in self.said:
            self.said.append(words)


def _generated(folder: Path | str | None) -> Rung:
    from synthaug.replacing.generated import GeneratedFace

    return GeneratedFace(folder)


def _average(folder: Path | str | None) -> Rung:
    from synthaug.replacing.average import AverageFace

    return AverageFace(folder)


def _drawn(rung: Rung, faces: Faces, rows: Sequence[int]) -> NDArray[np.uint8]:
    asked = faces(rows, rung.resolution, rung.z_dim)
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
