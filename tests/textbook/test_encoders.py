"""What the other family is known for: images are inverted, not only drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from synthaug.errors import InputError
from synthaug.textbook import named
from synthaug.training import Generator, Run, Shape, Trainer


def trained(recipe, digits, in_memory, steps):
    pixels, labels = digits
    order = np.random.default_rng(0).permutation(len(labels))
    routine = named(recipe)
    run = Run(routine, Shape(10, 1, 16), steps * routine.batch_size, 0)
    machine = Trainer(run, in_memory(pixels, labels), order[200:])
    machine.advance(run.steps)
    classes = tuple("0123456789") if routine.conditional else ("any",)
    companions = {"encoder": machine.averages["encoder"]}
    told = labels[order[:200]] if routine.conditional else np.zeros(200, np.int64)
    generator = Generator(machine.average, classes, {"recipe": recipe}, companions)
    return generator, torch.from_numpy(pixels[order[:200]]), told


def flat(images):
    return images.float().flatten(1) / 127.5


def errors(generator, real, labels):
    """Root mean squared distance of real images to their reconstruction and the nearest draw."""
    _, rebuilt = generator.invert(real, labels)
    classes = np.arange(1500) % len(generator.classes)
    drawn = generator.sample(classes, range(1500))
    rebuilding = (flat(real) - flat(rebuilt)).square().mean(1).sqrt()
    nearest = torch.cdist(flat(real), flat(drawn)).min(1).values / real[0].numel() ** 0.5
    return rebuilding, nearest


@pytest.mark.slow
@pytest.mark.parametrize(("recipe", "steps"), [("vae", 500), ("vae-gan", 500)])
def test_held_out_images_are_rebuilt_nearer_than_any_draw(recipe, steps, digits, in_memory):
    generator, real, labels = trained(recipe, digits, in_memory, steps)
    rebuilding, nearest = errors(generator, real, labels)
    print(recipe, f"{rebuilding.mean():.3f} against {nearest.mean():.3f} of 1,500 draws")
    assert (rebuilding < nearest).float().mean() > 0.9
    assert rebuilding.mean() < 0.8 * nearest.mean()
    if recipe == "vae":
        assert rebuilding.mean() < 0.5 * nearest.mean()


def small(recipe="vae"):
    torch.manual_seed(0)
    networks = named(recipe).build(Shape(2, 1, 16))
    generator = networks["generator"].eval()
    classes = ("any",) if recipe == "vae" else ("a", "b")
    return Generator(
        generator, classes, {"recipe": recipe}, {"encoder": networks["encoder"].eval()}
    )


def test_the_encoder_is_saved_with_the_generator(tmp_path):
    generator = small()
    images = torch.randint(0, 256, (70, 1, 16, 16), dtype=torch.uint8)
    generator.save(tmp_path)
    again = Generator.load(tmp_path)
    latents, rebuilt = again.invert(images, [0] * 70)
    assert latents.shape == (70, again.latent_dim)
    assert torch.equal(latents, generator.encode(images))
    assert torch.equal(rebuilt, generator.decode(latents, [0] * 70))
    assert rebuilt.shape == images.shape
    assert again.encode(images[:0]).shape == (0, again.latent_dim)


@pytest.mark.parametrize(
    "images", [torch.zeros(2, 3, 16, 16, dtype=torch.uint8), torch.zeros(2, 1, 16, 16)]
)
def test_images_of_another_shape_or_type_are_refused(images):
    with pytest.raises(InputError, match=r"uint8 \(N, 1, 16, 16\)"):
        small().encode(images)
