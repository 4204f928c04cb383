"""The small CNN that tells whether a training set teaches: trained, asked, thrown away."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["Probe", "fit_probe", "probe_logits"]

# Of 1e-3 to 6e-3, the best after 10,000 to 24,000 draws of four of the benchmark's sets.
_RATE = 6e-3


class Probe(nn.Module):
    """Class logits of small images, under 0.3 M parameters at any resolution.

    Five 3x3 convolutions over an image folded to a quarter (up to 32 px) or a sixteenth of
    its pixels, batch normalised, then the mean and the maximum over places.

    Args:
        channels: 1 or 3.
        num_classes: at least 2.
        resolution: side of the square images, a multiple of 4, pixels.

    Shapes: float32 (N, channels, resolution, resolution) in [-1, 1] to (N, num_classes).
    """

    def __init__(self, channels: int, num_classes: int, *, resolution: int) -> None:
        super().__init__()
        fold = 2 if resolution <= 32 else 4
        self.fold = nn.PixelUnshuffle(fold)
        self.body = nn.Sequential(
            _convolution(channels * fold * fold, 48, 1),
            _convolution(48, 48, 1),
            _convolution(48, 64, 2),
            _convolution(64, 128, 2),
            _convolution(128, 128, 1),
        )
        self.head = nn.Linear(256, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Class logits of a batch."""
        features = self.body(self.fold(images))
        pooled = torch.cat([features.mean((2, 3)), features.amax((2, 3))], 1)
        logits: torch.Tensor = self.head(pooled)
        return logits


def fit_probe(
    images: torch.Tensor,
    labels: torch.Tensor,
    *,
    num_classes: int,
    probabilities: torch.Tensor,
    class_weights: torch.Tensor | None = None,
    draws: int,
    seed: int,
    device: str | torch.device = "cpu",
    batch: int = 64,
) -> Probe:
    """A probe trained on `draws` images drawn with replacement.

    Args:
        images: uint8 (N, C, R, R), R a multiple of 4.
        labels: int64 (N,).
        num_classes: number of logits.
        probabilities: float (N,), how often each image is drawn, up to a factor.
        class_weights: float (num_classes,), factor of each class in the loss; None for ones.
        draws: images shown in all.
        seed: of initial weights and draws; global generators stay as they are.
        device: where it trains.
        batch: images a step.

    Returns:
        The probe in evaluation mode.
    """
    device = torch.device(device)
    source = torch.Generator().manual_seed(seed)
    images, labels = images.to(device), labels.to(device)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        probe = Probe(images.shape[1], num_classes, resolution=images.shape[-1])
    probe.to(device).to(memory_format=torch.channels_last).train()
    steps = max(1, math.ceil(draws / batch))
    optimizer = torch.optim.AdamW(probe.parameters(), lr=_RATE, weight_decay=0.05)
    weights = None if class_weights is None else class_weights.to(device, torch.float32)
    order = torch.multinomial(
        probabilities.double(), steps * batch, replacement=True, generator=source
    ).to(device)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = _RATE * _rise_and_fall((step + 1) / (steps + 1))
        chosen = order[step * batch : (step + 1) * batch]
        shown = _to_network(images[chosen], device)
        loss = F.cross_entropy(probe(shown), labels[chosen], weight=weights)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    probe.eval()
    return probe


@torch.no_grad()
def probe_logits(probe: Probe, images: torch.Tensor, *, batch: int = 256) -> torch.Tensor:
    """Logits of uint8 images (N, C, R, R), float32 (N, num_classes) on the CPU."""
    device = next(probe.parameters()).device
    starts = range(0, len(images), batch)
    return torch.cat([probe(_to_network(images[i : i + batch], device)).cpu() for i in starts])


def _rise_and_fall(progress: float) -> float:
    """Linear from 0 to 1 in the first fifth, then half a cosine back to 0."""
    if progress < 0.2:
        return progress / 0.2
    return 0.5 + 0.5 * math.cos(math.pi * (progress - 0.2) / 0.8)


def _to_network(images: torch.Tensor, device: torch.device) -> torch.Tensor:
    scaled = images.to(device).float() / 127.5 - 1.0
    return scaled.contiguous(memory_format=torch.channels_last)


def _convolution(inputs: int, outputs: int, stride: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
