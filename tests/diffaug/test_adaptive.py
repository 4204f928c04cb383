"""Adaptive augmentation: identity at p = 0, exact changes, p follows the discriminator."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from synthaug.diffaug.adaptive import (
    AdaptiveAugment,
    _coloured,
    _colours,
    _Draw,
    _geometry,
    _hue,
    _placed,
    _stretch,
    _turn,
)
from synthaug.networks.answer import Answer
from synthaug.networks.memory import Memory


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(n: int = 3, channels: int = 3, side: int = 8) -> torch.Tensor:
    return torch.rand(n, channels, side, side, generator=source(9)) * 2 - 1


@given(st.integers(0, 2**40), st.sampled_from([1, 3]))
def test_nothing_changes_at_p_0_and_everything_at_p_1(seed, channels):
    batch = images(channels=channels)
    augment = AdaptiveAugment()
    assert torch.equal(augment(batch, torch.tensor(0.0), source(seed)), batch)
    changed = augment(batch, torch.tensor(1.0), source(seed))
    assert changed.shape == batch.shape
    assert torch.equal(changed, augment(batch, torch.tensor(1.0), source(seed)))
    assert (changed != batch).flatten(1).any(1).all()


def test_the_share_of_changed_images_grows_with_p():
    batch = images(400, 1)
    shares = [
        (AdaptiveAugment()(batch, torch.tensor(p), source()) != batch)
        .flatten(1)
        .any(1)
        .float()
        .mean()
        for p in (0.0, 0.05, 0.2, 1.0)
    ]
    assert shares == sorted(shares)
    assert 0.1 < shares[1] < 0.5


def test_gradients_reach_the_images():
    batch = images().requires_grad_()
    AdaptiveAugment()(batch, torch.tensor(0.7), source()).square().sum().backward()
    assert (batch.grad.flatten(1) != 0).any(1).all()


def test_flips_and_quarter_turns_are_those_of_torch():
    batch, still = images(1), torch.zeros(1, 2)
    flip = _stretch(torch.tensor([-1.0]), torch.tensor([1.0]))
    assert torch.allclose(_placed(batch, flip, still), batch.flip(3), atol=1e-5)
    for quarters in range(4):
        turned = _placed(batch, _turn(torch.tensor([quarters * math.pi / 2])), still)
        assert torch.allclose(turned, batch.rot90(quarters, (2, 3)), atol=1e-4), quarters


def test_a_shift_of_a_pixel_moves_everything_by_one():
    batch = images(1)
    moved = _placed(batch, torch.eye(2)[None], torch.tensor([[2 / 8, 0.0]]))
    assert torch.allclose(moved[..., :-1], batch[..., 1:], atol=1e-5)


@given(st.floats(-math.pi, math.pi))
def test_turning_hues_keeps_grey_and_distances_and_comes_back(angle):
    turn = _hue(torch.tensor([angle]))[0]
    assert torch.allclose(turn @ torch.ones(3), torch.ones(3), atol=1e-5)
    assert torch.allclose(turn @ turn.T, torch.eye(3), atol=1e-5)
    assert torch.allclose(turn @ _hue(torch.tensor([-angle]))[0], torch.eye(3), atol=1e-5)


def test_colours_are_mapped_pixel_by_pixel():
    batch = images(1, 1)
    assert torch.allclose(_coloured(batch, torch.tensor([[[-2.0, 0.5]]])), 0.5 - 2 * batch)


class Stage:
    def __init__(self, logits, index, memory):
        self.logits, self.index, self.memory = torch.tensor(logits), index, memory
        self.labels = torch.zeros(len(logits), dtype=torch.int64)

    def network(self, role):
        return self.memory

    def judged_apart(self, critic):
        return Answer(self.logits), Answer(-self.logits)


def test_p_rises_while_the_discriminator_is_sure_and_falls_while_it_is_not():
    memory, augment = Memory(p=0, signs=0, seen=0), AdaptiveAugment(travel=100, every=2)
    p = memory.get_buffer("p")
    sure, unsure = [3.0, 1.0, 0.5, 2.0, 9.0], [3.0, -1.0, 0.5, -2.0, 9.0]
    for index in range(4):
        augment.adapt(Stage(sure, index, memory))
    # Twenty images, of a hundred from 0 to 1.
    assert p.item() == pytest.approx(0.2)
    for index in range(2):
        augment.adapt(Stage(unsure, index, memory))  # a mean sign of 0.2 is below 0.6
    assert p.item() == pytest.approx(0.1)
    for index in range(100):
        augment.adapt(Stage(unsure, index, memory))
    assert p.item() == 0


def test_half_of_the_images_due_are_mirrored_and_scales_are_those_of_the_paper():
    linear, moved = _geometry(_Draw(4000, torch.tensor(1.0), source()))
    areas = torch.linalg.det(linear)
    assert (areas < 0).float().mean().item() == pytest.approx(0.5, abs=0.03)
    # The area goes with the square of the scale, whose logarithm to base 2 has sd 0.2.
    assert areas.abs().log2().std().item() == pytest.approx(0.4, rel=0.05)
    # Two shifts, in units of half a side: uniform within 1/8 of a side, normal with sd 1/8.
    assert moved.std().item() == pytest.approx(2 * (0.25**2 / 12 + 0.125**2) ** 0.5, rel=0.05)


def test_half_of_the_images_due_are_inverted_and_grey_stays_grey():
    maps = _colours(_Draw(4000, torch.tensor(1.0), source()), 3)
    grey = maps[:, :, :3].sum(2)
    assert torch.allclose(grey, grey[:, :1].expand(-1, 3), atol=1e-4)
    assert (grey[:, 0] < 0).float().mean().item() == pytest.approx(0.5, abs=0.03)
    assert grey[:, 0].abs().log2().std().item() == pytest.approx(0.5, rel=0.05)
    assert torch.equal(maps[:, 0, 3], maps[:, 1, 3])
