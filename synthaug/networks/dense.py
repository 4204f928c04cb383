"""The networks of the first GAN: fully connected, rectifiers against maxout."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from synthaug.networks.critic import ConditionVector
from synthaug.networks.rescaled import equalize

__all__ = ["DenseGenerator", "Maxout", "dense_trunk"]


class DenseGenerator(nn.Module):
    """Two hidden layers of rectifiers from a uniform latent and a class vector to pixels.

    Args:
        num_classes: classes told to it; 0 for none.
        channels: 1 or 3.
        resolution: side of the images.
        num_attributes: numbers beside the class.
        width: units of a hidden layer.
        z_dim: latent dimensions.
        equalized: with equalized learning rate.

    Source: Goodfellow et al. 2014, "Generative Adversarial Nets", section 5 and its code.
    Differs: narrower; tanh for sigmoid, as pixels lie in [-1, 1]; a class vector beside the
    latent; latents come as normal numbers and are made uniform on [-√3, √3] here.
    """

    noise_dim = 0

    def __init__(
        self, num_classes: int, channels: int, resolution: int, num_attributes: int = 0,
        *, width: int = 256, z_dim: int = 64, equalized: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.config: dict[str, Any] = {
            "kind": "dense", "num_classes": num_classes, "channels": channels,
            "resolution": resolution, "num_attributes": num_attributes, "width": width,
            "z_dim": z_dim, "equalized": equalized,
        }  # fmt: skip
        self.z_dim = z_dim
        self.condition = ConditionVector(num_classes, num_attributes)
        out = nn.Linear(width, channels * resolution**2)
        self.body = nn.Sequential(
            nn.Linear(z_dim + self.condition.dim, width), nn.ReLU(),
            nn.Linear(width, width), nn.ReLU(),
            out, nn.Tanh(), nn.Unflatten(1, (channels, resolution, resolution)),
        )  # fmt: skip
        if equalized:
            equalize(out, gain=1)
            equalize(self)

    def forward(
        self, latents: Tensor, labels: Tensor, attributes: Tensor | None = None,
        *, truncation_psi: float = 1.0,
    ) -> Tensor:  # fmt: skip
        """Float images (N, C, R, R) in [-1, 1] from latents (N, z_dim), scaled by psi."""
        uniform = math.sqrt(3) * torch.erf(latents * (truncation_psi / math.sqrt(2)))
        told = self.condition(labels, attributes)
        images: Tensor = self.body(torch.cat([uniform, told], dim=1)).float()
        return images


class Maxout(nn.Module):
    """The largest of several linear maps, unit by unit.

    Source: Goodfellow, Warde-Farley, Mirza, Courville, Bengio 2013, "Maxout Networks",
    section 3. Differs: none.
    """

    def __init__(self, inputs: int, outputs: int, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces
        self.linear = nn.Linear(inputs, outputs * pieces)

    def forward(self, x: Tensor) -> Tensor:
        """Float (N, outputs) of (N, inputs)."""
        largest: Tensor = self.linear(x).unflatten(1, (-1, self.pieces)).amax(2)
        return largest


def dense_trunk(
    channels: int, resolution: int, *, width: int = 128, pieces: int = 3
) -> tuple[nn.Module, int]:
    """Two maxout layers and the number of features they leave.

    Args:
        channels: of the input.
        resolution: side of the input.
        width: units of a layer.
        pieces: linear maps a unit is the largest of.

    Source: Goodfellow et al. 2014, section 5 and its code. Differs: narrower, no dropout
    (its masks would not follow from the run's seed).
    """
    inputs = channels * resolution**2
    layers = (Maxout(inputs, width, pieces), Maxout(width, width, pieces))
    return nn.Sequential(nn.Flatten(), *layers), width
