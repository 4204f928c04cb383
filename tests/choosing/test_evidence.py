import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthaug.choosing.evidence import Estimate, Evidence


def evidence(correct: dict[str, list[list[int]]], labels: list[int], groups: list[int]) -> Evidence:
    return Evidence(
        np.array(labels),
        np.array(groups),
        np.arange(len(labels)) % 2,
        {arm: np.array(rows, bool) for arm, rows in correct.items()},
    )


def test_score_is_the_mean_recall_whatever_the_class_sizes() -> None:
    found = evidence({"a": [[1, 1, 1, 0, 0, 1]]}, [0, 0, 0, 0, 1, 1], [0, 1, 2, 3, 4, 5])
    assert found.score("a").value == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert found.score("a", (1,)).value == pytest.approx(1 / 2)


def test_classes_without_validation_images_are_unknown() -> None:
    found = evidence({"a": [[1, 0]]}, [0, 0], [0, 1])
    score = found.score("a", (1,))
    assert math.isnan(score.value)
    assert math.isinf(score.error)


def test_copies_of_one_group_are_one_piece_of_evidence() -> None:
    once = evidence({"a": [[1, 0, 1, 0]]}, [0] * 4, [0, 1, 2, 3])
    copied = evidence({"a": [[1, 0, 1, 0] * 6]}, [0] * 24, [0, 1, 2, 3] * 6)
    assert copied.score("a").error == pytest.approx(once.score("a").error)


def test_pairing_removes_what_both_arms_share() -> None:
    random = np.random.default_rng(0)
    shared = random.random((1, 200)) < 0.5
    found = Evidence(
        np.zeros(200, np.int64), np.arange(200), np.zeros(200, np.int64),
        {"a": shared.copy(), "b": shared.copy()},
    )  # fmt: skip
    found.correct["a"][0, :4] = ~shared[0, :4]
    assert found.difference("a", "b").error < 0.3 * found.score("a").error


def test_disagreeing_rounds_widen_the_interval() -> None:
    calm = evidence({"a": [[1, 0] * 10] * 2, "b": [[1, 0] * 10] * 2}, [0] * 20, list(range(20)))
    wild = evidence(
        {"a": [[1, 1] * 10, [0, 0] * 10], "b": [[1, 0] * 10] * 2}, [0] * 20, list(range(20))
    )
    assert wild.difference("a", "b").value == calm.difference("a", "b").value == 0
    assert wild.difference("a", "b").error > calm.difference("a", "b").error + 0.1


def test_by_fold_is_the_balanced_accuracy_of_each_fold() -> None:
    found = evidence({"a": [[1, 0, 1, 0], [1, 1, 1, 0]]}, [0, 0, 1, 1], [0, 1, 2, 3])
    assert found.by_fold("a").tolist() == [[1.0, 0.0], [1.0, 0.5]]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(4, 12))
def test_error_agrees_with_a_bootstrap_over_groups(seed: int, groups: int) -> None:
    random = np.random.default_rng(seed)
    of = np.repeat(np.arange(groups), 5)
    hits = random.random(len(of)) < random.random(groups)[of]
    found = Evidence(np.zeros(len(of), np.int64), of, of * 0, {"a": hits[None]})
    picks = random.integers(groups, size=(4_000, groups))
    bootstrap = hits.reshape(groups, 5).mean(1)[picks].mean(1).std()
    # The plain bootstrap is too small by the factor that turns n into n - 1.
    expected = bootstrap * math.sqrt(groups / (groups - 1))
    assert found.score("a").error == pytest.approx(expected, rel=0.12, abs=1e-9)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    random = np.random.default_rng(1)
    inside = 0
    for _ in range(400):
        hit = [random.random(8 * 3) < np.repeat(random.beta(4, 2, 8), 3) for _ in range(3)]
        found = Evidence(
            np.repeat([0, 1, 2], 24), np.repeat(np.arange(24), 3), np.zeros(72, np.int64),
            {"a": np.concatenate(hit)[None]},
        )  # fmt: skip
        low, high = found.score("a").interval()
        inside += low <= 4 / 6 <= high
    assert 0.92 <= inside / 400 <= 0.98


def test_bounds_of_an_estimate() -> None:
    estimate = Estimate(0.1, 0.05, 1e9)
    assert estimate.interval() == pytest.approx((0.1 - 0.098, 0.1 + 0.098), abs=1e-4)
    assert estimate.lower(0.95) == pytest.approx(0.1 - 0.0822, abs=1e-4)
