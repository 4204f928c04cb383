"""A file written frame by frame is its source again: times, size, turn, tags and sound."""

from __future__ import annotations

import contextlib
import dataclasses
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from synthaug.errors import Damaged, InputError
from synthaug.media import Limits, Writer, frames, probe


@dataclasses.dataclass(frozen=True)
class Made:
    """How a test file is made."""

    ending: str = "mp4"
    codec: str = "libx264"
    size: tuple[int, int] = (64, 48)
    pixels: str = "yuv420p"
    times: tuple[int, ...] = tuple(range(0, 12 * 512, 512))
    base: Fraction = Fraction(1, 12800)
    rotation: int = 0
    aspect: Fraction | None = None
    colour: tuple[int, int, int, int] | None = None
    sound: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    options: tuple[tuple[str, str], ...] = ()


KINDS = {
    "plain": Made(),
    "variable rate": Made(ending="mkv", times=(0, 40, 120, 133, 400, 1000), base=Fraction(1, 1000)),
    "turned": Made(rotation=90),
    "starts late": Made(times=tuple(range(19200, 19200 + 6 * 512, 512))),
    "odd sides, 4:4:4": Made(size=(35, 27), pixels="yuv444p"),
    "ten bits": Made(pixels="yuv420p10le"),
    "wide pixels": Made(aspect=Fraction(4, 3)),
    "colour tags": Made(colour=(1, 9, 16, 9)),
    "sound in two languages": Made(sound=("aac", "aac")),
    "webm": Made(
        "webm", "libvpx-vp9", base=Fraction(1, 1000), times=(7, 47, 87, 127), sound=("libopus",)
    ),
    "avi": Made(
        "avi", "mjpeg", pixels="yuvj420p", base=Fraction(1, 25), times=tuple(range(8)),
        sound=("pcm_s16le",),
    ),
    "transport stream": Made(
        "ts", base=Fraction(1, 90000), times=tuple(range(133200, 162000, 3600)), sound=("aac",)
    ),
    "interlaced": Made(size=(64, 64), options=(("flags", "+ildct+ilme"),)),
}  # fmt: skip


def picture(index: int, size: tuple[int, int]) -> np.ndarray:
    width, height = size
    y, x = np.mgrid[:height, :width]
    return np.stack([(x * 3 + index * 9) % 256, (y * 4) % 256, (x + y) % 256], -1).astype(np.uint8)


def make(path: Path, how: Made) -> Path:
    options = {"avoid_negative_ts": "disabled"} if how.ending != "avi" else {}
    with av.open(str(path), "w", container_options=options) as out:
        stream = out.add_stream(how.codec, rate=25, options=dict(how.options))
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = *how.size, how.pixels
        context.time_base = stream.time_base = how.base
        if how.aspect:
            context.sample_aspect_ratio = how.aspect
        if how.colour:
            (context.color_range, context.color_primaries, context.color_trc,
             context.colorspace) = how.colour  # fmt: skip
        if how.rotation:
            stream.set_display_rotation(how.rotation)
        tracks = [out.add_stream(name, rate=48000, layout="mono") for name in how.sound]
        for track, language in zip(tracks, ("eng", "deu"), strict=False):
            track.metadata["language"] = language
        out.metadata.update(dict(how.metadata))
        for index, time in enumerate(how.times):
            frame = av.VideoFrame.from_ndarray(picture(index, how.size), format="rgb24")
            frame = frame.reformat(format=how.pixels)
            frame.pts, frame.time_base = time, how.base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        start = how.times[0] * how.base
        for track in tracks:
            fifo = av.AudioFifo()
            tone = (np.sin(np.arange(9600) / 20) * 9000).astype(np.int16)[None]
            sound = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
            sound.sample_rate, sound.pts, sound.time_base = 48000, 0, Fraction(1, 48000)
            fifo.write(sound)
            resampler = av.AudioResampler(track.codec_context.format.name, "mono", 48000)
            while (part := fifo.read(track.codec_context.frame_size or 960)) is not None:
                for ready in resampler.resample(part):
                    ready.pts += int(start * 48000)
                    out.mux(track.encode(ready))
            out.mux(track.encode(None))
    return path


