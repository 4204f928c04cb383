"""Eight Gaussians on a ring as 1x1 images, and critics with layers on them, for the trainer."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from synthaug.networks.critic import Critic
from synthaug.textbook import Recipe
from synthaug.textbook.part import Architecture
from synthaug.training import Run, Shape, Trainer

ANGLES = 2 * np.pi * np.arange(8) / 8
CENTRES = 0.8 * np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1)


class Ring:
    """Points near eight centres, bytes that resolve a sixth of their deviation."""

    resolution, channels, attributes = 1, 2, None

    def __init__(self, n: int = 8000) -> None:
        self.labels = np.zeros(n, np.int64)
        noise = 0.05 * np.random.default_rng(0).normal(size=(n, 2))
        places = CENTRES[np.arange(n) % 8] + noise
        pixels = ((places + 1) * 127.5).round().astype(np.uint8)
        self.pixels = torch.from_numpy(pixels)[:, :, None, None]

    def read(self, indices):
        return self.pixels[indices]


class Points(nn.Module):
    """Latents to points."""

    z_dim, noise_dim = 16, 0

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2),
        )  # fmt: skip

    def forward(self, latents, labels, attributes=None, *, truncation_psi=1.0):
        return self.body(latents)[:, :, None, None]


class Widened(nn.Module):
    """Points at unit scale: what the first layer is made for."""

    def forward(self, x):
        return 4 * x.flatten(1)


def _networks(shape, options):
    def trunk(channels: int) -> nn.Module:
        return nn.Sequential(
            Widened(), nn.Linear(channels, 64), nn.LeakyReLU(), nn.Linear(64, 64), nn.LeakyReLU()
        )

    critic = Critic(trunk, 64, 2, 1, told="none", layer=options.get("layer"))
    return {"generator": Points(), "discriminator": critic}


POINTS = Architecture(
    name="points", source="", build=_networks, options=frozenset({"told", "layer"}), sizes=(1,)
)


def modes_found(layers, *, steps: int, seed: int) -> list[int]:
    """Modes that the generator, not its average, holds at four looks in a run's second half."""
    recipe = Recipe(
        conditioning="none", architecture=POINTS, stabilizers=layers, batch_size=64,
        learning_rates=(1e-3, 2e-4), averaging=0.0,
    )  # fmt: skip
    images = Ring()
    run = Run(recipe.routine(), Shape(1, 2, 1), steps * 64, seed)
    trainer = Trainer(run, images, np.arange(len(images.labels)))
    found = []
    for mark in np.linspace(steps / 2, steps, 4).round().astype(int):
        trainer.advance(int(mark))
        found.append(modes(points(trainer.average)))
    return found


def points(generator: nn.Module, n: int = 2000) -> np.ndarray:
    """Generated points, float (n, 2)."""
    latents = torch.randn(n, 16, generator=torch.Generator().manual_seed(99))
    with torch.no_grad():
        return generator(latents, torch.zeros(n, dtype=torch.int64)).flatten(1).numpy()


def modes(places: np.ndarray, *, within: float = 0.2, share: float = 0.01) -> int:
    """How many of the eight centres have at least this share of the points near them."""
    away = np.linalg.norm(places[:, None] - CENTRES, axis=2)
    return int(((away < within).mean(0) >= share).sum())
