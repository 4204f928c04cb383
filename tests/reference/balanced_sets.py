"""Balanced sets made by hand: real items of a source and synthetic ones of one colour each."""

import numpy as np
import torch
from PIL import Image

from synthaug.arm import Arm
from synthaug.datasets.augmented import AugmentedDataset
from synthaug.datasets.opening import open as open_images
from synthaug.facts import AugmentFacts
from synthaug.provenance import Provenance
from synthaug.verdict import Verdicts

PLAIN = Arm(name="plain", sampling="plain")


def built(source, made, *, arm=PLAIN, report=None, verdicts=(), **more):
    """An AugmentedDataset of a source and synthetic (label, kind) pairs, 16 x 16 pixels."""
    real = open_images(source)
    channels = {"L": 1, "RGB": 3}[real.mode]
    records = [
        Provenance(
            kind=kind, class_name=real.classes[label], index=i, latent_seed=i, recipe="rare",
            version="0.1.0",
            nearest_name=real.path(int(np.flatnonzero(real.labels == label)[0])),
        )
        for i, (label, kind) in enumerate(made)
    ]  # fmt: skip
    return AugmentedDataset(
        real,
        [torch.full((channels, 16, 16), 10 + i, dtype=torch.uint8) for i in range(len(made))],
        [label for label, _ in made],
        [kind for _, kind in made],
        records,
        verdicts=Verdicts(verdicts),
        report=report or AugmentFacts(version="0.1.0", source="toy"),
        arm=arm,
        **more,
    )


def arrays(counts=(6, 2), shape=(16, 16), dtype=np.uint8):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(counts)), counts)
    pixels = rng.integers(0, 256, (len(labels), *shape))
    return (pixels / 255).astype(dtype) if np.dtype(dtype).kind == "f" else pixels.astype(
        dtype
    ), labels


class Pictures(torch.utils.data.Dataset):
    """A map-style data set of PIL images."""

    classes = ("a", "b")

    def __init__(self, mode):
        self.items = [(Image.new(mode, (12, 10), 7 * i), i % 2) for i in range(5)]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


MADE = [(1, "gan"), (1, "gan"), (1, "classical")]
