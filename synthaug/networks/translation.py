"""Networks from picture to picture: U-Net, residual generator, patch critic, image pool."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import torch
from torch import Tensor, nn

from synthaug.errors import InputError
from synthaug.networks.answer import Answer

__all__ = ["ImagePool", "PatchCritic", "ResidualTranslator", "UNet"]


class UNet(nn.Module):
    """A picture of the second side from one of the first; every scale has a way across.

    Its noise is dropout. The masks are cut from latents, so a picture is a function of its
    input and its seed, in training and afterwards.

    Args:
        source_channels: 1 or 3, of the input.
        channels: 1 or 3, of the output.
        resolution: side of both, a power of two from 32 to 256.
        width: channels after the first layer; they double, at most to ``8 * width`` and 128.
        dropout: share of numbers set to zero after the first three layers of the way up.

    Source: Isola, Zhu, Zhou, Efros 2017, "Image-to-Image Translation with Conditional
    Adversarial Networks", section 3.2 and appendix 6.1. Differs: narrower; instance
    normalisation, which is the paper's batch normalisation at its batch size of 1, so that
    pictures of a batch do not mix; dropout masks are latents above a quantile.
    """

    z_dim = 0

    def __init__(
        self, source_channels: int, channels: int, resolution: int,
        *, width: int = 32, dropout: float = 0.5,
    ) -> None:  # fmt: skip
        super().__init__()
        _refuse_side(resolution)
        self.config: dict[str, Any] = {
            "kind": "u-net", "source_channels": source_channels, "channels": channels,
            "resolution": resolution, "width": width, "dropout": dropout,
        }  # fmt: skip
        self.resolution, self.source_channels = resolution, source_channels
        depth = int(math.log2(resolution))
        widths = [min(width * 2 ** min(step, 3), 128) for step in range(depth)]
        self.dropout = dropout
        self._threshold = NormalDist().inv_cdf(dropout) if dropout else -math.inf
        down: list[nn.Module] = []
        for step, (before, after) in enumerate(pairwise([source_channels, *widths])):
            normed = 0 < step < depth - 1  # one pixel has no spread to divide by
            conv = nn.Conv2d(before, after, 4, stride=2, padding=1, bias=not normed)
            layers = [conv, nn.InstanceNorm2d(after)] if normed else [conv]
            down.append(nn.Sequential(*([nn.LeakyReLU(0.2)] if step else []), *layers))
        self.down = nn.ModuleList(down)
        up: list[nn.Module] = []
        self._drops: list[tuple[int, int]] = []
        for step in reversed(range(1, depth)):
            before = widths[step] * (1 if step == depth - 1 else 2)
            after = widths[step - 1]
            conv_up = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)
            up.append(nn.Sequential(nn.ReLU(), conv_up, nn.InstanceNorm2d(after)))
            if dropout and len(self._drops) < 3:
                self._drops.append((after, resolution // 2**step))
        self.up = nn.ModuleList(up)
        self.out = nn.Sequential(
            nn.ReLU(), nn.ConvTranspose2d(2 * widths[0], channels, 4, stride=2, padding=1)
        )
        self.noise_dim = sum(number * side**2 for number, side in self._drops)
        _normal_weights(self)

    def forward(self, source: Tensor, latents: Tensor) -> Tensor:
        """Float pictures (N, channels, R, R) in [-1, 1].

        Args:
            source: float (N, source_channels, R, R) in [-1, 1].
            latents: float (N, noise_dim), standard normal.
        """
        kept: list[Tensor] = []
        x = source
        for layer in self.down:
            x = layer(x)
            kept.append(x)
        noise = torch.split(latents, [number * side**2 for number, side in self._drops], dim=1)
        for step, layer in enumerate(self.up):
            x = layer(x)
            if step < len(self._drops):
                mask = (noise[step] > self._threshold).view(x.shape)
                x = x * mask / (1 - self.dropout)
            x = torch.cat([x, kept[-2 - step]], dim=1)
        return torch.tanh(self.out(x)).float()


class ResidualTranslator(nn.Module):
    """A picture of the other domain: two strides down, residual blocks, two up. No noise.

    Args:
        source_channels: 1 or 3, of the input.
        channels: 1 or 3, of the output.
        resolution: side of both, a power of two from 32 to 256.
        width: channels at full size; four times as many in the blocks.
        blocks: residual blocks; the paper's 9 at 256 px and 6 at 128 px, 4 below.

    Source: Zhu, Park, Isola, Efros 2017, "Unpaired Image-to-Image Translation using
    Cycle-Consistent Adversarial Networks", appendix 7.2. Differs: narrower, fewer blocks
    below 128 px; the first layer is not normalised, because instance normalisation there
    would take brightness and contrast from every picture and no cycle could bring them back.
    """

    z_dim = 0
    noise_dim = 0

    def __init__(
        self, source_channels: int, channels: int, resolution: int,
        *, width: int = 16, blocks: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        _refuse_side(resolution)
        if blocks is None:
            blocks = {128: 6, 256: 9}.get(resolution, 4)
        self.config: dict[str, Any] = {
            "kind": "residual translator", "source_channels": source_channels,
            "channels": channels, "resolution": resolution, "width": width, "blocks": blocks,
        }  # fmt: skip
        self.resolution, self.source_channels = resolution, source_channels
        inner = 4 * width
        self.body = nn.Sequential(
            nn.ReflectionPad2d(3), nn.Conv2d(source_channels, width, 7), nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.InstanceNorm2d(2 * width), nn.ReLU(),
            nn.Conv2d(2 * width, inner, 3, stride=2, padding=1),
            nn.InstanceNorm2d(inner), nn.ReLU(),
            *(_Residual(inner) for _ in range(blocks)),
            nn.ConvTranspose2d(inner, 2 * width, 3, stride=2, padding=1, output_padding=1),
            nn.InstanceNorm2d(2 * width), nn.ReLU(),
            nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=1),
            nn.InstanceNorm2d(width), nn.ReLU(),
            nn.ReflectionPad2d(3), nn.Conv2d(width, channels, 7), nn.Tanh(),
        )  # fmt: skip
        _normal_weights(self)

    def forward(self, source: Tensor, latents: Tensor | None = None) -> Tensor:
        """Float pictures (N, channels, R, R) in [-1, 1]; latents (N, 0) change nothing."""
        pictures: Tensor = self.body(source).float()
        return pictures


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width), nn.ReLU(),
            nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.body(x)
        return y


class PatchCritic(nn.Module):
    """A discriminator that judges every patch of a picture for itself.

    Args:
        channels: of what it sees: a picture, or a pair stacked along channels.
        layers: strided layers; 1, 2 and 3 give patches of 16, 34 and 70 pixels.
        width: channels after the first layer; they double, at most to ``8 * width``.
        normed: instance normalisation on all layers but the first and the last.

    Source: Isola, Zhu, Zhou, Efros 2017, section 3.2.2 and appendix 6.1.2. Differs:
    narrower; instance normalisation, the paper's at its batch size of 1.
    """

    def __init__(
        self, channels: int, *, layers: int = 2, width: int = 32, normed: bool = True
    ) -> None:
        super().__init__()
        body: list[nn.Module] = []
        before = channels
        for step in range(layers + 1):
            after, stride = width * 2 ** min(step, 3), 2 if step < layers else 1
            norm = normed and step > 0
            body.append(nn.Conv2d(before, after, 4, stride, padding=1, bias=not norm))
            body += [nn.InstanceNorm2d(after)] if norm else []
            body.append(nn.LeakyReLU(0.2))
            before = after
        self.body = nn.Sequential(*body, nn.Conv2d(before, 1, 4, padding=1))
        _normal_weights(self)

    def forward(
        self, images: Tensor, labels: Tensor | None = None, attributes: Tensor | None = None
    ) -> Answer:
        """One logit a patch, as realness (N, patches), of images (N, channels, R, R)."""
        return Answer(self.body(images).flatten(1).float())


class ImagePool(nn.Module):
    """The last generated pictures, kept in buffers so that checkpoints hold them.

    Args:
        channels: of the pictures.
        resolution: their side.
        size: how many are kept.

    Source: Shrivastava et al. 2017, "Learning from Simulated and Unsupervised Images through
    Adversarial Training", section 2.3, as used by Zhu et al. 2017, section 4. Differs: none
    from Zhu et al.
    """

    pictures: Tensor
    filled: Tensor

    def __init__(self, channels: int, resolution: int, *, size: int = 50) -> None:
        super().__init__()
        self.register_buffer("pictures", torch.zeros(size, channels, resolution, resolution))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def exchange(self, fresh: Tensor, rng: torch.Generator) -> Tensor:
        """What the critic is shown in place of ``fresh`` (N, C, R, R), in the same order.

        While there is room, a picture is stored and shown itself. After that, with
        probability one half, a random stored one is shown and the fresh one takes its place;
        otherwise the fresh one is shown and not stored.

        Args:
            fresh: generated pictures of this step.
            rng: of the choices, one pair of uniform numbers a picture.
        """
        draws: Sequence[Sequence[float]] = torch.rand(
            2, len(fresh), generator=rng, device=fresh.device
        ).tolist()
        shown = fresh.detach().clone()
        size, filled = len(self.pictures), int(self.filled)
        for index, (chance, place) in enumerate(zip(*draws, strict=True)):
            if filled < size:
                self.pictures[filled] = fresh[index]
                filled += 1
            elif chance > 0.5:
                slot = min(int(place * size), size - 1)
                shown[index] = self.pictures[slot]
                self.pictures[slot] = fresh[index]
        self.filled.fill_(filled)
        return shown


def _refuse_side(resolution: int) -> None:
    if resolution not in (32, 64, 128, 256):
        raise InputError(
            "size", expected="one of 32, 64, 128, 256", got=str(resolution),
            where="networks of a translation", remedy="Pass --size with one of them.",
            code="input.size",
        )  # fmt: skip


def _normal_weights(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
