import metrics_by_definition as reference
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthaug import metrics
from synthaug.errors import InputError

PAIRS = {
    "frechet": metrics.frechet_distance,
    "kid": lambda a, b: metrics.kid(a, b)[0],
}


def sample(n, d, seed, scale=1.0, shift=0.0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) * scale / d**0.5 + shift


shapes = st.tuples(st.integers(2, 25), st.integers(2, 25), st.integers(1, 30), st.integers(0, 99))


@settings(deadline=None, max_examples=60)
@given(shapes)
def test_frechet_equals_the_matrix_root_form(shape):
    n, m, d, seed = shape
    a, b = sample(n, d, seed), sample(m, d, seed + 1, scale=2.0, shift=0.5)
    expected = reference.frechet(a, b)
    assert metrics.frechet_distance(a, b) == pytest.approx(expected, rel=1e-4, abs=1e-4)


@settings(deadline=None, max_examples=30)
@given(shapes)
def test_kid_equals_its_definition(shape):
    n, m, d, seed = shape
    a, b = sample(n, d, seed), sample(m, d, seed + 1, shift=0.5)
    assert metrics.kid(a, b)[0] == pytest.approx(reference.kid(a, b), rel=1e-9, abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(shapes)
def test_balls_equal_their_definition(shape):
    n, m, d, seed = shape
    a, b = sample(n + 2, d, seed), sample(m + 2, d, seed + 1, shift=0.3)
    k = min(3, n + 1, m + 1)
    assert metrics.precision_recall(a, b, k=k) == pytest.approx(reference.precision_recall(a, b, k))
    assert metrics.density_coverage(a, b, k=k) == pytest.approx(reference.density_coverage(a, b, k))


@pytest.mark.parametrize("name", PAIRS)
@settings(deadline=None, max_examples=30)
@given(shape=shapes)
def test_distances_are_symmetric_and_blind_to_order(name, shape):
    n, m, d, seed = shape
    a, b = sample(n, d, seed), sample(m, d, seed + 1, shift=1.0)
    there = PAIRS[name](a, b)
    assert PAIRS[name](b, a) == pytest.approx(there, rel=1e-6, abs=1e-6)
    assert PAIRS[name](a[::-1], b) == pytest.approx(there, rel=1e-6, abs=1e-6)


@settings(deadline=None, max_examples=30)
@given(shapes)
def test_frechet_of_a_set_with_itself_is_zero_and_a_shift_counts_fully(shape):
    n, _, d, seed = shape
    a = sample(n, d, seed)
    assert metrics.frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert metrics.frechet_distance(a, a + 3.0) == pytest.approx(9.0 * d, rel=1e-9)


def test_kid_is_unbiased_and_knows_its_variance():
    def draw(seed, n, shift):
        return np.random.default_rng(seed).normal(size=(n, 4)) + shift

    pairs = [metrics.kid(draw(s, 20, 0.0), draw(s + 999, 20, 1.0)) for s in range(300)]
    values, variances = zip(*pairs, strict=True)
    assert np.mean(variances) == pytest.approx(np.var(values), rel=0.4)
    null = [metrics.kid(draw(s, 10, 0.0), draw(s + 999, 10, 0.0))[0] for s in range(400)]
    assert abs(np.mean(null)) < 3 * np.std(null) / len(null) ** 0.5


def test_two_constant_rows_are_enough():
    a, b = np.zeros((2, 5)), np.ones((2, 5))
    assert metrics.frechet_distance(a, b) == pytest.approx(5.0)
    assert metrics.kid(a, b)[0] == pytest.approx(1 + 8 - 2)
    assert metrics.mean_pairwise_distance(a) == 0
    assert metrics.density_coverage(a, b, k=1) == (0.0, 0.0)
    assert metrics.precision_recall(a, a, k=1) == (1.0, 1.0)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 3000), st.integers(1, 40), st.integers(1, 20), st.integers(0, 99))
def test_nearest_is_the_smallest_distance(n, m, d, seed):
    rng = np.random.default_rng(seed)
    query, pool = rng.normal(size=(n, d)) + 100, rng.normal(size=(m, d)) + 100
    distances, which = metrics.nearest(query, pool)
    picked = np.linalg.norm(query - pool[which], axis=1)
    np.testing.assert_allclose(distances, picked, atol=1e-5)
    probe = rng.integers(n)
    assert distances[probe] <= np.linalg.norm(query[probe] - pool, axis=1).min() + 1e-5


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 60), st.integers(0, 99))
def test_birthday_interval_holds_the_number_of_modes(modes, seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(modes, size=(80, 1)) * 10.0
    support = metrics.birthday_support(rows, 1.0)
    # A 95 % interval of a Poisson count; collisions of one mode come together, so wider here.
    assert support.low / 2 <= modes <= support.high * 2
    assert support.pairs == 80 * 79 // 2


def test_no_collision_gives_only_a_lower_bound():
    support = metrics.birthday_support(np.arange(10)[:, None], 0.5)
    assert (support.estimate, support.high, support.collisions) == (np.inf, np.inf, 0)
    assert support.low == pytest.approx(45 / 3.689, rel=1e-3)


def test_inception_score_runs_from_one_to_the_number_of_classes():
    assert metrics.inception_score(np.full((7, 4), 0.25)) == pytest.approx(1.0)
    assert metrics.inception_score(np.eye(4)) == pytest.approx(4.0)


def probabilities(n, k, seed):
    raw = np.random.default_rng(seed).random((n, k)) ** 3 + 1e-3
    return raw / raw.sum(axis=1, keepdims=True)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(2, 12), st.integers(0, 99))
