"""Encoders: which one codes a clip's pictures, and runs of pictures that stand alone."""

from __future__ import annotations

import dataclasses
import io
import math
from fractions import Fraction
from typing import Any

from synthaug.errors import InputError
from synthaug.media.clip import Clip
from synthaug.media.editing import reformat

__all__ = ["CODECS", "Coding", "Encoder", "chosen"]

# Without mbtree, whose lookahead was once taken for the cause of other bytes for the same frames
# (docs/decisions.md): a resumed run must not be told from one that was not interrupted.
_X264 = {"preset": "superfast", "bf": "2", "b-pyramid": "none", "mbtree": "0"}
_X265 = {"preset": "fast", "x265-params": "log-level=error:open-gop=0:bframes=2:b-pyramid=0"}
_AV1 = {"preset": "8", "svtav1-params": "enable-overlays=0"}
_VP9 = {"b": "0", "row-mt": "1", "cpu-used": "5", "deadline": "realtime"}
_MPEG = {"qmin": "2", "qmax": "2", "bf": "0"}  # avi and mpg have no times of their own

CODECS = {
    "h264": ("libx264", _X264),
    "h265": ("libx265", _X265),
    "av1": ("libsvtav1", _AV1),
    "vp9": ("libvpx-vp9", _VP9),
}
# Quality for 1080p, and how much finer for each of the six steps down to 480x272: small
# pictures hold more detail in a pixel, and 44 dB beside the faces are wanted everywhere.
_QUALITY = {
    "libx264": (16, 1), "libx265": (17, 1), "libsvtav1": (26, 2), "libvpx-vp9": (24, 2),
}  # fmt: skip
# What a container is written with, and what else may be asked for.
_USUAL = {"mp4": "h264", "mov": "h264", "m4v": "h264", "matroska": "h264", "mpegts": "h264",
          "webm": "vp9"}  # fmt: skip
_ALLOWED = {
    "mp4": ("h264", "h265", "av1", "vp9"), "mov": ("h264", "h265"), "m4v": ("h264", "h265"),
    "matroska": ("h264", "h265", "av1", "vp9"), "mpegts": ("h264", "h265"),
    "webm": ("vp9", "av1"),
}  # fmt: skip
_OTHERS = {
    "avi": ("mpeg4", _MPEG),
    "mpeg": ("mpeg2video", _MPEG),
    "gif": ("gif", {}),
}
_HARDWARE = {
    "h264": (
        ("h264_nvenc", {"preset": "p5", "rc": "vbr", "cq": "17", "bf": "0"}),
        ("h264_videotoolbox", {"q": "75"}),
        ("h264_qsv", {"global_quality": "17", "bf": "0"}),
        ("h264_amf", {"rc": "cqp", "qp_i": "17", "qp_p": "17"}),
    ),
    "h265": (
        ("hevc_nvenc", {"preset": "p5", "rc": "vbr", "cq": "18", "bf": "0"}),
        ("hevc_videotoolbox", {"q": "75"}),
        ("hevc_qsv", {"global_quality": "18", "bf": "0"}),
    ),
    "av1": (("av1_nvenc", {"preset": "p5", "rc": "vbr", "cq": "22", "bf": "0"}),),
}
_TURNED = {"yuvj420p": "yuv420p", "yuvj422p": "yuv422p", "yuvj444p": "yuv444p"}
_GLOBAL_HEADER = 0x0040  # FFmpeg's AVFMT_GLOBALHEADER


@dataclasses.dataclass(frozen=True)
class Coding:
    """How pictures are coded.

    Args:
        encoder: FFmpeg's name of it.
        options: its settings.
        pixel_format: of what it is given.
    """

    encoder: str
    options: dict[str, str]
    pixel_format: str


