"""Conditions are coarse, say where a face looks, and hold still where nothing moves."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from synthaug.faces.conditions import GRID, conditions, steady
from synthaug.faces.geometry import placement
from synthaug.faces.tracks import Source, Spot

USUAL = np.array([[0.3, 0.42], [0.7, 0.42], [0.5, 0.63], [0.34, 0.8], [0.66, 0.8]])


def spot(points=USUAL, scale=1.0, shift=0.0) -> Spot:
    box = np.array([100, 80, 60, 78], np.float32)
    marks = box[:2] + points * box[2:]
    return Spot(box * scale + [shift, shift, 0, 0], marks * scale + shift, 1.0, Source.DETECTED)


def test_straight_ahead_is_the_middle():
    told = conditions(spot())
    assert (told.yaw, told.pitch) == (6, 3)
    assert np.abs(told.vector()).max() <= 1


def test_a_nose_to_one_side_is_a_head_turned_there():
    told = []
    for beside in (-0.15, 0.0, 0.15):
        points = USUAL.copy()
        points[2, 0] += beside
        told.append(conditions(spot(points)).yaw)
    assert told == sorted(told)
    assert len(set(told)) == 3


def test_a_lower_nose_is_a_head_bent_down():
    points = USUAL.copy()
    points[2, 1] += 0.1
    assert conditions(spot(points)).pitch > 3


@given(st.floats(0.2, 20), st.floats(-50, 400))
def test_size_and_place_in_the_frame_do_not_matter(scale, shift):
    a, b = conditions(spot()), conditions(spot(scale=scale, shift=shift))
    assert np.abs(a.landmarks - b.landmarks).max() <= 1  # rounding at a cell's edge
    assert (a.yaw, a.pitch) == (b.yaw, b.pitch)


@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.floats(-9, 9), st.floats(-9, 9))
def test_every_number_is_in_its_range(x, y, mouth, eyes):
    points = USUAL.copy()
    points[3] = x, y
    told = conditions(spot(points), mouth=mouth, eyes=eyes)
    assert told.landmarks.dtype == np.int8
    assert ((told.landmarks >= 0) & (told.landmarks < GRID)).all()
    assert np.abs(told.vector()).max() <= 1


def test_wider_is_a_higher_bin():
    mouths = [conditions(spot(), mouth=x).mouth for x in np.linspace(0, 0.8, 40)]
    eyes = [conditions(spot(), eyes=x).eyes for x in np.linspace(0, 0.5, 40)]
    assert mouths == sorted(mouths)
    assert eyes == sorted(eyes)
    assert set(mouths) == set(range(5))
    assert set(eyes) == set(range(4))


def test_a_still_track_has_the_same_conditions_throughout():
    rng = np.random.default_rng(0)
    cell = placement(spot()).side / GRID
    shaken = [
        dataclasses.replace(s, points=s.points + rng.uniform(-0.12, 0.12, (5, 2)) * cell)
        for s in [spot()] * 50
    ]
    places = [placement(spot())] * 50
    told = steady(shaken, where=places)
    assert all(each == told[0] for each in told)
    assert len({conditions(s, where=p) for s, p in zip(shaken, places, strict=True)}) > 1


def test_a_moving_track_is_followed():
    moved = []
    for beside in np.linspace(-0.2, 0.2, 30):
        points = USUAL.copy()
        points[2, 0] += beside
        moved.append(spot(points))
    yaws = [told.yaw for told in steady(moved)]
    assert yaws == sorted(yaws)
    assert yaws[-1] - yaws[0] >= 3
