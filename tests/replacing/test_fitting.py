"""The statistical face: fitted to photographs, it follows them, and persons stay silent on pose."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from synthaug.faces.tracks import Source, Spot
from synthaug.networks.faces import CLIP, SPREAD, FaceModel, around_features
from synthaug.replacing.fitting import fit_model
from synthaug.replacing.game import surroundings
from synthaug.replacing.photos import FacePhotos, photo

BOX = np.array([40, 30, 48, 62], np.float32)
POINTS = np.array([[52, 54], [76, 54], [64, 68], [55, 80], [73, 80]], np.float32)


def drawn(person: int) -> tuple[np.ndarray, Spot]:
    """Nobody: ellipses, where the features lie elsewhere in each."""
    rng = np.random.default_rng(person)
    picture = np.full((128, 128, 3), rng.integers(30, 220, 3), np.uint8)
    skin = tuple(int(x) for x in rng.integers(80, 230, 3))
    cv2.ellipse(picture, (64, 62), (int(rng.integers(20, 26)), 32), 0, 0, 360, skin, -1)
    points = POINTS + rng.normal(0, 2, (5, 2)).astype(np.float32)
    for x, y in points[:2]:
        cv2.circle(picture, (int(x), int(y)), 4, (15, 15, 15), -1)
    middle = points[3:].mean(0)
    cv2.ellipse(picture, (int(middle[0]), int(middle[1])), (9, 4), 0, 0, 360, (120, 20, 30), -1)
    return picture, Spot(BOX, points, 1.0, Source.DETECTED)


@pytest.fixture(scope="module")
def photos() -> FacePhotos:
    faces = [drawn(person) for person in range(160)]
    rng = np.random.default_rng(0)
    return FacePhotos(
        [
            photo(picture, spot, (float(rng.uniform(0, 0.3)), 0.3), resolution=64, person=number)
            for number, (picture, spot) in enumerate(faces)
        ],
        64,
    )


@pytest.fixture(scope="module")
def model(photos) -> FaceModel:
    return fit_model(photos, np.arange(140), z_dim=24)


def unseen(photos):
    rows = photos.rows(np.arange(140, 160), (0,))
    around, whole = surroundings(photos.read(rows).float() / 127.5 - 1)
    return around, whole, torch.from_numpy(photos.attributes[rows])


def test_what_describes_a_face_gives_it_back(photos, model):
    around, whole, told = unseen(photos)
    inside = model.blend == 1

    def error(latents):
        return float((model(around, latents, told) - whole).abs()[:, :, inside].mean())

    own = model.describe(whole, told)
    assert error(own) < 0.6 * error(torch.zeros_like(own))
    assert error(own) < 0.5 * error(own[torch.randperm(len(own))])


def test_latents_of_training_faces_are_about_standard_normal(photos, model):
    rows = photos.rows(np.arange(140), (0, 1))
    _, whole = surroundings(photos.read(rows).float() / 127.5 - 1)
    latents = model.describe(whole, torch.from_numpy(photos.attributes[rows]))
    assert latents.std(0).mean() == pytest.approx(1, abs=0.15)


def test_persons_are_near_the_usual_and_silent_about_pose(model):
    latents = 5 * torch.randn(50, model.z_dim, generator=torch.Generator().manual_seed(0))
    person = model.person(latents)
    assert (person @ model.posed).abs().max() < 1e-4
    assert person.norm(dim=1).max() <= SPREAD * CLIP * model.z_dim**0.5
    assert torch.allclose(model.posed.T @ model.posed, torch.eye(12), atol=1e-4)


def test_the_model_reads_nothing_inside_the_oval(photos, model):
    around, _, told = unseen(photos)
    latents = torch.zeros(len(told), model.z_dim)
    noisy = around + torch.where(around == 0, torch.randn_like(around), torch.zeros(()))
    inside = (around == 0).all(1, keepdim=True)
    assert torch.allclose(
        model.foretell(around, told), model.foretell(torch.where(inside, noisy, around), told)
    )
    assert model(around, latents, told).shape == around.shape


def test_variants_are_the_same_each_time_and_mirrored_where_odd(photos):
    rows = photos.rows(np.array([3]), range(8))
    assert (photos.read(rows) == photos.read(rows)).all()
    plain, mirrored = photos.read(rows[:2])
    assert (plain.int() - mirrored.flip(-1).int()).abs().float().mean() < 2
    one, other = photos.conditions(int(rows[0])), photos.conditions(int(rows[1]))
    assert np.abs(one.landmarks[2, 0] + other.landmarks[2, 0] - 31) <= 1
    assert one.yaw + other.yaw == 12


def test_features_are_looked_at_where_they_were_told_to_be(photos):
    _, whole, told = unseen(photos)
    looked = around_features(whole, told, 48)
    eyes = looked[:, 0, 8:20].amin((1, 2))
    skin = looked[:, 0, 20:26, 20:28].mean((1, 2))
    assert (eyes < skin).float().mean() > 0.9