def chosen(clip: Clip, codec: str = "auto", *, hardware: bool = False) -> Coding:
    """The encoder for a clip's container, its settings, and the pixel format.

    The pixel format is the clip's own where the encoder has it, else one that keeps size and
    detail.

    Args:
        clip: what is coded.
        codec: ``"auto"`` or one of `CODECS`.
        hardware: take the graphics card's encoder, where there is one that works.

    Raises:
        InputError: a codec that the container does not hold.
    """
    if codec == "auto":
        codec = _USUAL.get(clip.container, "")
    elif codec not in _ALLOWED.get(clip.container, ()):
        held = ", ".join(_ALLOWED.get(clip.container, ())) or "auto"
        raise InputError(
            "codec", expected=f"one that {clip.container} holds ({held})", got=codec,
            where="--codec", code="input.codec",
        )  # fmt: skip
    if not codec:
        if clip.container == "avi" and clip.codec == "mjpeg":
            name, settings = "mjpeg", {"qmin": "2", "qmax": "3"}
        else:
            name, settings = _OTHERS[clip.container]
        return _fitted(clip, name, settings)
    if hardware:
        for name, settings in _HARDWARE.get(codec, ()):
            coding = _fitted(clip, name, settings)
            if works(coding):
                return coding
    return _fitted(clip, *CODECS[codec])


def works(coding: Coding) -> bool:
    """Whether an encoder is present and codes a picture; drivers may be missing."""
    import av

    try:
        context: Any = av.CodecContext.create(coding.encoder, "w")
        context.width, context.height = 640, 384
        context.pix_fmt, context.time_base = coding.pixel_format, Fraction(1, 25)
        context.options = dict(coding.options)
        frame = av.VideoFrame(640, 384, coding.pixel_format)
        frame.pts = 0
        return bool([*context.encode(frame), *context.encode(None)])
    except (av.FFmpegError, ValueError):
        return False


def _fitted(clip: Clip, name: str, settings: dict[str, str]) -> Coding:
    if name in _QUALITY:
        usual, step = _QUALITY[name]
        settings = {"crf": str(usual - step * _finer(clip)), **settings}
    # Frames of two fields are coded as such, or players comb them.
    if clip.interlaced and name in ("libx264", "mpeg4", "mpeg2video"):
        settings = {**settings, "flags": "+ildct+ilme"}
    return Coding(name, settings, _pixel_format(clip, name))


def _finer(clip: Clip) -> int:
    """Steps of quality above that of 1080p, 0 to 6."""
    return max(0, min(6, round(1.5 * math.log2(1920 * 1080 / (clip.width * clip.height)))))


def _pixel_format(clip: Clip, encoder: str) -> str:
    import av

    if encoder == "gif":
        return "pal8"
    try:
        can = {each.name for each in av.Codec(encoder, "w").video_formats or ()}
    except ValueError:  # not in this build of FFmpeg
        can = set()
    wanted = clip.pixel_format
    # Chroma at half size only where the sides are even.
    odd = clip.width % 2 or clip.height % 2
    if odd and "420" in wanted and encoder in ("libx264", "libx265"):
        wanted = wanted.replace("yuvj", "yuv").replace("420", "444")
    if wanted in can or not can:
        return wanted
    deep = "10" in wanted or "12" in wanted or "16" in wanted
    full = "444" in wanted or wanted.startswith(("rgb", "bgr", "gbr", "0", "a", "bgra", "rgba"))
    order = [
        _TURNED.get(wanted),
        "yuv444p10le" if deep and full else None,
        "yuv422p10le" if deep and "422" in wanted else None,
        "yuv420p10le" if deep else None,
        "yuv444p" if full else None,
        "yuv422p" if "422" in wanted else None,
        "yuv420p", "yuvj420p", "rgb8",
    ]  # fmt: skip
    return next((name for name in order if name in can), min(can))


