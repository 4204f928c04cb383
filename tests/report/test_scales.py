import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthaug.report.scales import Scale, histogram

FINITE = st.floats(-1e6, 1e6).filter(lambda v: v == 0 or abs(v) > 1e-6)


@given(st.lists(FINITE, min_size=1, max_size=20), st.booleans())
def test_an_axis_holds_its_values_between_even_round_ticks(values, zero):
    scale = Scale.around(values, zero=zero)
    slack = 1e-6 * max(1e-6, *(abs(v) for v in values))
    assert scale.low - slack <= min(values)
    assert max(values) <= scale.high + slack
    assert 2 <= len(scale.ticks) <= 12
    steps = np.diff(scale.ticks)
    assert steps == pytest.approx(np.full(len(steps), steps[0]), rel=1e-3)
    assert all(0 <= scale.at(v) <= 100 for v in values)
    if zero:
        assert scale.low <= 0 <= scale.high


@given(st.lists(FINITE, min_size=2, max_size=9))
def test_larger_values_stand_further_right(values):
    scale = Scale.around(values)
    places = [scale.at(v) for v in sorted(values)]
    assert places == sorted(places)


def test_values_beyond_the_axis_stay_on_its_ends():
    scale = Scale.around([0.0, 1.0])
    assert (scale.at(-9), scale.at(9)) == (0, 100)


def test_a_histogram_counts_shares_of_each_sample_in_the_same_bins():
    found = histogram([0.1] * 30 + [0.9] * 10, [0.9] * 4, mark=1.5, bins=10)
    assert found.scale.high >= 1.5
    assert len(found.edges) == 11
    assert sum(found.upper) == pytest.approx(sum(found.lower), abs=1e-3)
    assert max(found.lower) == 1
    assert sorted(found.upper)[-2:] == [0.25, 0.75]


def test_a_histogram_without_a_second_sample_is_empty_below():
    assert set(histogram([0.2, 0.4], []).lower) == {0}
