"""Files as they come, through ``synthaug anonymize``: what stays, what is refused, what is told."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from synthaug.cli.app import run

Ask = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run the command with --json; exit code and the one object it prints."""

    def call(*words: str | Path) -> tuple[int, dict[str, Any]]:
        code = run(["anonymize", *map(str, words), "--seed", "1", "--json"])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return code, json.loads(printed.out)

    return call


def story(path: Path) -> dict[str, Any]:
    """What must be the same before and after; of a broken file what can be read."""
    shown = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        with contextlib.suppress(av.FFmpegError):
            shown.extend(container.decode(stream))
        first = shown[0]
        told: dict[str, Any] = {
            "times": [frame.pts * stream.time_base for frame in shown],
            "size": (first.width, first.height),
            "rotation": first.rotation,
            "aspect": stream.sample_aspect_ratio,
            "interlaced": first.interlaced_frame,
            "colour": (int(first.color_range), int(first.color_primaries), int(first.color_trc),
                       int(first.colorspace)),
        }  # fmt: skip
        languages = [track.language for track in container.streams.audio]
    sound = []
    with av.open(str(path)) as container, contextlib.suppress(av.FFmpegError):
        for packet in container.demux(list(container.streams.audio)) if languages else []:
            if packet.dts is not None:
                track = container.streams.audio.index(packet.stream)
                sound.append((track, packet.pts * packet.time_base, bytes(packet)))
    return {**told, "languages": languages, "sound": sorted(sound)}


CONTAINERS = {
    "vfr.mkv": 42, "rotated90.mp4": 75, "start_offset_1500ms.mp4": 75, "start_offset_5s.mkv": 75,
    "mpegts.ts": 75, "mpeg1.mpg": 75, "odd_353x199.mp4": 75, "odd_353x199_ffv1.mkv": 15,
    "ten_bit.mp4": 75, "vp9_opus.webm": 75, "gps_metadata.mov": 75, "gps_location_box.mp4": 75,
    "mjpeg_pcm.avi": 50, "animated.gif": 16, "interlaced.mp4": 25, "sar_4_3.mp4": 50,
    "two_audio_one_subtitle.mp4": 75, "no_audio.mp4": 75, "one_frame.mp4": 1,
    "truncated_60pct.mp4": 36,
}  # fmt: skip
# Of the sources: where they were filmed, when, by whom, and what had written them. An encoder of
# sound may have left its name in a packet; packets of sound are copied as they are.
PRIVATE = (b"Jane Doe", b"+48.8584", b"2021-06-05", b"Lavf59", b"L-SMASH")


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", CONTAINERS)
def test_nothing_but_pixels_differs(name, shared, tmp_path, ask):
    source, out = shared / "videos/containers" / name, tmp_path / name
    code, told = ask(source, "-o", out, "--no-audit")
    broken = name.startswith("truncated")
    assert code == (6 if broken else 0), told
    assert told["files"][0]["frames"] == CONTAINERS[name]
    assert bool(told["files"][0]["warnings"]) == broken
    assert story(out) == story(source)
    written = out.read_bytes()
    assert [each for each in PRIVATE if each in written] == []
    assert [path.name for path in tmp_path.iterdir()] == [name]


