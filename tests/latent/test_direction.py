"""A direction makes what it was learnt from grow, in its own generator only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from synthaug import datasets, latent
from synthaug.errors import InputError
from synthaug.training import Generator

Sides = tuple[torch.Tensor, torch.Tensor]


@pytest.fixture(scope="session")
def bright_and_dark(digits: datasets.Packed) -> Sides:
    """The eight images of each class with the most ink, and the eight with the least."""
    images = digits.read(np.arange(len(digits.labels)))
    ink = images.float().mean((1, 2, 3)).numpy()
    order = [
        mine[np.argsort(ink[mine])]
        for mine in (np.flatnonzero(digits.labels == label) for label in range(6))
    ]
    bright, dark = np.concatenate([o[-8:] for o in order]), np.concatenate([o[:8] for o in order])
    return images[bright], images[dark]


@pytest.fixture(scope="session")
def brighter(trained: Generator, bright_and_dark: Sides) -> latent.Direction:
    return latent.find_direction(trained, *bright_and_dark, name="brighter", draws=256)


def brightness(images: torch.Tensor) -> torch.Tensor:
    return images.float().mean((2, 3, 4))


def test_images_grow_brighter_with_strength(trained: Generator, brighter: latent.Direction) -> None:
    assert brighter.told_apart > 0.8
    assert brighter.followed is not None
    assert brighter.followed > 0.1
    codes = latent.locate(trained, [0, 1, 2, 3, 4, 5], range(900, 906))
    strengths = [-3, -2, -1, 0, 1, 2, 3]
    images = latent.edit(trained, codes, brighter, strengths)
    assert images.shape == (6, 7, 1, 16, 16)
    assert torch.equal(images[:, 3], trained.sample(range(6), range(900, 906)))
    assert (brightness(images).diff(dim=1) > 0).all()
    # A direction of the same length drawn at random does nothing of the kind.
    source = torch.Generator().manual_seed(0)
    wild = torch.randn(brighter.vector.shape[1], generator=source)
    wild = (wild / wild.norm() * brighter.vector[0].norm()).expand_as(brighter.vector)
    other = latent.Direction("w", wild, brighter.generator, "any", 0.5)
    change, chance = (
        brightness(latent.edit(trained, codes, d, [-3, 3])).diff(dim=1).mean().item()
        for d in (brighter, other)
    )
    assert change > 2 * abs(chance)


def test_a_direction_in_z_keeps_the_length(trained: Generator, bright_and_dark: Sides) -> None:
    found = latent.find_direction(trained, *bright_and_dark, space="z", draws=256)
    codes = latent.locate(trained, [0, 1, 2], [900, 901, 902], space="z")
    images = latent.edit(trained, codes, found, [-2, -1, 0, 1, 2])
    assert torch.equal(images[:, 2], trained.sample([0, 1, 2], [900, 901, 902]))
    assert (brightness(images).mean(0).diff() > 0).all()


@pytest.mark.slow
def test_projected_images_give_a_direction_too(trained: Generator, bright_and_dark: Sides) -> None:
    some = [images[::2] for images in bright_and_dark]
    found = latent.find_direction(trained, *some, by="project")
    codes = latent.locate(trained, [0, 1, 2, 3, 4, 5], range(900, 906))
    images = latent.edit(trained, codes, found, [-2, -1, 0, 1, 2])
    assert (brightness(images).mean(0).diff() > 0).all()


def test_a_direction_is_refused_by_another_generator(
    trained: Generator, styled: Generator, brighter: latent.Direction, tmp_path: Path
) -> None:
    file = tmp_path / "brighter.safetensors"
    brighter.save(file)
    again = latent.Direction.load(file)
    assert torch.equal(again.vector, brighter.vector)
    assert (again.name, again.generator) == ("brighter", trained.sha256)
    with pytest.raises(InputError, match="direction: expected one of this generator") as caught:
        latent.edit(styled, latent.locate(styled, [0], [1]), again, [0, 1])
    assert caught.value.code == "input.generator"
    with pytest.raises(InputError, match="points to edit: expected in w, got in z"):
        latent.edit(trained, latent.locate(trained, [0], [1], space="z"), again, [1])
    codes = latent.locate(trained, [0], [1])
    for strengths in ([], [float("nan")]):
        with pytest.raises(InputError, match="strengths: expected finite numbers"):
            latent.edit(trained, codes, again, strengths)


def test_sets_that_look_alike_or_are_small_are_refused(
    trained: Generator, digits: datasets.Packed
) -> None:
    some = np.random.default_rng(0).permutation(len(digits.labels))[:80]
    images = digits.read(some)
    with pytest.raises(InputError, match="sets that can be told apart"):
        latent.find_direction(trained, images[:40], images[40:])
    with pytest.raises(InputError, match="images without the attribute: expected at least 8"):
        latent.find_direction(trained, images[:40], images[:7])
    with pytest.raises(InputError, match="draws: expected at least 64"):
        latent.find_direction(trained, images[:40], images[40:], draws=3)
