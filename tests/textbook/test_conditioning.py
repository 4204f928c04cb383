"""What conditioning is known for: codes that inform, attributes that steer, few labels."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from synthaug.datasets import Scale
from synthaug.errors import InputError
from synthaug.networks.coded import CodedGenerator
from synthaug.objectives.information import categorical_bound
from synthaug.textbook import Recipe, named, recipes
from synthaug.textbook.parts import make
from synthaug.training import Classifier, Generator, Run, Shape, Trainer


def trained(routine, shape, data, steps, *, train=None, seed=0):
    run = Run(routine, shape, steps * routine.batch_size, seed)
    machine = Trainer(run, data, np.arange(len(data)) if train is None else train)
    machine.advance(run.steps)
    return machine


def with_terms(routine, **kept):
    """A routine whose players have only the terms kept; a player without any does not play."""
    (phase,) = routine.phases
    players = [
        dataclasses.replace(
            player, terms=tuple(t for t in player.terms if t.name in kept[player.name])
        )
        for player in phase.players
        if kept[player.name]
    ]
    return dataclasses.replace(
        routine, phases=(dataclasses.replace(phase, players=tuple(players)),)
    )


def test_recipes_say_whether_they_are_told_classes_and_take_attributes():
    told = {entry.name: entry.make() for entry in recipes()}
    assert not any(told[name].conditional for name in ("vae", "infogan", "semi-supervised"))
    assert all(told[name].conditional for name in ("cgan", "acgan", "projection", "attributes"))
    assert told["attributes"].attributes == "needed"
    assert {told[name].attributes for name in ("cgan", "projection", "cvae")} == {"taken"}
    assert {told[name].attributes for name in ("rare", "acgan", "infogan", "vae")} == {"refused"}


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        (
            {"conditioning": "none", "stabilizers": ["auxiliary classifier"]},
            "cannot be held to it",
        ),
        (
            {"objective": "semi-supervised", "conditioning": "none"},
            "the discriminator's own answer",
        ),
        ({"objective": "semi-supervised", "architecture": "naming"}, "most images have no label"),
        (
            {"conditioning": "none", "stabilizers": ["information"], "architecture": "naming"},
            "no place for codes",
        ),
    ],
)
def test_combinations_without_sense_are_refused_with_the_reason(parts, reason):
    with pytest.raises(InputError, match=reason):
        Recipe(**parts)


def test_codes_go_with_a_class_that_is_told():
    routine = Recipe(stabilizers=[make("information", categories=(3,), continuous=0)]).routine()
    networks = routine.build(Shape(4, 1, 16))
    assert isinstance(networks["generator"], CodedGenerator)
    assert networks["generator"].inner.config["num_classes"] == 4
    assert networks["discriminator"].guess[-1].out_features == 3


def test_a_generator_with_codes_is_saved_and_traversed(tmp_path):
    torch.manual_seed(0)
    network = named("infogan").build(Shape(1, 1, 16))["generator"].eval()
    generator = Generator(network, ("any",), {"recipe": "infogan"})
    generator.save(tmp_path)
    again = Generator.load(tmp_path)
    assert again.codes == ("category", "continuous", "continuous 2")
    images = again.traverse("category", range(10), seeds=[3, 4, 5])
    assert images.shape == (3, 10, 1, 16, 16)
    assert torch.equal(images, generator.traverse("category", range(10), seeds=[3, 4, 5]))
    # One of the ten is the image of the seed itself.
    itself = again.sample([0] * 3, [3, 4, 5])
    assert (images == itself[:, None]).flatten(2).all(2).any(1).all()


def test_what_a_generator_was_not_trained_for_is_refused():
    network = named("dcgan").build(Shape(2, 1, 16))["generator"].eval()
    generator = Generator(network, ("a", "b"), {"recipe": "dcgan"})
    with pytest.raises(InputError, match=r"trained with codes.*\(recipe dcgan\).*infogan"):
        generator.traverse("category", [0])
    with pytest.raises(InputError, match=r"a generator that kept one.*vae, cvae or vae-gan"):
        generator.encode(torch.zeros(1, 1, 16, 16, dtype=torch.uint8))
    with pytest.raises(InputError, match=r"trained with one.*recipe semi-supervised"):
        Classifier.of(generator)
    with pytest.raises(InputError, match=r"trained without.*--attributes FILE\.csv"):
        generator.sample([0], [0], attributes={"age": 3})


@pytest.mark.slow
def test_the_codes_of_infogan_inform_and_their_traversal_changes_the_image(digits, in_memory):
    """2.1 of at most 2.3 nats with the term, 0.03 without it; 12 CPU seconds."""
    data = in_memory(digits[0], np.zeros(len(digits[0])))
    plain = with_terms(
        named("infogan"),
        discriminator=("non-saturating", "categorical codes", "continuous codes"),
        generator=("non-saturating",),
    )
    seen = []
    for routine in (named("infogan"), plain):
        machine = trained(routine, Shape(1, 1, 16), data, 300)
        generator = Generator(machine.average, ("any",))
        latents = generator.latents(range(512))
        nobody = torch.zeros(512, dtype=torch.int64)
        with torch.no_grad():
            images = machine.average(latents, nobody)
            critic = machine.networks["discriminator"].eval()
            guess = critic(images, nobody).codes
        chosen, _ = machine.average.codes(latents)
        moved = generator.traverse("category", range(10), seeds=range(64)).float().var(1).mean()
        along = generator.traverse("continuous", (-1, 0, 1), seeds=range(64)).float().var(1).mean()
        seen.append((categorical_bound(guess[:, :10], chosen[:, 0]).item(), moved, along))
        told = machine.losses.get("generator/mutual information, nats")
        assert (told is None) == (routine is plain)
    (bound, moved, along), (bound_without, moved_without, along_without) = seen
    print(f"nats {bound:.2f} against {bound_without:.2f}; moved {moved:.0f}, {moved_without:.0f}")
    assert bound > 1.5 > 0.75 > bound_without
    assert bound <= math.log(10)
    assert moved > 5 * moved_without
    assert along > 2 * along_without


@pytest.mark.slow
def test_an_attribute_that_sets_the_brightness_is_learnt_and_asked_for_in_its_unit(in_memory):
    rng = np.random.default_rng(0)
    light, labels = rng.uniform(20, 90, 400).astype(np.float32), np.arange(400) % 2
    pixels = np.broadcast_to(light[:, None, None, None], (400, 1, 16, 16)).copy()
    pixels[labels == 1, :, 4:12, 4:12] += 80
    pixels = (pixels + rng.normal(0, 6, pixels.shape)).clip(0, 255).astype(np.uint8)
    scale = Scale.of(["light"], light[:, None])
    data = in_memory(pixels, labels, scale.standardise(light[:, None]))
    machine = trained(named("attributes"), Shape(2, 1, 16, num_attributes=1), data, 300)
    card = {"attributes": {"light": {"mean": scale.mean[0], "sd": scale.sd[0]}}}
    generator = Generator(machine.average, ("plain", "square"), card, attributes=("light",))
    asked = np.array([25.0, 40.0, 55.0, 70.0, 85.0])
    rim, middle = (
        np.array([
            generator.sample([label] * 32, range(32), attributes={"light": value})
            .float()[:, :, rows, rows].mean().item()
            for value in asked
        ])
        for label, rows in ((0, slice(0, 3)), (1, slice(6, 10)))
    )  # fmt: skip
    print("asked", asked, "rim", rim.round(1), "middle", middle.round(1))
    assert (np.diff(rim) > 5).all()
    assert np.abs(rim - asked).mean() < 12
    # The class is still obeyed: the square's middle is brighter by about 80.
    assert (middle - rim > 40).all()
    unasked = generator.sample([0] * 32, range(32)).float()[:, :, :3, :3].mean().item()
    assert unasked == pytest.approx(np.interp(scale.mean[0], asked, rim), abs=8)


@pytest.mark.slow
def test_k_plus_one_beats_the_same_net_trained_on_labels_alone(digits, in_memory):
    """10 labels a class, 500 test images, same network, steps, batches and averaging."""
    pixels, truth = digits
    routine = dataclasses.replace(named("semi-supervised"), batch_size=32)
    alone = with_terms(routine, discriminator=("class",), generator=())
    accuracies = []
    for seed in (0, 1):
        order = np.random.default_rng(seed).permutation(len(truth))
        test, pool = order[:500], order[500:]
        known = np.concatenate([pool[truth[pool] == label][:10] for label in range(10)])
        labels = np.full(len(truth), 10)
        labels[known] = truth[known]
        data = in_memory(pixels, labels)
        for what, where in ((routine, pool), (alone, known)):
            machine = trained(what, Shape(10, 1, 16), data, 500, train=where, seed=seed)
            network = machine.averages["discriminator"]
            classifier = Classifier(network, tuple("0123456789"), 1, 16)
            named_, probabilities = classifier.predict(torch.from_numpy(pixels[test]))
            np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
            accuracies.append((named_ == truth[test]).mean())
    ours, theirs = np.array(accuracies).reshape(2, 2).T
    print("K + 1", ours, "labels alone", theirs)
    assert (ours > theirs).all()
    assert ours.mean() - theirs.mean() > 0.015
