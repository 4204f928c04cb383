"""Splits and folds: groups stay whole, classes keep their shares."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthaug.datasets import folds, split
from synthaug.errors import InputError


@st.composite
def grouped(draw, mixed=False):
    """Labels and groups; each group of one class unless mixed."""
    sizes = draw(st.lists(st.integers(1, 9), min_size=2, max_size=40))
    kinds = draw(st.lists(st.integers(0, 3), min_size=len(sizes), max_size=len(sizes)))
    groups = np.repeat(np.arange(len(sizes)) * 7, sizes)
    labels = np.repeat(kinds, sizes)
    if mixed:
        labels = np.array(
            draw(st.lists(st.integers(0, 3), min_size=len(labels), max_size=len(labels)))
        )
    order = np.random.default_rng(draw(st.integers(0, 99))).permutation(len(labels))
    return labels[order].astype(np.int64), groups[order]


@given(st.one_of(grouped(), grouped(mixed=True)), st.floats(0.05, 0.95), st.integers(0, 5))
def test_every_index_once_and_no_group_on_both_sides(data, share, seed):
    labels, groups = data
    parts = split(labels, groups, heldout=share, seed=seed)
    both = np.concatenate([parts.train, parts.heldout])
    assert np.array_equal(np.sort(both), np.arange(len(labels)))
    assert not set(groups[parts.train]) & set(groups[parts.heldout])
    assert set(labels[parts.train]) == set(labels)  # every class keeps something to learn from
    again = split(labels, groups, heldout=share, seed=seed)
    assert np.array_equal(parts.heldout, again.heldout)
    assert set(parts.unheld) == set(labels) - set(labels[parts.heldout])


@given(grouped(), st.integers(0, 5))
def test_held_out_shares_are_right_to_half_the_largest_group(data, seed):
    labels, groups = data
    parts = split(labels, groups, heldout=0.3, seed=seed)
    for label in np.unique(labels):
        mine = labels == label
        sizes = np.unique(groups[mine], return_counts=True)[1]
        held = (labels[parts.heldout] == label).sum()
        target = 0.3 * mine.sum()
        if len(sizes) == 1:
            assert held == 0
            continue
        if mine.sum() >= 20:
            target = max(target, 5)
        # Half a group from either neighbouring count, and one more for rounding the target.
        assert abs(held - target) <= max(sizes.max() / 2, mine.sum() - sizes.max() - target) + 1


@given(st.integers(20, 200), st.integers(1, 4), st.integers(0, 9))
def test_at_least_five_are_held_out_of_a_class_of_twenty(count, size, seed):
    labels = np.zeros(count, np.int64)
    parts = split(labels, np.arange(count) // size, heldout=0.05, seed=seed)
    assert len(parts.heldout) >= 5


def test_a_class_in_one_group_stays_in_train_and_is_named():
    labels = np.array([0] * 30 + [1] * 10)
    groups = np.array([*range(30), *[99] * 10])
    parts = split(labels, groups)
    assert set(labels[parts.heldout]) == {0}
    assert parts.lines(("free", "crack")) == [
        "crack: all images are one group, so none can be held out to judge by"
    ]


def test_no_more_than_half_of_a_class_goes_for_the_sake_of_five():
    labels = np.zeros(22, np.int64)
    groups = np.array([0] * 20 + [1, 2])
    parts = split(labels, groups)
    assert len(parts.heldout) == 2


def test_seeds_differ():
    labels = np.zeros(100, np.int64)
    first, second = (split(labels, np.arange(100), seed=seed).heldout for seed in (0, 1))
    assert len(first) == len(second) == 30
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("share", [0, 1, -0.1, 30])
def test_a_share_that_is_none(share):
    with pytest.raises(InputError, match="held-out share: expected more than 0 and less than 1"):
        split(np.zeros(4, np.int64), np.arange(4), heldout=share)


@given(st.one_of(grouped(), grouped(mixed=True)), st.integers(2, 5), st.integers(0, 5))
def test_folds_cover_everything_once_by_whole_groups(data, k, seed):
    labels, groups = data
    k = min(k, len(np.unique(groups)))
    parts = folds(labels, groups, k, seed=seed)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(labels)))
    assert all(len(part) for part in parts)
    owners = [set(groups[part]) for part in parts]
    assert sum(map(len, owners)) == len(set(groups))
    again = folds(labels, groups, k, seed=seed)
    assert all(np.array_equal(a, b) for a, b in zip(parts, again, strict=True))


def test_folds_of_single_images_are_stratified_to_one():
    labels = np.repeat([0, 1, 2], [50, 23, 7])
    for part in folds(labels, np.arange(80), 5, seed=3):
        assert np.abs(np.bincount(labels[part], minlength=3) - np.array([10, 4.6, 1.4])).max() < 1


@given(grouped(), st.integers(0, 5))
def test_folds_of_groups_differ_by_no_more_than_the_largest_group(data, seed):
    labels, groups = data
    parts = folds(labels, groups, 2, seed=seed)
    for label in np.unique(labels):
        sizes = np.unique(groups[labels == label], return_counts=True)[1]
        first, second = ((labels[part] == label).sum() for part in parts)
        assert abs(first - second) <= sizes.max()


@pytest.mark.parametrize("k", [1, 5])
def test_more_folds_than_groups(k):
    with pytest.raises(InputError, match="folds: expected 2 to 4, the number of groups"):
        folds(np.zeros(4, np.int64), np.arange(4), k)
