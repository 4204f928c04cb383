"""Faces of the source that the output still shows."""

from __future__ import annotations

import dataclasses
import functools
import heapq
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from synthaug.audit.pairing import Pair
from synthaug.faces.detections import Detections, Detector, overlap
from synthaug.faces.geometry import Placement, cut, level, oval, placement
from synthaug.faces.plan import Action, Plan
from synthaug.faces.tracks import Source, Spot
from synthaug.faces.turning import as_stored, seen_turned, stored, upright

__all__ = ["Glimpse", "Leaks", "Limits", "likeness"]

_SIDE = 48  # pixels of a crop that likeness is measured on
_SCALE = 3.0  # standard deviation of the local mean, pixels of such a crop
_UNCHANGED = 0.95  # likeness from which half of a face counts as open
_FLAT = 1.0  # standard deviation of greys below which nothing can be seen
_FEWEST = 50  # pixels that a correlation needs
_EACH = 4  # crops kept of one track
_SAME = 0.3  # overlap from which two boxes are one face


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """What counts as open.

    Args:
        likeness: share of a face's detail from which it is open; see `likeness`.
        near: frames between an open and a covered sight of one face that make a hole.
        smallest: side of the smallest face looked at, pixels.
        psnr: least likeness of what lies outside all ovals, dB.
    """

    likeness: float = 0.8
    near: int = 5
    smallest: float = 12.0
    psnr: float = 40.0


@dataclasses.dataclass(frozen=True, slots=True)
class Glimpse:
    """One face in one frame.

    Args:
        frame: number in the source.
        seconds: when it is shown.
        box: left, top, width, height in pixels.
        likeness: of its detail with the source, -1 to 1; NaN where nothing is shown then.
        track: of the plan, where one lies there.
        agreed: whether two detectors found it.
        planned: whether the plan hides it there.
        kept: whether the plan leaves it open on purpose.
    """

    frame: int
    seconds: float
    box: tuple[float, float, float, float]
    likeness: float
    track: int | None
    agreed: bool
    planned: bool
    kept: bool


@dataclasses.dataclass(eq=False)
class Crops:
    """A face before and after, for the private contact sheet; uint8 (S, S, 3) each."""

    glimpse: Glimpse
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]

    def __lt__(self, other: Crops) -> bool:
        return self.glimpse.likeness < other.glimpse.likeness