class Encoder:
    """Codes a run of frames that no other run needs to be shown.

    Args:
        clip: what is coded.
        coding: how.
    """

    def __init__(self, clip: Clip, coding: Coding) -> None:
        import av

        self._clip, self._coding = clip, coding
        context: Any = av.CodecContext.create(coding.encoder, "w")
        context.width, context.height, context.pix_fmt = (
            clip.width,
            clip.height,
            coding.pixel_format,
        )
        # MPEG-1 and 2 know no other times than whole frames.
        self._counts = clip.container == "mpeg"
        context.time_base = 1 / clip.rate if self._counts else clip.time_base
        context.framerate = clip.rate
        if clip.sample_aspect is not None:
            context.sample_aspect_ratio = clip.sample_aspect
        (
            context.color_range, context.color_primaries, context.color_trc, context.colorspace,
        ) = clip.colour  # fmt: skip
        context.options = dict(coding.options)
        if _wants_header(clip.container):
            context.flags |= 1 << 22  # FFmpeg's AV_CODEC_FLAG_GLOBAL_HEADER
        self._context = context
        self._times: list[int] = []
        self._coded = 0
        self._fields = _Fields(clip) if clip.fields else None
        self._palette: Any = None

    @property
    def header(self) -> bytes:
        """What a container writes once at its beginning."""
        return bytes(self._context.extradata or b"")

    def encode(self, frame: Any | None) -> list[Any]:
        """Packets that are ready after one more frame, or after the last one (None).

        ``pts`` are in the clip's time base; the frame may be changed.
        """
        if frame is None:
            return self._timed(self._context.encode(None))
        self._times.append(frame.pts)
        pts = len(self._times) - 1 if self._counts else frame.pts
        base = 1 / self._clip.rate if self._counts else self._clip.time_base
        if self._coding.pixel_format == "pal8":
            frame = self._paletted(frame)
        elif frame.format.name != self._coding.pixel_format:
            frame = reformat(frame, format=self._coding.pixel_format)
        frame.pts, frame.time_base = pts, base
        if self._fields is not None:
            frame = self._fields(frame)
        frame.pict_type = 0  # the source's own would force key frames where it had them
        return self._timed(self._context.encode(frame))

    def _timed(self, packets: list[Any]) -> list[Any]:
        """Packets with the source's times, where the codec counts whole frames only."""
        if self._counts:
            for packet in packets:
                packet.pts = self._times[self._coded]
                self._coded += 1
        return packets

    def _paletted(self, frame: Any) -> Any:
        """The frame in at most 256 colours of its own."""
        import av

        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 100)
        )
        split, sink = graph.add("split"), graph.add("buffersink")
        palette = graph.add("palettegen", "stats_mode=single:reserve_transparent=1")
        used = graph.add("paletteuse", "new=1:dither=sierra2_4a")
        source.link_to(split)
        split.link_to(palette, 0, 0)
        split.link_to(used, 1, 0)
        palette.link_to(used, 0, 1)
        used.link_to(sink)
        graph.configure()
        frame.pts = 0
        source.push(frame)
        source.push(None)
        return sink.pull()


class _Fields:
    """Says of frames made anew that they are two fields, and which of them comes first."""

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        self._graph: Any = None

    def __call__(self, frame: Any) -> Any:
        import av

        if self._graph is None:
            graph = av.filter.Graph()
            self._source = graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format,
                time_base=self._clip.time_base,
            )  # fmt: skip
            said, self._sink = graph.add("setfield", self._clip.fields), graph.add("buffersink")
            self._source.link_to(said)
            said.link_to(self._sink)
            graph.configure()
            self._graph = graph
        pts, base = frame.pts, frame.time_base
        self._source.push(frame)
        out: Any = self._sink.pull()
        out.pts, out.time_base = pts, base
        (
            out.color_range, out.color_primaries, out.color_trc, out.colorspace,
        ) = self._clip.colour  # fmt: skip
        return out


def _wants_header(container: str) -> bool:
    """Whether a container keeps the codec's header apart from the pictures."""
    return container not in ("mpegts", "mpeg", "avi", "gif")


def stream_for(out: Any, clip: Clip, coding: Coding, header: bytes) -> Any:
    """A video stream in an output container for packets that are there already.

    No encoder is opened: the container is told what the packets are.
    """
    import av

    with av.open(io.BytesIO(), "w", format="nut") as empty:
        like: Any = empty.add_stream(coding.encoder, rate=clip.rate)
        stream = out.add_stream_from_template(like, opaque=True)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = (
            clip.width,
            clip.height,
            coding.pixel_format,
        )
        context.framerate = clip.rate
        if header:
            context.extradata = header
        if clip.sample_aspect is not None:
            context.sample_aspect_ratio = clip.sample_aspect
            stream.sample_aspect_ratio = clip.sample_aspect
        (
            context.color_range, context.color_primaries, context.color_trc, context.colorspace,
        ) = clip.colour  # fmt: skip
        context.time_base = stream.time_base = clip.time_base
        context.field_order = {"tff": 2, "bff": 3}.get(clip.fields, 1)
        # Frames may be shown one place later than they are stored.
        context.max_b_frames = 1
    if clip.rotation:
        stream.set_display_rotation(clip.rotation)
    return stream
