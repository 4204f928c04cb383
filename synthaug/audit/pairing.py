"""Frames of the source beside the frames of the output that are shown at the same time."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from synthaug.errors import Damaged
from synthaug.media.clip import Clip
from synthaug.media.editing import picture
from synthaug.media.reading import frames, still_frames
from synthaug.media.stills import Still, as_rgb

__all__ = ["Pair", "Timeline", "pairs", "still_pairs"]

_MOST = 20  # times that are kept of each kind of trouble


@dataclasses.dataclass(frozen=True, eq=False)
class Pair:
    """One frame of the source and what the output shows then.

    Args:
        number: of the source's frame, from 0.
        seconds: when the source shows it.
        source: uint8 (H, W, 3).
        output: uint8 (H, W, 3), brought to the source's size where it has another; None
            where the output shows nothing of its own then.
    """

    number: int
    seconds: Fraction
    source: NDArray[np.uint8]
    output: NDArray[np.uint8] | None


@dataclasses.dataclass
class Timeline:
    """How the frames of two files lie in time; filled while `pairs` is read.

    Args:
        source: frames of the source.
        output: frames of the output.
        missing: seconds of frames that only the source has; the first of them.
        extra: seconds of frames that only the output has; the first of them.
        num_missing: how many only the source has.
        num_extra: how many only the output has.
        shifted: frames that both have, at times that are not exactly equal.
        largest_shift: of those, seconds.
        last: seconds at which the source's last frame is shown.
        broken: what was said where a file broke off; ``"source"`` or ``"output"`` first.
    """

    source: int = 0
    output: int = 0
    missing: list[Fraction] = dataclasses.field(default_factory=list)
    extra: list[Fraction] = dataclasses.field(default_factory=list)
    num_missing: int = 0
    num_extra: int = 0
    shifted: int = 0
    largest_shift: Fraction = Fraction(0)
    last: Fraction = Fraction(0)
    broken: list[tuple[str, str]] = dataclasses.field(default_factory=list)


def pairs(source: Clip, output: Clip, timeline: Timeline) -> Iterator[Pair]:
    """Every frame of the source, in order, beside the output's; fills the timeline.

    Frames belong together that are shown at the same time, or nearly so: a quarter of a
    frame apart, and nearer to each other than to the next frame. Only a frame of each file
    is held at a time, and one to look ahead.
    """
    return _paired(_of_clip(source), _of_clip(output), 1 / (4 * source.rate), timeline)


def still_pairs(source: Still, output: Still, timeline: Timeline) -> Iterator[Pair]:
    """The same for pictures, which may be animated; times are sums of durations."""
    return _paired(_of_still(source), _of_still(output), Fraction(1, 1000), timeline)


_Shown = tuple[Fraction, Callable[[], NDArray[np.uint8]]]
"""When a frame is shown, and what gives its pixels."""


def _of_clip(clip: Clip) -> Iterator[_Shown]:
    for frame in frames(clip):
        yield frame.pts * clip.time_base, functools.partial(picture, frame)


def _of_still(still: Still) -> Iterator[_Shown]:
    now = 0
    for pixels, duration, whole in still_frames(still):
        yield Fraction(now, 1000), functools.partial(as_rgb, pixels, still.mode)
        if not whole:
            raise Damaged("picture breaks off", got="part of a frame", where=str(still.path))
        now += max(1, duration)


def _paired(
    source: Iterator[_Shown], output: Iterator[_Shown], near: Fraction, timeline: Timeline
) -> Iterator[Pair]:
    ours = _Ahead(source, "source", timeline)
    theirs = _Ahead(output, "output", timeline)
    number = 0
    while ours.now is not None:
        time, pixels_of = ours.now
        while theirs.now is not None and theirs.now[0] < time - near:
            theirs.drop()
        shown = None
        if theirs.now is not None:
            gap = abs(theirs.now[0] - time)
            after = ours.after
            closer = after is not None and abs(after[0] - theirs.now[0]) < gap
            if gap <= near and not closer:
                shown = theirs.now[1]
                timeline.shifted += gap > 0
                timeline.largest_shift = max(timeline.largest_shift, gap)
                theirs.step()
        if shown is None:
            _note(timeline.missing, time)
            timeline.num_missing += 1
        timeline.last = time
        pixels = pixels_of()
        yield Pair(number, time, pixels, None if shown is None else _fitted(shown(), pixels))
        number += 1
        ours.step()
    while theirs.now is not None:
        theirs.drop()


class _Ahead:
    """Frames of a file with a look at the next one; a file that breaks off just ends."""

    def __init__(self, shown: Iterator[_Shown], name: str, timeline: Timeline) -> None:
        self._shown, self._name, self._timeline = shown, name, timeline
        self.now = self._next()
        self.after = self._next()

    def step(self) -> None:
        self.now, self.after = self.after, self._next()

    def drop(self) -> None:
        """Go on from a frame that has no partner."""
        if self.now is not None:
            _note(self._timeline.extra, self.now[0])
            self._timeline.num_extra += 1
            self.step()

    def _next(self) -> _Shown | None:
        try:
            shown = next(self._shown, None)
        except Damaged as error:
            self._timeline.broken.append((self._name, error.got))
            return None
        if shown is not None:
            counted = getattr(self._timeline, self._name)
            setattr(self._timeline, self._name, counted + 1)
        return shown


def _note(times: list[Fraction], time: Fraction) -> None:
    if len(times) < _MOST:
        times.append(time)


def _fitted(pixels: NDArray[np.uint8], like: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A frame at the size of another, so that faces can be compared all the same."""
    import cv2

    if pixels.shape == like.shape:
        return pixels
    size = (like.shape[1], like.shape[0])
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
