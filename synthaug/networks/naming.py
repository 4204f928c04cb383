"""A discriminator that is a classifier of K classes, with one more for generated images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from synthaug.networks.answer import Answer
from synthaug.networks.critic import kaiming
from synthaug.networks.dcgan import dcgan_trunk

__all__ = ["NamingCritic"]


class NamingCritic(nn.Module):
    """Class logits of images, and from them how real an image is.

    Of K + 1 logits only differences count, so that of "generated" is held at 0 and the chance
    of being real is Z / (Z + 1) with Z the sum of the exponentials of the K others: the
    realness is the logarithm of Z.

    Args:
        num_classes: classes that are named, K.
        channels: 1 or 3.
        resolution: side of the images, a power of two from 16 to 128.
        width: channels after the first layer; they double twice.
        features: length of the layer before the logits.

    Source: Salimans et al. 2016, "Improved Techniques for Training GANs", section 5. Differs:
    a small convolutional network without dropout or weight normalisation.
    """

    batchwise = False

    def __init__(
        self, num_classes: int, channels: int, resolution: int,
        *, width: int = 32, features: int = 128,
    ) -> None:  # fmt: skip
        super().__init__()
        self.config: dict[str, Any] = {
            "kind": "naming critic", "num_classes": num_classes, "channels": channels,
            "resolution": resolution, "width": width, "features": features,
        }  # fmt: skip
        trunk, length = dcgan_trunk(channels, resolution, width=width, norm="none")
        self.trunk = nn.Sequential(trunk, nn.Linear(length, features), nn.LeakyReLU(0.2))
        self.out = nn.Linear(features, num_classes)
        kaiming(self)

    def forward(self, images: Tensor, labels: Tensor, attributes: Tensor | None = None) -> Answer:
        """The answer to images (N, C, R, R) in [-1, 1]; labels and attributes are not used."""
        features = self.trunk(images)
        logits = self.out(features).float()
        return Answer(torch.logsumexp(logits, dim=1), logits, features)
