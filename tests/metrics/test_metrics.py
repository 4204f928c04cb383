import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthaug import metrics
from synthaug.errors import InputError

_PATH = Path(__file__).parents[1] / "reference" / "metrics_by_definition.py"
_SPEC = importlib.util.spec_from_file_location("metrics_by_definition", _PATH)
reference = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(reference)

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
