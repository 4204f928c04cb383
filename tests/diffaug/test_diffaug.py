"""Differentiable augmentation: stays in shape, passes gradients, is a function of its source."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from synthaug.diffaug import DiffAugment, brightness, contrast, cutout, translate


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(n: int = 3, side: int = 16) -> torch.Tensor:
    return torch.rand(n, 3, side, side, generator=source(9)) * 2 - 1


@given(st.integers(0, 2**40), st.sampled_from([8, 16, 32]))
def test_the_same_source_gives_the_same_change(seed, side):
    batch = images(side=side)
    augment = DiffAugment()
    first, second = augment(batch, source(seed)), augment(batch, source(seed))
    assert torch.equal(first, second)
    assert first.shape == batch.shape


def test_gradients_reach_every_pixel_that_is_not_cut_out_or_moved_away():
    batch = images().requires_grad_()
    DiffAugment(shift=0.0, cutout=0.0)(batch, source()).sum().backward()
    assert (batch.grad != 0).all()


def test_brightness_adds_one_number_an_image_and_contrast_keeps_the_mean():
    batch = images()
    change = brightness(batch, 0.25, source()) - batch
    assert torch.allclose(change.amax((1, 2, 3)), change.amin((1, 2, 3)), atol=1e-6)
    assert change.abs().max() <= 0.25
    means = contrast(batch, 0.5, source()).mean((1, 2, 3))
    assert torch.allclose(means, batch.mean((1, 2, 3)), atol=1e-6)


def test_a_shift_moves_pixels_and_fills_with_zero():
    batch = torch.ones(64, 1, 8, 8)
    moved = translate(batch, 0.25, source())
    assert set(moved.unique().tolist()) == {0.0, 1.0}
    kept = moved.sum((1, 2, 3))
    assert kept.min() >= 36  # at most two of eight rows and columns leave
    assert kept.max() == 64


def test_the_hole_has_the_side_asked_for_or_less_at_the_rim():
    hole = 1 - cutout(torch.ones(200, 1, 12, 12), 1 / 3, source())
    assert hole.sum((1, 2, 3)).max() == 16
    assert hole.sum((1, 2, 3)).min() >= 4
