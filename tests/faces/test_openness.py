"""Openness is read from the face alone, whatever its size, and only from whole weights."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from synthaug.errors import Damaged, InputError
from synthaug.faces import openness
from synthaug.faces.openness import Openness
from synthaug.faces.tracks import Source, Spot

POINTS = np.array([[204, 110], [244, 108], [226, 132], [209, 154], [242, 152]], np.float32)


@pytest.fixture(scope="module")
def read() -> Openness:
    return Openness()


def spot(scale=1.0) -> Spot:
    box = np.array([168, 63, 108, 145], np.float32) * scale
    return Spot(box, POINTS * np.float32(scale), 1.0, Source.DETECTED)


def test_a_smile_with_open_eyes(read):
    mouth, eyes = read(np.ascontiguousarray(astronaut()), [spot()])[0]
    assert 0.04 < mouth < 0.2  # teeth, no gap
    assert 0.2 < eyes < 0.5


def test_size_matters_little_and_neighbours_nothing(read):
    portrait = np.ascontiguousarray(astronaut())
    half = cv2.resize(portrait, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    whole, again = read(portrait, [spot(), spot()])
    assert np.allclose(whole, again, atol=1e-5)
    assert np.allclose(whole, read(half, [spot(0.5)])[0], atol=0.06)
    assert read(portrait, []).shape == (0, 2)


def test_a_darkened_mouth_is_read_as_more_open(read):
    portrait = np.ascontiguousarray(astronaut())
    closed, opened = portrait.copy(), portrait.copy()
    skin = tuple(int(x) for x in portrait[140:145, 190:196].mean((0, 1)))
    cv2.ellipse(closed, (226, 155), (19, 9), 0, 0, 360, skin, -1)
    cv2.ellipse(opened, (226, 160), (15, 17), 0, 0, 360, (30, 10, 10), -1)
    assert read(opened, [spot()])[0, 0] > read(closed, [spot()])[0, 0] + 0.03


def test_weights_must_be_whole(tmp_path):
    with pytest.raises(InputError, match="got none"):
        Openness(tmp_path / "none.safetensors")
    content = bytearray(Path(openness.OPENNESS_FILE).read_bytes())
    content[-100] ^= 4
    (tmp_path / "broken.safetensors").write_bytes(content)
    with pytest.raises(Damaged, match="SHA-256"):
        Openness(tmp_path / "broken.safetensors")
