"""What each class shall count, in every way to say it."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthaug.datasets import parse_targets
from synthaug.errors import InputError

COUNTS = {"free": 900, "crack": 50, "fray": 30}
CLASSES = list(COUNTS)


def parsed(wanted, counts=COUNTS, **options):
    return parse_targets(wanted, list(counts), counts, **options)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("balance", [900, 900, 900]),
        (" balance ", [900, 900, 900]),
        (1000, [1000, 1000, 1000]),
        ("1000", [1000, 1000, 1000]),
        ({"crack": 500}, [900, 500, 30]),
        ({1: 500, "fray": "max"}, [900, 500, 900]),
        ("crack=500", [900, 500, 30]),
        ("crack=500, other=max", [900, 500, 900]),
        ("1=500", [900, 500, 30]),
        ({"other": 950}, [950, 950, 950]),
        ({"crack": "60"}, [900, 60, 30]),
    ],
)
def test_ways_to_say_it(wanted, expected):
    assert list(parsed(wanted).items()) == list(zip(CLASSES, expected, strict=True))


def test_exact_names_win_over_other_and_over_indices():
    counts = {"other": 10, "a=b": 4, "0": 5}
    assert parsed("other=20", counts) == {"other": 20, "a=b": 4, "0": 5}
    assert parsed("0=9,a=b=7", counts) == {"other": 10, "a=b": 7, "0": 9}
    assert parsed({0: 11}, counts) == {"other": 11, "a=b": 4, "0": 5}


def test_fewer_than_present_offers_subsample():
    with pytest.raises(InputError) as error:
        parsed({"crack": 12})
    assert str(error.value) == (
        "target count: expected at least 50, the real images present, got 12 (class crack). "
        "Pass subsample=True (--subsample) to leave real images out."
    )
    assert parsed({"crack": 12}, subsample=True)["crack"] == 12


def test_an_unknown_class_offers_the_nearest_name():
    with pytest.raises(InputError) as error:
        parsed("crak=500")
    assert str(error.value) == (
        "target class: expected one of free, crack, fray, got 'crak'. Did you mean crack?"
    )
    with pytest.raises(InputError, match=r"got 3\. Name a class of the set\."):
        parsed({3: 500})


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({"crack": -1}, "target count: expected at least 1, got -1 (class crack)."),
        ("crack=-1", "target count: expected at least 1, got -1 (class crack)."),
        (0, "target count: expected at least 1, got 0 (every class)."),
        ({"crack": 2.5}, "target count: expected a whole number or max, got 2.5 (class crack)."),
        ({"crack": True}, "target count: expected a whole number or max, got True (class crack)."),
        ("crack=many", "target count: expected a whole number or max, got 'many' (class crack)."),
        (None, "target count: expected a whole number or max, got None (every class)."),
        ({"crack": 60, 1: 70}, "target counts: expected each class once, got crack twice."),
        ("crack=60,crack=70", "target counts: expected each class once, got crack twice."),
        ("crack=60,fray", "target counts: expected class=number, got 'fray'."),
        ("=60", "target counts: expected class=number, got '=60'."),
    ],
)
def test_what_is_refused(wanted, text):
    with pytest.raises(InputError) as error:
        parsed(wanted)
    assert str(error.value).startswith(text)
    assert error.value.code == "input.targets"


@pytest.mark.parametrize("wanted", ["", "balanced", {}])
def test_nothing_or_an_unknown_word(wanted):
    with pytest.raises(InputError, match='expected "balance", a number, or classes with numbers'):
        parsed(wanted)


def test_a_class_without_images_cannot_grow():
    counts = {"a": 5, "b": 0, "c": 2}
    assert parsed("balance", counts) == {"a": 5, "b": 0, "c": 5}
    assert parsed("other=max", counts) == {"a": 5, "b": 0, "c": 5}
    with pytest.raises(InputError) as error:
        parsed("b=5", counts)
    assert str(error.value) == (
        "target count: expected 0, for want of real images, got 5 (class b). "
        "Add real images of it, or leave it out of the targets."
    )


@given(
    st.dictionaries(
        st.text(
            st.characters(
                exclude_characters=",", exclude_categories=("Cs", "Zs", "Cc", "Zl", "Zp")
            ),
            min_size=1,
        ),
        st.tuples(st.integers(1, 1000), st.integers(0, 1000)),
        min_size=1,
        max_size=6,
    )
)
def test_text_and_mapping_say_the_same(classes):
    counts = {name: count for name, (count, _) in classes.items()}
    wanted = {name: count + more for name, (count, more) in classes.items()}
    text = ",".join(f"{name}={number}" for name, number in wanted.items())
    assert parsed(wanted, counts) == wanted
    assert parsed(text, counts) == wanted


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(InputError):
        assert list(parsed(text)) == CLASSES
