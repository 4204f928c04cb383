"""Adaptive augmentation: as much of it as the discriminator's overfitting asks for."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["AdaptiveAugment"]


class _Step(Protocol):
    rng: torch.Generator
    index: int
    labels: Tensor

    def network(self, role: str) -> nn.Module: ...

    def judged_apart(self, critic: str) -> tuple[Any, Any]: ...


@dataclasses.dataclass(frozen=True)
class AdaptiveAugment:
    """Flips, turns, shifts, scalings and colour changes, each with probability p.

    p rises while the discriminator is sure of the real images it is trained on (the mean sign
    of its logits is above ``target``), and falls while it is not; it starts at 0.

    Args:
        target: mean sign of the real logits that is aimed at, -1 to 1.
        travel: images in which p would go from 0 to 1.
        every: moves of the discriminator between two changes of p.
        critic: role of the discriminator.
        memory: role of a `synthaug.networks.memory.Memory` with ``p``, ``signs``, ``seen``.

    Example:
        >>> rng = torch.Generator().manual_seed(0)
        >>> images = torch.rand(2, 3, 16, 16, generator=rng)
        >>> torch.equal(AdaptiveAugment()(images, torch.tensor(0.0), rng), images)
        True

    Source: Karras, Aittala, Hellsten, Laine, Lehtinen, Aila 2020, "Training Generative
    Adversarial Networks with Limited Data", sections 2.3 and 3, appendix B. Differs: bilinear
    sampling in place of wavelet filters; no shift is rounded to whole pixels; no image-space
    filtering and corruption, which the paper leaves out too of the set it recommends; hue and
    saturation only where there is colour.
    """

    target: float = 0.6
    travel: int = 500_000
    every: int = 4
    critic: str = "discriminator"
    memory: str = "ada"

    def __call__(self, images: Tensor, p: Tensor, rng: torch.Generator) -> Tensor:
        """The changed images, float (N, C, H, W), differentiable in ``images``.

        Args:
            images: float (N, C, H, W) in [-1, 1].
            p: probability of each change, a scalar tensor.
            rng: of everything random.
        """
        draw = _Draw(len(images), p, rng)
        # A turn in bfloat16 would be off by pixels.
        with torch.autocast(images.device.type, enabled=False):
            changed = _placed(images.float(), *_geometry(draw))
            return _coloured(changed, _colours(draw, images.shape[1]))

    def view(self, images: Tensor, step: _Step) -> Tensor:
        """The same with a training step's random source and the p of its run."""
        return self(images, step.network(self.memory).get_buffer("p"), step.rng)

    def adapt(self, step: _Step) -> None:
        """A hook after the discriminator's moves: count its signs, now and then change p."""
        memory = step.network(self.memory)
        p, signs, seen = (memory.get_buffer(name) for name in ("p", "signs", "seen"))
        real = step.judged_apart(self.critic)[0].realness
        signs += real.sign().float().mean() * len(step.labels)
        seen += len(step.labels)
        if (step.index + 1) % self.every == 0:
            p += (signs / seen - self.target).sign() * seen / self.travel
            p.clamp_(0, 1)
            signs.zero_()
            seen.zero_()


class _Draw:
    """Random numbers of a batch, each the neutral one unless its change is due."""

    def __init__(self, n: int, p: Tensor, rng: torch.Generator) -> None:
        self.n, self.p, self.rng = n, p, rng

    def uniform(self) -> Tensor:
        """Between 0 and 1, float (N,)."""
        return torch.rand(self.n, generator=self.rng, device=self.p.device)

    def normal(self) -> Tensor:
        """Standard normal, float (N,)."""
        return torch.randn(self.n, generator=self.rng, device=self.p.device)

    def due(self, value: Tensor, neutral: float = 0.0, *, p: Tensor | None = None) -> Tensor:
        """Each value with probability p, else the neutral one."""
        chance = self.p if p is None else p
        return torch.where(self.uniform() < chance, value, torch.full_like(value, neutral))


