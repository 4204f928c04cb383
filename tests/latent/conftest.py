"""Generators the latent tools are tried on: one trained for seconds, others not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from synthaug import datasets
from synthaug.networks.dcgan import DCGANGenerator
from synthaug.networks.rare import RareGenerator
from synthaug.textbook import named
from synthaug.training import Generator, Run, Shape, Trainer


@pytest.fixture(scope="session")
def digits() -> datasets.ImageSet:
    """The first six of scikit-learn's digits, 8x8 grey."""
    found = load_digits(n_class=6)
    return datasets.open(((found.images * 15.9).astype(np.uint8), found.target))


@pytest.fixture(scope="session")
def trained(digits: datasets.ImageSet) -> Generator:
    """A rare generator of digits at 16 px after some seconds of training; even images only."""
    packed = datasets.pack(digits, 16)
    even = np.arange(0, len(digits), 2)
    run = Run(named("rare"), Shape(6, 1, 16), 6000, 0, "cpu")
    trainer = Trainer(run, packed, even)
    trainer.advance(run.steps)
    network = trainer.averages["generator"].eval().requires_grad_(False)
    return Generator(network, digits.classes, {"recipe": "rare"})


@pytest.fixture(scope="session")
def saved(trained: Generator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "generator"
    trained.save(folder)
    return folder


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
    return Generator(network.eval().requires_grad_(False), ("a", "b", "c"), {"recipe": "dcgan"})
