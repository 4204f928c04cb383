"""What a video file is, read from its headers; nothing is decoded but the first frame."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any

from synthaug.errors import Damaged, InputError

__all__ = ["Clip", "Limits", "Track", "described", "opened", "paintable", "same_container"]

# Formats that are files; playlists and anything that opens other addresses are left out.
_FORMATS = {"mov", "mp4", "matroska", "webm", "avi", "mpegts", "mpeg", "mpegvideo", "gif", "m4v"}
_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,gif,m4v",
}
_ALIASES = {"mkv": "matroska", "ts": "mpegts", "mts": "mpegts", "m2ts": "mpegts", "mpg": "mpeg",
            "qt": "mov"}  # fmt: skip
# What is painted in place of formats that pack pixels in ways of their own.
_UNPACKED = {
    "yuyv422": "yuv422p", "uyvy422": "yuv422p", "yvyu422": "yuv422p", "pal8": "bgra",
    "monow": "gray", "monob": "gray", "y210le": "yuv422p10le", "x2rgb10le": "gbrp10le",
}  # fmt: skip
_PRIVATE = ("location", "gps", "make", "model", "artist", "author", "serial", "title", "comment",
            "creation_time", "date", "copyright", "description", "encoder")  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """What is refused before anything is decoded.

    Args:
        pixels: largest width times height.
        streams: most streams in a file.
    """

    pixels: int = 40_000_000
    streams: int = 64


@dataclasses.dataclass(frozen=True, slots=True)
class Track:
    """One track of sound: codec, language and samples a second."""

    codec: str
    language: str
    rate: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Clip:
    """A video file as its headers describe it.

    Args:
        path: the file.
        container: short name of the format, such as ``"mp4"``.
        stream: number of the video stream in the file.
        codec: of the first video stream.
        width: as stored, pixels, before rotation.
        height: as stored, pixels.
        rotation: degrees counter-clockwise by which players turn the picture.
        sample_aspect: width of a pixel over its height; None where the file does not say.
        pixel_format: that frames are handed over in, such as ``"yuv420p10le"``: the file's
            own, or the nearest that can be painted.
        time_base: seconds a unit of presentation times lasts.
        rate: mean frames a second.
        fields: which field comes first, ``"tff"`` or ``"bff"``; ``""`` where frames are whole.
        colour: range, primaries, transfer and matrix, as FFmpeg numbers them.
        frames: as claimed; 0 where the file does not say.
        audio: the sound's tracks.
        left_out: what a copy of this file will not carry, in words.
    """

    path: Path
    container: str
    stream: int
    codec: str
    width: int
    height: int
    rotation: int
    sample_aspect: Fraction | None
    pixel_format: str
    time_base: Fraction
    rate: Fraction
    fields: str
    colour: tuple[int, int, int, int]
    frames: int
    audio: tuple[Track, ...]
    left_out: tuple[str, ...]

    @property
    def interlaced(self) -> bool:
        """Whether the frames are two fields each."""
        return bool(self.fields)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready values."""
        fields = dataclasses.asdict(self)
        for name in ("path", "time_base", "rate", "sample_aspect"):
            fields[name] = None if fields[name] is None else str(fields[name])
        return fields

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Clip:
        """The inverse of `to_dict`; every value is made to be of its type."""
        aspect = fields["sample_aspect"]
        return cls(
            path=Path(fields["path"]),
            sample_aspect=None if aspect is None else Fraction(aspect),
            time_base=Fraction(fields["time_base"]),
            rate=Fraction(fields["rate"]),
            colour=tuple(int(each) for each in fields["colour"]),  # type: ignore[arg-type]
            audio=tuple(
                Track(str(t["codec"]), str(t["language"]), int(t["rate"])) for t in fields["audio"]
            ),
            left_out=tuple(str(each) for each in fields["left_out"]),
            stream=int(fields["stream"]),
            width=int(fields["width"]),
            height=int(fields["height"]),
            rotation=int(fields["rotation"]),
            frames=int(fields["frames"]),
            container=str(fields["container"]),
            codec=str(fields["codec"]),
            pixel_format=str(fields["pixel_format"]),
            fields=str(fields["fields"]),
        )


