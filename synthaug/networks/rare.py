"""Networks of the rare recipe: small, fast on a CPU, conditioned on the class throughout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synthaug.networks.answer import Answer
from synthaug.networks.critic import kaiming

__all__ = ["RareDiscriminator", "RareEncoder", "RareGenerator", "RareTrunk"]

_SLOPE = 0.2


class RareGenerator(nn.Module):
    """Images from latents and labels; everything is a function of the style ``w``.

    A latent and a class embedding, both on the sphere, are mapped to ``w``; ``w`` gives the
    4x4 start and scales and shifts every normalised feature map; each map receives one
    number of noise a pixel.

    It offers what `synthaug.networks.styles.StyleBased` names.

    Args:
        num_classes: classes told to it; 0 for none.
        channels: 1 or 3.
        resolution: side of the images, a power of two from 16 to 128.
        num_attributes: numbers beside the class.
        widths: channels at 4, 8, 16, ... pixels, up to the resolution.
        z_dim: latent dimensions.
        w_dim: style dimensions.

    Source: Karras, Laine, Aila 2019, "A Style-Based Generator Architecture". Differs:
    feature maps are normalised over all positions and channels in place of instance norm,
    the start is a function of w, one convolution at full size.
    """

    def __init__(
        self, num_classes: int, channels: int, resolution: int, num_attributes: int = 0,
        *, widths: Sequence[int] | None = None, z_dim: int = 64, w_dim: int = 128,
    ) -> None:  # fmt: skip
        super().__init__()
        widths = tuple(widths or generator_widths(resolution))
        self.config: dict[str, Any] = {
            "kind": "rare", "num_classes": num_classes, "channels": channels,
            "resolution": resolution, "widths": list(widths), "z_dim": z_dim, "w_dim": w_dim,
            **({"num_attributes": num_attributes} if num_attributes else {}),
        }  # fmt: skip
        self.z_dim, self.w_dim = z_dim, w_dim
        self.embedding = nn.Embedding(num_classes, z_dim) if num_classes else None
        self.attributes = nn.Linear(num_attributes, z_dim) if num_attributes else None
        told = sum(part is not None for part in (self.embedding, self.attributes))
        self.mapping = nn.Sequential(
            nn.Linear((1 + told) * z_dim, w_dim), nn.LeakyReLU(_SLOPE),
            nn.Linear(w_dim, w_dim), nn.LeakyReLU(_SLOPE),
        )  # fmt: skip
        self.start = nn.Linear(w_dim, widths[0] * 16)
        blocks = [_StyledConv(widths[0], widths[0], w_dim)]
        sides = [4]
        for before, after in pairwise(widths):
            blocks.append(_StyledConv(before, after, w_dim, up=True))
            sides.append(sides[-1] * 2)
            # At full size a second convolution would cost as much as all before it.
            if sides[-1] < resolution:
                blocks.append(_StyledConv(after, after, w_dim))
                sides.append(sides[-1])
        self.blocks = nn.ModuleList(blocks)
        self.sides = tuple(sides)
        self._noise_sizes = [side * side for side in sides]
        self.noise_dim = sum(self._noise_sizes)
        self.out = nn.Conv2d(widths[-1], channels, 3, padding=1)

    def forward(
        self, latents: Tensor, labels: Tensor, attributes: Tensor | None = None,
        *, truncation_psi: float = 1.0,
    ) -> Tensor:  # fmt: skip
        """Float images (N, C, R, R) in [-1, 1] from latents (N, z_dim + noise_dim)."""
        w = self.style(latents[:, : self.z_dim], labels, attributes)
        if truncation_psi != 1.0:
            mean = self.mean_style()[labels if self.embedding is not None else 0 * labels]
            w = mean + truncation_psi * (w - mean)
            latents = latents * truncation_psi
        return self._drawn([w] * len(self.blocks), self.noise(latents))

    def style(self, z: Tensor, labels: Tensor, attributes: Tensor | None = None) -> Tensor:
        """Styles w, float (N, w_dim), of latents (N, z_dim) and labels (N,)."""
        length = math.sqrt(self.z_dim)
        parts = [F.normalize(z, dim=1) * length]
        if self.embedding is not None:
            parts.append(F.normalize(self.embedding(labels), dim=1) * length)
        if self.attributes is not None and attributes is not None:
            parts.append(self.attributes(attributes))
        w: Tensor = self.mapping(torch.cat(parts, dim=1))
        return w

    def styles(self, latents: Tensor, labels: Tensor, attributes: Tensor | None = None) -> Tensor:
        """Styles, float (N, layers, w_dim), one w for all layers; reads z alone."""
        w = self.style(latents[:, : self.z_dim], labels, attributes)
        return w[:, None].expand(-1, len(self.blocks), -1)

    def noise(self, latents: Tensor) -> Tensor:
        """The share of latents that is noise, float (N, P)."""
        return latents[:, self.z_dim :]

    def synthesize(self, styles: Tensor, noise: Tensor | None = None) -> Tensor:
        """Float images (N, C, R, R) in [-1, 1] of styles (N, layers, w_dim); None: no noise.

        The first layer's style also gives the 4x4 start.
        """
        if noise is None:
            noise = styles.new_zeros(len(styles), self.noise_dim)
        return self._drawn(styles.unbind(1), noise)

    def _drawn(self, styles: Sequence[Tensor], noise: Tensor) -> Tensor:
        """Images of the style of each layer and of noise."""
        maps = torch.split(noise, self._noise_sizes, dim=1)
        x = self.start(styles[0]).unflatten(1, (-1, 4, 4))
        x = x.contiguous(memory_format=torch.channels_last)
        for block, w, values in zip(self.blocks, styles, maps, strict=True):
            x = block(x, w, values)
        return torch.tanh(self.out(x)).float()

    def mean_style(self, draws: int = 512) -> Tensor:
        """Mean w of each class, float (num_classes, w_dim), over a fixed draw of latents.

        One row where no class is told; attributes at the data's mean.
        """
        source = torch.Generator().manual_seed(0)
        z = torch.randn(draws, self.z_dim, generator=source).to(self.out.weight.device)
        told = None
        if self.attributes is not None:
            told = z.new_zeros(draws, self.attributes.in_features)
        classes = range(1 if self.embedding is None else self.embedding.num_embeddings)
        labels = [torch.full((draws,), label, device=z.device) for label in classes]
        return torch.stack([self.style(z, label, told).mean(0) for label in labels])


class _StyledConv(nn.Module):
    """Convolution, upsampling, normalisation, scale and shift from w, noise, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, w_dim: int, *, up: bool = False) -> None:
        super().__init__()
        self.up = up
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.style = nn.Linear(w_dim, 2 * outputs)
        self.noise_strength = nn.Parameter(torch.zeros(outputs, 1, 1))
        nn.init.kaiming_normal_(self.conv.weight, _SLOPE)
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]
        nn.init.normal_(self.style.weight, 0, 0.5 / math.sqrt(w_dim))
        nn.init.zeros_(self.style.bias)

    def forward(self, x: Tensor, w: Tensor, noise: Tensor) -> Tensor:
        # Convolving before upsampling costs a quarter of convolving after.
        x = self.conv(x)
        # Doubling pixels leaves their mean square as it is.
        size = torch.rsqrt(x.square().mean((1, 2, 3), keepdim=True) + 1e-6)
        if self.up:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        scale, shift = self.style(w)[:, :, None, None].chunk(2, dim=1)
        offset = torch.addcmul(shift, self.noise_strength, noise.view(-1, 1, *x.shape[2:]))
        # Two passes over the map in place of five: a tenth of the step.
        return F.leaky_relu(torch.addcmul(offset, x, (1 + scale) * size), _SLOPE)