def story(path: Path) -> dict[str, object]:
    """What must be the same in both files."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        shown = list(container.decode(stream))
        base = stream.time_base
        told: dict[str, object] = {
            "times": [frame.pts * base for frame in shown],
            "size": (shown[0].width, shown[0].height),
            "rotation": shown[0].rotation,
            "aspect": stream.sample_aspect_ratio,
            "format": shown[0].format.name,
            "interlaced": shown[0].interlaced_frame,
            "colour": (int(shown[0].color_range), int(shown[0].color_primaries),
                       int(shown[0].color_trc), int(shown[0].colorspace)),
        }  # fmt: skip
    with av.open(str(path)) as container:
        audio = container.streams.audio
        packets = container.demux(list(audio)) if audio else []
        told["sound"] = sorted(
            (p.stream.index, p.pts * p.time_base, bytes(p)) for p in packets if p.dts is not None
        )
        told["languages"] = [track.language for track in audio]
    return told


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_differs_in_nothing_but_pixels(kind, tmp_path):
    source = make(tmp_path / f"source.{KINDS[kind].ending}", KINDS[kind])
    clip = probe(source)
    copy = tmp_path / f"copy.{KINDS[kind].ending}"
    with Writer(clip, copy) as writer:
        for frame in frames(clip):
            writer.write(frame)
    assert story(copy) == story(source)
    assert sorted(file.name for file in tmp_path.iterdir()) == [copy.name, source.name]


def test_avi_with_frames_coded_ahead_keeps_an_even_pace(tmp_path):
    """AVI knows no times of showing: a decoder's are late, and B pictures' change places."""
    how = Made("avi", "mpeg4", base=Fraction(1, 25), times=tuple(range(12)), options=(("bf", "2"),))
    source = make(tmp_path / "a.avi", how)
    with av.open(str(source)) as container:
        raw = [frame.pts for frame in container.decode(video=0)]
    assert raw != sorted(raw) or raw[0] != 0
    clip = probe(source)
    assert [frame.pts for frame in frames(clip)] == list(range(len(raw)))
    with Writer(clip, tmp_path / "b.avi") as writer:
        for frame in frames(clip):
            writer.write(frame)
    assert [frame.pts for frame in frames(probe(tmp_path / "b.avi"))] == list(range(len(raw)))


def test_pictures_survive_closely(tmp_path):
    clip = probe(make(tmp_path / "a.mp4", KINDS["plain"]))
    with Writer(clip, tmp_path / "b.mp4") as writer:
        for frame in frames(clip):
            writer.write(frame)
    pairs = zip(frames(clip), frames(probe(tmp_path / "b.mp4")), strict=True)
    errors = [np.square(a.to_ndarray().astype(float) - b.to_ndarray()).mean() for a, b in pairs]
    assert 10 * np.log10(255**2 / max(errors)) > 38


def test_what_may_tell_on_people_is_left_out_and_listed(tmp_path):
    told = (("location", "+48.1+011.6/"), ("artist", "Jane Doe"))
    clip = probe(make(tmp_path / "a.mp4", Made(metadata=told)))
    assert {"metadata artist", "metadata location"} <= set(clip.left_out)
    with Writer(clip, tmp_path / "b.mp4") as writer:
        for frame in frames(clip):
            writer.write(frame)
    assert b"Jane Doe" not in (tmp_path / "b.mp4").read_bytes()
    assert b"+48.1" not in (tmp_path / "b.mp4").read_bytes()


def test_a_truncated_file_gives_its_frames_and_then_says_so(tmp_path):
    how = Made(ending="mkv", base=Fraction(1, 1000), times=tuple(range(0, 4000, 40)))
    whole = make(tmp_path / "a.mkv", how)
    cut = tmp_path / "cut.mkv"
    content = whole.read_bytes()
    cut.write_bytes(content[: len(content) * 6 // 10])
    seen = []
    with contextlib.suppress(Damaged):
        seen.extend(frame.pts for frame in frames(probe(cut)))
    assert seen == sorted({*seen} & {*how.times})
    assert 20 < len(seen) < 100


def test_frames_that_an_index_promises_and_the_file_lacks_are_counted(tmp_path):
    clip = probe(make(tmp_path / "a.mp4", KINDS["plain"]))
    promising = dataclasses.replace(clip, frames=40)
    with pytest.raises(Damaged, match="12 of 40 frames"):
        list(frames(promising))


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "an empty file"), (b"this is text " * 99, "without a readable index")],
)
def test_what_is_no_video_is_refused(tmp_path, content, reason):
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(InputError, match=reason):
        probe(tmp_path / "a.mp4")


def test_playlists_are_refused(tmp_path):
    (tmp_path / "a.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n")
    with pytest.raises(InputError):
        probe(tmp_path / "a.m3u8")


def test_limits_hold_before_decoding(tmp_path):
    source = make(tmp_path / "a.mp4", KINDS["plain"])
    with pytest.raises(InputError, match=r"at most 1,000 pixels a frame, got 64x48"):
        probe(source, limits=Limits(pixels=1000))


def test_originals_and_taken_names_are_safe_and_failure_leaves_nothing(tmp_path):
    clip = probe(make(tmp_path / "a.mp4", KINDS["plain"]))
    before = clip.path.read_bytes()
    with pytest.raises(InputError, match="another file than the input"):
        Writer(clip, clip.path, force=True)
    (tmp_path / "b.mp4").write_bytes(b"mine")
    with pytest.raises(InputError, match="--force"):
        Writer(clip, tmp_path / "b.mp4")

    def fails() -> None:
        with Writer(clip, tmp_path / "c.mp4") as writer:
            writer.write(next(frames(clip)))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert clip.path.read_bytes() == before
    assert sorted(f.name for f in tmp_path.iterdir()) == ["a.mp4", "b.mp4"]
