"""What each objective is known for, through recipe, routine and the real trainer."""

from __future__ import annotations

import numpy as np
import pytest
import ring
import squares
import torch

from synthaug.errors import InputError
from synthaug.objectives.adversarial import Wasserstein
from synthaug.textbook import Recipe, entry_of
from synthaug.textbook.catalogue import objectives
from synthaug.textbook.part import Part
from synthaug.textbook.parts import make
from synthaug.training import Term, Trainer


def in_front_of(objective: str, seed: int = 0) -> float:
    """The generator's gradient before a discriminator trained alone against it."""
    trainer = ring.on_the_ring(
        objective, steps=250, seed=seed, learning_rates=(0.0, 2e-3), averaging=0
    )
    with torch.no_grad():  # generated points far away from the ring
        trainer.networks["generator"].body[-1].bias += 3
    trainer.advance(250)
    step = trainer._steps(1.0, 250)[0]
    generator = trainer.networks["generator"]
    (term,) = trainer.run.routine.phases[0].players[1].terms
    gradients = torch.autograd.grad(term.function(step), list(generator.parameters()))
    return float(torch.cat([gradient.flatten() for gradient in gradients]).norm())


def test_least_squares_reach_the_generator_where_minimax_saturates():
    pulls = {name: in_front_of(name) for name in ("minimax", "non-saturating", "lsgan")}
    assert pulls["minimax"] < 0.05 * pulls["lsgan"]
    assert pulls["minimax"] < 0.05 * pulls["non-saturating"]


def largest_weight(objective) -> float:
    trainer = ring.on_the_ring(objective, steps=60, learning_rates=(1e-3, 1e-3))
    trainer.advance(60)
    critic = trainer.networks["discriminator"]
    return max(float(p.detach().abs().max()) for p in critic.parameters())


def test_the_weights_of_wgans_critic_stay_within_the_clip():
    free = Part(
        name="free",
        discriminator=(Term("free", Wasserstein().discriminator),),
        generator=(Term("free", Wasserstein().generator),),
    )
    assert largest_weight("wgan") <= 0.01 + 1e-9
    assert largest_weight(make("wgan", clip=0.05)) == pytest.approx(0.05)
    assert largest_weight(free) > 0.3


def slopes_between(trainer: Trainer) -> np.ndarray:
    """Gradient norms of the critic between real and generated points."""
    step = trainer._steps(1.0, trainer.step)[0]
    share = torch.rand(len(step.real), 1, 1, 1, generator=torch.Generator().manual_seed(7))
    places = (step.real + share * (step.fake.detach() - step.real)).requires_grad_()
    logits = trainer.networks["discriminator"](places, step.labels).realness
    (gradient,) = torch.autograd.grad(logits.sum(), places)
    return gradient.flatten(1).norm(dim=1).numpy()


def test_the_gradient_norm_of_wgan_gps_critic_is_near_1_after_training():
    norms = {}
    for weight, steps in ((10.0, 500), (0.0, 100)):
        trainer = ring.on_the_ring(
            make("wgan-gp", weight=weight), steps=steps, learning_rates=(1e-3, 1e-3)
        )
        trainer.advance(steps)
        norms[weight] = slopes_between(trainer)
    assert norms[10.0].mean() == pytest.approx(1, abs=0.15)
    assert np.median(abs(norms[10.0] - 1)) < 0.2
    assert norms[0.0].mean() > 3  # the penalty does it


def test_wgan_gp_takes_five_critic_steps_for_one_of_the_generator():
    trainer = ring.on_the_ring("wgan-gp", steps=10)

    def weights(role):
        return torch.cat([p.detach().flatten() for p in trainer.networks[role].parameters()])

    moved = {"generator": [], "discriminator": []}
    for step in range(10):
        before = {role: weights(role) for role in moved}
        trainer.advance(step + 1)
        for role, when in moved.items():
            when.append(not torch.equal(before[role], weights(role)))
    assert all(moved["discriminator"])
    assert moved["generator"] == [False, False, False, False, True] * 2


@pytest.mark.parametrize("name", [entry.name for entry in objectives.ENTRIES])
def test_every_named_recipe_trains_on_images(name):
    assert name in str(entry_of(name))
    trainer = squares.trainer(entry_of(name).make(), steps=6)
    before = squares.weights(trainer)
    trainer.advance(6)
    assert squares.weights(trainer) != before
    assert all(value.isfinite() for value in trainer.losses.values())
    assert set(trainer.losses) >= {f"{who}/{name}" for who in ("discriminator", "generator")}


@pytest.mark.parametrize(
    ("recipe", "reason"),
    [
        ({"objective": "wgan-gp"}, "wgan-gp with dcgan: the slope at one image would depend"),
        (
            {"objective": "hinge", "stabilizers": ["lsgan"]},
            "hinge with lsgan: a game has one objective",
        ),
    ],
)
def test_objectives_refuse_what_makes_no_sense_beside_them(recipe, reason):
    with pytest.raises(InputError, match=reason):
        Recipe(**recipe)


def test_wgan_takes_the_settings_of_its_paper_where_the_caller_has_none():
    discriminator, generator = Recipe("wgan").routine().phases[0].players
    assert (discriminator.optimizer, discriminator.learning_rate) == ("rmsprop", 5e-5)
    assert generator.every == 5
    own = Recipe("wgan", learning_rates=(1e-3, 2e-3), critic_steps=2).routine().phases[0].players
    assert [player.learning_rate for player in own] == [2e-3, 1e-3]
    assert own[1].every == 2


def test_clipping_is_refused_where_weights_are_scaled_afterwards():
    for architecture in ("progressive", "stylegan"):
        with pytest.raises(InputError, match="clipping what is stored bounds nothing"):
            Recipe("wgan", architecture=architecture)
