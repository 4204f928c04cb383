"""Faces are found by each detector, at any size and place, and findings compare as they should."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.data import astronaut

from synthaug.errors import InputError
from synthaug.faces import (
    CenterFace,
    Detections,
    Magnified,
    MTCNNFaces,
    YuNet,
    agreeing,
    default_detectors,
    overlap,
    without_twins,
)
from synthaug.faces.magnified import _starts

FACE = np.array([[168.0, 63.0, 108.0, 145.0]], np.float32)  # by hand, in the whole picture

boxes = arrays(
    np.float32, st.tuples(st.integers(0, 6), st.just(4)), elements=st.floats(0, 100, width=32)
)


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return np.ascontiguousarray(astronaut())


@pytest.fixture(scope="module", params=[CenterFace, MTCNNFaces])
def detector(request):
    return request.param()


def test_the_one_face_is_found_with_its_points_in_order(detector, portrait):
    found = detector(portrait)
    assert len(found) == 1
    assert overlap(found.boxes, FACE)[0, 0] > 0.5
    eye, other, nose, corner, far = found.points[0]
    assert eye[0] < nose[0] < other[0]
    assert corner[0] < far[0]
    assert max(eye[1], other[1]) < nose[1] < min(corner[1], far[1])
    assert abs(eye - [204, 102]).max() < 10


@pytest.mark.parametrize(("top", "left", "height", "width"), [(0, 0, 301, 333), (17, 90, 223, 257)])
def test_a_face_is_found_where_it_is_in_a_cut_of_odd_size(
    detector, portrait, top, left, height, width
):
    found = detector(np.ascontiguousarray(portrait[top : top + height, left : left + width]))
    assert len(found) == 1
    assert overlap(found.moved(1.0, left, top).boxes, FACE)[0, 0] > 0.5


def test_nothing_is_found_where_nothing_is(detector):
    for size in ((64, 64), (1, 1), (7, 300)):
        assert len(detector(np.full((*size, 3), 127, np.uint8))) == 0


def test_a_face_of_two_dozen_pixels_is_found_enlarged(portrait):
    import cv2

    small = cv2.resize(portrait, None, fx=0.13, fy=0.13, interpolation=cv2.INTER_AREA)
    canvas = np.full((240, 320, 3), 90, np.uint8)
    canvas[100 : 100 + len(small), 200 : 200 + len(small)] = small
    found = Magnified(CenterFace(), scale=3.0, tile=512, margin=128)(canvas)
    where = FACE * 0.13 + np.array([200, 100, 0, 0], np.float32)
    assert agreeing(found, Detections(where, np.zeros((1, 5, 2), np.float32), np.ones(1))).any()


def test_yunet_is_preferred_where_its_weights_are(monkeypatch, tmp_path):
    monkeypatch.setenv("SYNTHAUG_WEIGHTS", str(tmp_path))
    assert [each.name for each in default_detectors()] == ["centerface", "mtcnn"]
    with pytest.raises(InputError, match="models get yunet"):
        YuNet()


def test_yunet_finds_the_face(portrait):
    from synthaug.weights.registry import find

    if find("yunet") is None:
        pytest.skip("its weights are not in the cache: synthaug models get yunet")
    found = YuNet()(portrait)
    assert len(found) == 1
    assert overlap(found.boxes, FACE)[0, 0] > 0.5


def test_other_weights_in_the_place_of_centerface_are_refused(monkeypatch, tmp_path):
    from synthaug.faces import detectors

    fake = tmp_path / "centerface.onnx"
    shutil.copy(Path(detectors._centerface_file()), fake)
    with fake.open("ab") as file:
        file.write(b"x")
    monkeypatch.setattr(detectors, "_centerface_file", lambda: fake)
    with pytest.raises(InputError, match="SHA-256"):
        CenterFace()


@given(boxes, boxes)
def test_overlap_is_a_share_and_the_same_both_ways(a, b):
    shares = overlap(a, b)
    assert shares.shape == (len(a), len(b))
    assert ((shares >= 0) & (shares <= 1)).all()
    assert np.allclose(shares, overlap(b, a).T)


def test_overlap_by_hand():
    a = np.array([[0, 0, 2, 2]], np.float32)
    b = np.array([[1, 1, 2, 2], [0, 0, 2, 2], [5, 5, 1, 1]], np.float32)
    assert np.allclose(overlap(a, b), [[1 / 7, 1, 0]])


@given(boxes)
def test_twins_go_and_the_most_certain_stay(found):
    scores = np.linspace(0, 1, len(found), dtype=np.float32)
    kept = without_twins(Detections(found, np.zeros((len(found), 5, 2), np.float32), scores))
    shares = overlap(kept.boxes, kept.boxes) * (1 - np.eye(len(kept)))
    assert (shares <= 0.4 + 1e-6).all()
    if len(found):
        assert scores.max() in kept.scores


@given(st.integers(1, 9000), st.integers(300, 2048), st.integers(0, 200))
def test_tiles_cover_a_side_and_overlap(side, tile, margin):
    starts = _starts(side, tile, margin)
    assert starts[0] == 0
    assert starts[-1] + tile >= side
    assert all(b - a <= tile - margin for a, b in itertools.pairwise(starts))


@given(st.floats(0.1, 4), st.floats(-50, 50), st.floats(-50, 50))
def test_moving_there_and_back_changes_nothing(scale, left, top):
    found = Detections(FACE, np.ones((1, 5, 2), np.float32), np.ones(1, np.float32))
    there = found.moved(scale, left, top)
    back = there.moved(1.0, -left, -top).moved(1 / scale)
    assert np.allclose(back.boxes, found.boxes, atol=1e-2)
    assert np.allclose(back.points, found.points, atol=1e-2)


def test_loading_detectors_prints_nothing(shared):
    import os
    import subprocess
    import sys

    code = "from synthaug.faces.detectors import default_detectors; default_detectors()"
    weights = {"SYNTHAUG_WEIGHTS": str(shared / "models")}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **weights}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("", "")
