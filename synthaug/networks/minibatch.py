"""Layers that let a discriminator compare the images of a batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["MinibatchDiscrimination", "MinibatchStddev"]


class MinibatchDiscrimination(nn.Module):
    """Features with, behind them, how near each image is to the others of its batch.

    M_i = f(x_i) T is a matrix of B rows; c_b(x_i, x_j) = exp(-|M_ib - M_jb|_1), and the
    feature o_b(x_i) is the sum of c_b(x_i, x_j) over the batch, 1 for the image itself.

    Args:
        features: A, length of what comes in.
        kernels: B, rows of M.
        dims: C, columns of M.

    Source: Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen 2016, "Improved Techniques for
    Training GANs", section 3.2. Differs: none.
    """

    def __init__(self, features: int, kernels: int = 50, dims: int = 5) -> None:
        super().__init__()
        self.outputs = features + kernels
        self.kernels, self.dims = kernels, dims
        self.tensor = nn.Parameter(torch.empty(features, kernels * dims))
        # Distances near 1 at the start: nearer to 0 or far above it the exponential is flat.
        nn.init.normal_(self.tensor, 0, 1 / (dims * features**0.5))

    def forward(self, x: Tensor) -> Tensor:
        """Float (N, A + B) of features (N, A)."""
        # A sum of distances inside an exponential asks for more digits than bfloat16 has.
        with torch.autocast(x.device.type, enabled=False):
            rows = (x.float() @ self.tensor).view(-1, self.kernels, self.dims)
            distances = (rows[:, None] - rows[None]).abs().sum(3)
            nearness = torch.exp(-distances).sum(1)
        return torch.cat([x, nearness.to(x.dtype)], dim=1)


class MinibatchStddev(nn.Module):
    """Features with, behind them, one number: how much the batch varies.

    The standard deviation over the batch of each feature (at each position), averaged over
    features and positions, the same for all images.

    Args:
        features: length, or channels, of what comes in.

    Source: Karras, Aila, Laine, Lehtinen 2018, "Progressive Growing of GANs", section 3.
    Differs: over the whole batch, as in the text; the authors' code takes groups of four.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.outputs = features + 1

    def forward(self, x: Tensor) -> Tensor:
        """Float (N, F + 1, ...) of features (N, F) or maps (N, F, H, W)."""
        variance = x.float().var(0, correction=0)
        spread = (variance + 1e-8).sqrt().mean().to(x.dtype)
        return torch.cat([x, spread.expand(len(x), 1, *x.shape[2:])], dim=1)
