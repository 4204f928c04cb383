"""Splits and folds that never part a group and keep class shares."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from synthaug.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Split", "folds", "split"]

_ENOUGH = 20  # images a class has when at least _LEAST of them are held out
_LEAST = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Split:
    """Two sides of a set.

    Args:
        train: int64 indices, ascending.
        heldout: int64 indices, ascending; together with train every index once.
        unheld: labels of classes that stay wholly in train.
    """

    train: NDArray[np.int64]
    heldout: NDArray[np.int64]
    unheld: tuple[int, ...]

    def lines(self, classes: tuple[str, ...]) -> list[str]:
        """One sentence for each class of which nothing is held out."""
        return [
            f"{classes[label]}: all images are one group, so none can be held out to judge by"
            for label in self.unheld
        ]


def split(
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    *,
    heldout: float = 0.3,
    seed: int = 0,
) -> Split:
    """Train and held-out indices: whole groups, each class near its share.

    A class keeps at least one group in train. Of a class with 20 images or more at least 5
    are held out as soon as its groups allow it without taking more than half. A group with
    several classes counts for each of them.

    Args:
        labels: int64 (N,).
        groups: int64 (N,).
        heldout: share of each class to hold out, 0 to 1.
        seed: of the random choice; the same seed gives the same split.

    Example:
        >>> labels = np.repeat([0, 1], [20, 10])
        >>> parts = split(labels, np.arange(30), heldout=0.3, seed=1)
        >>> np.bincount(labels[parts.heldout]).tolist()
        [6, 3]
    """
    if not 0 < heldout < 1:
        raise InputError(
            "held-out share",
            expected="more than 0 and less than 1",
            got=f"{heldout}",
            remedy="Pass for example 0.3.",
        )
    number, table = _table(labels, groups)
    counts = table.sum(0)
    spread = (table > 0).sum(0)
    target = np.rint(heldout * counts)
    target = np.where((counts >= _ENOUGH) & (target < _LEAST), _LEAST, target)
    target = np.where(spread > 1, np.maximum(target, 1), 0)
    random = np.random.default_rng(seed)
    out = _choose(table, target, random)
    held = out[number]
    unheld = (counts > 0) & (table[out].sum(0) == 0)
    return Split(
        np.flatnonzero(~held), np.flatnonzero(held), tuple(np.flatnonzero(unheld).tolist())
    )


def _table(
    labels: NDArray[np.int64], groups: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Group numbers from 0 (N,) and images of each group and class (G, K)."""
    _, number = np.unique(groups, return_inverse=True)
    classes = int(labels.max(initial=-1)) + 1
    table = np.zeros((int(number.max(initial=-1)) + 1, classes), np.int64)
    np.add.at(table, (number, labels), 1)
    return number, table


def _choose(
    table: NDArray[np.int64], target: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.bool_]:
    """Which groups go out, (G,): greedily whatever brings the classes nearer their targets."""
    taking = _Taking(table, target)
    for label in np.argsort(taking.left, kind="stable"):  # classes of few groups choose first
        mine = random.permutation(np.flatnonzero(table[:, label]))
        for group in mine:
            if taking.gain(group) > 0 and taking.allowed(group):
                taking.take(group)
        _repair(taking, int(label), mine)
    return taking.out


def _repair(taking: _Taking, label: int, mine: NDArray[np.int64]) -> None:
    """Take more of a class that has too few held out, up to half of it."""
    count = int(taking.counts[label])
    need = min(taking.target[label], _LEAST if count >= _ENOUGH else 1)
    while taking.held[label] < need:
        sizes = taking.table[mine, label]
        fits = [
            (abs(taking.held[label] + size - taking.target[label]), int(group))
            for group, size in zip(mine, sizes, strict=True)
            if 2 * (taking.held[label] + size) <= count and taking.allowed(group)
        ]
        if not fits:
            return
        taking.take(min(fits)[1])


class _Taking:
    """Groups taken so far, and what that did to each class."""

    def __init__(self, table: NDArray[np.int64], target: NDArray[np.float64]) -> None:
        self.table = table
        self.target = target
        self.counts = table.sum(0)
        self.held = np.zeros(table.shape[1])
        self.left = (table > 0).sum(0)  # groups of each class still in train
        self.out = np.zeros(len(table), bool)

    def gain(self, group: int) -> float:
        """How much nearer to the targets the classes of a group would come, as class shares."""
        row = self.table[group]
        mine = np.flatnonzero(row)
        short = self.target[mine] - self.held[mine]
        return float(((abs(short) - abs(short - row[mine])) / self.counts[mine]).sum())

    def allowed(self, group: int) -> bool:
        """Whether every class of the group keeps another group in train."""
        return not self.out[group] and bool((self.left[self.table[group] > 0] > 1).all())

    def take(self, group: int) -> None:
        """Hold the group out."""
        self.out[group] = True
        self.held += self.table[group]
        self.left -= self.table[group] > 0


def folds(
    labels: NDArray[np.int64], groups: NDArray[np.int64], k: int, *, seed: int = 0
) -> list[NDArray[np.int64]]:
    """Validation indices of k folds: whole groups, each class spread evenly.

    Args:
        labels: int64 (N,).
        groups: int64 (N,).
        k: number of folds, from 2 to the number of groups.
        seed: of the random order; the same seed gives the same folds.

    Returns:
        k arrays of ascending int64 indices; every index is in exactly one.

    Example:
        >>> [fold.tolist() for fold in folds(np.array([0, 0, 1, 1]), np.array([7, 7, 8, 8]), 2)]
        [[0, 1], [2, 3]]
    """
    number, table = _table(labels, groups)
    if not 2 <= k <= len(table):
        raise InputError(
            "folds",
            expected=f"2 to {len(table)}, the number of groups",
            got=f"{k}",
            remedy="Ask for fewer folds.",
        )
    share = table / np.maximum(table.sum(0), 1)
    order = np.random.default_rng(seed).permutation(len(table))
    order = order[np.argsort(-share[order].max(1), kind="stable")]  # large groups first
    filled = np.zeros((k, table.shape[1]))
    sizes = np.zeros(k)
    fold_of = np.empty(len(table), np.int64)
    for group in order:
        fullness = filled @ share[group]
        emptiest = np.flatnonzero(fullness <= fullness.min() + 1e-12)
        fold = int(emptiest[np.argmin(sizes[emptiest])])
        fold_of[group] = fold
        filled[fold] += share[group]
        sizes[fold] += table[group].sum()
    return [np.flatnonzero(fold_of[number] == fold) for fold in range(k)]
