"""Every script in examples/ runs, and stays short enough to read."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from synthaug.jobs.demo import write_digits
from synthaug.networks.rare import RareGenerator
from synthaug.training import Generator

EXAMPLES = Path(__file__).parents[2] / "examples"
TINY = "64 images"

Run = Callable[..., str]


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one script with arguments; what it printed."""

    def run(name: str, *arguments: str | Path) -> str:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``photos``: two digits, one of them rare."""
    folder = tmp_path_factory.mktemp("work")
    digits = write_digits(folder / "digits")
    (folder / "photos").mkdir()
    for label in "13":
        (digits / label).rename(folder / "photos" / label)
    for extra in sorted((folder / "photos" / "1").iterdir())[55:]:
        extra.unlink()
    return folder


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_examples_are_short_and_tested(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 40
    assert f'"{path.name}"' in Path(__file__).read_text()


def test_a_folder_is_balanced_then_trained_on_and_asked(example: Run, workplace: Path) -> None:
    out = workplace / "balanced"
    told = example("balance_a_folder.py", workplace / "photos", out, TINY)
    assert "110 images in 2 classes" in told
    folders = workplace / "balanced-folders"
    assert {len(list((folders / label).glob("*.png"))) for label in "13"} == {55}
    assert "loss after 3 steps" in example("train_a_classifier.py", out, "3")
    png = next((out / "synthetic" / "3").glob("*.png"))
    told = example("read_provenance.py", png, workplace / "photos" / "1" / "0001.png")
    assert "class_name: 3" in told
    assert "nothing inside says" in told


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server on a free port."""
    pytest.importorskip("grpc_health", reason="needs synthaug[server]")
    from running import Running

    running = Running(tmp_path_factory.mktemp("server") / "store")
    yield running
    running.stop()


@pytest.fixture
def person(moving_face: Callable[[Path, int], Path], tmp_path: Path) -> Path:
    return moving_face(tmp_path / "person.mp4", 6)


@pytest.mark.slow
def test_a_folder_is_sent_to_a_server(example: Run, server: Any, workplace: Path) -> None:
    out = workplace / "served"
    told = example("send_a_folder.py", server.address, workplace / "photos", out, TINY)
    assert "upload 100%" in told
    assert "succeeded until" in told
    assert "110 images in 2 classes" in told
    assert (out / "report.html").is_file()


@pytest.mark.slow
def test_frames_are_streamed_to_a_server(example: Run, server: Any, person: Path) -> None:
    import av

    out = person.with_name("hidden.mp4")
    told = example("stream_frames.py", server.address, person, out)
    assert "faces drawn: {'" in told
    with av.open(str(out)) as written:
        assert len(list(written.decode(video=0))) == 6


def test_a_video_is_anonymized(example: Run, person: Path, capsys: Any) -> None:
    with pytest.raises(SystemExit) as end:
        example("anonymize_a_video.py", person, person.with_name("hidden.mp4"))
    told = capsys.readouterr().out
    assert "6 frames, 1 faces followed and hidden" in told
    assert "open: PASS" in told
    assert end.value.code == 0
    assert person.with_name("hidden.mp4").is_file()


def test_images_from_elsewhere_are_judged(example: Run) -> None:
    assert example("judge_your_own.py").rstrip().endswith("refused")


def test_a_pipeline_of_imbalanced_learn(example: Run) -> None:
    assert "synthaug: balanced accuracy" in example("imbalanced_learn_pipeline.py", TINY)


def test_a_hugging_face_data_set(example: Run) -> None:
    told = example("hugging_face.py", TINY)
    assert "'real'" in told


def test_a_walk_and_an_edit(example: Run, workplace: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = RareGenerator(2, 1, 16)
    Generator(network.eval().requires_grad_(False), ("1", "3"), {}).save(workplace / "generator")
    photos, out = workplace / "photos", workplace / "walked"
    told = example("walk_and_edit.py", workplace / "generator", photos / "1", photos / "3", out)
    assert told.startswith("told apart in ")
    with Image.open(out / "walk.webp") as walked, Image.open(out / "edit.png") as edited:
        assert (walked.n_frames, edited.size) == (48, (80, 64))  # type: ignore[attr-defined]


def test_a_test_suite_that_judges_a_generator() -> None:
    suite = runpy.run_path(str(EXAMPLES / "test_my_generator.py"))
    suite["test_my_generator_is_as_good_as_fresh_images"]()
    suite["test_a_generator_that_copies_is_caught"]()
