"""Who is who: tracks compared with photographs and with each other, in memory only."""

from __future__ import annotations

import enum
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthaug.faces.recognisers import Recogniser
from synthaug.faces.tracks import Source, Spot, Track

__all__ = [
    "FEWEST",
    "Acquaintances",
    "Known",
    "chosen_sights",
    "compared",
    "persons",
    "robust_mean",
]

Floats = NDArray[np.float32]

_SMALLEST = 28.0  # side below which a face says too little, pixels
FEWEST = 3
"""Sights of a track below which nobody is told apart."""


class Known(enum.StrEnum):
    """Whether a track shows a person."""

    SAME = "same"
    OTHER = "other"
    UNSURE = "unsure"


def chosen_sights(spots: Sequence[Spot], *, most: int = 15) -> list[int]:
    """Rows of the spots to recognise a track by: seen, large enough, spread over the track."""
    rows = [
        row
        for row, spot in enumerate(spots)
        if spot.source is Source.DETECTED and float(spot.box[2:].min()) >= _SMALLEST
    ]
    parts = np.array_split(np.array(rows, np.int64), min(most, len(rows))) if rows else []
    return [int(max(part, key=lambda row: spots[int(row)].score)) for part in parts]


def robust_mean(rows: Floats) -> Floats:
    """The direction most of the unit vectors (K, D) agree on, a unit vector (D,).

    The half that is nearest to the plain mean is averaged again: a blurred or half hidden
    sight does not count.
    """
    mean = rows.mean(0)
    near = np.argsort(-(rows @ mean), kind="stable")[: max(1, (len(rows) + 1) // 2)]
    mean = rows[near].mean(0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)


def compared(
    rows: Floats, references: Floats, recogniser: Recogniser, *, fewest: int = FEWEST
) -> tuple[Known, float]:
    """Whether a track shows one of the people of some photographs, and the likeness.

    Args:
        rows: unit vectors of the track's sights, float32 (K, D).
        references: of the photographs, float32 (R, D).
        recogniser: whose they are.
        fewest: sights from which anything is sure; a single picture has one.

    Returns:
        ``SAME`` only where the whole track is like one photograph, in every sight: a track
        that went from one person to another is ``UNSURE``, as one of few sights is.
    """
    if len(rows) == 0:
        return Known.UNSURE, 0.0
    likeness = references @ robust_mean(rows)
    best = int(likeness.argmax())
    score = float(likeness[best])
    if len(rows) < fewest:
        return Known.UNSURE, score
    sights = rows @ references[best]
    if score >= recogniser.same and float(sights.min()) >= recogniser.other:
        return Known.SAME, score
    if score < recogniser.other and float(np.quantile(sights, 0.9)) < recogniser.same:
        return Known.OTHER, score
    return Known.UNSURE, score


def persons(tracks: Sequence[Track], means: Sequence[Floats | None], same: float) -> list[int]:
    """A number for each track, equal where two tracks show one person.

    Tracks join from the most alike downwards while the groups' mean likeness is ``same`` or
    more; two that share a frame are two people.

    Args:
        tracks: the tracks.
        means: their unit vectors; None joins nobody.
        same: likeness from which two are one person.
    """
    groups = [[number] for number in range(len(tracks))]
    while True:
        best, pair = same, None
        for a, one in enumerate(groups):
            for b, other in enumerate(groups[:a]):
                alike = _likeness(one, other, means)
                if alike >= best and not _meet(one, other, tracks):
                    best, pair = alike, (a, b)
        if pair is None:
            break
        groups[pair[1]] += groups.pop(pair[0])
    numbers = {each: number for number, group in enumerate(groups) for each in group}
    return [numbers[each] for each in range(len(tracks))]


class Acquaintances:
    """Numbers people throughout several pictures; their unit vectors stay in memory."""

    def __init__(self) -> None:
        self._known: list[list[Floats]] = []

    def persons(
        self, tracks: Sequence[Track], means: Sequence[Floats | None], same: float
    ) -> list[int]:
        """A number for each track of the next picture, that of an earlier one who is the same.

        The most alike are taken first, and nobody is in a picture twice. The arguments are
        those of `persons`.
        """
        here = persons(tracks, means, same)
        rows: dict[int, list[Floats]] = {number: [] for number in here}
        for number, mean in zip(here, means, strict=True):
            rows[number] += [] if mean is None else [mean]
        alike = sorted(
            (
                (-float((np.stack(own) @ np.stack(known).T).mean()), number, met)
                for number, own in rows.items()
                for met, known in enumerate(self._known)
                if own and known
            )
        )
        numbers: dict[int, int] = {}
        for likeness, number, met in alike:
            if -likeness >= same and number not in numbers and met not in numbers.values():
                numbers[number] = met
        for number, own in rows.items():
            if number not in numbers:
                numbers[number] = len(self._known)
                self._known.append([])
            self._known[numbers[number]] += own
        return [numbers[number] for number in here]


def _likeness(one: list[int], other: list[int], means: Sequence[Floats | None]) -> float:
    a = [mean for each in one if (mean := means[each]) is not None]
    b = [mean for each in other if (mean := means[each]) is not None]
    return float((np.stack(a) @ np.stack(b).T).mean()) if a and b else -1.0


def _meet(one: list[int], other: list[int], tracks: Sequence[Track]) -> bool:
    return any(
        tracks[a].first <= tracks[b].last and tracks[b].first <= tracks[a].last
        for a in one
        for b in other
    )
