"""The classifier that semi-supervised training leaves."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from synthaug.errors import InputError
from synthaug.training.generator import Generator
from synthaug.training.reading import batches

__all__ = ["Classifier"]


@dataclasses.dataclass
class Classifier:
    """Names the classes of images.

    Args:
        network: gives an answer with class logits (N, K) for images in [-1, 1].
        classes: names, in the order of the logits.
        channels: 1 or 3, of the images it takes.
        resolution: side of the images it takes, pixels.
    """

    network: nn.Module
    classes: tuple[str, ...]
    channels: int
    resolution: int

    @classmethod
    def of(cls, generator: Generator) -> Classifier:
        """The classifier trained with a generator.

        Raises:
            InputError: the generator was trained without one.
        """
        network = generator.companions.get("discriminator")
        names = generator.card.get("classifier of")
        if network is None or not names:
            raise InputError(
                "classifier", expected="a generator trained with one", got="one without",
                where=f"recipe {generator.card.get('recipe', 'unknown')}",
                remedy="Train with the recipe semi-supervised.", code="input.classifier",
            )  # fmt: skip
        return cls(network, tuple(names), generator.channels, generator.resolution)

    @classmethod
    def load(cls, folder: Path | str) -> Classifier:
        """The classifier in the folder that ``train`` wrote.

        Raises:
            InputError: no generator there, or one trained without a classifier.
            Damaged: files there that cannot be read.
        """
        return cls.of(Generator.load(folder))

    def predict(self, images: Tensor) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Labels and probabilities of images.

        Args:
            images: uint8 (N, C, R, R).

        Returns:
            int64 (N,), indices into ``classes``, and float32 (N, K).

        Raises:
            InputError: images of another shape or type.
        """
        parts = batches(images, self.channels, self.resolution, where="Classifier.predict")
        nobody = [torch.zeros(len(part), dtype=torch.int64) for part in parts]
        with torch.inference_mode():
            given = [
                self.network(part, labels).class_logits.softmax(dim=1)
                for part, labels in zip(parts, nobody, strict=True)
            ]
        table = torch.cat(given) if given else torch.empty(0, len(self.classes))
        probabilities = table.numpy().astype(np.float32)
        return probabilities.argmax(axis=1).astype(np.int64), probabilities
