"""Tracks: one person's face through a shot, without a gap."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from synthaug.faces.detections import Detections, overlap
from synthaug.faces.smoothing import one_euro

__all__ = ["Settings", "Source", "Spot", "Track", "track"]


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


@dataclasses.dataclass
class Track:
    """One face through consecutive frames of one shot.

    Args:
        first: number of the first frame.
        spots: one a frame, without a gap.
        agreed: frames in which a second detector found it too.
    """

    first: int
    spots: list[Spot]
    agreed: int = 0

    @property
    def last(self) -> int:
        """Number of the last frame."""
        return self.first + len(self.spots) - 1

    @property
    def detected(self) -> int:
        """Frames in which it was seen."""
        return sum(spot.source is Source.DETECTED for spot in self.spots)


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a track is.

    Args:
        sure: score from which a face begins a track.
        gap: longest time a face may be lost inside a track, seconds.
        lead: time a track is led in and out beyond its first and last sight, seconds.
        growth: share of its size a box grows with each frame it is not seen in.
        most: largest growth, as a share of the size.
    """

    sure: float = 0.5
    gap: float = 1.0
    lead: float = 0.4
    growth: float = 0.04
    most: float = 0.5


@dataclasses.dataclass
class _Open:
    """A track that may still be found again: frame numbers and what was seen in them."""

    frames: list[int]
    seen: list[tuple[NDArray[np.float32], NDArray[np.float32], float]]

    def expected(self, frame: int) -> NDArray[np.float32]:
        """Its box where it should be by now, at the speed it had."""
        box = self.seen[-1][0]
        if len(self.frames) < 2:
            return box
        back = max(0, len(self.frames) - 4)
        span = self.frames[-1] - self.frames[back]
        speed = (self.seen[-1][0] - self.seen[back][0]) / span
        # Beyond a few frames a speed says little.
        ahead = min(frame - self.frames[-1], 5)
        moved = box.copy()
        moved[:2] += speed[:2] * ahead
        return moved


def track(
    found: Sequence[Detections],
    times: Sequence[float],
    cuts: Sequence[bool],
    size: tuple[int, int],
    *,
    settings: Settings | None = None,
) -> list[Track]:
    """Tracks of the faces found in consecutive frames.

    Faces are joined forwards and, from each track's first sight, backwards, so that an
    unsure face before a sure one belongs to it. Where a face is lost, its box is moved
    evenly between the two sights and grows with the distance to the nearer one.

    Args:
        found: faces of each frame, unsure ones too.
        times: seconds, rising, one a frame.
        cuts: whether a shot begins with the frame; no track crosses a cut.
        size: width and height of the frames.
        settings: what a track is.

    Returns:
        Tracks in the order of their first frames.
    """
    settings = settings or Settings()
    starts = [0, *(at for at in range(1, len(found)) if cuts[at])]
    tracks: list[Track] = []
    for start, stop in zip(starts, [*starts[1:], len(found)], strict=True):
        shot = _joined(found, times, range(start, stop), settings)
        tracks += [_filled(each, times, (start, stop), size, settings) for each in shot]
    return sorted(tracks, key=lambda each: (each.first, each.last))


def _joined(
    found: Sequence[Detections], times: Sequence[float], frames: range, settings: Settings
) -> list[_Open]:
    """What belongs together in one shot, frame by frame, then once more backwards."""
    free = {frame: np.ones(len(found[frame]), np.bool_) for frame in frames}
    tracks: list[_Open] = []
    for frame in frames:
        alive = [t for t in tracks if times[frame] - times[t.frames[-1]] <= settings.gap]
        # The sure ones choose first; what is left may keep a track alive, not begin one.
        for sure in (True, False):
            _extend(alive, found[frame], frame, free[frame], settings.sure if sure else 0.0)
            alive = [t for t in alive if t.frames[-1] != frame]
        for row in np.flatnonzero(free[frame] & (found[frame].scores >= settings.sure)):
            tracks.append(_Open([frame], [_seen(found[frame], int(row))]))
            free[frame][row] = False
    for each in tracks:
        _extend_back(each, found, times, frames, free, settings)
    return tracks


def _extend(
    alive: list[_Open],
    found: Detections,
    frame: int,
    free: NDArray[np.bool_],
    least: float,
) -> None:
    """Give each track the face that lies best where it is expected."""
    rows = np.flatnonzero(free & (found.scores >= least))
    if not alive or not len(rows):
        return
    expected = np.stack([each.expected(frame) for each in alive])
    closeness = _closeness(expected, found.boxes[rows])
    for one, other in zip(*linear_sum_assignment(-closeness), strict=True):
        if closeness[one, other] > 0:
            alive[one].frames.append(frame)
            alive[one].seen.append(_seen(found, int(rows[other])))
            free[rows[other]] = False