class RareTrunk(nn.Module):
    """Residual blocks and one hidden layer, from images to features; nothing is normalised.

    Args:
        channels: of the input.
        resolution: side of the input, a power of two from 16 to 128.
        widths: channels from half the resolution downwards.
        features: length of the features.

    Source: the blocks of Miyato and Koyama 2018, "cGANs with Projection Discriminator",
    figure 14. Differs: input folded by pixel unshuffle.
    """

    def __init__(
        self, channels: int, resolution: int, *, widths: Sequence[int] | None = None,
        features: int = 128,
    ) -> None:  # fmt: skip
        super().__init__()
        widths = tuple(widths or discriminator_widths(resolution))
        self.fold = nn.PixelUnshuffle(2)
        self.stem = nn.Conv2d(4 * channels, widths[0], 3, padding=1)
        self.body = nn.Sequential(*(_ResidualDown(a, b) for a, b in pairwise(widths)))
        self.last = nn.Conv2d(widths[-1], features, 3, padding=1)
        self.hidden = nn.Linear(features * 16, features)

    def forward(self, images: Tensor) -> Tensor:
        """Features, float (N, features), of images (N, channels, R, R)."""
        x = self.fold(images).contiguous(memory_format=torch.channels_last)
        x = F.leaky_relu(self.body(self.stem(x)), _SLOPE)
        x = F.leaky_relu(self.last(x), _SLOPE).flatten(1)
        return F.leaky_relu(self.hidden(x), _SLOPE)


