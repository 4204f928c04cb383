"""Recipes are found by name, checked when built, and their schedules do what they say."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthaug.errors import InputError
from synthaug.textbook import entry_of, named, names
from synthaug.training.routine import (
    Term,
    fade_out,
    flat_then_cosine,
    flat_then_linear,
    square_root_frequency,
    warm_up,
)


def test_every_name_gives_a_recipe_of_that_name_and_a_recipe_passes_through():
    for name in names():
        assert named(name).name == name
    rare = named("rare")
    assert named(rare) is rare


def test_an_unknown_name_is_refused_and_the_nearest_offered():
    with pytest.raises(InputError, match=r"got 'rar'.*Did you mean rare\?"):
        named("rar")


def test_a_recipe_for_other_data_is_refused_with_the_command_it_belongs_to():
    with pytest.raises(InputError, match=r"Use: synthaug translate train A_DIR B_DIR --recipe cyc"):
        named("cyclegan", data=["classes"])
    with pytest.raises(InputError, match=r"Use: synthaug train DATA --recipe rare\."):
        named("rare", data=("pairs", "domains"))
    assert named("pix2pix-l2", data=("pairs", "domains")).name == "pix2pix-l2"


def test_shares_that_do_not_add_up_are_refused_when_the_recipe_is_built():
    rare = named("rare")
    with pytest.raises(InputError, match=r"shares that add up to 1"):
        dataclasses.replace(rare, phases=rare.phases[1:])


@given(st.floats(0, 1))
def test_schedules_stay_between_zero_and_one_and_end_where_they_should(done):
    for schedule in (fade_out(0.5), flat_then_cosine(), flat_then_linear(), warm_up(0.1)):
        assert 0 <= schedule(done) <= 1
    assert fade_out(0.5)(1) == 0
    assert flat_then_cosine()(0.5) == 1
    assert flat_then_cosine()(1) == pytest.approx(0)
    assert [flat_then_linear()(at) for at in (0, 0.5, 0.75, 1)] == [1, 1, 0.5, 0]


@given(st.integers(1, 50))
def test_a_lazy_term_weighs_the_same_over_its_period(every):
    term = Term("t", lambda step: None, weight=0.5, every=every)
    assert sum(term.factor(0.3, index) for index in range(every)) == pytest.approx(0.5 * every)


@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=20))
def test_square_root_sampling_lies_between_natural_and_equal(counts):
    shares = square_root_frequency(np.array(counts))
    natural = np.array(counts) / sum(counts)
    assert shares.sum() == pytest.approx(1)
    rarest = int(np.argmin(counts))
    assert natural[rarest] - 1e-12 <= shares[rarest] <= 1 / len(counts) + 1e-12


@pytest.mark.parametrize("name", names())
def test_the_facts_of_a_recipe_are_the_same_in_every_process(name):
    facts = json.dumps(entry_of(name).make().facts(), sort_keys=True)
    assert " at 0x" not in facts
    assert facts == json.dumps(entry_of(name).make().facts(), sort_keys=True)