def _geometry(draw: _Draw) -> tuple[Tensor, Tensor]:
    """Maps (N, 2, 2) and shifts (N, 2) from places in the result to places in the source.

    Places run from -1 to 1 across the image.
    """
    flip = draw.due(1 - 2 * (draw.uniform() * 2).floor(), 1.0)
    quarter = draw.due((draw.uniform() * 4).floor())
    whole = torch.stack([draw.uniform() - 0.5, draw.uniform() - 0.5], 1) * 0.25
    scale = draw.due(torch.exp2(0.2 * draw.normal()), 1.0)
    # Two turns, before and after squeezing: together they are due with probability p.
    half = 1 - (1 - draw.p).clamp_min(0).sqrt()
    before = draw.due((2 * draw.uniform() - 1) * math.pi, p=half)
    squeeze = draw.due(torch.exp2(0.2 * draw.normal()), 1.0)
    after = draw.due((2 * draw.uniform() - 1) * math.pi, p=half)
    shift = torch.stack([draw.normal(), draw.normal()], 1) * 0.125
    moved = draw.due(torch.ones_like(scale))[:, None] * whole * 2
    moved = moved + draw.due(torch.ones_like(scale))[:, None] * shift * 2
    turned = _turn(quarter * (math.pi / 2)) @ _stretch(flip * scale, scale)
    return turned @ _turn(before) @ _stretch(squeeze, 1 / squeeze) @ _turn(after), moved


def _colours(draw: _Draw, channels: int) -> Tensor:
    """Affine maps of colours, float (N, C, C + 1), the last column added."""
    like = draw.p.new_zeros(draw.n)
    eye = torch.eye(channels, device=like.device).expand(draw.n, -1, -1)
    brightness = draw.due(0.2 * draw.normal())
    contrast = draw.due(torch.exp2(0.5 * draw.normal()), 1.0)
    grey = torch.full((channels, channels), 1 / channels, device=like.device)
    inverted = draw.due((draw.uniform() * 2).floor())
    linear = eye * contrast[:, None, None]
    # Luma flip: the grey part of a colour changes its sign, its hue stays.
    linear = (eye - 2 * inverted[:, None, None] * grey) @ linear
    if channels == 3:
        linear = _hue(draw.due((2 * draw.uniform() - 1) * math.pi)) @ linear
        saturation = draw.due(torch.exp2(draw.normal()), 1.0)[:, None, None]
        linear = (eye + (saturation - 1) * (eye - grey)) @ linear
    added = (brightness * contrast * (1 - 2 * inverted))[:, None, None].expand(-1, channels, 1)
    return torch.cat([linear, added], 2)


def _placed(images: Tensor, linear: Tensor, moved: Tensor) -> Tensor:
    """Images sampled at the places the maps say, mirrored beyond the rim."""
    theta = torch.cat([linear, moved[:, :, None]], 2)
    still = (theta == torch.eye(2, 3, device=theta.device)).all(2).all(1)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    sampled = F.grid_sample(
        images, grid, "bilinear", padding_mode="reflection", align_corners=False
    )
    # Sampling is exact to rounding only; what does not move stays as it is.
    return torch.where(still[:, None, None, None], images, sampled)


def _coloured(images: Tensor, maps: Tensor) -> Tensor:
    changed = torch.einsum("nij,njhw->nihw", maps[:, :, :-1], images) + maps[:, :, -1:, None]
    same = (maps == torch.eye(*maps.shape[1:], device=maps.device)).all(2).all(1)
    return torch.where(same[:, None, None, None], images, changed)


def _turn(angle: Tensor) -> Tensor:
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([cos, -sin, sin, cos], 1).view(-1, 2, 2)


def _stretch(x: Tensor, y: Tensor) -> Tensor:
    return torch.diag_embed(torch.stack([x, y], 1))


def _hue(angle: Tensor) -> Tensor:
    """Turns about the grey axis, float (N, 3, 3): Rodrigues' formula."""
    axis = 1 / math.sqrt(3)
    eye = torch.eye(3, device=angle.device)
    across = axis * torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=angle.device)
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    return cos * eye + sin * across + (1 - cos) / 3
