"""What every style-based generator offers to tools that work on its styles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from torch import Tensor

__all__ = ["StyleBased", "bands"]


class StyleBased(Protocol):
    """A generator whose images are a function of one style a layer and of noise.

    For latents and labels, ``synthesize(styles(latents, labels), noise(latents))`` is the image
    that the generator in evaluation mode makes of them.
    """

    z_dim: int
    noise_dim: int
    w_dim: int
    sides: tuple[int, ...]
    """Side of the feature map each layer's style works on, coarsest first."""

    def styles(self, latents: Tensor, labels: Tensor, attributes: Tensor | None = None) -> Tensor:
        """Styles, float (N, layers, w_dim), of latents (N, z_dim or more) and labels (N,)."""

    def noise(self, latents: Tensor) -> Tensor:
        """The share of latents (N, z_dim + noise_dim) that is noise a pixel, float (N, P)."""

    def synthesize(self, styles: Tensor, noise: Tensor | None = None) -> Tensor:
        """Float images (N, C, R, R) in [-1, 1] of styles (N, layers, w_dim); None: no noise."""

    def mean_style(self) -> Tensor:
        """Mean style of each class, float (num_classes, w_dim); one row where none is told."""


def bands(sides: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Indices of the layers that are coarse, middle and fine, a third of the sizes each.

    Args:
        sides: of each layer's feature map, as in `StyleBased.sides`.

    Source: Karras, Laine, Aila 2019, "A Style-Based Generator Architecture", section 3.1.
    Differs: thirds of the sizes there are, as 4 to 8, 16 to 32 and 64 to 1024 pixels would
    leave nothing fine in small images.

    Example:
        >>> bands((4, 4, 8, 8, 16, 16))
        {'coarse': (0, 1), 'middle': (2, 3), 'fine': (4, 5)}
    """
    thirds = np.array_split(np.unique(sides), 3)
    return {
        name: tuple(layer for layer, side in enumerate(sides) if side in third)
        for name, third in zip(("coarse", "middle", "fine"), thirds, strict=True)
    }
