"""How well people are told apart by rows of unit length: ranks, and true accepts at a rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["hits", "hits_by_chance", "ranks", "true_accepts"]


def ranks(
    probes: NDArray[np.floating],
    owners: NDArray[np.integer],
    gallery: NDArray[np.floating],
    labels: NDArray[np.integer],
) -> NDArray[np.int64]:
    """At which place each probe's own person comes, by the likest row of each person.

    Args:
        probes: unit rows (N, D).
        owners: person of each probe, int (N,).
        gallery: unit rows (M, D).
        labels: person of each row, int (M,).

    Returns:
        int64 (N,), 1 for the first place. Persons who are exactly as like come before the own
        one: a recogniser that finds all alike recognises nobody. A probe whose person is not
        in the gallery gets one place more than there are persons.
    """
    persons, place = np.unique(labels, return_inverse=True)
    likeness = np.asarray(probes, np.float64) @ np.asarray(gallery, np.float64).T
    best = np.full((len(probes), len(persons)), -np.inf)
    for row in range(len(persons)):
        best[:, row] = likeness[:, place == row].max(axis=1, initial=-np.inf)
    found = np.full(len(probes), len(persons) + 1, np.int64)
    for number, owner in enumerate(owners):
        own = np.flatnonzero(persons == owner)
        if len(own):
            found[number] = int((best[number] >= best[number, own[0]]).sum())
    return found


def hits(found: NDArray[np.integer], most: int = 1) -> float:
    """The share of ranks that are at most ``most``, 0 to 1; NaN without a rank."""
    return float((np.asarray(found) <= most).mean()) if len(found) else float("nan")


def hits_by_chance(num_hits: int, num_probes: int, persons: int, most: int = 1) -> float:
    """How likely guessing gives so many hits or more: binomial tail with most / persons."""
    from scipy.stats import binom

    return float(binom.sf(num_hits - 1, num_probes, min(1.0, most / persons)))


def true_accepts(
    genuine: NDArray[np.floating], impostors: NDArray[np.floating], rate: float
) -> tuple[float, float]:
    """The share of genuine pairs accepted where this share of impostors is, and the threshold.

    Args:
        genuine: likeness of pairs of one person (N,).
        impostors: likeness of pairs of two persons (M,).
        rate: false accepts, 0 to 1.

    Returns:
        True accepts, 0 to 1, and the threshold: pairs strictly above it are accepted.
    """
    ordered = np.sort(np.asarray(impostors, np.float64))[::-1]
    threshold = float(ordered[min(int(rate * len(ordered)), len(ordered) - 1)])
    return float((np.asarray(genuine) > threshold).mean()), threshold
