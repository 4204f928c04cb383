"""Rungs draw from ring, conditions and latent alone, and follow what they are told."""

from __future__ import annotations

import dataclasses
import shutil

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synthaug.errors import Damaged, InputError
from synthaug.faces.conditions import Conditions, conditions
from synthaug.faces.geometry import level, oval, placement
from synthaug.faces.tracks import Source, Spot
from synthaug.networks.faces import FaceGenerator, outside_oval
from synthaug.replacing.average import AVERAGE_FILE, AverageFace
from synthaug.replacing.generated import GENERATED_FILE, GeneratedFace
from synthaug.replacing.network_rung import OURS
from synthaug.replacing.rung import Hidden, hidden
from synthaug.weights.kept import write_network

USUAL = np.array([[0.3, 0.42], [0.7, 0.42], [0.5, 0.63], [0.34, 0.8], [0.66, 0.8]])


def spot(left=60.0, top=50.0, width=70.0, height=90.0) -> Spot:
    box = np.array([left, top, width, height], np.float32)
    points = box[:2] + USUAL * box[2:]
    return Spot(box, points.astype(np.float32), 1.0, Source.DETECTED)


def latent(rung, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(rung.z_dim).astype(np.float32)


def scene(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (200, 220, 3), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 8)


def face(rung, seed: int = 0, told: Conditions | None = None) -> Hidden:
    where = placement(spot())
    return hidden(scene(), where, told or conditions(spot()), latent(rung, seed), rung.resolution)


@pytest.fixture(scope="module", params=[AverageFace, GeneratedFace])
def rung(request):
    try:
        return request.param()
    except InputError as error:
        pytest.skip(str(error))


def test_crops_have_the_rungs_size(rung):
    made = rung([face(rung, seed) for seed in range(3)])
    assert made.shape == (3, rung.resolution, rung.resolution, 3)
    assert made.dtype == np.uint8
    assert len(rung.sha256) == 64
    assert rung([]).shape == (0, *made.shape[1:])


@settings(max_examples=10, deadline=None)
@given(
    box=st.tuples(st.floats(-20, 150), st.floats(-20, 120), st.floats(12, 120), st.floats(12, 120)),
    seed=st.integers(0, 99),
)
def test_no_pixel_of_the_face_matters_from_picture_to_output(rung, box, seed):
    here = spot(*box)
    where, told = placement(here), conditions(here)
    picture, other = scene(seed), scene(seed + 100)
    rows, columns = np.mgrid[: len(picture), : picture.shape[1]] + 0.5
    inside = level(where.relative(np.stack([columns, rows], -1))) <= 1
    other = np.where(inside[..., None], other, picture)
    drawn = [
        rung([hidden(each, where, told, latent(rung, 1), rung.resolution)])
        for each in (picture, other)
    ]
    assert (drawn[0] == drawn[1]).all()


def test_one_latent_is_one_face_and_two_are_two(rung):
    again = rung([face(rung, 1)])[0].astype(int)
    one, two, plain = rung([face(rung, 1), face(rung, 2), face(rung, 1)]).astype(int)
    inside = oval(rung.resolution)
    assert np.abs(one - plain).max() <= 1
    assert np.abs(one - again).max() <= 1
    assert np.abs(one - two)[inside].mean() > 12


def test_neighbours_change_nothing_beyond_one_level(rung):
    faces = [face(rung, seed) for seed in range(19)]
    together = rung(faces).astype(int)
    alone = np.concatenate([rung([each]) for each in faces])
    assert np.abs(together - alone).max() <= 1


def test_the_ring_stays_as_it_is(rung):
    given_ring = face(rung).ring
    made = rung([face(rung)])[0]
    far = ~cv2.dilate(oval(rung.resolution).astype(np.uint8), np.ones((3, 3)),
                      iterations=rung.resolution // 9).astype(bool)  # fmt: skip
    assert np.abs(made.astype(int) - given_ring)[far].max() <= 1


@pytest.mark.parametrize("change", ["landmarks", "yaw", "mouth", "eyes"])
def test_conditions_move_the_face(rung, change):
    told = conditions(spot())
    moved = {
        "landmarks": told.landmarks + np.array([3, 0], np.int8), "yaw": 9, "mouth": 4, "eyes": 0,
    }[change]  # fmt: skip
    other = dataclasses.replace(told, **{change: moved})
    a, b = rung([face(rung, 3, told), face(rung, 3, other)]).astype(int)
    assert np.abs(a - b)[oval(rung.resolution)].mean() > 0.5


def test_moved_landmarks_move_the_face_with_them(rung):
    """What is drawn four cells to the right looks more like the face shifted than unshifted."""
    told = conditions(spot())
    right = dataclasses.replace(told, landmarks=told.landmarks + np.array([4, 0], np.int8))
    faces = [(face(rung, seed, told), face(rung, seed, right)) for seed in range(6)]
    shift = 4 * rung.resolution // 32
    side = rung.resolution
    core = slice(3 * side // 8, 5 * side // 8)
    nearer = []
    for one, other in faces:
        a, b = rung([one, other]).astype(float)
        moved = np.abs(np.roll(a, shift, 1) - b)[core, core].mean()
        nearer.append(moved < np.abs(a - b)[core, core].mean())
    assert np.mean(nearer) > 0.5


def test_a_ring_of_another_size_is_refused(rung):
    wrong = dataclasses.replace(face(rung), latent=np.zeros(3, np.float32))
    with pytest.raises(InputError, match="Make them for this rung"):
        rung([wrong])


@pytest.mark.parametrize(
    ("make", "name"), [(AverageFace, AVERAGE_FILE), (GeneratedFace, GENERATED_FILE)]
)
def test_missing_and_damaged_weights_are_refused(make, name, tmp_path):
    with pytest.raises(InputError, match="expected a file, got none"):
        make(tmp_path)
    if not (OURS / name).exists():
        pytest.skip("not in this package")
    target = tmp_path / name
    shutil.copy(OURS / name, target)
    assert make(tmp_path).sha256 == make().sha256
    content = bytearray(target.read_bytes())
    content[-1000] ^= 1
    target.write_bytes(content)
    with pytest.raises(Damaged, match="SHA-256"):
        make(tmp_path)
    target.write_bytes(content[: len(content) // 2])
    with pytest.raises(Damaged, match="safetensors"):
        make(tmp_path)


def test_weights_of_another_network_are_refused(tmp_path):
    shutil.copy(OURS / AVERAGE_FILE, tmp_path / GENERATED_FILE)
    with pytest.raises(InputError, match="expected face generator, got 'face model'"):
        GeneratedFace(tmp_path)


@pytest.mark.parametrize("resolution", [64, 128, 256])
def test_a_generator_of_any_size_can_be_kept(resolution, tmp_path):
    network = FaceGenerator(resolution, widths=(8, 8, 8), z_dim=4, w_dim=8)
    sha256 = write_network(network, tmp_path / GENERATED_FILE)
    rung = GeneratedFace(tmp_path)
    assert (rung.sha256, rung.resolution, rung.z_dim) == (sha256, resolution, 4)
    assert rung([face(rung)]).shape == (1, resolution, resolution, 3)


@pytest.mark.parametrize("side", [32, 64, 128])
def test_networks_and_crops_have_one_oval(side):
    assert (outside_oval(side).numpy() == ~oval(side)).all()


def test_weights_fit_into_the_package():
    assert sum(path.stat().st_size for path in OURS.glob("*.safetensors")) < 10_000_000


def test_generated_faces_do_not_depend_on_torchs_random_state(rung):
    made = []
    for seed in (1, 2):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            made.append(rung([face(rung)]))
    assert (made[0] == made[1]).all()
