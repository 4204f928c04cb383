from __future__ import annotations

from pathlib import Path

from synthaug.datasets import open as open_images
from synthaug.jobs.demo import RARE, write_digits


def test_the_digits_are_imbalanced_and_the_same_each_time(tmp_path: Path) -> None:
    folder = write_digits(tmp_path / "digits")
    images = open_images(folder)
    counts = images.counts()
    assert [counts[str(label)] for label in RARE] == [40, 40, 40]
    assert min(counts[str(label)] for label in range(10) if label not in RARE) > 150
    again = open_images(write_digits(tmp_path / "again"))
    assert (images.digests == again.digests).all()


def test_digits_that_are_there_are_kept(tmp_path: Path) -> None:
    (tmp_path / "digits").mkdir()
    write_digits(tmp_path / "digits")
    assert list((tmp_path / "digits").iterdir()) == []
