"""Tracks: one person's face through a shot, without a gap."""

from __future__ import annotations

import dataclasses
import enum
import functools
import itertools
import operator
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from synthaug.faces.detections import Detections, closeness, overlap
from synthaug.faces.motion import moved
from synthaug.faces.smoothing import one_euro

__all__ = ["Settings", "Source", "Spot", "Track", "track"]


Floats = NDArray[np.float32]

_TICK = 1e-6  # seconds; sums of frame times are not exact


class Source(enum.StrEnum):
    """How a face's place in a frame is known."""

    DETECTED = "detected"
    INTERPOLATED = "interpolated"
    LED_IN = "led-in"
    LED_OUT = "led-out"
    BY_HAND = "by hand"


@dataclasses.dataclass(frozen=True)
class Spot:
    """A face in one frame: box float32 (4,), points float32 (5, 2), score, and its source."""

    box: NDArray[np.float32]
    points: NDArray[np.float32]
    score: float
    source: Source


@dataclasses.dataclass(eq=False)
class Track:
    """One face through consecutive frames of one shot.

    Args:
        first: number of the first frame.
        spots: one a frame, without a gap.
        by: for each frame the bits of the detectors that found it, 0 where none did.
    """

    first: int
    spots: list[Spot]
    by: list[int] = dataclasses.field(default_factory=list)

    @property
    def last(self) -> int:
        """Number of the last frame."""
        return self.first + len(self.spots) - 1

    @property
    def detected(self) -> int:
        """Frames in which it was seen."""
        return sum(spot.source is Source.DETECTED for spot in self.spots)

    @property
    def agreed(self) -> int:
        """Frames in which more than one detector saw it."""
        return sum(bits & (bits - 1) > 0 for bits in self.by)

    @property
    def best(self) -> float:
        """The highest score of any frame."""
        return max(spot.score for spot in self.spots)

    @property
    def strength(self) -> float:
        """The score that a tenth of its sights reach."""
        seen = [spot.score for spot in self.spots if spot.source is Source.DETECTED]
        return float(np.quantile(seen, 0.9))


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a track is.

    Args:
        sure: score from which a face begins a track.
        hint: score from which a face may begin one, where several such sights agree.
        often: how many sights of one detector do.
        least: score from which a face keeps a track going.
        gap: longest time a face may be lost inside a track, seconds.
        unsure: the same where only an unsure sight ends it: what looks a little like a face
            now and then would hold a track for ever.
        lead: time a track is led in and out beyond its first and last sight, seconds.
        brief: the same for a face that was seen shortly, in times of how long it was seen;
            at least ``shortest`` seconds.
        shortest: shortest lead, seconds.
        growth: share of its size a box grows with each second it is not seen.
        most: largest growth, as a share of the size.
    """

    sure: float = 0.5
    hint: float = 0.4
    often: int = 5
    least: float = 0.3
    gap: float = 1.0
    unsure: float = 0.5
    lead: float = 0.6
    brief: float = 1.5
    shortest: float = 0.2
    growth: float = 0.8
    most: float = 0.4


_Sight = tuple[Floats, Floats, float, int]  # box, points, score, bits


@dataclasses.dataclass
class _Open:
    """A track that may still be found again: frame numbers and what was seen in them."""

    frames: list[int]
    seen: list[_Sight]


@dataclasses.dataclass(frozen=True)
class _Scene:
    """What all tracks of a video share."""

    times: Sequence[float]
    size: tuple[int, int]
    motion: Callable[[int], NDArray[np.int8]] | None
    settings: Settings

    def carried(self, box: Floats, start: int, stop: int) -> list[Floats]:
        """A box of frame ``start`` in each frame after it up to ``stop``, either way in time."""
        boxes = []
        step = 1 if stop > start else -1
        for frame in range(start + step, stop + step, step):
            if self.motion is not None:
                back = step < 0
                grid = self.motion(frame + 1 if back else frame)
                box = box.copy()
                box[:2] += moved(box, grid, self.size, back=back)
            boxes.append(box)
        return boxes

    def expected(self, each: _Open, frame: int) -> Floats:
        """Where a track should be in a frame after its last sight or before its first."""
        ahead = frame > each.frames[-1]
        near, sights = each.frames, each.seen
        if not ahead:
            near, sights = near[::-1], sights[::-1]
        last = sights[-1][0]
        if self.motion is not None:
            return self.carried(last, near[-1], frame)[-1]
        if len(near) < 2:
            return last
        back = max(0, len(near) - 4)
        speed = (last - sights[back][0]) / abs(near[-1] - near[back])
        # Beyond a few frames a speed says little.
        box = last.copy()
        box[:2] += speed[:2] * min(abs(frame - near[-1]), 5)
        return box


def track(
    found: Sequence[Detections],
    times: Sequence[float],
    cuts: Sequence[bool],
    size: tuple[int, int],
    *,
    motion: Callable[[int], NDArray[np.int8]] | None = None,
    settings: Settings | None = None,
) -> list[Track]:
    """Tracks of the faces found in consecutive frames.

    Faces are joined forwards and, from each track's first sight, backwards, so that an
    unsure face before a sure one belongs to it. Where a face is lost its box goes with the
    picture's motion from either sight to the other and grows with the time to the nearer
    one; it is never as large as both ends together.

    Args:
        found: faces of each frame, unsure ones too.
        times: seconds, rising, one a frame.
        cuts: whether a shot begins with the frame; no track crosses a cut.
        size: width and height of the frames.
        motion: gives the motion from the frame before to a frame; without it faces are
            taken to keep their speed.
        settings: what a track is.

    Returns:
        Tracks in the order of their first frames.
    """
    scene = _Scene(times, size, motion, settings or Settings())
    starts = [0, *(at for at in range(1, len(found)) if cuts[at])]
    tracks: list[Track] = []
    for start, stop in zip(starts, [*starts[1:], len(found)], strict=True):
        shot = _joined(found, range(start, stop), scene)
        tracks += _apart([_filled(each, (start, stop), scene) for each in shot])
    return sorted(tracks, key=lambda each: (each.first, each.last))


def _joined(found: Sequence[Detections], frames: range, scene: _Scene) -> list[_Open]:
    """What belongs together in one shot, frame by frame, then once more backwards."""
    settings = scene.settings
    free = {
        frame: np.array([_touches(box, scene.size) for box in found[frame].boxes], np.bool_)
        for frame in frames
    }
    tracks = _begun(found, frames, free, settings.sure, scene)
    # Of what nobody was sure of, that which agrees in space or time.
    tracks += [
        each for each in _begun(found, frames, free, settings.hint, scene)
        if _agrees(each, settings)
    ]  # fmt: skip
    return tracks


def _begun(
    found: Sequence[Detections],
    frames: range,
    free: dict[int, NDArray[np.bool_]],
    begin: float,
    scene: _Scene,
) -> list[_Open]:
    """Tracks that begin with a score, of faces that are free."""
    times, settings = scene.times, scene.settings
    tracks: list[_Open] = []
    for frame in frames:
        alive = [t for t in tracks if times[frame] - times[t.frames[-1]] <= settings.gap]
        # The sure ones choose first; what is left may keep a track alive, not begin one.
        for least, gap in ((settings.sure, settings.gap), (settings.least, settings.unsure)):
            late = [t for t in alive if times[frame] - times[t.frames[-1]] <= gap + _TICK]
            _extend(late, found[frame], frame, free[frame], least, scene)
            alive = [t for t in alive if t.frames[-1] != frame]
        for row in np.flatnonzero(free[frame] & (found[frame].scores >= begin)):
            tracks.append(_Open([frame], [_seen(found[frame], int(row))]))
            free[frame][row] = False
    for each in tracks:
        for frame in range(each.frames[0] - 1, frames.start - 1, -1):
            if times[each.frames[0]] - times[frame] > settings.unsure + _TICK:
                break
            _extend([each], found[frame], frame, free[frame], settings.least, scene)
    return tracks


def _agrees(each: _Open, settings: Settings) -> bool:
    """Whether two detectors had a hint of one face in different frames, or one many times."""
    hints = [bits for _, _, score, bits in each.seen if score >= settings.hint]
    every = functools.reduce(operator.or_, hints, 0)
    return bool(every & (every - 1)) or len(hints) >= settings.often


def _extend(
    alive: list[_Open],
    found: Detections,
    frame: int,
    free: NDArray[np.bool_],
    least: float,
    scene: _Scene,
) -> None:
    """Give each track the face that lies best where it is expected."""
    rows = np.flatnonzero(free & (found.scores >= least))
    if not alive or not len(rows):
        return
    expected = np.stack([scene.expected(each, frame) for each in alive])
    # What moved may have been a hand before the face, which is where it was.
    before = np.stack([each.seen[-1 if frame > each.frames[-1] else 0][0] for each in alive])
    boxes = found.boxes[rows]
    fits = np.maximum(closeness(expected, boxes), 0.8 * closeness(before, boxes))
    for one, other in zip(*linear_sum_assignment(-fits), strict=True):
        if fits[one, other] > 0:
            at = len(alive[one].frames) if frame > alive[one].frames[-1] else 0
            alive[one].frames.insert(at, frame)
            alive[one].seen.insert(at, _seen(found, int(rows[other])))
            free[rows[other]] = False


def _seen(found: Detections, row: int) -> _Sight:
    return found.boxes[row], found.points[row], float(found.scores[row]), int(found.by[row])


def _filled(each: _Open, shot: tuple[int, int], scene: _Scene) -> Track:
    """A track with a spot in every frame, smoothed where seen, grown where not."""
    seconds = np.array([scene.times[frame] for frame in each.frames])
    boxes = one_euro(np.stack([sight[0] for sight in each.seen]), seconds)
    points = one_euro(np.stack([sight[1] for sight in each.seen]), seconds)
    first, last = _led(each, shot, scene)
    spots: dict[int, Spot] = {}
    for row, frame in enumerate(each.frames):
        # Smoothing must not slip off the face: both boxes are inside.
        box = _hull(boxes[row], each.seen[row][0])
        spots[frame] = Spot(box, points[row], each.seen[row][2], Source.DETECTED)
    for one, other in itertools.pairwise(each.frames):
        _bridge(spots, one, other, scene)
    for start, stop, source in (
        (each.frames[0], first, Source.LED_IN), (each.frames[-1], last, Source.LED_OUT),
    ):  # fmt: skip
        way = scene.carried(spots[start].box, start, stop) if stop != start else []
        for away, box in enumerate(way, 1):
            frame = start + away if stop > start else start - away
            since = abs(scene.times[frame] - scene.times[start])
            spots[frame] = _unseen(spots[start], box, since, 0.0, source, scene)
    by = {frame: sight[3] for frame, sight in zip(each.frames, each.seen, strict=True)}
    frames = [frame for frame in sorted(spots) if _touches(spots[frame].box, scene.size)]
    # A face that left the picture and came back within a gap stays one track.
    frames = list(range(frames[0], frames[-1] + 1))
    whole = [_kept_inside(spots[frame], scene.size) for frame in frames]
    return Track(frames[0], whole, [by.get(frame, 0) for frame in frames])


def _led(each: _Open, shot: tuple[int, int], scene: _Scene) -> tuple[int, int]:
    """First and last frame with leading in and out, inside the shot."""
    times, settings = scene.times, scene.settings
    first, last = each.frames[0], each.frames[-1]
    # What was seen now and then was not seen long.
    seen = (times[last] - times[first]) * len(each.frames) / (last - first + 1)
    lead = min(settings.lead, max(settings.shortest, settings.brief * seen)) + _TICK
    while first > shot[0] and times[each.frames[0]] - times[first - 1] <= lead:
        first -= 1
    while last < shot[1] - 1 and times[last + 1] - times[each.frames[-1]] <= lead:
        last += 1
    return first, last


def _bridge(spots: dict[int, Spot], one: int, other: int, scene: _Scene) -> None:
    """Fill the frames between two sights."""
    if other - one < 2:
        return
    a, b, times = spots[one], spots[other], scene.times
    there = scene.carried(a.box, one, other)
    back = scene.carried(b.box, other, one)[::-1]
    missed = float(np.linalg.norm(_middle(there[-1]) - _middle(b.box)))
    # Motion that does not lead from one sight to the other is something else's, a hand's.
    trusted = scene.motion is not None and missed < float(max(a.box[2:].max(), b.box[2:].max()))
    for frame in range(one + 1, other):
        share = np.float32((times[frame] - times[one]) / (times[other] - times[one]))
        box = a.box * (1 - share) + b.box * share
        apart = 0.0
        if trusted:
            ahead, behind = _middle(there[frame - one - 1]), _middle(back[frame - one])
            box[:2] = ahead * (1 - share) + behind * share - box[2:] / 2
            apart = float(np.linalg.norm(ahead - behind)) / float(box[2:].max())
        since = min(times[frame] - times[one], times[other] - times[frame])
        near = dataclasses.replace(a, points=a.points * (1 - share) + b.points * share)
        near = dataclasses.replace(near, box=a.box * (1 - share) + b.box * share)
        spots[frame] = _unseen(near, box, since, apart / 2, Source.INTERPOLATED, scene)


def _unseen(
    near: Spot, box: Floats, since: float, apart: float, source: Source, scene: _Scene
) -> Spot:
    """A spot where nothing was seen: the box grown, the points moved with it."""
    settings = scene.settings
    share = min(settings.most, settings.growth * since + apart)
    points = near.points + (_middle(box) - _middle(near.box))
    return Spot(_grown(box, share), points, 0.0, source)


def _apart(tracks: list[Track]) -> list[Track]:
    """The tracks without what another one shows anyway.

    A lead over another track's sights is cut off there, and a track that lies inside
    another one in every frame goes: nothing is open that was covered.
    """
    for each in tracks:
        others = [other for other in tracks if other is not each]
        seen = [n for n, spot in enumerate(each.spots) if spot.source is Source.DETECTED]
        start, stop = seen[0], seen[-1]
        while start > 0 and not _shown(each, start - 1, others):
            start -= 1
        while stop < len(each.spots) - 1 and not _shown(each, stop + 1, others):
            stop += 1
        each.first += start
        each.spots, each.by = each.spots[start : stop + 1], each.by[start : stop + 1]
    kept = sorted(tracks, key=lambda each: -each.detected)
    for each in reversed(list(kept)):
        around = next((other for other in kept if other is not each and _inside(each, other)), None)
        if around is None:
            continue
        kept.remove(each)
        for row, spot in enumerate(each.spots, each.first - around.first):
            if spot.source is Source.DETECTED:
                there = around.spots[row]
                hull = _hull(there.box, spot.box)
                around.spots[row] = dataclasses.replace(there, box=hull)
                around.by[row] |= each.by[row - each.first + around.first]
    return kept


def _shown(each: Track, row: int, others: list[Track]) -> bool:
    """Whether a spot lies where another track has seen a face of its size."""
    spot, frame = each.spots[row], each.first + row
    for other in others:
        if other.first <= frame <= other.last:
            there = other.spots[frame - other.first]
            if there.source is Source.DETECTED:
                return float(overlap(spot.box[None], there.box[None])[0, 0]) > 0.4
    return False


def _inside(each: Track, other: Track) -> bool:
    """Whether another track covers nine tenths of this one in every frame."""
    if each.first < other.first or each.last > other.last:
        return False
    for frame, spot in enumerate(each.spots, each.first):
        box = other.spots[frame - other.first].box
        corner = np.maximum(spot.box[:2], box[:2])
        shared = np.minimum(spot.box[:2] + spot.box[2:], box[:2] + box[2:]) - corner
        if np.clip(shared, 0, None).prod() < 0.9 * spot.box[2:].prod():
            return False
    return True


def _middle(box: Floats) -> Floats:
    return np.asarray(box[:2] + box[2:] / 2, np.float32)


def _grown(box: Floats, share: float) -> Floats:
    """A box larger by a share of its size, around the same middle."""
    extra = box[2:] * np.float32(share)
    return np.concatenate([box[:2] - extra / 2, box[2:] + extra])


def _hull(a: Floats, b: Floats) -> Floats:
    corner = np.minimum(a[:2], b[:2])
    return np.concatenate([corner, np.maximum(a[:2] + a[2:], b[:2] + b[2:]) - corner])


def _touches(box: Floats, size: tuple[int, int]) -> bool:
    """Whether any of a box lies in the picture."""
    return bool((box[:2] < size).all() and (box[:2] + box[2:] > 0).all())


def _kept_inside(spot: Spot, size: tuple[int, int]) -> Spot:
    """A spot that touches the picture: one that has left it waits at the border."""
    if _touches(spot.box, size):
        return spot
    box = spot.box.copy()
    box[:2] = np.clip(box[:2], 1 - box[2:], np.array(size, np.float32) - 1)
    return dataclasses.replace(spot, box=box)
