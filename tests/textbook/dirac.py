"""The Dirac-GAN: real data is one point, each player one number, and the plain game circles."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from synthaug.networks.answer import Answer
from synthaug.textbook import Recipe
from synthaug.textbook.part import Architecture
from synthaug.training import Run, Shape, Trainer


class Point:
    """All images are -1, the only byte a converter gives exactly."""

    resolution, channels, attributes = 1, 1, None
    labels = np.zeros(4, np.int64)

    def read(self, indices):
        return torch.zeros(len(indices), 1, 1, 1, dtype=torch.uint8)


class Place(nn.Module):
    """Every generated image lies ``u`` beside the real one."""

    z_dim, noise_dim = 1, 0

    def __init__(self) -> None:
        super().__init__()
        self.u = nn.Parameter(torch.tensor([0.5]))

    def forward(self, latents, labels, attributes=None, *, truncation_psi=1.0):
        return (self.u - 1).expand(len(latents), 1, 1, 1)


class Slope(nn.Module):
    """psi times the distance from the real point."""

    def __init__(self) -> None:
        super().__init__()
        self.psi = nn.Parameter(torch.tensor([0.5]))

    def forward(self, images, labels, attributes=None):
        return Answer(self.psi * (images.flatten(1)[:, 0] + 1))


DIRAC = Architecture(
    name="dirac",
    source="Mescheder, Geiger, Nowozin 2018",
    build=lambda shape, options: {"generator": Place(), "discriminator": Slope()},
    options=frozenset({"told"}),
    sizes=(1,),
)


def dirac(objective="non-saturating", *, steps: int, rate: float = 0.1, **rest) -> Trainer:
    """A trainer at its start, (u, psi) = (0.5, 0.5); the balance is (0, 0)."""
    rest = {
        "optimizer": "sgd", "betas": (0.0, 0.0), "learning_rates": (rate, rate), "averaging": 0,
        "batch_size": 2, "conditioning": "none", "architecture": DIRAC, **rest,
    }  # fmt: skip
    run = Run(Recipe(objective, **rest).routine(), Shape(1, 1, 1), steps * rest["batch_size"])
    return Trainer(run, Point(), np.arange(4))


def away(trainer: Trainer) -> float:
    """Distance of both players from their balance."""
    u, psi = trainer.networks["generator"].u, trainer.networks["discriminator"].psi
    return float(torch.hypot(u, psi).detach())
