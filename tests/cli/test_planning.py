"""Words for spans and zones are read as they are meant, or refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthaug.cli.planning import spans_of, zones_of
from synthaug.errors import InputError


@given(st.integers(0, 5000), st.integers(1, 5000))
def test_spans_in_each_writing_are_the_same_seconds(start, length):
    stop = start + length
    minutes = [f"{t // 60:02d}:{t % 60:02d}" for t in (start, stop)]
    hours = [f"{t // 3600}:{t // 60 % 60:02d}:{t % 60:02d}" for t in (start, stop)]
    texts = [f"{start}-{stop}", "-".join(minutes), "-".join(hours)]
    assert spans_of(texts) == [(start, stop)] * 3


def test_a_zone_has_a_box_and_may_have_a_span():
    one, other = zones_of(["1,2,3.5,4", "10,20,30,40@0:01.5-1:00"])
    assert (one.left, one.top, one.width, one.height) == (1, 2, 3.5, 4)
    assert (one.start, one.stop) == (0, math.inf)
    assert (other.start, other.stop) == (1.5, 60)


@pytest.mark.parametrize("text", ["", "10", "25-10", "10-10", "a-b", "-5-10", "1:2:3:4-9:0:0"])
def test_what_is_no_span_is_refused(text):
    with pytest.raises(InputError, match="such as 00:10-00:25"):
        spans_of([text])


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,x", "1,2,3,4,5"])
def test_what_is_no_zone_is_refused(text):
    with pytest.raises(InputError, match="X,Y,W,H"):
        zones_of([text])
