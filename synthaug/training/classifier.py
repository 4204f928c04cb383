"""The classifier that semi-supervised training leaves."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from synthaug.datasets import to_float
from synthaug.errors import InputError
from synthaug.training.generator import Generator

__all__ = ["Classifier"]

_CHUNK = 64


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
        shape = (self.channels, self.resolution, self.resolution)
        if images.dtype != torch.uint8 or images.shape[1:] != shape:
            raise InputError(
                "images", expected=f"uint8 (N, {', '.join(map(str, shape))})",
                got=f"{str(images.dtype).removeprefix('torch.')} {tuple(images.shape)}",
                where="Classifier.predict", remedy="Resize and convert them.",
                code="input.images",
            )  # fmt: skip
        nobody = torch.zeros(_CHUNK, dtype=torch.int64)
        with torch.inference_mode():
            parts = [
                self.network(to_float(part), nobody[: len(part)]).class_logits.softmax(dim=1)
                for part in torch.split(images, _CHUNK)
            ]
        table = torch.cat(parts) if parts else torch.empty(0, len(self.classes))
        probabilities = table.numpy().astype(np.float32)
        return probabilities.argmax(axis=1).astype(np.int64), probabilities
