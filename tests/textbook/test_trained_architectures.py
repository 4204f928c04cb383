"""What architectures are known for once they have trained, on digits of 16 pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch.nn import functional as F

from synthaug.metrics import frechet_distance
from synthaug.networks.styles import bands
from synthaug.textbook import Recipe, named
from synthaug.training import Run, Shape, Trainer


class Digits:
    """The 1,797 digits of scikit-learn at twice their size."""

    resolution, channels, attributes = 16, 1, None

    def __init__(self) -> None:
        digits = load_digits()
        self.labels = digits.target.astype(np.int64)
        images = torch.tensor(digits.images, dtype=torch.float32)[:, None] * (255 / 16)
        images = F.interpolate(images, size=16, mode="bilinear")
        self.pixels = images.round().clamp(0, 255).to(torch.uint8)

    def read(self, indices):
        return self.pixels[indices]


def trainer(routine, *, steps: int) -> Trainer:
    digits = Digits()
    run = Run(routine, Shape(10, 1, 16), steps * routine.batch_size)
    return Trainer(run, digits, np.arange(len(digits.labels)))


def distance(generator: torch.nn.Module) -> float:
    """Fréchet distance of 8x8 thumbnails to the digits', classes alike."""
    digits = Digits()
    labels = torch.from_numpy(digits.labels)[:600]
    latents = torch.randn(600, generator.z_dim, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        images = generator.eval()(latents, labels)
    real = digits.pixels[:600].float() / 127.5 - 1
    pooled = [F.avg_pool2d(x, 2).flatten(1).numpy() for x in (images, real)]
    return frechet_distance(*pooled)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "steps"), [("fully-connected", 600), ("dcgan", 300)])
def test_images_of_a_trained_generator_lie_nearer_to_the_digits_than_noise(name, steps):
    machine = trainer(named(name), steps=steps)
    before = distance(machine.average)
    machine.advance(steps)
    assert distance(machine.average) < 0.3 * before


@pytest.mark.slow
def test_coarse_styles_move_more_low_frequency_energy_than_fine_ones():
    recipe = Recipe(
        architecture="stylegan", penalties=["r1"], batch_size=16, learning_rates=(2e-3, 2e-3)
    )
    machine = trainer(recipe.routine(), steps=800)
    machine.advance(800)
    generator = machine.average.eval()
    low, share = {}, {}
    with torch.no_grad():
        size = (200, generator.z_dim + generator.noise_dim)
        first, second = (
            torch.randn(size, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2)
        )
        labels = torch.arange(200) % 10
        noise = generator.noise(first)
        styles, others = generator.styles(first, labels), generator.styles(second, labels)
        images = generator.synthesize(styles, noise)
        for name, layers in bands(generator.sides).items():
            mixed = styles.clone()
            mixed[:, list(layers)] = others[:, list(layers)]
            moved = generator.synthesize(mixed, noise) - images
            energy = torch.fft.fft2(moved).abs().square().mean((0, 1))
            cycles = (torch.fft.fftfreq(16) * 16).abs()
            frequency = torch.maximum(cycles[:, None], cycles)
            kept = energy[(frequency > 0) & (frequency <= 2)].sum()
            low[name], share[name] = kept.item(), (kept / energy.sum()).item()
    assert low["coarse"] > 1.2 * low["fine"]
    assert share["coarse"] > share["fine"]
