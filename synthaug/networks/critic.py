"""A discriminator from a trunk: what every critic does after it has looked at the images."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from synthaug.networks.answer import Answer

__all__ = ["ConditionVector", "Critic", "kaiming"]

Told = Literal["none", "concatenation", "projection"]


class ConditionVector(nn.Module):
    """Class and attributes as one vector.

    Args:
        num_classes: classes; 0 where the class is not told.
        num_attributes: numbers beside the class.
        dim: length of the vector of a class.
    """

    def __init__(self, num_classes: int, num_attributes: int = 0, *, dim: int = 64) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_classes, dim) if num_classes else None
        self.attributes = nn.Linear(num_attributes, dim) if num_attributes else None
        self.dim = (dim if num_classes else 0) + (dim if num_attributes else 0)

    def forward(self, labels: Tensor, attributes: Tensor | None = None) -> Tensor:
        """Float (N, dim) of labels int64 (N,) and attributes float (N, A), standardised."""
        parts = []
        if self.embedding is not None:
            parts.append(self.embedding(labels))
        if self.attributes is not None and attributes is not None:
            parts.append(self.attributes(attributes))
        return torch.cat(parts, dim=1) if parts else labels.new_zeros(len(labels), 0).float()


class Critic(nn.Module):
    """A trunk that turns images into features, and heads that answer from them.

    Args:
        trunk: called with the channels of its input, gives a module from images
            (N, channels, R, R) to features (N, features).
        features: length of the trunk's features.
        channels: 1 or 3, of the images.
        num_classes: of the data.
        num_attributes: of the data.
        told: how class and attributes reach it: ``"none"``; ``"concatenation"``, as further
            input channels (Mirza and Osindero 2014, "Conditional Generative Adversarial
            Nets"); ``"projection"``, as an inner product with the features (Miyato and
            Koyama 2018, "cGANs with Projection Discriminator", equation 4).
        classifier: length of the class logits; 0 for none.
        codes: length of the head that guesses latent codes; 0 for none.
        layer: a module on features that sees the whole batch (minibatch layers), called with
            their length; its attribute ``outputs`` says how long they leave.
        batchwise: whether the answer to an image depends on the others in the batch; such a
            critic is shown real and generated images apart.
    """

    def __init__(
        self,
        trunk: Callable[[int], nn.Module],
        features: int,
        channels: int,
        num_classes: int,
        num_attributes: int = 0,
        *,
        told: Told = "projection",
        classifier: int = 0,
        codes: int = 0,
        layer: Callable[[int], nn.Module] | None = None,
        batchwise: bool = False,
    ) -> None:
        super().__init__()
        self.told = told
        self.batchwise = batchwise or layer is not None
        self.condition: ConditionVector | None = None
        if told == "concatenation":
            self.condition = ConditionVector(num_classes, num_attributes, dim=8)
            channels += self.condition.dim
        self.trunk = trunk(channels)
        self.layer = layer(features) if layer else None
        length = features if self.layer is None else int(self.layer.outputs)  # type: ignore[arg-type]
        self.out = nn.Linear(length, 1)
        if told == "projection":
            self.embedding = nn.Embedding(num_classes, features)
            self.attributes = nn.Linear(num_attributes, features) if num_attributes else None
            nn.init.normal_(self.embedding.weight, 0, 1 / math.sqrt(features))
        self.classifier = nn.Linear(length, classifier) if classifier else None
        self.guess = (
            nn.Sequential(nn.Linear(length, 128), nn.LeakyReLU(0.1), nn.Linear(128, codes))
            if codes
            else None
        )

    def forward(self, images: Tensor, labels: Tensor, attributes: Tensor | None = None) -> Answer:
        """The answer to images (N, C, R, R) in [-1, 1] said to be of labels and attributes."""
        if self.condition is not None:
            vector = self.condition(labels, attributes)[:, :, None, None]
            images = torch.cat([images, vector.expand(-1, -1, *images.shape[2:])], dim=1)
        seen = self.trunk(images)
        x = seen if self.layer is None else self.layer(seen)
        realness = self.out(x)[:, 0]
        if self.told == "projection":
            identity = self.embedding(labels)
            if self.attributes is not None and attributes is not None:
                identity = identity + self.attributes(attributes)
            realness = realness + (seen * identity).sum(1)
        return Answer(
            realness.float(),
            None if self.classifier is None else self.classifier(x).float(),
            seen,
            None if self.guess is None else self.guess(x).float(),
        )


def kaiming(module: nn.Module, slope: float = 0.2) -> None:
    """Weights for leaky rectifiers, biases zero, of every convolution and linear map in it."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.kaiming_normal_(part.weight, slope)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
