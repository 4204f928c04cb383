"""Eight Gaussians on a ring, as images of one pixel and two channels, for the real trainer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from synthaug.networks.answer import Answer
from synthaug.networks.critic import Critic
from synthaug.textbook import Recipe
from synthaug.textbook.part import Architecture
from synthaug.training import Run, Shape, Trainer

RADIUS, SD = 0.8, 0.05
ANGLES = 2 * math.pi * np.arange(8) / 8
CENTRES = RADIUS * np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1)


class Ring:
    """Points near eight centres; a byte resolves a sixth of their standard deviation."""

    resolution, channels, attributes = 1, 2, None

    def __init__(self, n: int = 8000) -> None:
        rng = np.random.default_rng(0)
        self.labels = np.zeros(n, np.int64)
        places = CENTRES[np.arange(n) % 8] + SD * rng.normal(size=(n, 2))
        pixels = ((places + 1) * 127.5).round().astype(np.uint8)
        self.pixels = torch.from_numpy(pixels)[:, :, None, None]

    def read(self, indices):
        return self.pixels[indices]


class PointGenerator(nn.Module):
    """Latents to points."""

    z_dim, noise_dim = 16, 0

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.body = perceptron(self.z_dim, 2, width, nn.ReLU)

    def forward(self, latents, labels, attributes=None, *, truncation_psi=1.0):
        return self.body(latents * truncation_psi)[:, :, None, None]


class PointCritic(nn.Module):
    """Points to a logit, by itself for every point."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.body = perceptron(2, 1, width, nn.LeakyReLU)

    def forward(self, images, labels, attributes=None):
        features = self.body[:-1](4 * images.flatten(1))
        return Answer(self.body[-1](features)[:, 0], None, features)


def perceptron(inputs: int, outputs: int, width: int, nonlinear: type[nn.Module]) -> nn.Sequential:
    sizes = (inputs, width, width)
    hidden = [
        layer
        for before, after in pairwise(sizes)
        for layer in (nn.Linear(before, after), nonlinear())
    ]
    return nn.Sequential(*hidden, nn.Linear(width, outputs))


POINTS = Architecture(
    name="points",
    source="",
    build=lambda shape, options: {
        "generator": PointGenerator(),
        "discriminator": PointCritic(),
    },
    options=frozenset({"told"}),
    has=lambda _: frozenset({"features"}),
    sizes=(1,),
)


def on_the_ring(objective, stabilizers: Sequence = (), *, steps: int, seed: int = 0, **rest):
    """A trainer at its start."""
    rest = {"batch_size": 128, "architecture": POINTS, **rest}
    recipe = Recipe(objective, conditioning="none", stabilizers=stabilizers, **rest)
    images = Ring()
    run = Run(recipe.routine(), Shape(1, 2, 1), steps * rest["batch_size"], seed)
    return Trainer(run, images, np.arange(len(images.labels)))


class Widened(nn.Module):
    """Points at unit scale: what the first layer is made for."""

    def forward(self, x):
        return 4 * x.flatten(1)


def _with_a_layer(shape, options):
    def trunk(channels: int) -> nn.Module:
        return nn.Sequential(Widened(), *perceptron(channels, 64, 64, nn.LeakyReLU)[:-1])

    critic = Critic(trunk, 64, 2, 1, told="none", layer=options.get("layer"))
    return {"generator": PointGenerator(), "discriminator": critic}


LAYERED = Architecture(
    name="points with a layer",
    source="",
    build=_with_a_layer,
    options=frozenset({"told", "layer"}),
    sizes=(1,),
)


def points(trainer: Trainer, n: int = 2000) -> np.ndarray:
    """Points of the averaged generator, float (n, 2)."""
    generator = trainer.average
    latents = torch.randn(n, generator.z_dim, generator=torch.Generator().manual_seed(99))
    with torch.no_grad():
        return generator(latents, torch.zeros(n, dtype=torch.int64)).flatten(1).numpy()


def modes(places: np.ndarray, *, within: float = 0.2, share: float = 0.01) -> int:
    """How many of the eight centres have at least this share of the points near them."""
    away = np.linalg.norm(places[:, None] - CENTRES, axis=2)
    return int(((away < within).mean(0) >= share).sum())


def looks(stabilizers: Sequence, *, steps: int, seed: int) -> list[int]:
    """Modes that the non-saturating game finds, counted five times in its second half."""
    trainer = on_the_ring(
        "non-saturating", stabilizers, steps=steps, seed=seed, learning_rates=(1e-3, 1e-4)
    )
    found = []
    for mark in np.linspace(steps / 2, steps, 5).round().astype(int):
        trainer.advance(int(mark))
        found.append(modes(points(trainer)))
    return found


def modes_with(layers: Sequence, *, steps: int, seed: int) -> list[int]:
    """Modes that the generator, not its average, holds at four looks in a run's second half."""
    trainer = on_the_ring(
        "non-saturating", layers, steps=steps, seed=seed, architecture=LAYERED, batch_size=64,
        learning_rates=(1e-3, 2e-4), averaging=0.0,
    )  # fmt: skip
    found = []
    for mark in np.linspace(steps / 2, steps, 4).round().astype(int):
        trainer.advance(int(mark))
        found.append(modes(points(trainer)))
    return found
