"""Generators the latent tools are tried on: one trained for seconds, others not at all."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from synthaug import datasets
from synthaug.networks.dcgan import DCGANGenerator
from synthaug.networks.rare import RareEncoder, RareGenerator
from synthaug.textbook import named
from synthaug.training import Generator, Run, Shape, Trainer

CLASSES = 6


@pytest.fixture(scope="session")
def digits() -> datasets.Packed:
    """The first six of scikit-learn's digits at 16 px."""
    found = load_digits(n_class=CLASSES)
    images = (found.images * 15.9).astype(np.uint8)
    return datasets.pack(datasets.open((images, found.target)), 16)


@pytest.fixture(scope="session")
def trained(digits: datasets.Packed) -> Generator:
    """A narrow rare generator and its encoder after 12,000 images of the warm start.

    The warm start alone, because its images differ with their latents within seconds; the
    game takes minutes to get there. It saw every other image only.
    """

    def networks(shape: Shape) -> dict[str, torch.nn.Module]:
        generator = RareGenerator(shape.num_classes, 1, 16, widths=(64, 48, 24), z_dim=16, w_dim=64)
        return {"generator": generator, "encoder": RareEncoder(1, 16, z_dim=16)}

    rare = named("rare")
    warm = dataclasses.replace(rare.phases[0], share=1.0)
    routine = dataclasses.replace(
        rare, build=networks, phases=(warm,), keeps=("generator", "encoder"), batch_size=32
    )
    run = Run(routine, Shape(CLASSES, 1, 16), 12_000, 0, "cpu")
    trainer = Trainer(run, digits, np.arange(0, len(digits.labels), 2))
    trainer.advance(run.steps)
    kept = {role: net.eval().requires_grad_(False) for role, net in trainer.averages.items()}
    network = kept.pop("generator")
    return Generator(network, digits.classes, {"recipe": "rare"}, kept)


@pytest.fixture(scope="session")
def styled() -> Generator:
    """An untrained rare generator whose noise shows."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = RareGenerator(3, 3, 32)
    for block in network.blocks:
        torch.nn.init.constant_(block.noise_strength, 0.3)
    return Generator(network.eval().requires_grad_(False), ("a", "b", "c"), {"recipe": "rare"})


@pytest.fixture(scope="session")
def plain() -> Generator:
    """An untrained generator without styles."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = DCGANGenerator(3, 3, 32, width=8)
        torch.nn.init.normal_(network.body[0].weight, 0, 0.3)
    return Generator(network.eval().requires_grad_(False), ("a", "b", "c"), {"recipe": "dcgan"})


@pytest.fixture(scope="session")
def saved(styled: Generator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `styled`."""
    folder = tmp_path_factory.mktemp("styled") / "generator"
    styled.save(folder)
    return folder


@pytest.fixture(scope="session")
def saved_plain(plain: Generator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `plain`."""
    folder = tmp_path_factory.mktemp("plain") / "generator"
    plain.save(folder)
    return folder
