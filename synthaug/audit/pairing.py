"""Frames of the source beside the frames of the output that are shown at the same time."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaug.errors import Damaged
from synthaug.media.clip import Clip
from synthaug.media.editing import picture
from synthaug.media.reading import frames

__all__ = ["Pair", "Timeline", "pairs"]

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
    broken: list[tuple[str, str]] = dataclasses.field(default_factory=list)


def pairs(source: Clip, output: Clip, timeline: Timeline) -> Iterator[Pair]:
    """Every frame of the source, in order, beside the output's; fills the timeline.

    Frames belong together that are shown at the same time, or nearly so: a quarter of a
    frame apart, and nearer to each other than to the next frame. Only a frame of each file
    is held at a time, and one to look ahead.
    """
    near = 1 / (4 * source.rate)
    ours = _Ahead(source, "source", timeline)
    theirs = _Ahead(output, "output", timeline)
    number = 0
    while ours.now is not None:
        time, frame = ours.now
        while theirs.now is not None and theirs.now[0] < time - near:
            _note(timeline.extra, theirs.now[0])
            timeline.num_extra += 1
            theirs.step()
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
        pixels = picture(frame)
        yield Pair(number, time, pixels, None if shown is None else _fitted(shown, pixels))
        number += 1
        ours.step()
    while theirs.now is not None:
        _note(timeline.extra, theirs.now[0])
        timeline.num_extra += 1
        theirs.step()


class _Ahead:
    """Frames of a file with a look at the next one; a file that breaks off just ends."""

    def __init__(self, clip: Clip, name: str, timeline: Timeline) -> None:
        self._clip, self._name, self._timeline = clip, name, timeline
        self._frames = frames(clip)
        self.now = self._next()
        self.after = self._next()

    def step(self) -> None:
        self.now, self.after = self.after, self._next()

    def _next(self) -> tuple[Fraction, Any] | None:
        try:
            frame = next(self._frames, None)
        except Damaged as error:
            self._timeline.broken.append((self._name, error.got))
            return None
        if frame is None:
            return None
        counted = getattr(self._timeline, self._name)
        setattr(self._timeline, self._name, counted + 1)
        return frame.pts * self._clip.time_base, frame


def _note(times: list[Fraction], time: Fraction) -> None:
    if len(times) < _MOST:
        times.append(time)


def _fitted(frame: Any, like: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A frame as RGB at the size of another, so that faces can be compared all the same."""
    import cv2

    pixels = picture(frame)
    if pixels.shape == like.shape:
        return pixels
    size = (like.shape[1], like.shape[0])
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
