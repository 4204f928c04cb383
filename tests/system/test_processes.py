"""The command line as processes of their own: exit codes, stdout, signals, a full disk."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from synthaug.cli.app import run
from synthaug.jobs.demo import write_digits

SYNTHAUG = [sys.executable, "-c", "from synthaug.cli import main; main()"]


def call(
    *words: str | Path, before: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SYNTHAUG, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
        preexec_fn=before,
    )


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two handwritten digits, 24 images of each."""
    folder = tmp_path_factory.mktemp("work")
    digits = write_digits(folder / "digits")
    for label in "13":
        (folder / "photos" / label).mkdir(parents=True)
        for file in sorted((digits / label).iterdir())[:24]:
            file.rename(folder / "photos" / label / file.name)
    return folder / "photos"


@pytest.fixture(scope="module")
def trained(photos: Path) -> subprocess.CompletedProcess[str]:
    """A process that trained a generator into ``generator`` beside the photos."""
    out = photos.parent / "generator"
    return call("train", photos, "--out", out, "--budget", "64 images", "--json")


def test_help() -> None:
    done = call("--help")
    assert done.returncode == 0
    assert "synthaug demo" in done.stdout
    assert done.stderr == ""


def test_wrong_usage() -> None:
    done = call("augment", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "usage"


def test_a_reader_that_leaves_early_is_no_error() -> None:
    with subprocess.Popen(
        [*SYNTHAUG, "doctor"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode in {0, 2, 7}


def test_training_prints_one_object_and_leaves_a_generator(
    photos: Path, trained: subprocess.CompletedProcess[str]
) -> None:
    assert trained.returncode == 0, trained.stderr
    told = json.loads(trained.stdout)
    assert (told["classes"], told["resolution"]) == (["1", "3"], 16)
    assert "train: 64 of 64 images (100%)" in trained.stderr
    files = {path.name for path in (photos.parent / "generator").iterdir()}
    assert files >= {"generator.safetensors", "config.json", "README.md"}
    left = {path.name for path in photos.parent.iterdir()}
    assert left == {"digits", "photos", "generator"}


def test_samples_of_a_class_are_the_same_each_time(
    photos: Path,
    trained: subprocess.CompletedProcess[str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    words = ["sample", str(photos.parent / "generator"), "--class", "3", "--json"]
    drawn = []
    for out in ("a", "b"):
        assert run([*words, "--count", "3", "--out", str(tmp_path / out)]) == 0
        files = json.loads(capsys.readouterr().out)["files"]
        drawn.append([Path(file).read_bytes() for file in files])
    assert len(drawn[0]) == 3
    assert drawn[0] == drawn[1]
    assert run([*words, "--grid", "4x2", "--out", str(tmp_path / "grid.png")]) == 0
    with Image.open(tmp_path / "grid.png") as grid:
        assert grid.size == (64, 32)
    capsys.readouterr()
    assert run([*words[:3], "7", "--out", str(tmp_path / "c"), "--json"]) == 2
    assert "one of 1, 3" in json.loads(capsys.readouterr().out)["error"]["message"]
    assert not (tmp_path / "c").exists()


def test_a_full_disk_is_told_and_nothing_is_delivered(photos: Path, tmp_path: Path) -> None:
    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    out = tmp_path / "out"
    done = call("train", photos, "--out", out, "--budget", "64 images", "--json", before=small_disk)
    assert done.returncode == 7, done.stderr
    assert json.loads(done.stdout)["error"]["exit_code"] == 7
    assert not out.exists()


def test_an_interrupt_leaves_a_checkpoint_and_says_how_to_go_on(
    photos: Path, tmp_path: Path
) -> None:
    words = ["train", photos, "--out", tmp_path / "out", "--budget", "1m images", "--json"]
    with subprocess.Popen(
        [*SYNTHAUG, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("train:"):
                process.send_signal(signal.SIGINT)
                break
        error = json.loads(process.stdout.read())["error"]
        rest = process.stderr.read()
    assert (process.returncode, error["exit_code"]) == (5, 5)
    assert error["message"].endswith("Repeat the same call to go on.")
    assert "Traceback" not in rest
    assert not (tmp_path / "out").exists()
    assert (tmp_path / ".out.work" / "checkpoint.pt").exists()
