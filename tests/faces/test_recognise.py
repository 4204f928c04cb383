"""A face gives the same numbers however it is turned, and nothing is written or fetched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.data import astronaut

from synthaug.errors import InputError
from synthaug.faces import CenterFace, Detections, recognisers
from synthaug.faces.recognisers import _PLACES, DlibFaces, MobileFaceNet, VGGFace2, aligned


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return np.ascontiguousarray(astronaut()[:320, 40:400])


@pytest.fixture(scope="module", params=[MobileFaceNet, DlibFaces, VGGFace2])
def recogniser(request, shared):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYNTHAUG_WEIGHTS", str(shared / "models"))
        try:
            return request.param()
        except InputError as error:
            pytest.skip(str(error))


@given(st.floats(0.05, 3), st.floats(-3, 3), st.floats(-50, 50), st.floats(-50, 50))
def test_points_come_to_their_places(scale, angle, x, y):
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    points = _PLACES @ np.array([[cos, sin], [-sin, cos]]) + (x, y)
    matrix = recognisers._similarity(points.astype(np.float32))
    assert np.abs(points @ matrix[:, :2].T + matrix[:, 2] - _PLACES).max() < 0.1


def test_an_aligned_face_fills_its_crop(portrait):
    (points,) = CenterFace()(portrait).points
    crop = aligned(portrait, points)
    assert crop.shape == (112, 112, 3)
    (again,) = CenterFace()(np.pad(crop, ((40, 40), (40, 40), (0, 0)), mode="edge")).points
    assert np.abs(again - 40 - _PLACES).max() < 8


def test_a_face_is_itself_turned_smaller_and_darker(recogniser, portrait):
    import cv2

    found = CenterFace()(portrait)
    matrix = cv2.getRotationMatrix2D((180, 160), 12, 0.6)
    other = cv2.warpAffine(portrait, matrix, (360, 320)) * 2 // 3
    points = found.points @ matrix[:, :2].T + matrix[:, 2]
    turned = Detections(found.boxes, points.astype(np.float32), found.scores)
    one, same = recogniser(portrait, found), recogniser(other, turned)
    assert np.allclose(np.linalg.norm(one, axis=1), 1, atol=1e-5)
    assert (one * same).sum() > recogniser.same
    assert recogniser.other < recogniser.same
    assert recogniser(portrait, Detections.none()).shape == (0, one.shape[1])


def test_what_is_no_face_is_nobody_known(recogniser, portrait):
    found = CenterFace()(portrait)
    noise = np.random.default_rng(0).integers(0, 255, portrait.shape, np.uint8)
    assert (recogniser(portrait, found) * recogniser(noise, found)).sum() < recogniser.other


def test_missing_weights_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("SYNTHAUG_WEIGHTS", str(tmp_path))
    with pytest.raises(InputError, match="models get mobilefacenet"):
        MobileFaceNet()
    assert {each.name for each in recognisers.recognisers()} <= {"dlib"}
