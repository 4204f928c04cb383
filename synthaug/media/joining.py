"""The parts of a video and the sound of its source become one file."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from synthaug.media.clip import Clip, Track, opened
from synthaug.media.encoding import Coding, stream_for
from synthaug.media.segments import Packet, packets_of

__all__ = ["join"]


def join(
    clip: Clip,
    coding: Coding,
    header: bytes,
    parts: Sequence[Path],
    output: Path,
    *,
    mute: bool = False,
    metadata: dict[str, str] | None = None,
) -> str:
    """Write a file from coded pictures and the source's sound packets; nothing is coded again.

    Args:
        clip: the source.
        coding: of the pictures.
        header: the codec's.
        parts: files of `synthaug.media.segments`, in order.
        output: the file to write.
        mute: leave the sound out.
        metadata: tags of the whole file.

    Returns:
        Why sound is missing from some point on, in words; empty where it is all there.
    """
    import av

    # Bit-exact: no name of a program, no random number, the same file from the same parts.
    options = {"avoid_negative_ts": "disabled", "fflags": "+bitexact"}
    if clip.container in ("mp4", "mov", "m4v"):
        options["video_track_timescale"] = str(clip.time_base.denominator)
        options["movie_timescale"] = str(_movie_scale(clip))
    with av.open(str(output), "w", format=clip.container, container_options=options) as out:
        stream = stream_for(out, clip, coding, header)
        out.metadata.update(metadata or {})
        sound = _Sound(out, clip, () if mute else clip.audio)
        for packet, pts, dts, duration in _timed(parts, clip, stays=coding.encoder == "mpeg2video"):
            sound.until(pts * clip.time_base)
            made = av.Packet(packet.content)
            made.pts, made.dts, made.duration = pts, dts, duration
            made.time_base, made.is_keyframe, made.stream = clip.time_base, packet.key, stream
            out.mux(made)
        sound.until(None)
        return sound.broken


def _timed(
    parts: Sequence[Path], clip: Clip, *, stays: bool
) -> Iterator[tuple[Packet, int, int, int]]:
    """Packets with presentation and decoding times and durations, decoding times rising.

    No group of pictures refers to another, so the sorted presentation times, moved by as many
    places as any picture is stored before its turn, are decoding times.
    """
    step = max(1, round(1 / (clip.rate * clip.time_base)))
    depth = 0 if stays else max((_depth(part) for part in parts), default=0)
    before: list[int] = []
    for number, part in enumerate(parts):
        times = sorted(packet.pts for packet in packets_of(part, content=False))
        if not before:
            before = [times[0] - step * back for back in range(depth, 0, -1)]
        follows = _first(parts[number + 1 :])
        after = {one: max(1, other - one) for one, other in itertools.pairwise([*times, *follows])}
        coded = [*before[len(before) - depth :], *times]
        for packet, dts in zip(packets_of(part), coded, strict=False):
            yield packet, packet.pts, dts, after.get(packet.pts, step)
        before = [*before, *times][-max(1, depth) :]


def _first(parts: Sequence[Path]) -> list[int]:
    """The earliest time of the next part, if there is one."""
    return [min(packet.pts for packet in packets_of(parts[0], content=False))] if parts else []


def _depth(part: Path) -> int:
    """By how many places a picture is stored before its turn, at most."""
    times = [packet.pts for packet in packets_of(part, content=False)]
    place = {time: at for at, time in enumerate(sorted(times))}
    return max((at - place[time] for at, time in enumerate(times)), default=0)


def _movie_scale(clip: Clip) -> int:
    """Units a second of the whole file: both picture and sound may start at any of theirs."""
    scale = math.lcm(clip.time_base.denominator, *(track.rate for track in clip.audio))
    return scale if scale < 2**31 else clip.time_base.denominator


class _Sound:
    """Copies the source's sound packets, as far as it is asked to."""

    def __init__(self, out: Any, clip: Clip, wanted: Sequence[Track]) -> None:
        self._out, self.broken = out, ""
        self._packets = self._read(clip) if wanted else iter(())
        if wanted:
            self._source = opened(clip.path)
            self._tracks = {each.index: self._track(each) for each in self._source.streams.audio}
        self._next = next(self._packets, None)

    def until(self, time: Fraction | None) -> None:
        """Copy packets up to a time, all that are left where it is None."""
        while self._next is not None:
            if time is not None and self._next.pts * self._next.time_base > time:
                return
            self._next.stream = self._tracks[self._next.stream.index]
            self._out.mux(self._next)
            self._next = next(self._packets, None)

    def _track(self, stream: Any) -> Any:
        track = self._out.add_stream_from_template(stream)
        track.time_base = stream.time_base
        if stream.language:
            track.metadata["language"] = stream.language
        return track

    def _read(self, clip: Clip) -> Iterator[Any]:
        import av

        try:
            for packet in self._source.demux(list(self._source.streams.audio)):
                if packet.dts is None:
                    continue
                if packet.pts is None:
                    packet.pts = packet.dts
                yield packet
        except av.FFmpegError as error:
            self.broken = f"the sound breaks off: {error}"
