"""How well near-duplicates are found, on sets whose true groups are known.

    python tests/benchmarks/near_duplicates.py DATA

DATA holds one folder a set with ``train/<class>/`` and, where groups are known, ``groups.csv``.
Without ``groups.csv`` nothing is known to be related: there the number of joins is the figure.
scikit-learn's digits are added as another such set. Prints the tables of
docs/benchmarks/near_duplicates.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

import synthaug.datasets
from synthaug.datasets import ImageSet, near_duplicates
from synthaug.features import embedded


def main(root: Path) -> None:
    torch.set_num_threads(1)
    extractor = embedded()
    counts = ["", "| set | class | files | true groups | thumbnails | with features |"]
    counts.append("|---|---|---|---|---|---|")
    print("| set | files | evidence | precision | recall | groups found | true |")
    print("|---|---|---|---|---|---|---|")
    for name, images, truth in sets(root):
        found = []
        for evidence, embed in (("thumbnails", None), ("with features", extractor)):
            groups = near_duplicates(images, embed=embed).groups
            found.append(groups)
            score = scores(groups, truth)
            known = len(np.unique(truth)) if truth is not None else "unknown"
            print(
                f"| {name} | {len(images):,} | {evidence} | {score} | "
                f"{len(np.unique(groups)):,} | {known} |",
                flush=True,
            )
        if truth is not None:
            counts += per_class(name, images, truth, found)
    print("\n".join(counts))


def sets(root: Path) -> Iterator[tuple[str, ImageSet, np.ndarray | None]]:
    """Name, images without groups, and the true groups where they are known."""
    for folder in sorted(path for path in root.iterdir() if (path / "train").is_dir()):
        images = synthaug.datasets.open(folder / "train")
        known = folder / "groups.csv"
        truth = None
        if known.is_file():
            truth = synthaug.datasets.open(folder / "train", known).groups
        yield folder.name, images, truth
    from sklearn.datasets import load_digits

    digits = load_digits()
    yield "digits", synthaug.datasets.open((digits.images / 16, digits.target)), None


def scores(found: np.ndarray, truth: np.ndarray | None) -> str:
    """Share of joined pairs that are true, and of true pairs that are joined."""
    if truth is None or not pairs(truth):
        return "- | -"
    both = pairs(found * len(truth) + truth)
    return f"{both / pairs(found):.3f} | {both / pairs(truth):.3f}"


def pairs(groups: np.ndarray) -> int:
    sizes = np.unique(groups, return_counts=True)[1]
    return int((sizes * (sizes - 1) // 2).sum())


def per_class(
    name: str, images: ImageSet, truth: np.ndarray, found: list[np.ndarray]
) -> Iterator[str]:
    for label, (title, count) in enumerate(images.counts().items()):
        numbers = [len(np.unique(groups[images.labels == label])) for groups in (truth, *found)]
        yield f"| {name} | {title} | {count} | " + " | ".join(map(str, numbers)) + " |"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
