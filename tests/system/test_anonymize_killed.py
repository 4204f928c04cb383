"""``synthaug anonymize`` killed, interrupted and short of room; then the same command again."""

from __future__ import annotations

import hashlib
import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from synthaug.media import frames, probe

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

# Parts as short as these let a clip of some seconds have several.
SYNTHAUG = [
    sys.executable,
    "-c",
    "from synthaug.media import writing; writing.frames_a_segment = lambda *_: 6\n"
    "from synthaug.cli import main; main()",
]


@pytest.fixture(scope="module")
def clip(moving_face, tmp_path_factory) -> Path:
    """Thirty frames of one face that moves to the right."""
    return moving_face(tmp_path_factory.mktemp("clip") / "clip.mp4", 30)


def start(
    source: Path, out: Path, *words: str, before: Callable[[], None] | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*SYNTHAUG, "anonymize", str(source), "-o", str(out), "--seed", "3", "--json", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=before,
    )  # fmt: skip


def finished(process: subprocess.Popen[str]) -> tuple[int, dict]:
    printed, said = process.communicate(timeout=900)
    assert printed, said
    return process.returncode, json.loads(printed)


def pixels(path: Path) -> list[tuple[int, str]]:
    return [
        (frame.pts, hashlib.sha256(frame.to_ndarray().tobytes()).hexdigest())
        for frame in frames(probe(path))
    ]


@pytest.fixture(scope="module")
def whole(clip, tmp_path_factory) -> Path:
    """What a run gives that nothing happens to."""
    out = tmp_path_factory.mktemp("whole") / "out.mp4"
    code, told = finished(start(clip, out))
    assert code == 0, told
    return out


def _planning(folder: Path) -> bool:
    return (folder / "sights").exists() and (folder / "sights").stat().st_size > 10_000


def _rendering(folder: Path) -> bool:
    return (folder / "000001.segment").exists()


def _auditing(folder: Path) -> bool:
    return folder.with_name("out.mp4").exists()


MOMENTS = {"planning": _planning, "rendering": _rendering, "auditing": _auditing}


def stopped(process: subprocess.Popen[str], folder: Path, moment: str, how: int) -> None:
    """Send a signal as soon as a run has come so far."""
    while not MOMENTS[moment](folder):
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.send_signal(how)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["kill", "interrupt"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_the_same_command_again_gives_the_same_pixels(clip, whole, tmp_path, moment, how):
    original = clip.read_bytes()
    out, folder = tmp_path / "out.mp4", tmp_path / ".out.mp4.work"
    process = start(clip, out)
    stopped(process, folder, moment, how)
    printed, said = process.communicate(timeout=300)
    assert "Traceback" not in said
    if how == signal.SIGINT:
        assert process.returncode == 5, said
        assert json.loads(printed)["error"]["exit_code"] == 5
    else:
        assert process.returncode == -signal.SIGKILL
    # Beside the hidden folder there is the whole output or nothing.
    seen = {path.name for path in tmp_path.iterdir()} - {folder.name, "out.mp4.audit"}
    assert seen == ({"out.mp4"} if moment == "auditing" else set())
    if seen:
        assert pixels(out) == pixels(whole)
    code, told = finished(start(clip, out))
    assert code == 0, told
    assert told["files"][0]["frames"] == 30
    assert told["files"][0]["audit"]["verdicts"]
    assert pixels(out) == pixels(whole)
    assert {path.name for path in tmp_path.iterdir()} == {"out.mp4", "out.mp4.audit"}
    assert clip.read_bytes() == original


def test_a_full_disk_is_told_and_the_same_command_goes_on(clip, whole, tmp_path):
    room = whole.stat().st_size * 6 // 10

    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    out = tmp_path / "out.mp4"
    code, told = finished(start(clip, out, before=small_disk))
    assert (code, told["error"]["exit_code"]) == (7, 7)
    assert [path.name for path in tmp_path.iterdir()] == [".out.mp4.work"]
    code, told = finished(start(clip, out))
    assert code == 0, told
    assert pixels(out) == pixels(whole)


@pytest.mark.parametrize("codec", ["h265", "av1", "vp9"])
def test_other_codecs_go_on_to_the_same_pixels_too(clip, tmp_path, codec):
    words = ("--codec", codec, "--no-audit")
    code, told = finished(start(clip, tmp_path / "whole.mp4", *words))
    assert code == 0, told
    out, folder = tmp_path / "out.mp4", tmp_path / ".out.mp4.work"
    process = start(clip, out, *words)
    stopped(process, folder, "rendering", signal.SIGKILL)
    process.communicate(timeout=300)
    assert not out.exists()
    code, told = finished(start(clip, out, *words))
    assert code == 0, told
    assert pixels(out) == pixels(tmp_path / "whole.mp4")
