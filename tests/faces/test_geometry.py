"""Crops and ovals hold the whole box at any place, size and turn; rings hold no face."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthaug.faces.geometry import Placement, cut, level, oval, placement, ring
from synthaug.faces.tracks import Source, Spot

USUAL = np.array([[0.3, 0.42], [0.7, 0.42], [0.5, 0.62], [0.34, 0.8], [0.66, 0.8]])


def spot(left=100.0, top=80.0, width=60.0, height=78.0, turn=0.0) -> Spot:
    box = np.array([left, top, width, height], np.float32)
    offsets = (USUAL - 0.5) * [width, height]
    cos, sin = np.cos(turn), np.sin(turn)
    points = offsets @ np.array([[cos, sin], [-sin, cos]]) + box[:2] + box[2:] / 2
    return Spot(box, points.astype(np.float32), 1.0, Source.DETECTED)


spots = st.builds(
    spot, st.floats(-300, 3000), st.floats(-300, 3000), st.floats(3, 900), st.floats(3, 900),
    st.floats(-3.1, 3.1),
)  # fmt: skip
places = st.builds(
    Placement, st.floats(0, 90), st.floats(0, 70), st.floats(8, 150), st.floats(-3.1, 3.1)
)


@given(spots)
def test_the_oval_holds_the_whole_box(face):
    along = np.linspace(0, 1, 9)
    edge = [(s, t) for s in along for t in along]
    inside = level(placement(face).relative(face.box[:2] + np.array(edge) * face.box[2:]))
    assert inside.max() <= 1 + 1e-6


@given(spots)
def test_the_crop_is_as_small_as_that_allows(face):
    corners = face.box[:2] + np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) * face.box[2:]
    where = placement(face)
    assert where.side == 4 or level(where.relative(corners)).max() == pytest.approx(1, abs=1e-6)


@given(st.floats(-3.1, 3.1))
def test_a_turned_head_gives_its_angle_back(turn):
    got = placement(spot(turn=turn)).angle
    assert np.angle(np.exp(1j * (got - turn))) == pytest.approx(0, abs=0.05)


def test_in_profile_the_angle_comes_from_the_whole_face():
    face = spot()
    face.points[1] = face.points[0] + [1, 4]  # both eyes at one place: their line says 76 degrees
    face.points[4] = face.points[3]
    assert abs(placement(face).angle) < 0.2


def test_the_oval_leaves_a_ring_on_every_side_and_is_the_same_at_every_size():
    for side in (32, 64, 128, 256):
        inside = oval(side)
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        assert 0.12 * side <= rows[0] <= 0.2 * side
        assert 0.12 * side <= columns[0] <= 0.22 * side
        assert (inside == inside[::-1]).all()
        assert (inside == inside[:, ::-1]).all()
    # Of the usual box the oval is less than one and a half times as large.
    assert oval(256).mean() * placement(spot()).side ** 2 < 1.5 * 60 * 78


@given(places, st.sampled_from([16, 64, 128]))
def test_there_and_back_is_nowhere(where, resolution):
    there, back = (
        np.vstack([m, [0, 0, 1]]).astype(np.float64)
        for m in (where.to_crop(resolution), where.to_frame(resolution))
    )
    assert np.allclose(there @ back, np.eye(3), atol=2e-3)
    point = np.array([31.0, 17.0])
    pixel = there @ [*point - 0.5, 1]
    assert (pixel[:2] + 0.5) / resolution - 0.5 == pytest.approx(where.relative(point), abs=1e-3)


def test_a_crop_shows_what_is_there():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (90, 120, 3), np.uint8)
    exact = Placement(50, 40, 32, 0)
    assert (cut(picture, exact, 32) == picture[24:56, 34:66]).all()
    halved = cut(picture, Placement(50, 40, 64, 0), 32).astype(float)
    mean = picture[8:72, 18:82].reshape(32, 2, 32, 2, 3).mean((1, 3))
    assert np.abs(halved - mean).max() <= 1
    assert (cut(picture, Placement(-500, 0, 64, 0), 32) == 0).all()


@settings(max_examples=60)
@given(places, st.sampled_from([16, 64]), st.integers(0, 99))
def test_no_pixel_inside_the_oval_has_part_in_the_ring(where, resolution, seed):
    rng = np.random.default_rng(seed)
    picture, other = (rng.integers(0, 256, (70, 90, 3), np.uint8) for _ in range(2))
    rows, columns = np.mgrid[:70, :90] + 0.5
    inside = level(where.relative(np.stack([columns, rows], -1))) <= 1
    other = np.where(inside[..., None], other, picture)
    assert (ring(picture, where, resolution) == ring(other, where, resolution)).all()


def test_a_ring_shows_what_surrounds_the_oval():
    picture = cv2.GaussianBlur(
        np.random.default_rng(1).integers(0, 256, (200, 200, 3), np.uint8), (0, 0), 6
    )
    where = Placement(100, 100, 120, 0.3)
    around, whole, inside = ring(picture, where, 64), cut(picture, where, 64), oval(64)
    assert (around[inside] == 0).all()
    apart = np.abs(around.astype(int) - whole)[~inside]
    assert np.percentile(apart, 99) <= 3
    assert (around[~inside] > 0).mean() > 0.99
