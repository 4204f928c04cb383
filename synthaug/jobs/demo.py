"""The story of ``synthaug demo``: real digits made imbalanced, then balanced again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from synthaug.datasets import AugmentedDataset

__all__ = ["RARE", "demo", "write_digits"]

# Digits a small classifier mixes up with others, so that what is done about them shows.
RARE = (3, 5, 8)
_KEPT = 40
# With reading, judging and writing around it the whole demonstration stays under four minutes.
_BUDGET = "90s"


def demo(
    out: str | Path = "synthaug-demo",
    *,
    seed: int = 0,
    budget: str | int = _BUDGET,
    callbacks: Sequence[Any] = (),
    render: Callable[[AugmentedDataset, Path], None] | None = None,
) -> AugmentedDataset:
    """Scikit-learn's handwritten digits, three classes cut to 40, balanced by `augment`.

    Args:
        out: folder to write; receives ``digits/`` (the imbalanced set) and ``balanced/``.
        seed: of everything random.
        budget: training budget.
        callbacks: objects with ``on_progress``.
        render: writes the report pages.

    Returns:
        The balanced set.

    Raises:
        InputError: ``out`` is in use or cannot be written.
    """
    from synthaug.jobs.augment import augment

    digits = write_digits(Path(out) / "digits")
    return augment(
        digits,
        "balance",
        budget=budget,
        seed=seed,
        out=Path(out) / "balanced",
        callbacks=callbacks,
        render=render,
    )


def write_digits(directory: Path) -> Path:
    """Write the imbalanced digits as 8-bit PNG, one folder a digit; the same bytes each time.

    Args:
        directory: the folder; left as it is where it is there already, so that an
            interrupted demonstration resumes.

    Returns:
        The folder.
    """
    if directory.exists():
        return directory
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    part = directory.with_name(f".{directory.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    for label in range(10):
        members = np.flatnonzero(digits.target == label)
        folder = part / str(label)
        folder.mkdir(parents=True)
        for index in members[: _KEPT if label in RARE else None]:
            Image.fromarray(pixels[index]).save(folder / f"{index:04d}.png")
    part.rename(directory)
    return directory
