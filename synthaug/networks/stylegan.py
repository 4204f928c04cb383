"""StyleGAN's generator: a mapping to styles, and a synthesis that styles and noise steer."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synthaug.networks.critic import ConditionVector
from synthaug.networks.normalising import AdaptiveInstanceNorm, PixelNorm
from synthaug.networks.progressive import progressive_widths
from synthaug.networks.rescaled import equalize

__all__ = ["StyleGenerator"]

_SLOPE = 0.2
_REMEMBERED = 0.995
"""What one more image leaves of the running mean style of its class."""


class StyleGenerator(nn.Module):
    """Images from latents by way of styles; offers what `StyleBased` names.

    A latent holds, in this order, z (N, z_dim), a second z for style mixing, two numbers that
    decide whether and where to mix, and one number of noise a pixel and layer. Mixing happens
    in training mode only; in evaluation mode the second z has no influence.

    Args:
        num_classes: classes told to it; 0 for none.
        channels: 1 or 3.
        resolution: side of the images, a power of two from 8.
        num_attributes: numbers beside the class.
        widths: channels at 4, 8, ... pixels, up to the resolution.
        z_dim: latent dimensions.
        w_dim: style dimensions.
        depth: layers of the mapping.
        mixing: share of training images that mix two styles.

    Source: Karras, Laine, Aila 2019, "A Style-Based Generator Architecture for Generative
    Adversarial Networks", sections 2 and 3.1, appendices B and C. Differs: narrower; tanh at
    the end; nearest upsampling without a blur; not grown; the constant starts from normal
    numbers (ones have no deviation to normalise by); the class vector stands beside z, and the
    mean style is kept for each class; truncation scales the noise too and acts at all sizes, so
    that psi = 0 leaves one image a class.
    """

    w_mean: Tensor

    def __init__(
        self, num_classes: int, channels: int, resolution: int, num_attributes: int = 0,
        *, widths: tuple[int, ...] | None = None, z_dim: int = 64, w_dim: int = 64,
        depth: int = 8, mixing: float = 0.9,
    ) -> None:  # fmt: skip
        super().__init__()
        widths = tuple(widths or progressive_widths(resolution))
        self.config: dict[str, Any] = {
            "kind": "style", "num_classes": num_classes, "channels": channels,
            "resolution": resolution, "num_attributes": num_attributes, "widths": list(widths),
            "z_dim": z_dim, "w_dim": w_dim, "depth": depth, "mixing": mixing,
        }  # fmt: skip
        self.z_dim, self.w_dim, self.mixing = z_dim, w_dim, mixing
        self.condition = ConditionVector(num_classes, num_attributes, dim=z_dim)
        sizes = [z_dim + self.condition.dim, *[w_dim] * depth]
        hidden = [nn.Sequential(nn.Linear(a, b), nn.LeakyReLU(_SLOPE)) for a, b in pairwise(sizes)]
        self.mapping = nn.Sequential(PixelNorm(), *hidden)
        self.constant = nn.Parameter(torch.randn(1, widths[0], 4, 4))
        layers = [_Layer(0, widths[0], w_dim), _Layer(widths[0], widths[0], w_dim)]
        for before, after in pairwise(widths):
            layers += [_Layer(before, after, w_dim, up=True), _Layer(after, after, w_dim)]
        self.layers = nn.ModuleList(layers)
        self.sides = tuple(4 * 2 ** (layer // 2) for layer in range(len(layers)))
        self.noise_dim = z_dim + 2 + sum(side * side for side in self.sides)
        self.to_rgb = nn.Conv2d(widths[-1], channels, 1)
        equalize(self.mapping, learning_rate=0.01)
        for layer in layers:
            equalize(layer.adain, gain=1)
        equalize(self.to_rgb, gain=1)
        equalize(self)
        self.register_buffer("w_mean", self._first_mean(max(1, num_classes)))

    def forward(
        self, latents: Tensor, labels: Tensor, attributes: Tensor | None = None,
        *, truncation_psi: float = 1.0,
    ) -> Tensor:  # fmt: skip
        """Float images (N, C, R, R) in [-1, 1] from latents (N, z_dim + noise_dim)."""
        styles = self.styles(latents, labels, attributes)
        noise = self.noise(latents)
        if self.training:
            self._remember(styles[:, 0].detach(), labels)
            styles = self._mixed(styles, latents, labels, attributes)
        if truncation_psi != 1.0:
            mean = self.mean_style()[self._rows(labels), None]
            styles, noise = torch.lerp(mean, styles, truncation_psi), noise * truncation_psi
        return self.synthesize(styles, noise)

    def styles(self, latents: Tensor, labels: Tensor, attributes: Tensor | None = None) -> Tensor:
        """Styles, float (N, layers, w_dim), one w for all layers; reads z alone."""
        told = self.condition(labels, attributes)
        w: Tensor = self.mapping(torch.cat([latents[:, : self.z_dim], told], dim=1))
        return w[:, None].expand(-1, len(self.layers), -1)

    def noise(self, latents: Tensor) -> Tensor:
        """The share of latents that is noise, float (N, P)."""
        return latents[:, 2 * self.z_dim + 2 :]

    def synthesize(self, styles: Tensor, noise: Tensor | None = None) -> Tensor:
        """Float images (N, C, R, R) in [-1, 1] of styles (N, layers, w_dim); None: no noise."""
        sizes = [side * side for side in self.sides]
        maps = [None] * len(sizes) if noise is None else torch.split(noise, sizes, dim=1)
        x = self.constant.expand(len(styles), -1, -1, -1)
        for layer, w, values in zip(self.layers, styles.unbind(1), maps, strict=True):
            x = layer(x, w, values)
        return torch.tanh(self.to_rgb(x)).float()

    def mean_style(self) -> Tensor:
        """Running mean style of each class, float (num_classes, w_dim); one row without classes."""
        return self.w_mean

    def _rows(self, labels: Tensor) -> Tensor:
        """Rows of the mean style that labels ask for."""
        return labels if self.config["num_classes"] else torch.zeros_like(labels)

    def _mixed(
        self, styles: Tensor, latents: Tensor, labels: Tensor, attributes: Tensor | None
    ) -> Tensor:
        """Styles of which some go over to those of the second z from some layer on."""
        others = self.styles(latents[:, self.z_dim :], labels, attributes)
        # Standard normal numbers become uniform ones.
        whether, where = torch.special.ndtr(latents[:, 2 * self.z_dim : 2 * self.z_dim + 2].T)
        last = len(self.layers) - 1
        first_other = 1 + (where * last).long().clamp(max=last - 1)
        layer = torch.arange(last + 1, device=styles.device)
        other = (layer >= first_other[:, None]) & (whether < self.mixing)[:, None]
        return torch.where(other[:, :, None], others, styles)

    @torch.no_grad()
    def _remember(self, w: Tensor, labels: Tensor) -> None:
        """Move the mean styles of the classes in a batch towards its own."""
        rows = self._rows(labels)
        ones = torch.zeros(len(self.w_mean), len(w), device=w.device)
        ones[rows, torch.arange(len(w), device=w.device)] = 1
        counts = ones.sum(1, keepdim=True)
        means = ones @ w.float() / counts.clamp(min=1)
        self.w_mean.lerp_(means, 1 - _REMEMBERED**counts)

    @torch.no_grad()
    def _first_mean(self, classes: int, draws: int = 256) -> Tensor:
        """Mean style of each class before training, over a fixed draw of latents."""
        z = torch.randn(draws, self.z_dim, generator=torch.Generator().manual_seed(0))
        rows = []
        for label in range(classes):
            attributes = torch.zeros(draws, self.config["num_attributes"])
            labels = torch.full((draws,), label)
            rows.append(self.styles(z, labels, attributes)[:, 0].mean(0))
        return torch.stack(rows)


class _Layer(nn.Module):
    """Convolution, noise, leaky ReLU, style; without ``inputs`` there is no convolution."""

    def __init__(self, inputs: int, outputs: int, w_dim: int, *, up: bool = False) -> None:
        super().__init__()
        self.up = up
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1) if inputs else None
        self.noise_strength = nn.Parameter(torch.zeros(outputs, 1, 1))
        self.adain = AdaptiveInstanceNorm(outputs, w_dim)

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        if self.up:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        if self.conv is not None:
            x = self.conv(x)
        if noise is not None:
            x = torch.addcmul(x, self.noise_strength, noise.view(-1, 1, *x.shape[2:]))
        x = F.leaky_relu(x, _SLOPE)
        styled: Tensor = self.adain(x, w)
        return styled
