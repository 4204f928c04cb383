import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synthaug.arm import Arm
from synthaug.choosing.arms import ORDINARY, gan_arms
from synthaug.choosing.material import Material, gather


class Shades:
    """Flat images whose shade is their number; classes of 40, 12 and 6, three images a group."""

    def __init__(self, side: int = 8) -> None:
        self.labels = np.repeat(np.arange(3), [42, 12, 6])
        self.groups = np.arange(60) // 3
        self.classes = ("many", "some", "few")
        self._side = side

    def read(self, indices: np.ndarray) -> torch.Tensor:
        shades = torch.from_numpy(np.asarray(indices)).byte().view(-1, 1, 1, 1)
        return shades.expand(-1, 1, self._side, self._side).clone()


def material(**changes: int) -> Material:
    drawn = {1: torch.full((5, 1, 8, 8), 201), 2: torch.full((9, 1, 8, 8), 202)}
    limits = {"images": 1_000, "variants": 90, "seed": 0, **changes}
    synthetic = {label: batch.byte() for label, batch in drawn.items()}
    return gather(Shades(), np.arange(0, 60, 3), synthetic, fill=(1, 2), **limits)


EVERY = (*ORDINARY, *gan_arms())


@pytest.mark.parametrize("arm", EVERY, ids=lambda arm: arm.name)
def test_no_validation_image_nor_variant_of_it_is_drawn(arm: Arm) -> None:
    whole = material()
    validation = whole.originals[whole.groups[whole.originals] % 4 == 0]
    draws = whole.draws(arm, validation)
    assert not set(whole.picture[draws.rows]) & set(whole.picture[validation])
    assert draws.probabilities.sum() == pytest.approx(1)
    assert (draws.probabilities > 0).all()
    assert whole.changed[draws.rows].any() == arm.classical
    assert (whole.picture[draws.rows] < 0).any() == arm.needs_gan


def test_shares_of_an_arm() -> None:
    arm = next(arm for arm in gan_arms() if arm.gan_share == 0.5)
    shares = material().shares(arm)
    # A class of 6 of 42 lacks 6/7 of its draws, half of which the generator gives.
    assert shares.sum(1) == pytest.approx([1 / 3] * 3)
    assert shares[:, 1] * 3 == pytest.approx([0, 0.5 * 5 / 7, 0.5 * 6 / 7])


def test_drawn_shares_are_those_of_the_arm() -> None:
    whole = material()
    for arm in EVERY:
        draws = whole.draws(arm, np.zeros(0, np.int64))
        for label in range(3):
            for of_gan in (False, True):
                rows = (whole.labels[draws.rows] == label) & (
                    (whole.picture[draws.rows] < 0) == of_gan
                )
                share = whole.shares(arm)[label, int(of_gan)]
                assert draws.probabilities[rows].sum() == pytest.approx(share)


def test_plain_keeps_the_proportions_of_the_whole_set_when_a_class_is_cut() -> None:
    cut = material(images=24)
    counts = np.bincount(cut.labels[cut.originals])
    assert counts.tolist() == [9, 9, 6]
    draws = cut.draws(ORDINARY[0], np.zeros(0, np.int64))
    mass = np.bincount(cut.labels[draws.rows], weights=draws.probabilities)
    assert mass == pytest.approx(np.array([42, 12, 6]) / 60)


def test_being_changed_says_nothing_about_the_class() -> None:
    whole = material()
    draws = whole.draws(ORDINARY[3], np.zeros(0, np.int64))
    changed = whole.changed[draws.rows]
    for label in range(3):
        own = whole.labels[draws.rows] == label
        share = draws.probabilities[own & changed].sum() / draws.probabilities[own].sum()
        assert share == pytest.approx(0.75)


def test_large_images_are_reduced_to_64_pixels() -> None:
    whole = gather(Shades(128), np.arange(10), {}, fill=(1,), images=1_000, variants=0, seed=0)
    assert whole.images.shape[1:] == (1, 64, 64)
    assert whole.images[whole.originals[7]].unique().tolist() == [7]


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 80))
def test_a_cut_takes_from_large_classes_first(most: int) -> None:
    whole = material(images=most, variants=0)
    counts = np.bincount(whole.labels[whole.originals], minlength=3)
    assert counts.sum() <= max(3, most)
    cap = counts.max()
    assert counts.tolist() == np.minimum([42, 12, 6], cap).tolist()
    assert counts.sum() == 60 or counts.sum() > most - 3