def opened(path: Path) -> Any:
    """The file as a PyAV container that opens nothing but this file.

    Raises:
        InputError: no such file, or not a video this can read.
    """
    import av

    if not path.is_file():
        raise InputError("video", expected="a file", got="none", where=str(path))
    try:
        container = av.open(str(path), options=dict(_OPTIONS), metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        got = "an empty file" if path.stat().st_size == 0 else "a file without a readable index"
        raise InputError(
            "video", expected="mp4, mov, mkv, webm, avi, mpg, ts or gif", got=got,
            where=str(path), remedy="Check that the file plays and was copied whole.",
            code="input.video",
        ) from error  # fmt: skip
    if not _FORMATS & set(container.format.name.split(",")):
        name = container.format.name
        container.close()
        raise InputError(
            "video", expected="mp4, mov, mkv, webm, avi, mpg, ts or gif", got=name,
            where=str(path), remedy="Convert it first.", code="input.video",
        )  # fmt: skip
    return container


def described(path: str | Path, *, limits: Limits | None = None) -> Clip:
    """What a video file is, read in this very process; `synthaug.media.probe` is the safe way.

    Args:
        path: the file.
        limits: what to refuse.

    Raises:
        InputError: not a video, no picture in it, or beyond the limits.
        Damaged: not one frame can be decoded.
    """
    import av

    limits, path = limits or Limits(), Path(path)
    with opened(path) as container:
        if len(container.streams) > limits.streams:
            raise InputError(
                "video", expected=f"at most {limits.streams} streams",
                got=str(len(container.streams)), where=str(path), code="input.limit",
            )  # fmt: skip
        stream = next((s for s in container.streams.video if not _cover(s)), None)
        if stream is None:
            raise InputError(
                "video", expected="a picture", got="sound only", where=str(path),
                code="input.video",
            )  # fmt: skip
        context = stream.codec_context
        if context is None or context.width < 1 or context.height < 1:
            raise InputError(
                "video", expected="a codec this build knows", got="another", where=str(path),
                remedy="Convert it first.", code="input.video",
            )  # fmt: skip
        if context.width * context.height > limits.pixels:
            raise InputError(
                "video", expected=f"at most {limits.pixels:,} pixels a frame",
                got=f"{context.width}x{context.height}", where=str(path),
                remedy="Raise --max-pixels if you trust the file.", code="input.limit",
            )  # fmt: skip
        try:
            first = next(container.decode(stream), None)
        except av.FFmpegError:
            first = None
        if first is None:
            raise Damaged("video", expected="at least one frame", got="none", where=str(path))
        return Clip(
            path=path,
            container=_short(path, container.format.name),
            stream=stream.index,
            codec=context.name,
            width=context.width,
            height=context.height,
            rotation=int(first.rotation),
            sample_aspect=Fraction(aspect) if (aspect := stream.sample_aspect_ratio) else None,
            pixel_format=paintable(first.format.name),
            time_base=Fraction(stream.time_base),
            rate=Fraction(stream.average_rate or stream.guessed_rate or 25),
            fields=_fields(first, context),
            colour=(
                int(first.color_range), int(first.color_primaries), int(first.color_trc),
                int(first.colorspace),
            ),
            frames=stream.frames,
            audio=tuple(
                Track(s.codec_context.name, s.language or "und", s.codec_context.sample_rate)
                for s in container.streams.audio
            ),
            left_out=_left_out(container, stream),
        )  # fmt: skip


def _short(path: Path, names: str) -> str:
    """The one of a demuxer's names that the file's own ending agrees with."""
    ending = path.suffix.lower().lstrip(".")
    known = names.split(",")
    wanted = _ALIASES.get(ending, ending)
    return wanted if wanted in known else known[0]


def same_container(path: Path, clip: Clip) -> bool:
    """Whether a file's ending promises the container of a clip."""
    ending = path.suffix.lower().lstrip(".")
    return ending == clip.path.suffix.lower().lstrip(".") or (
        _ALIASES.get(ending, ending) == clip.container
    )


def paintable(name: str) -> str:
    """The pixel format itself where its planes are plain numbers, else the nearest that is."""
    import av

    if name in _UNPACKED:
        return _UNPACKED[name]
    parts = av.VideoFormat(name, 64, 64)
    plain = not (parts.has_palette or parts.is_bit_stream)
    plain = plain and all(8 <= part.bits <= 16 for part in parts.components)
    if plain:
        frame = av.VideoFrame(1024, 16, name)
        for index, plane in enumerate(frame.planes):
            here = [part for part in parts.components if part.plane == index]
            size = 2 if max(part.bits for part in here) > 8 else 1
            plain = plain and plane.width * len(here) * size == abs(plane.line_size)
    if plain:
        return name
    return "gbrp10le" if parts.is_rgb else "yuv444p10le"


def _fields(first: Any, context: Any) -> str:
    """Which field of an interlaced frame comes first."""
    if not first.interlaced_frame:
        return ""
    # FFmpeg's AVFieldOrder: 3 and 5 are bottom first as shown.
    return "bff" if int(getattr(context, "field_order", 0)) in (3, 5) else "tff"


def _cover(stream: Any) -> bool:
    """Whether a video stream is a still that players show beside the sound."""
    return bool(stream.disposition & stream.disposition.attached_pic)


def _left_out(container: Any, stream: Any) -> tuple[str, ...]:
    """Streams and metadata that may tell who filmed whom, where and when."""
    found = []
    for other in container.streams:
        if other is stream or other.type == "audio":
            continue
        what = (
            "cover picture" if other.type == "video" and _cover(other) else f"{other.type} stream"
        )
        found.append(f"{what} {other.index}")
    for name in {*container.metadata, *stream.metadata}:
        if any(word in name.lower() for word in _PRIVATE):
            found.append(f"metadata {name}")
    return tuple(sorted(found))