def test_the_inception_score_equals_its_definition(n, k, seed):
    p = probabilities(n, k, seed)
    assert metrics.inception_score(p) == pytest.approx(reference.inception_score(p.tolist()))


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 9), st.integers(0, 99))
def test_splits_hold_every_row_once_and_score_as_sets_of_their_own(splits, seed):
    # Row i is sure of class i: a part of m rows scores m, so the scores count the rows dealt.
    scores = metrics.inception_scores(np.eye(23), splits=splits, seed=seed)
    assert len(scores) == splits
    assert scores.sum() == pytest.approx(23)
    assert scores.max() - scores.min() <= 1 + 1e-9


def test_splits_of_a_sorted_set_are_not_one_class_each():
    p = np.eye(4).repeat(50, axis=0)
    assert metrics.inception_scores(p, splits=4).min() > 3.5


def test_too_few_rows_for_the_splits_are_refused():
    with pytest.raises(InputError, match="at least 5 rows"):
        metrics.inception_scores(np.eye(4), splits=5)
    with pytest.raises(InputError, match="splits: expected at least 1"):
        metrics.inception_scores(np.eye(4), splits=0)


def test_twenty_three_people_share_a_birthday_half_of_the_time():
    rng = np.random.default_rng(0)
    found = metrics.birthday_batch(rng.integers(365, size=(1500, 1)) * 10.0, 1.0)
    assert abs(found.batch - 23) <= 1
    assert found.support == pytest.approx(365, rel=0.1)
    assert metrics.birthday_batch(np.zeros((4, 1)), 0.0)[:2] == (2, pytest.approx(1 / np.log(2)))


@settings(deadline=None, max_examples=15)
@given(st.integers(20, 200), st.integers(0, 99))
def test_the_birthday_test_finds_the_number_of_modes(modes, seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(modes, size=(600, 1)) * 10.0 + rng.normal(size=(600, 1)) * 0.05
    # 600 draws of a few hundred modes: the estimate is within a third, of all seeds.
    assert metrics.birthday_batch(rows, 1.0).support == pytest.approx(modes, rel=0.33)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_batch_is_that_of_batches_drawn_afresh(seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(12, size=(40, 1)) * 10.0
    expected = reference.birthday_batch(rows.tolist(), 1.0, 200, rng)
    assert abs(metrics.birthday_batch(rows, 1.0).batch - expected) <= 1


def test_images_that_are_all_different_have_no_batch():
    found = metrics.birthday_batch(np.arange(30.0)[:, None], 0.5)
    assert found == (None, np.inf, 30, 0)


@settings(deadline=None, max_examples=30)
@given(st.integers(3, 40), st.integers(1, 6), st.integers(2, 40), st.integers(0, 99))
def test_the_threshold_is_half_of_what_one_real_image_in_twenty_has(n, d, objects, seed):
    rows = sample(n, d, seed)
    groups = np.arange(n) % objects
    expected = reference.duplicate_threshold(rows.tolist(), groups.tolist())
    assert metrics.duplicate_threshold(rows, groups) == pytest.approx(expected, rel=1e-6)


def test_photographs_of_one_object_do_not_lower_the_threshold():
    rows = np.array([[0.0], [0.001], [10.0], [10.001]])
    assert metrics.duplicate_threshold(rows, [0, 0, 1, 1]) > 4
    assert metrics.duplicate_threshold(rows) < 0.001
    with pytest.raises(InputError, match="at least two groups"):
        metrics.duplicate_threshold(rows, [0, 0, 0, 0])


GOOD = np.arange(12.0).reshape(6, 2)
REFUSED = {
    "NaN": (lambda f: f(np.where(GOOD == 4, np.nan, GOOD), GOOD), "finite numbers"),
    "one row": (lambda f: f(GOOD[:1], GOOD), "at least 2 rows"),
    "a vector": (lambda f: f(GOOD[0], GOOD), "at least 2 rows"),
    "other width": (lambda f: f(GOOD, GOOD[:, :1]), "as many columns in b as in a"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize(
    "metric",
    [metrics.frechet_distance, metrics.kid, metrics.precision_recall, metrics.density_coverage],
)
def test_what_cannot_be_measured_is_refused(case, metric):
    call, text = REFUSED[case]
    with pytest.raises(InputError, match=text):
        call(metric)


def test_message_names_row_and_remedy():
    broken = GOOD.copy()
    broken[3, 1] = np.inf
    with pytest.raises(InputError) as caught:
        metrics.mean_pairwise_distance(broken)
    assert str(caught.value) == (
        "feature rows a: expected finite numbers, got NaN or infinity (row 3). "
        "Look at that image: its pixels or its features are broken."
    )
    with pytest.raises(InputError, match="neighbour number k: expected 1 to 5"):
        metrics.precision_recall(GOOD, GOOD, k=6)
    with pytest.raises(InputError, match="collision threshold"):
        metrics.birthday_support(GOOD, float("nan"))
    with pytest.raises(InputError, match="class probabilities"):
        metrics.inception_score(GOOD)


@settings(deadline=None, max_examples=30)
@given(shapes)
def test_inner_products_are_enough(shape):
    n, m, d, seed = shape
    a, b = sample(n, d, seed), sample(m, d, seed + 1, shift=0.5)
    products = a @ a.T, b @ b.T, a @ b.T
    assert metrics.frechet_of_products(*products) == pytest.approx(
        metrics.frechet_distance(a, b), rel=1e-6, abs=1e-6
    )
    assert metrics.kid_of_products(*products, d) == metrics.kid(a, b)
