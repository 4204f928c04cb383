"""Frames decoded in this very process; `synthaug.media.frames` is the safe way."""

from __future__ import annotations

import collections
import heapq
from collections.abc import Iterator
from typing import Any

from synthaug.errors import Damaged
from synthaug.media.clip import Clip, opened
from synthaug.media.editing import reformat

__all__ = ["breaks_off", "decoded"]

_AHEAD = 3
"""Frames that may be coded ahead of one that is shown before them, in files without times."""


def decoded(clip: Clip) -> Iterator[Any]:
    """Every frame as an ``av.VideoFrame``: the clip's size and pixel format, ``pts`` set.

    Raises:
        Damaged: after the last frame that could be decoded, where the file breaks off.
    """
    import av

    told, broken = 0, None
    with opened(clip.path) as container:
        stream: Any = container.streams[clip.stream]
        stream.thread_type = "AUTO"

        def read() -> Iterator[Any]:
            nonlocal broken
            try:
                for frame in container.decode(stream):
                    yield _plain(frame, clip)
            except av.FFmpegError as error:
                broken = error

        step = max(1, round(1 / (clip.rate * clip.time_base)))
        for frame in _timed(read(), step, begins=0 if clip.container == "avi" else None):
            told += 1
            yield frame
    if broken is not None or clip.frames > told:
        raise breaks_off(clip, told) from broken


def _timed(read: Iterator[Any], step: int, *, begins: int | None) -> Iterator[Any]:
    """The frames with rising times.

    Decoders give frames in the order they are shown, but AVI knows no time of showing: there
    frames that were coded ahead of others carry times that have changed places, and all are
    late by what the decoder waited. So the earliest of a few times belongs to the first of a
    few frames, and AVI begins at 0. Broken files repeat or lose times besides; a frame is
    shown after the one before it.
    """
    waiting: collections.deque[Any] = collections.deque()
    times: list[int] = []
    last: int | None = None
    early = 0

    def first() -> Any:
        nonlocal last, early
        frame = waiting.popleft()
        time = None if frame.pts is None else heapq.heappop(times) - early
        if last is None and time is not None and begins is not None:
            time, early = begins, time - begins
        if time is None or (last is not None and time <= last):
            time = 0 if last is None else last + step
        frame.pts = last = time
        return frame

    for frame in read:
        waiting.append(frame)
        if frame.pts is not None:
            heapq.heappush(times, frame.pts)
        if len(waiting) > _AHEAD:
            yield first()
    while waiting:
        yield first()


def breaks_off(clip: Clip, told: int, why: str = "") -> Damaged:
    """The error that says how many frames could be read."""
    claimed = f" of {clip.frames}" if clip.frames else ""
    return Damaged(
        "video breaks off", got=f"{told}{claimed} frames" + (f", then {why}" if why else ""),
        where=str(clip.path), remedy="What could be read was used; copy the file again for the "
        "rest.",
    )  # fmt: skip


def _plain(frame: Any, clip: Clip) -> Any:
    """The frame in the clip's size and format, its lines from top to bottom."""
    alike = frame.format.name == clip.pixel_format
    fits = alike and (frame.width, frame.height) == (clip.width, clip.height)
    if fits and all(plane.line_size > 0 for plane in frame.planes):
        return frame
    # Recordings of calls change their size on the way; players scale, and so do we.
    other = "rgb24" if clip.pixel_format != "rgb24" else "bgr24"
    pts, base = frame.pts, frame.time_base
    if alike:
        frame = reformat(frame, format=other)
    frame = reformat(frame, width=clip.width, height=clip.height, format=clip.pixel_format)
    frame.pts, frame.time_base = pts, base
    return frame
