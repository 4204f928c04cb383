"""Networks that grow: from 4x4 pixels upwards, each size faded in over the one before."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synthaug.errors import InputError
from synthaug.networks.critic import ConditionVector
from synthaug.networks.normalising import PixelNorm
from synthaug.networks.rescaled import equalize

__all__ = ["Growth", "ProgressiveGenerator", "ProgressiveTrunk", "progressive_widths"]

_SLOPE = 0.2


class Growth(nn.Module):
    """How far a network has grown, in buffers, so that it is saved with the network.

    Args:
        stages: sizes in all: 4, 8, ... pixels. A new network is fully grown.
    """

    stage: Tensor
    alpha: Tensor

    def __init__(self, stages: int) -> None:
        super().__init__()
        self.stages = stages
        self.register_buffer("stage", torch.tensor(stages - 1))
        self.register_buffer("alpha", torch.tensor(1.0))

    def grow(self, stage: int, alpha: float) -> None:
        """Work at 4 * 2**stage pixels, faded in over the size below by alpha, 0 to 1."""
        self.stage.fill_(stage)
        self.alpha.fill_(alpha)

    def now(self) -> tuple[int, float]:
        """Stage and alpha; alpha is 1 at stage 0, where there is nothing below."""
        stage = int(self.stage)
        return stage, float(self.alpha) if stage else 1.0

    def at(self, done: float, until: float) -> tuple[int, float]:
        """Stage and alpha when a share of the run is done, growth being over at ``until``.

        All stretches up to there are equally long: 4 pixels steady, then each larger size
        faded in and, but for the last, held steady.
        """
        stretches = max(1, 2 * self.stages - 2)
        place = min(done / until, 1.0) * stretches
        stage = min(math.ceil(math.floor(place) / 2), self.stages - 1)
        return stage, min(1.0, place - (2 * stage - 1)) if stage else 1.0


class ProgressiveGenerator(nn.Module):
    """A generator that grows; whatever its stage, images come at full size.

    Images of a stage below the last are its RGB with every pixel repeated.

    Args:
        num_classes: classes told to it; 0 for none.
        channels: 1 or 3.
        resolution: side of the images, a power of two from 8.
        num_attributes: numbers beside the class.
        widths: channels at 4, 8, ... pixels, up to the resolution.
        z_dim: latent dimensions.

    Source: Karras, Aila, Laine, Lehtinen 2018, "Progressive Growing of GANs for Improved
    Quality, Stability, and Variation", section 2, figure 2 and table 2. Differs: narrower;
    tanh at the end; the class vector stands beside the normalised latent.
    """

    noise_dim = 0

    def __init__(
        self, num_classes: int, channels: int, resolution: int, num_attributes: int = 0,
        *, widths: tuple[int, ...] | None = None, z_dim: int = 64,
    ) -> None:  # fmt: skip
        super().__init__()
        widths = tuple(widths or progressive_widths(resolution))
        self.config: dict[str, Any] = {
            "kind": "progressive", "num_classes": num_classes, "channels": channels,
            "resolution": resolution, "num_attributes": num_attributes, "widths": list(widths),
            "z_dim": z_dim,
        }  # fmt: skip
        self.z_dim = z_dim
        self.resolution = resolution
        self.growth = Growth(len(widths))
        self.condition = ConditionVector(num_classes, num_attributes)
        self.pixel_norm = PixelNorm()
        self.start = nn.Sequential(
            nn.Linear(z_dim + self.condition.dim, widths[0] * 16), nn.Unflatten(1, (-1, 4, 4)),
            nn.LeakyReLU(_SLOPE), PixelNorm(), *_conv(widths[0], widths[0], PixelNorm()),
        )  # fmt: skip
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Upsample(scale_factor=2, mode="nearest"),
                *_conv(before, after, PixelNorm()), *_conv(after, after, PixelNorm()),
            )
            for before, after in pairwise(widths)
        )  # fmt: skip
        self.to_rgb = nn.ModuleList(nn.Conv2d(width, channels, 1) for width in widths)
        equalize(self.to_rgb, gain=1)
        equalize(self)

    def forward(
        self, latents: Tensor, labels: Tensor, attributes: Tensor | None = None,
        *, truncation_psi: float = 1.0,
    ) -> Tensor:  # fmt: skip
        """Float images (N, C, R, R) in [-1, 1] from latents (N, z_dim).

        Latents are brought to one length, as in the paper, then multiplied by psi.
        """
        z = self.pixel_norm(latents) * truncation_psi
        x = self.start(torch.cat([z, self.condition(labels, attributes)], dim=1))
        stage, alpha = self.growth.now()
        below = x
        for block in list(self.blocks)[:stage]:
            below, x = x, block(x)
        rgb = self.to_rgb[stage](x)
        if alpha < 1:
            old = F.interpolate(self.to_rgb[stage - 1](below), scale_factor=2, mode="nearest")
            rgb = torch.lerp(old, rgb, alpha)
        factor = self.resolution // rgb.shape[3]
        if factor > 1:
            rgb = F.interpolate(rgb, scale_factor=factor, mode="nearest")
        return torch.tanh(rgb).float()


class ProgressiveTrunk(nn.Module):
    """The trunk of a discriminator that grows; whatever its stage, it takes full-size images.

    Args:
        channels: of the input.
        resolution: side of the input, a power of two from 8.
        widths: channels at 4, 8, ... pixels, up to the resolution.

    Source: as `ProgressiveGenerator`. Differs: narrower; real images are not blended while a
    size is faded in, which is left to the discriminator's own fade; minibatch stddev is a
    part of its own.
    """

    def __init__(
        self, channels: int, resolution: int, *, widths: tuple[int, ...] | None = None
    ) -> None:
        super().__init__()
        widths = tuple(widths or progressive_widths(resolution))
        self.features = widths[0]
        self.growth = Growth(len(widths))
        self.from_rgb = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, width, 1), nn.LeakyReLU(_SLOPE)) for width in widths
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(*_conv(after, after), *_conv(after, before), nn.AvgPool2d(2))
            for before, after in pairwise(widths)
        )
        self.end = nn.Sequential(
            *_conv(widths[0], widths[0]), nn.Flatten(),
            nn.Linear(widths[0] * 16, widths[0]), nn.LeakyReLU(_SLOPE),
        )  # fmt: skip
        equalize(self)

    def forward(self, images: Tensor) -> Tensor:
        """Features, float (N, features), of images (N, channels, R, R)."""
        stage, alpha = self.growth.now()
        factor = images.shape[3] // (4 * 2**stage)
        if factor > 1:
            images = F.avg_pool2d(images, factor)
        x = self.from_rgb[stage](images)
        if stage:
            x = self.blocks[stage - 1](x)
        if alpha < 1:
            old = self.from_rgb[stage - 1](F.avg_pool2d(images, 2))
            x = torch.lerp(old, x, alpha)
        for block in reversed(list(self.blocks)[: max(0, stage - 1)]):
            x = block(x)
        features: Tensor = self.end(x)
        return features


def progressive_widths(resolution: int) -> tuple[int, ...]:
    """Channels at 4, 8, ... up to ``resolution``.

    Raises:
        InputError: a size that doubling 4 does not reach.
    """
    stages = resolution.bit_length() - 2
    if stages < 2 or 4 * 2 ** (stages - 1) != resolution or stages > len(_WIDTHS):
        raise InputError(
            "size", expected=f"4 doubled once to {len(_WIDTHS) - 1} times", got=str(resolution),
            where="progressive networks", remedy="Use 16, 32, 64 or 128.", code="input.size",
        )  # fmt: skip
    return _WIDTHS[:stages]


_WIDTHS = (96, 64, 32, 16, 12, 8)


def _conv(inputs: int, outputs: int, *norm: nn.Module) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, 3, padding=1), nn.LeakyReLU(_SLOPE), *norm
