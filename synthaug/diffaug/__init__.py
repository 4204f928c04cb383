"""Differentiable augmentation: the same random change for what the discriminator sees."""

from __future__ import annotations

import dataclasses
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["DiffAugment", "brightness", "contrast", "cutout", "translate"]


class _Random(Protocol):
    rng: torch.Generator


@dataclasses.dataclass(frozen=True)
class DiffAugment:
    """Brightness, contrast, shift and cut-out on every image a discriminator sees.

    A discriminator that only ever sees changed images cannot learn the few real ones by
    heart; gradients pass through the change to the generator.

    Args:
        brightness: largest change added to all pixels, in units of [-1, 1].
        contrast: largest relative change of the deviation from the image's mean.
        shift: largest shift as a share of the side; what moves in is zero (mid-grey).
        cutout: side of the square that is blanked, as a share of the image's side.

    Example:
        >>> rng = torch.Generator().manual_seed(0)
        >>> DiffAugment()(torch.zeros(2, 3, 16, 16), rng).shape
        torch.Size([2, 3, 16, 16])

    Source: Zhao, Liu, Lin, Zhu, Han 2020, "Differentiable Augmentation for Data-Efficient
    GAN Training". Differs: brightness ± 0.25 in place of ± 0.5, no saturation change (grey
    images have none), cut-out 1/3 in place of 1/2; the paper's values were made for
    longer training.
    """

    brightness: float = 0.25
    contrast: float = 0.5
    shift: float = 0.125
    cutout: float = 1 / 3

    def __call__(self, images: Tensor, rng: torch.Generator) -> Tensor:
        """The changed images, float (N, C, H, W), differentiable in ``images``."""
        images = brightness(images, self.brightness, rng)
        images = contrast(images, self.contrast, rng)
        images = translate(images, self.shift, rng)
        return cutout(images, self.cutout, rng)

    def view(self, images: Tensor, step: _Random) -> Tensor:
        """The same with a training step's random source: a routine's view."""
        return self(images, step.rng)


def brightness(images: Tensor, strength: float, rng: torch.Generator) -> Tensor:
    """Images with a value in ± ``strength`` added, one value an image."""
    return images + _uniform(images, rng, -strength, strength)


def contrast(images: Tensor, strength: float, rng: torch.Generator) -> Tensor:
    """Images whose deviation from their mean is scaled by 1 ± ``strength``."""
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return (images - mean) * _uniform(images, rng, 1 - strength, 1 + strength) + mean


def translate(images: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """Images shifted by whole pixels, up to ``share`` of the side, zeros moving in."""
    n, _, height, width = images.shape
    reach = round(height * share)
    if reach == 0:
        return images
    padded = F.pad(images, (reach,) * 4)
    rows, columns = (
        torch.arange(side, device=images.device)
        + torch.randint(0, 2 * reach + 1, (n, 1), generator=rng, device=images.device)
        for side in (height, width)
    )
    index = torch.arange(n, device=images.device)[:, None, None]
    # Advanced indexing puts the channel dimension last, which is channels_last memory.
    return padded[index, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def cutout(images: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """Images with a square of ``share`` of the side set to zero, partly outside at the rim."""
    n, _, height, width = images.shape
    side = round(height * share)
    if side == 0:
        return images
    masks = []
    for length in (height, width):
        start = torch.randint(
            -(side // 2), length - side // 2, (n, 1), generator=rng, device=images.device
        )
        place = torch.arange(length, device=images.device)
        masks.append((place >= start) & (place < start + side))
    hole = masks[0][:, :, None] & masks[1][:, None, :]
    return images.masked_fill(hole[:, None], 0.0)


def _uniform(images: Tensor, rng: torch.Generator, low: float, high: float) -> Tensor:
    shape = (images.shape[0], 1, 1, 1)
    return torch.rand(shape, generator=rng, device=images.device) * (high - low) + low