REFUSED = {
    "audio_only.m4a": "sound only", "empty.mp4": "an empty file",
    "no_moov.mp4": "without a readable index", "text_named.mp4": "without a readable index",
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_video_is_refused(name, shared, tmp_path, ask):
    code, told = ask(shared / "videos/containers" / name, "-o", tmp_path / name)
    assert code == 2
    assert REFUSED[name] in told["error"]["message"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/a.mp4", "rtsp://127.0.0.1/a", "concat:a.mp4|b.mp4"]
)
def test_addresses_are_refused(address, tmp_path, ask):
    code, told = ask(address, "-o", tmp_path / "out.mp4")
    assert code == 2
    assert address in told["error"]["message"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["list.m3u8", "list.mp4"])
@pytest.mark.parametrize(
    "text",
    ["#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n", "ffconcat version 1.0\nfile /etc/passwd\n"],
)
def test_playlists_are_refused(name, text, tmp_path, ask):
    (tmp_path / name).write_text(text)
    code, _ = ask(tmp_path / name, "-o", tmp_path / f"out{Path(name).suffix}")
    assert code == 2
    assert [path.name for path in tmp_path.iterdir()] == [name]


def film(path: Path, *, count: int = 3, side: tuple[int, int] = (64, 48), codec: str = "libx264",
         pixels: str = "yuv420p") -> Path:  # fmt: skip
    """A video that shows nobody."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = *side, pixels
        stream.codec_context.time_base = Fraction(1, 12800)
        out.start_encoding()
        for index in range(count):
            rgb = np.full((side[1], side[0], 3), 90 + index, np.uint8)
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = index * 512, Fraction(1, 12800)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def test_a_video_without_frames(tmp_path, ask):
    film(tmp_path / "a.mp4", count=0)
    code, told = ask(tmp_path / "a.mp4", "-o", tmp_path / "out.mp4")
    assert code in {2, 6}
    assert "a.mp4" in told["error"]["message"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_video_of_one_pixel(tmp_path, ask):
    source = film(tmp_path / "a.mkv", side=(1, 1), codec="ffv1", pixels="yuv444p")
    code, told = ask(source, "-o", tmp_path / "out.mkv")
    assert {path.name for path in tmp_path.iterdir()} - {"out.mkv.audit"} == (
        {"a.mkv", "out.mkv"} if code == 0 else {"a.mkv"}
    )
    if code == 0:
        assert story(tmp_path / "out.mkv") == story(source)
    else:
        assert code == 2, told


def test_a_video_of_nobody_and_no_sound(tmp_path, ask):
    source = film(tmp_path / "a.mp4")
    code, told = ask(source, "-o", tmp_path / "out.mp4")
    assert (code, told["files"][0]["tracks"]) == (0, {})
    assert story(tmp_path / "out.mp4") == story(source)


def test_a_claim_of_too_many_pixels_is_refused_from_the_header(tmp_path, ask):
    source = film(tmp_path / "a.mp4", count=1, side=(7680, 4320))
    code, told = ask(source, "-o", tmp_path / "out.mp4", "--max-pixels", "8294400")
    assert code == 2
    assert "7680x4320" in told["error"]["message"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_two_inputs_and_one_output_file(tmp_path, ask):
    film(tmp_path / "a.mp4")
    film(tmp_path / "b.mp4")
    code, told = ask(tmp_path, "-o", tmp_path / "out.mp4")
    assert code == 2
    assert "a folder for 2 inputs" in told["error"]["message"]
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "b.mp4"}


def test_a_bad_file_in_a_folder_stops_no_other(tmp_path, ask):
    folder = tmp_path / "mine"
    folder.mkdir()
    film(folder / "a.mp4")
    (folder / "b.mp4").write_text("no video at all")
    film(folder / "c.mp4")
    code, told = ask(folder, "-o", tmp_path / "out", "--no-audit")
    assert code == 6
    by_name = {Path(each["source"]).name: each for each in told["files"]}
    assert {name: each["exit_code"] for name, each in by_name.items()} == {
        "a.mp4": 0, "b.mp4": 2, "c.mp4": 0,
    }  # fmt: skip
    assert "b.mp4" in by_name["b.mp4"]["error"]["message"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a.mp4", "c.mp4"}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_still(shared, tmp_path, ask):
    shutil.copytree(shared / "stills", tmp_path / "stills")
    code, told = ask(tmp_path / "stills", "-o", tmp_path / "out", "--no-audit")
    codes = {Path(each["source"]).name: each["exit_code"] for each in told["files"]}
    assert code == 6
    assert codes == {
        name: 6 if name == "truncated.jpg" else 0
        for name in sorted(path.name for path in (tmp_path / "stills").iterdir())
    }
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(codes)
