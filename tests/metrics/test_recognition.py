"""Ranks and true accepts, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.metrics import hits, hits_by_chance, ranks, true_accepts


def test_ranks_are_those_of_a_plain_loop():
    rng = np.random.default_rng(1)
    gallery = rng.standard_normal((30, 8))
    labels = rng.integers(0, 10, 30)
    probes, owners = rng.standard_normal((12, 8)), rng.choice(labels, 12)
    expected = []
    for probe, owner in zip(probes, owners, strict=True):
        best = {label: max(probe @ gallery[labels == label].T) for label in set(labels)}
        order = sorted(best, key=best.get, reverse=True)
        expected.append(order.index(owner) + 1)
    found = ranks(probes, owners, gallery, labels)
    assert found.tolist() == expected
    assert hits(found, 3) == pytest.approx(np.mean([rank <= 3 for rank in expected]))


def test_who_finds_all_alike_recognises_nobody():
    found = ranks(np.ones((2, 3)), np.array([0, 1]), np.ones((5, 3)), np.arange(5))
    assert found.tolist() == [5, 5]
    assert ranks(np.ones((1, 3)), np.array([7]), np.ones((5, 3)), np.arange(5)).tolist() == [6]


def test_chance_by_hand():
    assert hits_by_chance(0, 3, 10) == pytest.approx(1)
    assert hits_by_chance(1, 1, 10) == pytest.approx(0.1)
    assert hits_by_chance(2, 2, 10) == pytest.approx(0.01)
    assert hits_by_chance(1, 1, 20, most=10) == pytest.approx(0.5)


def test_true_accepts_at_the_rate_asked_for():
    impostors = np.arange(1000) / 1000
    share, threshold = true_accepts(np.array([0.5, 0.995, 0.9985, 1.0]), impostors, 0.001)
    assert threshold == pytest.approx(0.998)
    assert (impostors > threshold).mean() <= 0.001
    assert share == 0.5
