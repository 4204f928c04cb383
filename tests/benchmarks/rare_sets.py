"""The five imbalanced image sets of the rare-class benchmark, cut into train and test."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

__all__ = ["SETS", "RareSet", "load"]


@dataclasses.dataclass(frozen=True)
class RareSet:
    """One set at the size the probes see, with one split.

    images uint8 (N, C, R, R); labels, groups int64 (N,); train, test indices into them;
    rare: labels of the rare classes; rule: how it was cut, for the table.
    """

    name: str
    classes: tuple[str, ...]
    images: torch.Tensor
    labels: np.ndarray
    groups: np.ndarray
    train: np.ndarray
    test: np.ndarray
    rare: tuple[int, ...]
    rule: str


def load(name: str, root: Path, seed: int) -> RareSet:
    """The set called `name`, split (and thinned) by `seed`."""
    return SETS[name](root, seed)


def _magnetic_tile(root: Path, seed: int) -> RareSet:
    names, images, labels, groups = _folder(root / "magnetic_tile", "train", 64, "L")
    train, test = _split(labels, groups, 0.7, seed)
    rule = "natural counts; 70 / 30 by tile, stratified"
    return _made("magnetic_tile", names, images, labels, groups, train, test, rule)


def _steel(root: Path, seed: int) -> RareSet:
    names, images, labels, groups = _folder(root / "steel", "train", 64, "L")
    train, test = _split(labels, groups, 0.7, seed)
    picked = np.random.default_rng(seed).permutation(len(names))[:3]
    train = _thin(train, labels, picked, 30, seed)
    rule = "70 / 30 by image; three classes drawn by the seed thinned to 30 training images"
    return _made("steel", names, images, labels, groups, train, test, rule)


def _traffic_signs(root: Path, seed: int) -> RareSet:
    names, images, labels, groups = _folder(root / "traffic_signs", "train", 48, "RGB")
    _, test_images, test_labels, _ = _folder(root / "traffic_signs", "test", 48, "RGB")
    train = np.arange(len(labels))
    test = len(labels) + np.arange(len(test_labels))
    groups = np.concatenate([groups, groups.max() + 1 + np.arange(len(test_labels))])
    labels = np.concatenate([labels, test_labels])
    rule = "natural counts; official test set"
    images = torch.cat([images, test_images])
    return _made("traffic_signs", names, images, labels, groups, train, test, rule)


def _blood_cells(root: Path, seed: int) -> RareSet:
    names, images, labels, groups = _folder(root / "blood_cells", "train", 64, "RGB")
    _, more, more_labels, _ = _folder(root / "blood_cells", "test", 64, "RGB")
    images, labels = torch.cat([images, more]), np.concatenate([labels, more_labels])
    keep = labels != names.index("basophil")
    images, labels = images[torch.from_numpy(keep)], labels[keep]
    names = tuple(n for n in names if n != "basophil")
    labels = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    groups = np.arange(len(labels))
    train, test = _split(labels, groups, 0.6, seed)
    rule = "basophil left out; both official parts together, 60 / 40 by photograph"
    return _made("blood_cells", names, images, labels, groups, train, test, rule)


def _digits(root: Path, seed: int) -> RareSet:
    from sklearn.datasets import load_digits

    raw = load_digits()
    pixels = torch.from_numpy(raw.images).float()[:, None] * (255 / 16)
    images = torch.nn.functional.interpolate(pixels, (16, 16), mode="bilinear")
    labels = raw.target.astype(np.int64)
    groups = np.arange(len(labels))
    train, test = _split(labels, groups, 0.6, seed)
    picked = np.random.default_rng(seed).permutation(10)[:3]
    train = _thin(train, labels, picked, 40, seed)
    rule = "60 / 40 by image; three classes drawn by the seed thinned to 40 training images"
    names = tuple(str(d) for d in range(10))
    return _made("digits", names, images.round().byte(), labels, groups, train, test, rule)


SETS: dict[str, Callable[[Path, int], RareSet]] = {
    "magnetic_tile": _magnetic_tile,
    "steel": _steel,
    "traffic_signs": _traffic_signs,
    "blood_cells": _blood_cells,
    "digits": _digits,
}


def _made(
    name: str,
    classes: tuple[str, ...],
    images: torch.Tensor,
    labels: np.ndarray,
    groups: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    rule: str,
) -> RareSet:
    counts = np.bincount(labels[train], minlength=len(classes))
    rare = tuple(int(c) for c in np.flatnonzero(counts < 0.5 * counts.max()))
    return RareSet(name, classes, images, labels, groups, train, test, rare, rule)


def _folder(
    root: Path, part: str, side: int, mode: str
) -> tuple[tuple[str, ...], torch.Tensor, np.ndarray, np.ndarray]:
    from PIL import Image

    names = tuple(sorted(p.name for p in (root / part).iterdir() if p.is_dir()))
    group_of: dict[str, str] = {}
    if part == "train" and (root / "groups.csv").exists():
        with (root / "groups.csv").open() as file:
            group_of = {row["path"]: row["group"] for row in csv.DictReader(file)}
    images, labels, groups = [], [], []
    for label, name in enumerate(names):
        for path in sorted((root / part / name).iterdir()):
            with Image.open(path) as picture:
                small = picture.convert(mode).resize((side, side), Image.Resampling.BOX)
            pixels = torch.from_numpy(np.array(small))
            images.append(pixels[None] if mode == "L" else pixels.permute(2, 0, 1))
            labels.append(label)
            key = path.relative_to(root).as_posix()
            groups.append(group_of.get(key, key))
    numbers = np.unique(groups, return_inverse=True)[1].astype(np.int64)
    return names, torch.stack(images), np.array(labels, np.int64), numbers


def _split(
    labels: np.ndarray, groups: np.ndarray, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Train and test indices: whole groups, rarest class first, `share` of each class in train."""
    rng = np.random.default_rng(seed)
    counts = np.bincount(labels)
    side: dict[int, bool] = {}
    for label in np.argsort(counts):
        own = rng.permutation(np.unique(groups[labels == label]))
        size = {g: int(((groups == g) & (labels == label)).sum()) for g in own}
        filled = sum(size[g] for g in own if side.get(g, False))
        for group in own:
            if group not in side:
                side[group] = filled + size[group] / 2 <= share * counts[label]
                filled += size[group] * side[group]
    in_train = np.array([side[g] for g in groups])
    return np.flatnonzero(in_train), np.flatnonzero(~in_train)


def _thin(
    train: np.ndarray, labels: np.ndarray, picked: np.ndarray, left: int, seed: int
) -> np.ndarray:
    rng = np.random.default_rng([seed, left])
    keep = [train[~np.isin(labels[train], picked)]]
    keep += [rng.permutation(train[labels[train] == c])[:left] for c in picked]
    return np.sort(np.concatenate(keep))
