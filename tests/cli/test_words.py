from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthaug.cli.options import SizeName, parse_size, parse_target
from synthaug.cli.progress import Progress, line
from synthaug.errors import InputError

NAMES = st.text(st.characters(exclude_characters=","), min_size=1).filter(
    lambda name: name == name.strip() and name
)


@dataclasses.dataclass
class Report:
    phase: str = "train"
    images_seen: int = 0
    total: int = 0
    images_per_second: float = 0.0
    eta_seconds: float | None = None
    frechet: float | None = None


@given(st.dictionaries(NAMES, st.integers() | st.just("max"), min_size=1))
def test_targets_read_back(targets: dict[str, int | str]) -> None:
    text = ",".join(f"{name}={count}" for name, count in targets.items())
    assert parse_target(text) == targets


def test_targets_in_one_word() -> None:
    assert parse_target("balance") == "balance"
    assert parse_target("500") == 500
    assert parse_target("-3") == -3, "that it is too few is for the job to say, with the counts"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "most",
            "target: expected 'balance', a number or CLASS=NUMBER, got 'most' (--target). "
            "Write it like 'crack=500,fray=max'.",
        ),
        (
            "crack=many",
            "target: expected a number or 'max', got 'many' (--target, class crack). "
            "Write it like 'crack=500,fray=max'.",
        ),
        (
            "crack=5,fray",
            "target: expected CLASS=NUMBER or CLASS=max, got 'fray' (--target). "
            "Write it like 'crack=500,fray=max'.",
        ),
        (
            "crack=5,crack=6",
            "target: expected each class once, got 'crack' twice (--target). Keep one of them.",
        ),
    ],
)
def test_a_target_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_target(text)
    assert str(caught.value) == message


def test_sizes() -> None:
    assert [parse_size(name) for name in SizeName] == ["auto", 16, 32, 64, 128]


def test_a_report_as_a_line() -> None:
    report = Report("train", 1500, 30000, 141.4, 201.6, 829.04)
    assert line(report) == (
        "train: 1,500 of 30,000 images (5%), 141 images/s, 3:22 left, Fréchet distance 829.0"
    )
    assert line(Report("draw", 12)) == "draw: 12 images"


def test_a_log_gets_a_line_per_phase_and_twentieth(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(interactive=False) as progress:
        for seen in range(1001):
            progress.on_progress(Report("train", seen, 1000))
        for seen in range(100):
            progress.on_progress(Report("draw", seen))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 22


def test_a_terminal_gets_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(interactive=True) as progress:
        progress.on_progress(Report("train", 5, 10, 100.0, 3.0, 12.0))
        progress.on_progress(Report("draw", 1))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "train" in printed.err
    assert "draw" in printed.err
