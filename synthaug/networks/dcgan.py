"""DCGAN: strided and transposed convolutions, batch normalisation, no pooling."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn

from synthaug.networks.critic import ConditionVector
from synthaug.networks.normalising import PixelNorm, Reference, VirtualBatchNorm
from synthaug.networks.rescaled import equalize

__all__ = ["DCGANGenerator", "Norm", "dcgan_trunk"]


Norm = Literal["batch", "pixel", "virtual", "none"]


class DCGANGenerator(nn.Module):
    """Transposed convolutions from a latent and a class vector to an image.

    Args:
        num_classes: classes told to it; 0 for none.
        channels: 1 or 3.
        resolution: side of the images, a power of two from 16 to 128.
        num_attributes: numbers beside the class.
        width: channels before the last layer; they double towards 4x4, at most four times.
        z_dim: latent dimensions.
        norm: behind every layer but the last: ``"batch"`` as in the paper, ``"pixel"``, or
            ``"virtual"``.
        reference: latents in the reference batch of virtual batch normalisation.
        equalized: with equalized learning rate.

    Source: Radford, Metz, Chintala 2016, "Unsupervised Representation Learning with Deep
    Convolutional Generative Adversarial Networks", section 3. Differs: narrower; the class
    vector stands beside the latent.
    """

    noise_dim = 0

    def __init__(
        self, num_classes: int, channels: int, resolution: int, num_attributes: int = 0,
        *, width: int = 32, z_dim: int = 64, norm: Norm = "batch", reference: int = 32,
        equalized: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.config: dict[str, Any] = {
            "kind": "dcgan", "num_classes": num_classes, "channels": channels,
            "resolution": resolution, "num_attributes": num_attributes, "width": width,
            "z_dim": z_dim, "norm": norm, "reference": reference, "equalized": equalized,
        }  # fmt: skip
        self.z_dim = z_dim
        self.condition = ConditionVector(num_classes, num_attributes)
        doublings = int(math.log2(resolution)) - 2
        widths = [width * 2 ** min(step, 2) for step in reversed(range(doublings))]
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(z_dim + self.condition.dim, widths[0], 4, bias=False),
            _norm(norm, widths[0], reference),
            nn.ReLU(),
        ]
        for before, after in pairwise(widths):
            layers += [
                nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False),
                _norm(norm, after, reference),
                nn.ReLU(),
            ]
        out = nn.ConvTranspose2d(widths[-1], channels, 4, stride=2, padding=1)
        self.body = nn.Sequential(*layers, out, nn.Tanh())
        self.reference = (
            Reference(reference, (z_dim,), num_attributes) if norm == "virtual" else None
        )
        if equalized:
            equalize(out, gain=1)
            equalize(self)
        else:
            _as_in_the_paper(self)

    def forward(
        self, latents: Tensor, labels: Tensor, attributes: Tensor | None = None,
        *, truncation_psi: float = 1.0,
    ) -> Tensor:  # fmt: skip
        """Float images (N, C, R, R) in [-1, 1] from latents (N, z_dim), scaled by psi."""
        latents = latents * truncation_psi
        if self.reference is not None:
            latents, labels, attributes = self.reference.before(latents, labels, attributes)
        x = torch.cat([latents, self.condition(labels, attributes)], dim=1)
        images: Tensor = self.body(x[:, :, None, None]).float()
        return images if self.reference is None else images[self.reference.size :]


def dcgan_trunk(
    channels: int, resolution: int, *, width: int = 32, norm: Norm = "batch", reference: int = 32
) -> tuple[nn.Module, int]:
    """Strided convolutions down to 4x4 and the number of features they leave, flattened.

    Args:
        channels: of the input.
        resolution: side of the input.
        width: channels after the first layer; they double twice.
        norm: on all layers but the first: ``"batch"`` as in the paper, ``"virtual"``, which
            asks for the reference batch in front of every input, or ``"none"``.
        reference: images in that batch.
    """
    layers: list[nn.Module] = []
    before = channels
    for step in range(int(math.log2(resolution)) - 2):
        after = width * 2 ** min(step, 2)
        normed = norm != "none" and step > 0
        layers.append(nn.Conv2d(before, after, 4, stride=2, padding=1, bias=not normed))
        if normed:
            layers.append(_norm(norm, after, reference))
        layers.append(nn.LeakyReLU(0.2))
        before = after
    trunk = nn.Sequential(*layers, nn.Flatten())
    _as_in_the_paper(trunk)
    return trunk, before * 16


def _norm(norm: Norm, channels: int, reference: int) -> nn.Module:
    if norm == "pixel":
        return PixelNorm()
    if norm == "virtual":
        return VirtualBatchNorm(channels, reference)
    return nn.BatchNorm2d(channels)


def _as_in_the_paper(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0, 0.02)
