"""A camera's frames, given in its place: no face of them is written, not even when it stops."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from skimage.data import astronaut

import synthaug.jobs.anonymizing.camera as anonymize_camera_module
from synthaug.cli.app import run
from synthaug.errors import InputError
from synthaug.jobs.anonymizing.camera import anonymize_camera
from synthaug.media import frames, probe
from synthaug.media.editing import picture
from synthaug.media.marking import is_marked

FACE = (slice(90, 180), slice(152, 215))
WALL = 6  # frames before somebody comes in


def shown(index: int) -> np.ndarray:
    if index < WALL:
        return np.full((256, 320, 3), 120, np.uint8)
    return np.ascontiguousarray(astronaut()[:256, 40:360])


def filmed(count: int, *, rate: int | None = None, stops: bool = False) -> Iterator[av.VideoFrame]:
    """Frames as a camera gives them: with times or without; a Ctrl-C may end them."""
    for index in range(count):
        frame = av.VideoFrame.from_ndarray(shown(index), format="rgb24").reformat(format="yuyv422")
        if rate is not None:
            # A camera's clock begins anywhere and trembles.
            frame.pts, frame.time_base = (
                77_000 + 1000 * index // rate + index % 2,
                Fraction(1, 1000),
            )
        yield frame
    if stops:
        raise KeyboardInterrupt


def hidden(path: Path) -> list[float]:
    """How alike each frame's face is to the real one."""
    real = shown(WALL)[FACE].mean(-1).ravel()
    images = [picture(frame) for frame in frames(probe(path))]
    beside = [np.abs(image[:, :90].astype(int) - shown(n)[:, :90]).mean()
              for n, image in enumerate(images)]  # fmt: skip
    assert max(beside) < 6
    return [float(np.corrcoef(real, image[FACE].mean(-1).ravel())[0, 1]) for image in images[WALL:]]


def test_nobody_is_seen_from_the_first_frame_to_ctrl_c(tmp_path):
    out = tmp_path / "film.mp4"
    made = anonymize_camera(filmed(41, rate=25, stops=True), out, seed=1)
    assert (made.exit_code, made.rendered.frames) == (0, 41)
    assert len(made.rendered.rungs) == 1
    assert max(hidden(out)) < 0.8
    clip = probe(out)
    assert (clip.width, clip.height, clip.audio) == (320, 256, ())
    times = [frame.pts * clip.time_base for frame in frames(clip)]
    assert times == [Fraction(40 * index + index % 2, 1000) for index in range(41)]
    assert is_marked(out)
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


def test_frames_without_times_are_shown_evenly(tmp_path):
    out = tmp_path / "film.mkv"
    made = anonymize_camera(filmed(9), out)
    assert made.rendered.frames == 9
    seconds = [float(frame.pts * probe(out).time_base) for frame in frames(probe(out))]
    assert np.diff(seconds) == pytest.approx([1 / 30] * 8, abs=1e-3)
    assert max(hidden(out)) < 0.8


def test_what_cannot_be_filmed_leaves_nothing(tmp_path):
    out = tmp_path / "film.mp4"
    with pytest.raises(InputError, match="camera: expected frames, got none"):
        anonymize_camera(iter(()), out)
    assert list(tmp_path.iterdir()) == []
    out.write_bytes(b"mine")
    with pytest.raises(InputError, match="--force"):
        anonymize_camera(filmed(1), out)
    assert out.read_bytes() == b"mine"


def test_a_camera_that_is_not_there_is_told(tmp_path, capsys):
    assert run(["anonymize", "--camera", "97", "-o", str(tmp_path / "film.mp4")]) == 2
    assert "Check its number" in capsys.readouterr().err
    assert run(["anonymize", "a.mp4", "--camera", "0"]) == 2
    assert list(tmp_path.iterdir()) == []


class Screen:
    """Stands in for a window: what was shown, closed after some frames."""

    def __init__(self, closed_after: int) -> None:
        self.shown: list[np.ndarray] = []
        self._left = closed_after

    def __call__(self) -> Screen:
        return self

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def write(self, frame: av.VideoFrame) -> None:
        if self._left == 0:
            return
        self.shown.append(picture(frame).copy())
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt


def test_a_window_shows_no_face_and_writes_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    screen = Screen(closed_after=-1)
    monkeypatch.setattr(anonymize_camera_module, "Window", screen)
    made = anonymize_camera(filmed(30, rate=25), window=True, seed=1)
    assert len(screen.shown) == made.rendered.frames == 30
    real = shown(WALL)[FACE].mean(-1).ravel()
    alike = [np.corrcoef(real, each[FACE].mean(-1).ravel())[0, 1] for each in screen.shown[WALL:]]
    assert max(alike) < 0.8
    assert not list(tmp_path.iterdir())


def test_a_window_that_is_closed_ends_the_film_and_leaves_the_file_whole(tmp_path, monkeypatch):
    screen = Screen(closed_after=4)
    monkeypatch.setattr(anonymize_camera_module, "Window", screen)
    out = tmp_path / "film.mp4"
    made = anonymize_camera(filmed(60, rate=25), out, window=True, seed=1)
    assert len(screen.shown) == 4
    assert 4 < made.rendered.frames < 60
    assert len(list(frames(probe(out)))) == made.rendered.frames


def test_without_a_screen_it_is_said_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(InputError, match="screen"):
        anonymize_camera(filmed(5), tmp_path / "film.mp4", window=True)
    assert not list(tmp_path.iterdir())


def test_a_real_window_opens_shows_and_closes():
    """On a screen of its own."""
    if shutil.which("xvfb-run") is None:
        pytest.skip("no Xvfb on this machine")
    code = (
        "import av, numpy as np\n"
        "from synthaug.media.window import Window\n"
        "frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format='rgb24')\n"
        "with Window() as window:\n    window.write(frame)\n    window.write(frame)\n"
        "print('shown')\n"
    )
    done = subprocess.run(
        ["xvfb-run", "-a", sys.executable, "-c", code], capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    if "none that opens" in done.stderr:
        pytest.skip("this OpenCV was built without windows")
    assert done.stdout.strip() == "shown", done.stderr