class Leaks:
    """Told one pair of frames after the other, finds the faces that stayed open.

    The first detector looks at every frame of the source. The second is asked where a face
    looks open, so that what it costs is spent where it matters.

    Args:
        plan: what was to be hidden.
        detectors: two of different making.
        limits: what counts as open.
        rotation: degrees by which players turn the picture: detectors look at it upright,
            and as stored too where it is not 0.
        worst: crops kept for the contact sheet.
        every: ask the second detector in every frame that shows a face, so that the number
            of agreed faces is known.
        found: what the detectors found in an upright frame, where that is known already.
    """

    def __init__(
        self,
        plan: Plan,
        detectors: Sequence[Detector],
        *,
        limits: Limits,
        rotation: int = 0,
        worst: int = 20,
        every: bool = False,
        found: Callable[[int, int], Detections | None] | None = None,
    ) -> None:
        self.first, self.second = detectors
        self.limits, self.worst, self.every = limits, worst, every
        self.glimpses: list[Glimpse] = []
        self._crops: dict[int | None, list[Crops]] = {}
        self._found, self._rotation = found, rotation
        self._asked, self._start = plan.between, 0.0
        self._spots: dict[int, list[tuple[int, Action, Spot]]] = {}
        for track in plan.tracks:
            for row, spot in enumerate(track.spots):
                at = self._spots.setdefault(track.first + row, [])
                at.append((track.identity, track.action, spot))

    def look(self, pair: Pair) -> None:
        """Compare the faces of one frame; where nothing was to be hidden, nothing is asked."""
        seconds = float(pair.seconds)
        self._start = seconds if pair.number == 0 else self._start
        since = seconds - self._start
        if self._asked and not any(start <= since <= stop for start, stop in self._asked):
            return
        planned = self._spots.get(pair.number, [])
        seen = self._detected(0, pair, self.first)
        seen = seen[seen.boxes[:, 2:].prod(-1) >= self.limits.smallest**2]
        size = pair.source.shape[1], pair.source.shape[0]
        spots = [stored(spot, self._rotation, size) for spot in _spots(seen)]
        measured = [(spot, *self._likeness(pair, spot)) for spot in spots]
        unsure = [like > self.limits.likeness for _, like, _ in measured]
        agreed = np.zeros(len(seen), np.bool_)
        if len(seen) and (self.every or any(unsure)):
            other = self._detected(1, pair, self.second)
            agreed = overlap(seen.boxes, other.boxes).max(1, initial=0.0) >= 0.4
        for (spot, like, crops), both in zip(measured, agreed, strict=True):
            self._add(pair, spot, like, crops, bool(both), planned)
        boxes = np.stack([spot.box for spot in spots]) if spots else seen.boxes
        for identity, action, spot in planned:
            # What the plan hides must be hidden, whether or not it is found again here.
            met = overlap(spot.box[None], boxes).max(initial=0.0) >= _SAME
            if action is Action.KEEP or met or spot.source is not Source.DETECTED:
                continue
            like, crops = self._likeness(pair, spot)
            self._add(pair, spot, like, crops, False, [(identity, action, spot)])

    def _detected(self, which: int, pair: Pair, detector: Detector) -> Detections:
        known = self._found(which, pair.number) if self._found else None
        if known is not None:
            return known
        image = upright(pair.source, self._rotation)
        return seen_turned(detector, image, as_stored(self._rotation))[0]

    def _likeness(
        self, pair: Pair, spot: Spot
    ) -> tuple[float, tuple[NDArray[np.uint8], NDArray[np.uint8]] | None]:
        if pair.output is None:
            return float("nan"), None
        where = placement(spot)
        crops = cut(pair.source, where, _SIDE), cut(pair.output, where, _SIDE)
        return likeness(*crops, where, pair.source.shape), crops

    def _add(
        self,
        pair: Pair,
        spot: Spot,
        like: float,
        crops: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None,
        both: bool,
        planned: Sequence[tuple[int, Action, Spot]],
    ) -> None:
        shares = [float(overlap(spot.box[None], other.box[None])[0, 0]) for *_, other in planned]
        best = int(np.argmax(shares)) if shares else -1
        here = planned[best] if best >= 0 and shares[best] >= _SAME else None
        glimpse = Glimpse(
            frame=pair.number,
            seconds=float(pair.seconds),
            box=tuple(round(float(x), 1) for x in spot.box),  # type: ignore[arg-type]
            likeness=round(like, 4),
            track=here[0] if here else None,
            agreed=both,
            planned=here is not None and here[1] is not Action.KEEP,
            kept=here is not None and here[1] is Action.KEEP,
        )
        self.glimpses.append(glimpse)
        if crops is not None and not glimpse.kept:
            # A few of each face: the worst of one would fill the sheet alone.
            mine = self._crops.setdefault(glimpse.track, [])
            heapq.heappush(mine, Crops(glimpse, *crops))
            if len(mine) > (_EACH if glimpse.track is not None else self.worst):
                heapq.heappop(mine)

    @property
    def sheet(self) -> list[Crops]:
        """The least hidden faces, least hidden first."""
        return heapq.nlargest(self.worst, (each for mine in self._crops.values() for each in mine))

    def open(self) -> list[Glimpse]:
        """Faces that two detectors agree on, or that the plan hides, and that are open."""
        return [g for g in self.glimpses if self._is_open(g) and (g.agreed or g.planned)]

    def holes(self) -> list[Glimpse]:
        """Open faces with a covered sight of the same face a few frames before or after."""
        by_frame: dict[int, list[Glimpse]] = {}
        for glimpse in self.glimpses:
            by_frame.setdefault(glimpse.frame, []).append(glimpse)
        found = []
        for glimpse in self.glimpses:
            if not self._is_open(glimpse):
                continue
            around = range(glimpse.frame - self.limits.near, glimpse.frame + self.limits.near + 1)
            near = [other for frame in around for other in by_frame.get(frame, [])]
            if any(
                not other.kept and other.likeness <= self.limits.likeness and _same(glimpse, other)
                for other in near
            ):
                found.append(glimpse)
        return found

    def doubtful(self) -> list[Glimpse]:
        """Open places that one detector alone takes for a face: most are none."""
        sure = {*self.open(), *self.holes()}
        return [g for g in self.glimpses if self._is_open(g) and g not in sure]

    def _is_open(self, glimpse: Glimpse) -> bool:
        return not glimpse.kept and glimpse.likeness > self.limits.likeness