class RareDiscriminator(nn.Module):
    """How real an image looks as a member of its class, and which class it looks like.

    Both read the same features, each with weights of its own: where the classifier shared the
    projection's embeddings, the generator went for the most typical image of a class.

    Args:
        num_classes, channels, resolution: of the data.
        widths: channels from half the resolution downwards.

    Source: Miyato and Koyama 2018, "cGANs with Projection Discriminator", equation 4;
    residual blocks without normalisation. Differs: input folded by pixel unshuffle.
    """

    def __init__(
        self, num_classes: int, channels: int, resolution: int,
        *, widths: Sequence[int] | None = None, features: int = 128,
    ) -> None:  # fmt: skip
        super().__init__()
        self.trunk = RareTrunk(channels, resolution, widths=widths, features=features)
        self.out = nn.Linear(features, 1)
        self.embedding = nn.Embedding(num_classes, features)
        self.classifier = nn.Linear(features, num_classes)
        # PyTorch's default shrinks the signal at every layer; without normalisation the
        # logits would stay near zero for hundreds of steps and the generator learn nothing.
        kaiming(self, _SLOPE)

    def forward(self, images: Tensor, labels: Tensor) -> Answer:
        """Realness and class logits of images (N, C, R, R) in [-1, 1] said to be of labels."""
        x = self.trunk(images)
        match = (x * self.embedding(labels)).sum(1) / math.sqrt(x.shape[1])
        return Answer((self.out(x)[:, 0] + match).float(), self.classifier(x).float())


class _ResidualDown(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        # A stride costs a quarter of pooling what a full convolution gave, and at equal seconds
        # the steps it frees are worth more (docs/decisions.md).
        self.first = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(F.leaky_relu(self.first(F.leaky_relu(x, _SLOPE)), _SLOPE))
        total: Tensor = y + self.skip(F.avg_pool2d(x, 2))
        return total * math.sqrt(0.5)


class RareEncoder(nn.Module):
    """Mean and log variance, float (N, z_dim) each, of the latent behind an image."""

    def __init__(self, channels: int, resolution: int, *, z_dim: int = 64) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "kind": "rare encoder", "channels": channels, "resolution": resolution, "z_dim": z_dim,
        }  # fmt: skip
        steps = int(math.log2(resolution)) - 3
        widths = [min(32 + 16 * step, 96) for step in range(steps + 1)]
        layers: list[nn.Module] = [nn.PixelUnshuffle(2)]
        layers += [nn.Conv2d(4 * channels, widths[0], 3, padding=1), nn.LeakyReLU(_SLOPE)]
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.LeakyReLU(_SLOPE)]
        self.body = nn.Sequential(*layers)
        self.out = nn.Linear(widths[-1] * 16, 2 * z_dim)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The posterior of images (N, C, R, R) in [-1, 1]."""
        mean, log_variance = self.out(self.body(images).flatten(1)).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-10, 10)


def generator_widths(resolution: int) -> tuple[int, ...]:
    """Channels at 4, 8, ... up to ``resolution``."""
    return (128, 96, 48, 24, 16, 12)[: int(math.log2(resolution)) - 1]


def discriminator_widths(resolution: int) -> tuple[int, ...]:
    """Channels at half of ``resolution`` and after each halving down to 4."""
    steps = int(math.log2(resolution)) - 2
    return {2: (64, 128), 3: (48, 64, 96), 4: (32, 48, 64, 96), 5: (24, 32, 48, 64, 96)}[steps]
