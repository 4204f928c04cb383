"""Video files read in a sheltered process: what they are, and their frames with exact times."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaug.errors import Damaged, InputError, InternalError
from synthaug.media.clip import Clip, Limits
from synthaug.media.decoding import breaks_off
from synthaug.media.sheltered import SLOTS, Child, Crashed, plane_layout
from synthaug.media.stills import Still

__all__ = ["frames", "probe", "probe_still", "still_frames"]


def probe(path: str | Path, *, limits: Limits | None = None) -> Clip:
    """What a video file is.

    Args:
        path: the file.
        limits: what to refuse.

    Raises:
        InputError: not a video, no picture in it, or beyond the limits.
        Damaged: not one frame can be decoded.
    """
    allow = limits or Limits()
    request = {"do": "describe", "path": str(path), "allow": dataclasses.asdict(allow)}
    try:
        with Child(request, memory=_memory(allow.pixels * 8)) as child:
            for answer in child.answers():
                clip = Clip.from_dict(answer["clip"])
                if clip.width * clip.height <= allow.pixels and min(clip.width, clip.height) > 0:
                    return clip
    except Crashed as crash:
        raise InputError(
            "video", expected="a file that can be decoded", got=str(crash), where=str(path),
            remedy="Check that the file plays and was copied whole.", code="input.video",
        ) from crash  # fmt: skip
    raise InternalError("the reading process gave no answer", where=str(path))


def frames(clip: Clip) -> Iterator[Any]:
    """Every frame as an ``av.VideoFrame``: the clip's size and pixel format, ``pts`` set.

    Raises:
        Damaged: after the last frame that could be decoded, where the file breaks off.
    """
    import av

    empty = av.VideoFrame(clip.width, clip.height, clip.pixel_format)
    size = sum(rows * wide for rows, wide, _ in plane_layout(empty))
    request = {"do": "frames", "clip": clip.to_dict()}
    told = 0
    try:
        with Child(request, shared=size * SLOTS, memory=_memory(size)) as child:
            for answer in child.answers():
                frame = av.VideoFrame(clip.width, clip.height, clip.pixel_format)
                at = told % SLOTS * size
                for rows, wide, view in plane_layout(frame):
                    view[:] = child.memory[at : at + rows * wide].reshape(rows, wide)
                    at += rows * wide
                child.free()
                frame.pts, frame.time_base = int(answer["pts"]), clip.time_base
                (frame.color_range, frame.color_primaries, frame.color_trc,
                 frame.colorspace) = clip.colour  # fmt: skip
                told += 1
                yield frame
    except Crashed as crash:
        raise breaks_off(clip, told, str(crash)) from crash


def probe_still(path: str | Path, *, limits: Limits | None = None) -> Still:
    """What a picture file is.

    Raises:
        InputError: not a picture, or beyond the limits.
    """
    allow = limits or Limits()
    request = {"do": "describe still", "path": str(path), "allow": dataclasses.asdict(allow)}
    try:
        with Child(request) as child:
            for answer in child.answers():
                still = Still.from_dict(answer["still"])
                if 0 < still.width * still.height <= allow.pixels:
                    return still
    except (Crashed, ValueError, KeyError) as crash:
        if isinstance(crash, InputError):
            raise
        raise InputError(
            "picture", expected="a file that can be decoded", got=str(crash), where=str(path),
            code="input.image",
        ) from crash  # fmt: skip
    raise InternalError("the reading process gave no answer", where=str(path))


def still_frames(still: Still) -> Iterator[tuple[NDArray[Any], int, bool]]:
    """Frames upright, (H, W, C), each with its duration in milliseconds and whether it is whole.

    Raises:
        Damaged: after the last frame that could be decoded.
    """
    size = int(np.prod(still.shape)) * still.dtype.itemsize
    request = {"do": "pixels", "still": still.to_dict()}
    told = 0
    try:
        with Child(request, shared=size, memory=_memory(size)) as child:
            for answer in child.answers():
                pixels = child.memory.view(still.dtype).reshape(still.shape).copy()
                child.free()
                told += 1
                yield pixels, int(answer["duration"]), bool(answer["whole"])
    except Crashed as crash:
        raise Damaged(
            "picture breaks off", got=f"{told} of {still.frames} frames, then {crash}",
            where=str(still.path),
        ) from crash  # fmt: skip


def _memory(frame: int) -> int:
    """Bytes a decoder may have: Python and the libraries, and more frames than any needs."""
    return (1 << 30) + 40 * frame
