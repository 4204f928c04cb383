"""Whatever a rung does, the face does not show, and it is said."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.faces.conditions import Conditions
from synthaug.faces.geometry import oval
from synthaug.replacing.cover import Cover
from synthaug.replacing.ladder import Ladder, implausible
from synthaug.replacing.latents import forget, latent, salt_in, salt_of
from synthaug.replacing.rung import Hidden

TOLD = Conditions(np.full((5, 2), 16, np.int8), 6, 3, 0, 2)


def faces(rows, resolution, dim):
    ring = np.zeros((resolution, resolution, 3), np.uint8)
    ring[~oval(resolution)] = (200, 100, 50)
    zeros = np.zeros(dim, np.float32)
    return [Hidden(ring, oval(resolution), TOLD, zeros) for _ in rows]


class Rung:
    """Draws what it is told to."""

    sha256 = "0"
    resolution = 16
    z_dim = 4

    def __init__(self, name, draw):
        self.name, self.draw = name, draw

    def __call__(self, asked):
        return self.draw(asked)


def textured(asked):
    random = np.random.default_rng(0)
    return random.integers(40, 200, (len(asked), 16, 16, 3), np.uint8)


def raises(asked):
    raise RuntimeError("no memory")


def flat(asked):
    return np.full((len(asked), 16, 16, 3), 90, np.uint8)


def ladder(*draws):
    return Ladder(
        [(f"rung {n}", lambda n=n, d=d: Rung(f"rung {n}", d)) for n, d in enumerate(draws)]
    )


def test_the_first_rung_that_can_draws():
    crops, names = ladder(textured, raises)(faces, 3)
    assert names == ["rung 0"] * 3
    assert len(crops) == 3


@pytest.mark.parametrize(
    "bad",
    [
        raises,
        flat,
        lambda asked: np.zeros((len(asked), 16, 16, 3), np.uint8),
        lambda asked: np.full((len(asked), 16, 16, 3), np.nan, np.float32),
        lambda asked: textured(asked)[:, :8],
        lambda asked: textured(asked)[:-1],
        lambda asked: None,
    ],
)
def test_what_is_no_face_leads_to_the_next_rung_and_is_said(bad):
    tried = ladder(bad, textured)
    _, names = tried(faces, 2)
    assert names == ["rung 1"] * 2
    assert any("rung 0" in words for words in tried.said)
    _, names = ladder(bad, bad)(faces, 2)
    assert names == ["cover"] * 2


def test_one_implausible_face_does_not_take_the_others_with_it():
    def draw(asked):
        made = textured(asked)
        made[0] = 90
        return made

    _, names = ladder(draw, textured)(faces, 3)
    assert names == ["rung 1", "rung 0", "rung 0"]


def test_a_rung_that_cannot_be_built_is_said_once_and_not_tried_again():
    tries = []

    def build():
        tries.append(1)
        raise OSError("weights are not there")

    tried = Ladder([("generated", build)])
    for _ in range(3):
        assert tried(faces, 1)[1] == ["cover"]
    assert len(tries) == 1
    assert tried.said == ["generated is not used: weights are not there"]


def test_a_rung_that_broke_is_not_used_again():
    broken = []

    def draw(asked):
        broken.append(1)
        raise RuntimeError

    tried = ladder(draw)
    tried(faces, 1)
    tried(faces, 1)
    assert len(broken) == 1


def test_a_cover_has_one_colour_that_of_the_ring():
    crop = Cover()(faces([0], 32, 0))[0]
    assert (crop == (200, 100, 50)).all()
    blank = Hidden(np.zeros((32, 32, 3), np.uint8), oval(32), TOLD, np.zeros(0, np.float32))
    assert (Cover()([blank])[0] == 96).all()


def test_implausible():
    assert implausible(textured([0])[0]) == ""
    assert implausible(flat([0])[0]) == "flat"
    checks = np.indices((16, 16)).sum(0) % 2 * 255
    assert implausible(np.repeat(checks[..., None], 3, -1).astype(np.uint8)) == "black and white"


def test_latents_are_of_salt_and_track_alone():
    assert (latent(b"a", 1, 64) == latent(b"a", 1, 64)).all()
    assert not (latent(b"a", 1, 64) == latent(b"a", 2, 64)).any()
    assert not (latent(b"a", 1, 64) == latent(b"b", 1, 64)).any()
    many = np.concatenate([latent(b"a", n, 64) for n in range(300)])
    assert abs(many.mean()) < 0.03
    assert abs(many.std() - 1) < 0.03


def test_a_salt_is_its_owners_alone_and_stays_until_forgotten(tmp_path):
    path = tmp_path / "salt"
    salt = salt_in(path)
    assert len(salt) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert salt_in(path) == salt
    assert salt_in(tmp_path / "other") != salt
    forget(path)
    assert not path.exists()
    assert salt_of(1) == salt_of(1) != salt_of(2)
    path.write_text("no salt")
    with pytest.raises(ValueError, match="32 bytes in hexadecimal digits"):
        salt_in(path)
