from __future__ import annotations

import pytest

from synthaug.cli.options import (
    SizeName,
    parse_grid,
    parse_numbers,
    parse_size,
    parse_strengths,
)
from synthaug.cli.progress import Progress, line
from synthaug.errors import InputError
from synthaug.training import Progress as Report


def test_sizes() -> None:
    assert [parse_size(name) for name in SizeName] == ["auto", 16, 32, 64, 128]


@pytest.mark.parametrize("text", ["8", "8x", "0x4", "8x-4", "8 x 4", "eightxfour"])
def test_a_grid_that_cannot_be_read(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_grid(text)
    assert str(caught.value) == (
        f"grid: expected columns and rows, got {text!r} (--grid). Write it like 8x4."
    )


@pytest.mark.parametrize("text", ["", "a", "-1", "3-1", "1,,2", "0-99999", "1.5"])
def test_numbers_that_cannot_be_read(text: str) -> None:
    with pytest.raises(InputError, match=r"numbers: expected numbers from 0.* \(--rows\)"):
        parse_numbers(text, "--rows")


@pytest.mark.parametrize(
    ("text", "steps"), [("", 5), ("a", 5), ("1..", 5), ("-2..2", 1), ("0..1..2", 5)]
)
def test_strengths_that_cannot_be_read(text: str, steps: int) -> None:
    with pytest.raises(InputError, match="strength: expected numbers, or a range"):
        parse_strengths(text, steps)


def test_a_report_as_a_line() -> None:
    report = Report(
        phase="train",
        images_seen=1500,
        total=30000,
        images_per_second=141.4,
        eta_seconds=201.6,
        frechet=829.04,
    )
    assert line(report) == (
        "train: 1,500 of 30,000 images (5%), 141 images/s, 3:22 left, Fréchet distance 829.0"
    )
    assert line(Report(phase="draw", images_seen=12)) == "draw: 12 images"


def test_a_log_gets_a_line_per_phase_and_twentieth(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(interactive=False) as progress:
        for seen in range(1001):
            progress.on_progress(Report(phase="train", images_seen=seen, total=1000))
        progress.on_progress(Report(phase="train", message="48 tiles, not 57"))
        for seen in range(100):
            progress.on_progress(Report(phase="draw", images_seen=seen))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 23


def test_a_terminal_gets_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(interactive=True) as progress:
        progress.on_progress(Report(phase="train", images_seen=5, total=10, frechet=12.0))
        progress.on_progress(Report(phase="draw", message="12 [bold] images refused"))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "train" in printed.err
    assert "12 [bold] images refused" in printed.err