def _spots(found: Detections) -> list[Spot]:
    return [
        Spot(box, points, float(score), Source.DETECTED)
        for box, points, score in zip(found.boxes, found.points, found.scores, strict=True)
    ]


def _same(one: Glimpse, other: Glimpse) -> bool:
    """Whether two sights a few frames apart are of one face: it moves less than its size."""
    if one.track is not None and one.track == other.track:
        return True
    a, b = np.array(one.box), np.array(other.box)
    side = float(np.sqrt(np.minimum(a[2:].prod(), b[2:].prod())))
    apart = float(np.linalg.norm(a[:2] + a[2:] / 2 - b[:2] - b[2:] / 2))
    alike = np.sqrt(a[2:].prod() / b[2:].prod())
    return apart < 0.75 * side and 0.5 < alike < 2.0


def likeness(
    before: NDArray[np.uint8], after: NDArray[np.uint8], where: Placement, shape: tuple[int, ...]
) -> float:
    """How much of a face's detail is the same in two crops, -1 to 1.

    Correlation of what remains of the greys when their local mean is taken away: a strong blur
    keeps the hair's edge and the light, and another person's face has light and shade in the
    same places, so that plain greys correlate by 0.9 where nobody can be recognised. Where
    one half of the face is as good as unchanged, the likeness is that half's.

    Args:
        before: uint8 (S, S, 3).
        after: uint8 (S, S, 3).
        where: place of the crops in the frame.
        shape: height and width of the frame: what lies outside it is not compared.

    Returns:
        0 where either crop shows no detail.
    """
    mask = _in_frame(where, shape) & _face()
    one, other = _detail(before), _detail(after)
    whole = _correlation(one, other, mask)
    halves = max(_correlation(one, other, mask & half) for half in _halves())
    return max(whole, halves) if halves > _UNCHANGED else whole


def _correlation(
    one: NDArray[np.float32], other: NDArray[np.float32], mask: NDArray[np.bool_]
) -> float:
    if mask.sum() < _FEWEST:
        return 0.0
    a, b = one[mask], other[mask]
    # Noise on a flat patch correlates with nothing, and shows nothing.
    if min(a.std(), b.std()) < _FLAT:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def _detail(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Greys less their mean around, which outside the oval does not count; float32 (S, S)."""
    import cv2

    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    part = oval(_SIDE).astype(np.float32)
    around = cv2.GaussianBlur(grey * part, (0, 0), _SCALE)
    return np.asarray(grey - around / np.maximum(cv2.GaussianBlur(part, (0, 0), _SCALE), 1e-3))


@functools.cache
def _face() -> NDArray[np.bool_]:
    """The oval of a crop without its rim, where the seam is; bool (S, S)."""
    places = (np.arange(_SIDE) + 0.5) / _SIDE - 0.5
    return np.asarray(level(np.stack(np.meshgrid(places, places), -1)) <= 0.8)


@functools.cache
def _halves() -> tuple[NDArray[np.bool_], ...]:
    """Left, right, upper and lower half of a crop."""
    rows, columns = np.mgrid[:_SIDE, :_SIDE] < _SIDE // 2
    return columns, ~columns, rows, ~rows


def _in_frame(where: Placement, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which pixels of a crop lie in the frame; bool (S, S)."""
    x, y = np.meshgrid(np.arange(_SIDE), np.arange(_SIDE))
    places = where.to_frame(_SIDE) @ np.stack([x, y, np.ones_like(x)]).reshape(3, -1)
    there = ((places >= 0) & (places < np.array([[shape[1]], [shape[0]]]))).all(0)
    return np.asarray(there.reshape(_SIDE, _SIDE))
