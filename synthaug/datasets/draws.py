"""What a training loop is shown: draws from a balanced set, as the chosen remedy makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from synthaug.datasets.classical import augment_classical
from synthaug.errors import InputError

if TYPE_CHECKING:
    from synthaug.datasets.augmented import AugmentedDataset

__all__ = ["Draws"]


class Draws(torch.utils.data.Dataset[tuple[Any, Any]]):
    """A map-style torch data set of draws from an `AugmentedDataset` under its chosen arm.

    Item i is the i-th draw: an image picked as often as the arm says and, where the arm
    changes images classically, changed anew, so that no two draws of an image are alike. The
    stored classical copies are not among them: they stand for such changes where nothing can
    be changed while training. The order is random already; a loader need not shuffle.

    The same seed, epoch and index give the same bytes, whichever worker of a loader asks.

    Attributes:
        data: the set drawn from.
        rows: int64 (N,), the item of the set that each draw picks.
        targets: int64 (N,), index into the set's classes of each draw.

    Source: online augmentation, as Shorten and Khoshgoftaar 2019, "A survey on Image Data
    Augmentation for Deep Learning", set it apart from offline.
    """

    data: AugmentedDataset
    rows: NDArray[np.int64]
    targets: NDArray[np.int64]

    def __init__(self, data: AugmentedDataset, count: int, *, seed: int = 0) -> None:
        """Draw from a set.

        Args:
            data: the set.
            count: draws in an epoch, at least 1.
            seed: of the draws, at least 0.

        Raises:
            InputError: a count below 1 or a seed below 0.
        """
        if count < 1 or seed < 0:
            raise InputError(
                "draws", expected="a count of at least 1 and a seed of at least 0",
                got=f"count {count}, seed {seed}",
            )  # fmt: skip
        self.data = data
        self.seed = seed
        self._count = count
        self._weights = data.sample_weights(copies=False)
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw anew for an epoch; without it every pass over the draws is the same.

        Args:
            epoch: at least 0, as in ``torch.utils.data.DistributedSampler.set_epoch``. Tell it
                before the loader is asked for its iterator; workers that live on do not hear it.
        """
        self.epoch = epoch
        random = np.random.default_rng((self.seed, epoch))
        self.rows = random.choice(len(self._weights), self._count, p=self._weights)
        self.targets = self.data.targets[self.rows]

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        index = range(self._count)[index]
        row = int(self.rows[index])
        if not self.data.arm.classical:
            return self.data[row]
        label = self.data.label_item(int(self.data.targets[row]))
        return self.data.form.make(self.image(index)), label

    def image(self, index: int) -> torch.Tensor:
        """Draw ``index`` as uint8 (C, H, W), whatever the source's type."""
        index = range(self._count)[index]
        image = self.data.image(int(self.rows[index]))
        if not self.data.arm.classical:
            return image
        own = np.random.SeedSequence((self.seed, self.epoch, index)).generate_state(1)[0]
        return augment_classical(image, seed=int(own))
