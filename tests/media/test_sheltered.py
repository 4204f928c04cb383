"""What a hostile file does to the process that reads it, it does to that process alone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from synthaug.errors import Damaged, InputError
from synthaug.media import Limits, frames, probe
from synthaug.media.decoding import decoded
from synthaug.media.sheltered import Child, Crashed

FORMATS = ("yuv420p", "yuv444p", "yuv422p10le", "gray", "yuyv422")


def lossless(path: Path, pixels: str, *, count: int = 5, size: tuple[int, int] = (50, 34)) -> Path:
    """A file whose frames come back as they went in."""
    codec = "rawvideo" if pixels == "yuyv422" else "ffv1"
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        stream.codec_context.time_base = Fraction(1, 1000)
        random = np.random.default_rng(1)
        for index in range(count):
            rgb = random.integers(0, 256, (size[1], size[0], 3), np.uint8)
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = index * 40, Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def planes(frame: av.VideoFrame) -> list[bytes]:
    return [bytes(np.ascontiguousarray(view)) for _, _, view in _layout(frame)]


def _layout(frame: av.VideoFrame):
    from synthaug.media.sheltered import plane_layout

    return plane_layout(frame)


@pytest.mark.parametrize("pixels", FORMATS)
def test_frames_come_back_bit_by_bit(pixels, tmp_path):
    clip = probe(lossless(tmp_path / "a.mkv", pixels))
    here, there = list(decoded(clip)), list(frames(clip))
    assert len(here) == len(there) == 5
    for one, other in zip(here, there, strict=True):
        assert (one.pts, one.format.name) == (other.pts, other.format.name)
        assert planes(one) == planes(other)


def test_no_playlist_opens_a_file_or_an_address(tmp_path):
    video = lossless(tmp_path / "a.mkv", "yuv420p")
    lists = {
        "a.m3u8": f"#EXTM3U\n#EXTINF:1,\n{video}\n",
        "b.mp4": f"#EXTM3U\n#EXTINF:1,\n{video}\n",
        "c.mp4": f"ffconcat version 1.0\nfile {video}\n",
        "d.mkv": "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n",
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError):
            probe(tmp_path / name)


def test_a_file_that_needs_more_memory_than_it_may_ends_alone(tmp_path):
    clip = probe(lossless(tmp_path / "a.mkv", "gray", count=1, size=(2000, 1500)))
    request = {"do": "frames", "clip": clip.to_dict()}
    with (
        Child(request, shared=3 * 2000 * 1500, memory=60 << 20) as child,
        pytest.raises((Crashed, Damaged)),
    ):
        list(child.answers())


def test_a_decoder_that_crashes_ends_its_own_file(tmp_path, monkeypatch):
    clip = probe(lossless(tmp_path / "a.mkv", "yuv420p"))
    killed = []
    start = subprocess.Popen

    def spawn(*args, **options):
        process = start(*args, **options)
        killed.append(process)
        return process

    monkeypatch.setattr(subprocess, "Popen", spawn)
    reading = frames(clip)
    assert next(reading).pts == 0
    # What a segmentation fault does, after the first frame.
    killed[-1].send_signal(signal.SIGSEGV)
    killed[-1].wait()
    with pytest.raises(Damaged, match=r"got \d frames, then the decoder ended by SIGSEGV"):
        list(reading)


def test_a_decoder_that_stands_still_is_given_up():
    with Child({"do": "describe", "path": "/dev/zero"}, patience=0.5) as child:
        os.kill(child._process.pid, signal.SIGSTOP)
        with pytest.raises(Crashed, match="nothing for"):
            list(child.answers())


def confined(code: str) -> str:
    """What code prints that runs under the child's limits."""
    limits = {"memory": 2 << 30, "seconds": 5, "writes": False}
    head = (
        "import os, sys\nfrom synthaug.media.child import confine\n"
        f"confine({limits!r}, os.getppid())\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", head + code], capture_output=True, text=True, check=False,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    return run.stdout.strip() or run.stderr.strip()[-300:]


def test_the_child_writes_no_file_and_has_its_limits(tmp_path):
    target = tmp_path / "x"
    code = (
        f"try:\n with open({str(target)!r}, 'w') as file: file.write('x')\n"
        "except OSError as error: print(error)"
    )
    assert "File too large" in confined(code)
    assert not target.exists() or target.stat().st_size == 0
    told = confined("import resource; print(resource.getrlimit(resource.RLIMIT_AS)[1])")
    assert told == str(2 << 30)


def test_the_child_reaches_no_network_where_the_host_allows_it():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        told = confined(
            f"import socket\ntry:\n socket.create_connection(('127.0.0.1', {port}), 2)\n"
            " print('connected')\nexcept OSError: print('no network')"
        )
    if told == "connected":
        pytest.skip("this host lets no process leave its network")
    assert told == "no network"


def test_the_child_dies_with_its_parent(tmp_path):
    path = lossless(tmp_path / "a.mkv", "yuv420p", count=40)
    code = (
        "import sys, os\nfrom synthaug.media import frames, probe\n"
        f"it = frames(probe({str(path)!r})); next(it)\n"
        "import subprocess\n"
        "children = open(f'/proc/{os.getpid()}/task/{os.getpid()}/children').read().split()\n"
        "print(children[-1], flush=True); os.kill(os.getpid(), 9)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    number = int(told.stdout)
    for _ in range(100):
        if not Path(f"/proc/{number}").exists() or "Z" in _status(number):
            return
        time.sleep(0.05)
    pytest.fail("the child lives on")


def _status(number: int) -> str:
    try:
        return Path(f"/proc/{number}/stat").read_text().split(")")[1].split()[0]
    except OSError:
        return "Z"


def test_the_child_has_no_torch():
    code = "import synthaug.media.child, sys; print('torch' in sys.modules, 'cv2' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "False"]


def test_cpu_time_is_limited():
    told = confined("import resource; print(resource.getrlimit(resource.RLIMIT_CPU)[0])")
    assert 20 <= int(told) <= 30


def test_a_file_that_claims_too_many_pixels_is_refused_before_decoding(tmp_path):
    path = lossless(tmp_path / "a.mkv", "gray", count=1, size=(640, 480))
    with pytest.raises(InputError, match=r"at most 1,000 pixels a frame, got 640x480"):
        probe(path, limits=Limits(pixels=1000))
