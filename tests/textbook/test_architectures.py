"""Every architecture and layer through the real trainer: built, trained, saved, refused."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from synthaug.errors import InputError
from synthaug.networks import build
from synthaug.networks.progressive import Growth
from synthaug.textbook import Recipe, named
from synthaug.textbook.catalogue import architectures, layers
from synthaug.textbook.part import Part
from synthaug.textbook.parts import ARCHITECTURES, PARTS
from synthaug.training import Generator, Run, Shape, Trainer

NAMES = [each.name for each in (*architectures.ENTRIES, *layers.ENTRIES)]
LAYERS = [
    "minibatch discrimination", "minibatch stddev", "virtual batch norm", "spectral norm",
    "equalized learning rate", "pixel norm",
]  # fmt: skip


class Pictures:
    """Random bytes, some classes, perhaps attributes."""

    def __init__(self, shape: Shape, n: int = 24) -> None:
        rng = np.random.default_rng(0)
        self.resolution, self.channels = shape.resolution, shape.channels
        self.labels = np.arange(n) % shape.num_classes
        size = (n, shape.channels, shape.resolution, shape.resolution)
        self.pixels = torch.from_numpy(rng.integers(0, 256, size).astype(np.uint8))
        drawn = rng.normal(size=(n, shape.num_attributes)).astype(np.float32)
        self.attributes = drawn if shape.num_attributes else None

    def read(self, indices):
        return self.pixels[indices]


def trained(routine, shape: Shape, steps: int = 3) -> Trainer:
    routine = dataclasses.replace(routine, batch_size=6)
    pictures = Pictures(shape)
    trainer = Trainer(Run(routine, shape, 6 * steps), pictures, np.arange(len(pictures.labels)))
    trainer.advance(steps)
    return trainer


def checked(trainer: Trainer, shape: Shape) -> None:
    assert all(loss.isfinite() for loss in trainer.losses.values())
    classes = tuple(f"class {k}" for k in range(shape.num_classes))
    names = tuple(f"number {k}" for k in range(shape.num_attributes))
    generator = Generator(trainer.average, classes, attributes=names)
    latents = generator.latents(range(3))
    told = [torch.arange(3) % shape.num_classes]
    if names:
        told.append(torch.ones(3, len(names)))
    with torch.no_grad():
        images = generator.network(latents, *told)
    assert images.shape == (3, shape.channels, shape.resolution, shape.resolution)
    assert images.dtype == torch.float32
    assert images.isfinite().all()
    assert images.abs().max() <= 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [Shape(1, 1, 16), Shape(3, 3, 32)], ids=["grey", "colour"])
def test_a_named_recipe_trains_to_finite_losses_and_images_in_range(name, shape):
    checked(trained(named(name), shape), shape)


TOLD = [name for name, each in ARCHITECTURES.items() if "told" in each.options]
"""Architectures that can be told classes."""


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("resolution", [64, 128])
def test_every_architecture_makes_large_images(name, resolution):
    shape = Shape(2, 3, resolution)
    checked(trained(Recipe(architecture=name).routine(), shape, steps=1), shape)


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("conditioning", ["none", "projection", "auxiliary classifier"])
def test_every_architecture_takes_every_condition_and_attributes(name, conditioning):
    shape = Shape(3, 1, 16, num_attributes=2)
    trainer = trained(Recipe(architecture=name, conditioning=conditioning).routine(), shape, 2)
    checked(trainer, shape)
    generator, latents = trainer.average, torch.zeros(2, Generator(trainer.average, ()).latent_dim)
    latents[:, 0] = 1.0
    labels, attributes = torch.tensor([0, 1]), torch.zeros(2, 2)
    with torch.no_grad():
        images = generator(latents, labels, attributes)
        others = generator(latents, labels, attributes + 3)
    # The class reaches the generator unless nobody is told it; attributes always do.
    assert torch.allclose(images[0], images[1], atol=1e-6) == (conditioning == "none")
    assert not torch.allclose(images, others, atol=1e-6)


GENERATORS = [
    (name, {"architecture": name, "conditioning": conditioning})
    for name in TOLD
    for conditioning in ("none", "projection")
] + [
    (layer, {"stabilizers": [layer]})
    for layer in ("virtual batch norm", "equalized learning rate", "pixel norm")
]


@pytest.mark.parametrize(
    "parts",
    [parts for _, parts in GENERATORS],
    ids=[f"{n}-{i}" for i, (n, _) in enumerate(GENERATORS)],
)
def test_a_saved_generator_is_rebuilt_to_the_same_images(parts, tmp_path):
    average = trained(Recipe(**parts).routine(), Shape(3, 3, 16)).average
    network = build(average.config).eval().requires_grad_(False)  # as `train` hands it over
    network.load_state_dict(average.state_dict())
    generator = Generator(network, ("a", "b", "c"))
    generator.save(tmp_path)
    again = Generator.load(tmp_path)
    assert again.sha256 == generator.sha256
    seeds = [1, 2, 3]
    for psi in (1.0, 0.5):
        images = generator.sample([0, 1, 2], seeds, truncation_psi=psi)
        assert torch.equal(again.sample([0, 1, 2], seeds, truncation_psi=psi), images)
    # An image is a function of its own label and seed, whatever it is drawn with.
    assert torch.equal(again.sample([1], [2])[0], again.sample([0, 1, 2], seeds)[1])


@pytest.mark.parametrize("name", NAMES)
def test_a_run_restored_in_the_middle_ends_with_the_same_bytes(name):
    shape = Shape(2, 1, 16)
    whole, first, second = (trained(named(name), shape, 6) for _ in range(3))
    first = trained_until(first, 2)
    second.restore(first.state())
    second.advance(6)
    for key, value in whole.average.state_dict().items():
        assert torch.equal(value, second.average.state_dict()[key]), key


def trained_until(like: Trainer, steps: int) -> Trainer:
    trainer = Trainer(like.run, like.images, like.train)
    trainer.advance(steps)
    return trainer


def test_a_progressive_run_grows_both_networks_and_its_average_with_them():
    trainer = trained(named("progressive"), Shape(2, 1, 32), 1)
    routine = trainer.run.routine
    trainer = Trainer(
        Run(routine, Shape(2, 1, 32), 6 * 20), Pictures(Shape(2, 1, 32)), np.arange(24)
    )
    course = []
    while not trainer.finished:
        trainer.advance(trainer.step + 1)
        networks = (*trainer.networks.values(), trainer.average)
        states = {m.now() for n in networks for m in n.modules() if isinstance(m, Growth)}
        assert len(states) == 1
        course.append(states.pop())
    assert course[0] == (0, 1.0)
    assert course[-8:] == [(3, 1.0)] * 8
    assert {stage for stage, _ in course} == {0, 1, 2, 3}


def test_the_reference_batches_are_fixed_at_the_first_step_and_stay():
    shape = Shape(2, 1, 16)
    trainer = trained(named("virtual-batch-norm"), shape, 1)
    first = {role: network.reference.inputs.clone() for role, network in trainer.networks.items()}
    pixels = Pictures(shape).pixels.float() / 127.5 - 1
    for image in first["discriminator"]:  # real ones
        assert any(torch.allclose(image, real, atol=1e-6) for real in pixels)
    later = trained(named("virtual-batch-norm"), shape, 4)
    for role, network in later.networks.items():
        assert torch.equal(network.reference.inputs, first[role])


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"architecture": "residual", "stabilizers": ["pixel norm"]}, "no place for pixel norm"),
        ({"architecture": "stylegan", "stabilizers": ["pixel norm"]}, "no place for pixel norm"),
        (
            {"architecture": "fully connected", "stabilizers": ["virtual batch norm"]},
            "no place for reference",
        ),
        (
            {"architecture": "residual", "stabilizers": ["equalized learning rate"]},
            "no place for equalized",
        ),
        ({"stabilizers": ["virtual batch norm", "pixel norm"]}, "both stand where"),
        ({"stabilizers": ["virtual batch norm", "minibatch stddev"]}, "independent of its batch"),
        ({"stabilizers": ["minibatch discrimination", "minibatch stddev"]}, "both decide on layer"),
        ({"stabilizers": ["spectral norm", "equalized learning rate"]}, "undoes the scale"),
        ({"architecture": "stylegan", "stabilizers": ["spectral norm"]}, "undoes the scale"),
        (
            {"architecture": "residual", "penalties": ["r1"], "stabilizers": ["minibatch stddev"]},
            "depend on the others",
        ),
    ],
)  # fmt: skip
def test_senseless_combinations_are_refused_when_built_with_the_reason(parts, reason):
    with pytest.raises(InputError, match=f"expected parts that go together, got .*{reason}"):
        Recipe(**parts)


def test_every_part_that_asks_for_it_is_made_ready():
    made = []
    extra = Part(name="extra", ready=lambda step: made.append(len(step.labels)))
    recipe = Recipe(stabilizers=["virtual batch norm", extra])
    trainer = trained(recipe.routine(), Shape(2, 1, 16), 2)
    assert made == [6]
    assert trainer.networks["discriminator"].reference.labels.any()


def test_what_frees_the_discriminator_of_batch_normalisation_lets_the_slope_be_penalised():
    with pytest.raises(InputError, match="depend on the others"):
        Recipe(penalties=["r1"])
    for layer in ("virtual batch norm", "spectral norm", "equalized learning rate"):
        assert layer in Recipe(penalties=["r1"], stabilizers=[layer]).parts


def test_every_layer_is_known_by_name_and_combines_where_it_has_a_place():
    assert set(LAYERS) <= set(PARTS)
    # Equalized weights and pixel norm are what growing networks are made with.
    Recipe(architecture="progressive", stabilizers=["equalized learning rate", "pixel norm"])
    for name, layer in itertools.product(TOLD, LAYERS[:2]):
        shape = Shape(2, 1, 16)
        checked(trained(Recipe(architecture=name, stabilizers=[layer]).routine(), shape, 1), shape)


def test_a_critic_that_names_classes_has_no_place_for_a_condition():
    with pytest.raises(InputError, match="projection with naming: its networks have no place"):
        Recipe(architecture="naming", conditioning="projection")


def test_a_size_that_an_architecture_cannot_reach_is_refused():
    with pytest.raises(InputError, match=r"size: expected one of 16, 32, 64, 128, got 48 \(arch"):
        Recipe(architecture="progressive").routine().build(Shape(2, 3, 48))
