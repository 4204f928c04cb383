"""Frames of a video file, in the order they are shown, with their exact times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from synthaug.errors import Damaged
from synthaug.media.clip import Clip, opened

__all__ = ["frames"]


def frames(clip: Clip) -> Iterator[Any]:
    """Every frame as an ``av.VideoFrame``: stored size, own pixel format, ``pts`` set.

    Raises:
        Damaged: after the last frame that could be decoded, where the file breaks off.
    """
    import av

    told = 0
    with opened(clip.path) as container:
        stream = next(s for s in container.streams.video if s.codec_context.name == clip.codec)
        stream.thread_type = "AUTO"
        last = None
        try:
            for frame in container.decode(stream):
                # Broken files repeat or lose times; a frame is shown after the one before it.
                if frame.pts is None or (last is not None and frame.pts <= last):
                    step = max(1, round(1 / (clip.rate * clip.time_base)))
                    frame.pts = 0 if last is None else last + step
                last = frame.pts
                told += 1
                yield frame
        except av.FFmpegError as error:
            raise _broken(clip, told) from error
    if clip.frames > told:
        raise _broken(clip, told)


def _broken(clip: Clip, told: int) -> Damaged:
    claimed = f" of {clip.frames}" if clip.frames else ""
    return Damaged(
        "video breaks off", got=f"{told}{claimed} frames", where=str(clip.path),
        remedy="What could be read was used; copy the file again for the rest.",
    )  # fmt: skip
