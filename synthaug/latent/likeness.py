"""How unlike two images look: a distance with gradients, in features and in pixels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from synthaug.networks.efficientnet import load_efficientnet_lite0, normalise

__all__ = ["Likeness"]

_STAGES = (0, 1, 2, 3, 4)
_SIDE = 64


class Likeness:
    """Distance of images to fixed targets: normalised EfficientNet features, and pixels.

    Args:
        targets: float (N, C, R, R) in [-1, 1].
        pixel_weight: of the mean squared difference of pixels, beside the features'.

    Source: Zhang, Isola, Efros, Shechtman, Wang 2018, "The Unreasonable Effectiveness of
    Deep Features as a Perceptual Metric", equation 1. Differs: EfficientNet-Lite0 at 64 px,
    all channels weigh the same, pixels stand beside the features.
    """

    def __init__(self, targets: Tensor, *, pixel_weight: float = 1.0) -> None:
        self._network = load_efficientnet_lite0().to(targets.device)
        self._pixel_weight = pixel_weight
        self._targets = targets
        with torch.no_grad():
            self._maps = self._features(targets)

    def __call__(self, images: Tensor, rows: Tensor | None = None) -> Tensor:
        """Distances float (M,) of images (M, C, R, R), image i to target ``rows[i]``."""
        rows = torch.arange(len(self._targets)) if rows is None else rows
        pixels = (images - self._targets[rows]).square().mean((1, 2, 3))
        return self._distance(self._features(images), rows, pixels)

    def to_all(self, images: Tensor) -> Tensor:
        """Distances float (M, N) of images (M, C, R, R) to every target."""
        maps = self._features(images)
        columns = []
        for row, target in enumerate(self._targets):
            pixels = (images - target).square().mean((1, 2, 3))
            columns.append(self._distance(maps, row, pixels))
        return torch.stack(columns, dim=1)

    def _distance(self, maps: list[Tensor], rows: Tensor | int, pixels: Tensor) -> Tensor:
        apart = [
            (a - b[rows]).square().sum(1).mean((1, 2))
            for a, b in zip(maps, self._maps, strict=True)
        ]
        return torch.stack(apart).mean(0) + self._pixel_weight * pixels

    def _features(self, images: Tensor) -> list[Tensor]:
        if images.shape[-1] != _SIDE:
            size = (_SIDE, _SIDE)
            images = F.interpolate(
                images, size, mode="bilinear", align_corners=False,
                antialias=images.shape[-1] > _SIDE,
            )  # fmt: skip
        maps = self._network.features(normalise(images), _STAGES)
        return [F.normalize(found, dim=1, eps=1e-6) for found in maps]
