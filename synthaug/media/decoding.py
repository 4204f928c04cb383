"""Frames decoded in this very process; `synthaug.media.frames` is the safe way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from synthaug.errors import Damaged
from synthaug.media.clip import Clip, opened
from synthaug.media.editing import reformat

__all__ = ["breaks_off", "decoded"]


def decoded(clip: Clip) -> Iterator[Any]:
    """Every frame as an ``av.VideoFrame``: the clip's size and pixel format, ``pts`` set.

    Raises:
        Damaged: after the last frame that could be decoded, where the file breaks off.
    """
    import av

    told = 0
    with opened(clip.path) as container:
        stream: Any = container.streams[clip.stream]
        stream.thread_type = "AUTO"
        last = None
        try:
            for frame in container.decode(stream):
                frame = _plain(frame, clip)
                # Broken files repeat or lose times; a frame is shown after the one before it.
                if frame.pts is None or (last is not None and frame.pts <= last):
                    step = max(1, round(1 / (clip.rate * clip.time_base)))
                    frame.pts = 0 if last is None else last + step
                last = frame.pts
                told += 1
                yield frame
        except av.FFmpegError as error:
            raise breaks_off(clip, told) from error
    if clip.frames > told:
        raise breaks_off(clip, told)


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
