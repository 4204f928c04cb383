"""Two classes of 16 px squares, in memory, and a trainer on them."""

from __future__ import annotations

import numpy as np
import torch

from synthaug.training import Routine, Run, Shape, Trainer


class Squares:
    """Noise, and noise with a bright square."""

    resolution, channels, attributes = 16, 1, None

    def __init__(self, n: int = 40) -> None:
        self.labels = np.arange(n) % 2
        pixels = np.random.default_rng(0).integers(0, 60, (n, 1, 16, 16))
        pixels[self.labels == 1, :, 4:12, 4:12] += 150
        self.pixels = torch.from_numpy(pixels.astype(np.uint8))

    def read(self, indices):
        return self.pixels[indices]


def trainer(routine: Routine, *, steps: int, seed: int = 0) -> Trainer:
    """A trainer at its start."""
    run = Run(routine, Shape(2, 1, 16), steps * routine.batch_size, seed)
    return Trainer(run, Squares(), np.arange(40))


def weights(machine: Trainer) -> bytes:
    """All that a run has learnt and remembers."""
    return b"".join(
        value.cpu().numpy().tobytes()
        for role in sorted(machine.networks)
        for value in machine.networks[role].state_dict().values()
    )
