"""Budgets as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthaug.errors import InputError
from synthaug.training import Budget, parse_budget


@given(st.integers(1, 10**6), st.sampled_from([("s", 1), ("min", 60), ("h", 3600), ("", 1)]))
def test_times_are_read_in_their_unit(number, unit):
    assert parse_budget(f"{number}{unit[0]}") == Budget(seconds=number * unit[1])


@given(st.integers(1, 10**9))
def test_a_budget_of_images_survives_being_written_and_read(number):
    budget = parse_budget(f"{number} images")
    assert budget == Budget(images=number)
    assert parse_budget(str(budget)) == budget


@pytest.mark.parametrize("text", ["", "soon", "0", "0.2s", "-5min", "10 parsecs", "0 images"])
def test_anything_else_is_refused_with_the_two_forms(text):
    with pytest.raises(InputError, match='a time such as "10min" or a number of images'):
        parse_budget(text)
