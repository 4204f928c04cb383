"""People are told apart by whole tracks, and doubt hides."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from synthaug.faces.people import (
    Acquaintances,
    Known,
    chosen_sights,
    compared,
    persons,
    robust_mean,
)
from synthaug.faces.tracks import Source, Spot, Track


class Plain:
    name, sha256, same, other = "plain", "0" * 64, 0.5, 0.3

    def __call__(self, image, faces):
        raise NotImplementedError


def unit(*numbers: float) -> np.ndarray:
    row = np.array(numbers, np.float32)
    return row / np.linalg.norm(row)


def spots(count: int, side: float = 50, source: Source = Source.DETECTED) -> list[Spot]:
    box, points = np.array([0, 0, side, side], np.float32), np.zeros((5, 2), np.float32)
    return [Spot(box, points, 0.9, source) for _ in range(count)]


ANN, BOB = unit(1, 0, 0), unit(0, 1, 0)


def test_only_a_track_that_is_one_person_throughout_is_that_person():
    assert compared(np.stack([ANN] * 6), ANN[None], Plain())[0] is Known.SAME
    assert compared(np.stack([BOB] * 6), ANN[None], Plain())[0] is Known.OTHER
    exchanged = np.stack([ANN] * 4 + [BOB] * 2)
    assert compared(exchanged, ANN[None], Plain())[0] is Known.UNSURE
    assert compared(np.stack([ANN] * 2), ANN[None], Plain())[0] is Known.UNSURE
    assert compared(np.zeros((0, 3), np.float32), ANN[None], Plain())[0] is Known.UNSURE
    between = np.stack([unit(0.4, 0.9, 0)] * 6)
    assert compared(between, ANN[None], Plain())[0] is Known.UNSURE


def test_one_bad_sight_does_not_move_the_mean():
    rows = np.stack([ANN] * 5 + [BOB] * 2)
    assert robust_mean(rows) @ ANN > 0.99


def test_sights_are_large_ones_spread_over_the_track():
    rows = chosen_sights([*spots(10, 12), *spots(90)], most=9)
    assert len(rows) == 9
    assert min(rows) >= 10
    assert max(rows) - min(rows) > 70
    assert chosen_sights(spots(20, source=Source.INTERPOLATED)) == []


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40), st.integers(1, 10)), max_size=6))
def test_two_in_one_frame_are_never_one_person(parts):
    tracks = [Track(first, spots(length), [1] * length) for _, first, length in parts]
    numbers = persons(tracks, [ANN if ann else BOB for ann, *_ in parts], same=0.5)
    for a, one in enumerate(tracks):
        for b, other in enumerate(tracks[:a]):
            if numbers[a] == numbers[b]:
                assert parts[a][0] == parts[b][0]
                assert one.last < other.first or other.last < one.first


def test_one_person_before_and_after_a_cut_has_one_number():
    tracks = [Track(first, spots(5), [1] * 5) for first in (0, 0, 5, 5)]
    assert persons(tracks, [ANN, BOB, BOB, ANN], same=0.5) == [0, 1, 1, 0]
    assert len(set(persons(tracks, [None] * 4, same=0.5))) == 4


def test_people_keep_their_numbers_from_picture_to_picture():
    met = Acquaintances()
    here = [Track(0, spots(1)), Track(0, spots(1)), Track(0, spots(1))]
    assert met.persons(here, [ANN, BOB, None], 0.5) == [0, 1, 2]
    # Two like Ann in one picture: the more alike is she, the other somebody else.
    assert met.persons(here, [unit(0.8, 0, 0.6), ANN, None], 0.5) == [3, 0, 4]
    assert met.persons(here[:1], [BOB], 0.5) == [1]
    assert met.persons(here[:1], [unit(1, 1, -1.5)], 0.5) == [5]
    assert met.persons([], [], 0.5) == []