def _extend_back(
    each: _Open,
    found: Sequence[Detections],
    times: Sequence[float],
    frames: range,
    free: dict[int, NDArray[np.bool_]],
    settings: Settings,
) -> None:
    """Take up unsure faces before a track's first sight."""
    mirrored = _Open([-frame for frame in each.frames[::-1]], each.seen[::-1])
    for frame in range(each.frames[0] - 1, frames.start - 1, -1):
        if times[-mirrored.frames[-1]] - times[frame] > settings.gap:
            break
        _extend([mirrored], found[frame], -frame, free[frame], 0.0)
    each.frames = [-frame for frame in mirrored.frames[::-1]]
    each.seen = mirrored.seen[::-1]


def _closeness(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """How well boxes fit, (A, B): above 0 for pairs that may be one face, at most 2.

    Overlap first; small fast faces leave their own box within a frame, so centres within
    a face's size count too, where the sizes agree.
    """
    centres = np.linalg.norm(
        (a[:, None, :2] + a[:, None, 2:] / 2) - (b[None, :, :2] + b[None, :, 2:] / 2), axis=-1
    )
    sides = np.sqrt(a[:, 2:].prod(-1))[:, None], np.sqrt(b[:, 2:].prod(-1))[None]
    larger, smaller = np.maximum(*sides), np.minimum(*sides)
    near = 1 - centres / np.maximum(larger, 1e-6)
    fits = (smaller > 0.5 * larger) & (near > 0)
    return np.where(fits, overlap(a, b) + near, 0.0).astype(np.float64)


def _seen(found: Detections, row: int) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    return found.boxes[row], found.points[row], float(found.scores[row])


def _filled(
    each: _Open,
    times: Sequence[float],
    shot: tuple[int, int],
    size: tuple[int, int],
    settings: Settings,
) -> Track:
    """A track with a spot in every frame, smoothed where seen, grown where not."""
    seconds = np.array([times[frame] for frame in each.frames])
    boxes = one_euro(np.stack([box for box, _, _ in each.seen]), seconds)
    points = one_euro(np.stack([points for _, points, _ in each.seen]), seconds)
    first, last = _led(each, times, shot, settings)
    at = {frame: row for row, frame in enumerate(each.frames)}
    spots = []
    for frame in range(first, last + 1):
        if frame in at:
            row = at[frame]
            # Smoothing must not slip off the face: both boxes are inside.
            box = _hull(boxes[row], each.seen[row][0])
            spots.append(Spot(box, points[row], each.seen[row][2], Source.DETECTED))
            continue
        box, marks, away, source = _unseen(frame, each.frames, times, boxes, points)
        grown = _grown(box, min(settings.most, settings.growth * away))
        spots.append(Spot(grown, marks, 0.0, source))
    inside = [_touches(spot.box, size) for spot in spots]
    keep = slice(inside.index(True), len(inside) - inside[::-1].index(True))
    return Track(first + keep.start, spots[keep])


def _led(
    each: _Open, times: Sequence[float], shot: tuple[int, int], settings: Settings
) -> tuple[int, int]:
    """First and last frame with leading in and out, inside the shot."""
    first, last = each.frames[0], each.frames[-1]
    while first > shot[0] and times[each.frames[0]] - times[first - 1] <= settings.lead + _TICK:
        first -= 1
    while last < shot[1] - 1 and times[last + 1] - times[each.frames[-1]] <= settings.lead + _TICK:
        last += 1
    return first, last


def _unseen(
    frame: int,
    frames: list[int],
    times: Sequence[float],
    boxes: NDArray[np.float32],
    points: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32], int, Source]:
    """Where a face is in a frame without sight of it, and how many frames the nearest is away."""
    after = int(np.searchsorted(frames, frame))
    if after == 0:
        return boxes[0], points[0], frames[0] - frame, Source.LED_IN
    if after == len(frames):
        return boxes[-1], points[-1], frame - frames[-1], Source.LED_OUT
    one, other = frames[after - 1], frames[after]
    share = np.float32((times[frame] - times[one]) / (times[other] - times[one]))
    box = boxes[after - 1] * (1 - share) + boxes[after] * share
    marks = points[after - 1] * (1 - share) + points[after] * share
    return box, marks, min(frame - one, other - frame), Source.INTERPOLATED


def _grown(box: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """A box larger by a share of its size, around the same middle."""
    extra = box[2:] * np.float32(share)
    return np.concatenate([box[:2] - extra / 2, box[2:] + extra])


def _hull(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    corner = np.minimum(a[:2], b[:2])
    return np.concatenate([corner, np.maximum(a[:2] + a[2:], b[:2] + b[2:]) - corner])


def _touches(box: NDArray[np.float32], size: tuple[int, int]) -> bool:
    """Whether any of a box lies in the picture."""
    return bool((box[:2] < size).all() and (box[:2] + box[2:] > 0).all())
