"""A video file written so that it differs from its source in the pixels that were changed."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from synthaug.errors import InputError, OutOfResources
from synthaug.media.clip import Clip, Track, opened

__all__ = ["Writer"]

_X264 = ("libx264", {"crf": "18", "preset": "veryfast", "bf": "2", "b-pyramid": "none"})
_CODECS: dict[str, tuple[str, dict[str, str]]] = {
    "mp4": _X264,
    "mov": _X264,
    "m4v": _X264,
    "matroska": _X264,
    "mpegts": _X264,
    "webm": ("libvpx-vp9", {"crf": "24", "b": "0", "row-mt": "1", "cpu-used": "5"}),
    "avi": ("mpeg4", {"qmin": "2", "qmax": "3", "bf": "0"}),  # avi has no presentation times
    "mpeg": ("mpeg2video", {"qmin": "2", "qmax": "3", "bf": "0"}),
    "gif": ("gif", {}),
}
_TURNED = {"yuvj420p": "yuv420p", "yuvj422p": "yuv422p", "yuvj444p": "yuv444p"}


class Writer:
    """Writes frames with their own times beside the source's sound; appears whole or not at all.

    Use it as a context manager: leaving the block well gives the file its name, an exception
    leaves nothing.

    Args:
        clip: the source.
        output: the file to write.
        mute: leave the sound out.
        force: replace what stands there.

    Raises:
        InputError: the name is taken, or is the source itself.
    """

    def __init__(
        self, clip: Clip, output: str | Path, *, mute: bool = False, force: bool = False
    ) -> None:
        self.clip, self.output = clip, Path(output)
        if self.output.exists() and self.output.samefile(clip.path):
            raise InputError("output", expected="another file than the input", where=str(output))
        if self.output.exists() and not force:
            raise InputError(
                "output", expected="a new file", got="one that is there", where=str(output),
                remedy="Choose another name, or pass --force.", code="output.exists",
            )  # fmt: skip
        self.part = self.output.with_name(f".{self.output.name}.part")
        self._sound = self._packets(() if mute else clip.audio)
        self._times: list[int] = []
        self._coded = 0

    def __enter__(self) -> Writer:
        import av

        clip = self.clip
        options = {"avoid_negative_ts": "disabled"}
        if clip.container in ("mp4", "mov", "m4v"):
            options["video_track_timescale"] = str(clip.time_base.denominator)
            options["movie_timescale"] = str(_movie_scale(clip))
        try:
            self.output.parent.mkdir(parents=True, exist_ok=True)
            self._out: Any = av.open(
                str(self.part), "w", format=clip.container, container_options=options
            )
        except OSError as error:
            raise InputError(
                "output", expected="a folder this user can write to", where=str(self.output)
            ) from error
        name, settings = _codec(clip)
        stream = cast(Any, self._out.add_stream(name, rate=clip.rate, options=settings))
        self._stream, context = stream, stream.codec_context
        context.width, context.height = clip.width, clip.height
        context.pix_fmt = self._format = _pixel_format(clip, name)
        # MPEG-1 and 2 know no other times than whole frames.
        context.time_base = 1 / clip.rate if clip.container == "mpeg" else clip.time_base
        stream.time_base = clip.time_base
        if clip.sample_aspect is not None:
            context.sample_aspect_ratio = clip.sample_aspect
        (
            context.color_range, context.color_primaries, context.color_trc, context.colorspace,
        ) = clip.colour  # fmt: skip
        if clip.rotation:
            stream.set_display_rotation(clip.rotation)
        self._next = next(self._sound, None)
        return self

    def write(self, frame: Any) -> None:
        """Encode one frame, its ``pts`` in the clip's time base; times rise."""
        if frame.format.name != self._format:
            frame = _kept_times(frame, frame.reformat(format=self._format))
        frame.pict_type = 0  # the source's own would force key frames where it had them
        frame.time_base = self.clip.time_base
        self._times.append(frame.pts)
        self._mux(self._timed(self._stream.encode(frame)))
        self._sound_until(self._times[-1] * self.clip.time_base)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._mux(self._timed(self._stream.encode(None)))
                self._sound_until(None)
            self._out.close()
            if kind is None:
                self.part.replace(self.output)
        finally:
            self._sound.close()
            self.part.unlink(missing_ok=True)

    def _timed(self, packets: Any) -> Iterator[Any]:
        """Packets with the source's times, where the codec counts whole frames only."""
        for packet in packets:
            if self.clip.container == "mpeg":
                packet.pts = packet.dts = self._times[self._coded]
                packet.time_base = self.clip.time_base
                self._coded += 1
            yield packet

    def _mux(self, packets: Any) -> None:
        import av

        try:
            for packet in packets:
                self._out.mux(packet)
        except (OSError, av.FFmpegError) as error:
            raise OutOfResources(
                "video cannot be written", got=str(error), where=str(self.output),
                remedy="Make room and run the same command again.",
            ) from error  # fmt: skip

    def _sound_until(self, time: Fraction | None) -> None:
        """Copy sound packets up to a time, all that are left where it is None."""
        while self._next is not None:
            if time is not None and self._next.pts * self._next.time_base > time:
                return
            self._mux([self._next])
            self._next = next(self._sound, None)

    def _packets(self, wanted: Sequence[Track]) -> Generator[Any, None, None]:
        """The source's sound packets in their own order, addressed to the tracks here."""
        if not wanted:
            return
        with opened(self.clip.path) as source:
            streams = list(source.streams.audio)
            tracks = {}
            for stream in streams:
                track = self._out.add_stream_from_template(stream)
                track.time_base = stream.time_base
                if stream.language:
                    track.metadata["language"] = stream.language
                tracks[stream.index] = track
            for packet in source.demux(streams):
                if packet.dts is None:
                    continue
                packet.stream = tracks[packet.stream.index]
                yield packet


def _codec(clip: Clip) -> tuple[str, dict[str, str]]:
    """The encoder for a container, and its settings."""
    if clip.container == "avi" and clip.codec == "mjpeg":
        return "mjpeg", {"qmin": "2", "qmax": "3"}
    name, settings = _CODECS[clip.container]
    # Frames of two fields are coded as such, or players comb them.
    return name, {**settings, "flags": "+ildct+ilme"} if clip.interlaced else settings


def _pixel_format(clip: Clip, codec: str) -> str:
    """The source's format where the codec has it; else one that keeps size and detail."""
    import av

    can = {each.name for each in av.Codec(codec, "w").video_formats or ()}
    wanted = clip.pixel_format
    # x264 codes chroma at half size only where the sides are even.
    odd = clip.width % 2 or clip.height % 2
    if odd and "420" in wanted and codec == "libx264":
        wanted = wanted.replace("yuvj", "yuv").replace("420", "444")
    if wanted in can or not can:
        return wanted
    return next(name for name in (_TURNED.get(wanted), "yuv420p", "rgb8") if name in can)


def _movie_scale(clip: Clip) -> int:
    """Units a second of the whole file: both picture and sound may start at any of theirs."""
    scale = math.lcm(clip.time_base.denominator, *(track.rate for track in clip.audio))
    return scale if scale < 2**31 else clip.time_base.denominator


def _kept_times(before: Any, after: Any) -> Any:
    after.pts, after.time_base = before.pts, before.time_base
    return after
