"""Real digits at 16 px, in memory, as the training loop reads images."""

from __future__ import annotations

import numpy as np
import pytest
import torch


class InMemory:
    """Images, labels and attributes as `synthaug.training.loop.Images` asks for them."""

    def __init__(self, pixels, labels, attributes=None):
        self.pixels = torch.from_numpy(np.ascontiguousarray(pixels))
        self.labels = np.asarray(labels, np.int64)
        self.attributes = attributes
        self.channels, self.resolution = self.pixels.shape[1:3]

    def read(self, indices):
        return self.pixels[indices]

    def __len__(self):
        return len(self.labels)


@pytest.fixture
def in_memory():
    return InMemory


@pytest.fixture(scope="session")
def digits():
    """Pixels, uint8 (1797, 1, 16, 16), and labels of scikit-learn's digits."""
    from sklearn.datasets import load_digits

    from synthaug.datasets.resampling import squash

    found = load_digits()
    pixels = np.stack([squash((image * 15.9).astype(np.uint8), 16) for image in found.images])
    return pixels[:, None], found.target.astype(np.int64)
