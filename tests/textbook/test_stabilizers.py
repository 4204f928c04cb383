"""What each stabilizer is known for, through recipe, routine and the real trainer."""

from __future__ import annotations

import dirac
import numpy as np
import pytest
import ring
import squares
import torch

from synthaug.errors import InputError
from synthaug.textbook import Recipe, entry_of
from synthaug.textbook.catalogue import stabilizers
from synthaug.textbook.parts import make
from synthaug.training.checkpoint import load_checkpoint, save_checkpoint


def settled(**rest) -> float:
    """Distance from the balance of the Dirac-GAN after 300 steps; it starts at 0.71."""
    trainer = dirac.dirac("minimax", steps=300, **rest)
    trainer.advance(300)
    return dirac.away(trainer)


def test_the_game_that_circles_settles_with_what_is_said_to_settle_it():
    plain = settled()
    assert plain > 0.6  # without it, the test would prove nothing
    for penalty in (make("r1", every=1), make("r2", every=1), "noise regularizer"):
        assert settled(penalties=[penalty]) < 0.01 * plain
    assert settled(stabilizers=["unrolled"]) < 0.05 * plain
    assert settled(stabilizers=[make("historical averaging", weight=0.3)]) < 0.5 * plain


def test_the_averaged_generator_stays_near_the_balance_of_a_game_that_circles():
    trainer = dirac.dirac("minimax", steps=400, averaging=None, stabilizers=["averaging"])
    trained, averaged = [], []
    for step in range(300, 400):
        trainer.advance(step)
        trained.append(abs(float(trainer.networks["generator"].u.detach())))
        averaged.append(abs(float(trainer.average.u)))
    assert max(trained) > 0.6
    assert max(averaged) < 0.5 * max(trained)


def test_two_time_scales_are_the_ratio_of_the_first_moves():
    trainer = ring.on_the_ring(
        "non-saturating", [make("ttur", generator=1e-4, discriminator=4e-4)], steps=1
    )
    before = {
        role: torch.cat([p.detach().flatten() for p in trainer.networks[role].parameters()])
        for role in ("generator", "discriminator")
    }
    trainer.advance(1)
    moves = {
        role: torch.cat([p.detach().flatten() for p in trainer.networks[role].parameters()]) - old
        for role, old in before.items()
    }
    # Adam's first move is the learning rate.
    assert moves["generator"].abs().median().item() == pytest.approx(1e-4, rel=0.02)
    assert moves["discriminator"].abs().median().item() == pytest.approx(4e-4, rel=0.02)


def test_a_part_about_learning_rates_wins_over_an_objective_that_also_has_some():
    recipe = Recipe("wgan-gp", stabilizers=["no batch norm", "ttur"])
    rates = [player.learning_rate for player in recipe.routine().phases[0].players]
    assert rates == [4e-4, 1e-4]


def told_real(objective: str, label: float) -> tuple[float, float]:
    """What a discriminator that tells all apart answers: to real and to generated points."""
    trainer = ring.on_the_ring(
        objective,
        [make("label smoothing", target=label)],
        steps=300,
        learning_rates=(0.0, 5e-3),
        averaging=0,
    )
    with torch.no_grad():  # generated points far away from the ring
        trainer.networks["generator"].body[-1].bias += 3
    trainer.advance(300)
    real, fake = trainer._steps(1.0, 300)[0].judged_apart("discriminator")
    return float(real.realness.detach().median()), float(fake.realness.detach().median())


def test_smoothing_moves_the_real_target_and_leaves_the_fake_one_at_zero():
    for label in (0.9, 0.75):
        real, fake = told_real("non-saturating", label)
        assert 1 / (1 + np.exp(-real)) == pytest.approx(label, abs=0.02)
        assert 1 / (1 + np.exp(-fake)) < 0.02
    real, fake = told_real("lsgan", 0.8)
    assert real == pytest.approx(0.8, abs=0.05)
    assert fake == pytest.approx(0, abs=0.05)


def gap(*stabilizers) -> float:
    trainer = ring.on_the_ring(
        "hinge", stabilizers, steps=150, learning_rates=(0.0, 1e-3), averaging=0
    )
    trainer.advance(150)
    real, fake = trainer._steps(1.0, 150)[0].judged_apart("discriminator")
    return float((real.realness.mean() - fake.realness.mean()).detach())


def test_lecam_keeps_the_discriminators_answers_from_running_apart():
    plain, held = gap(), gap(make("lecam", weight=1.0))
    assert 0 < held < 0.7 * plain


def test_paid_for_weights_stay_smaller():
    def size(*penalties):
        trainer = ring.on_the_ring(
            "non-saturating", steps=100, penalties=penalties, learning_rates=(1e-3, 1e-3)
        )
        trainer.advance(100)
        critic = trainer.networks["discriminator"]
        return sum(float(p.detach().square().sum()) for p in critic.parameters() if p.ndim > 1)

    assert size(make("weight penalty", weight=0.01)) < 0.8 * size()


def test_adas_p_rises_when_few_images_are_learnt_by_heart():
    recipe = Recipe(
        stabilizers=[make("ada", travel=2000), "no batch norm"], learning_rates=(0.0, 1e-3)
    )
    trainer = squares.trainer(recipe.routine(), steps=60)
    p = trainer.networks["ada"].get_buffer("p")
    assert p == 0
    trainer.advance(60)
    assert p > 0.3


STATEFUL = ("ada", "lecam", "historical-averaging", "instance-noise")


@pytest.mark.parametrize("name", STATEFUL)
def test_what_is_remembered_survives_a_checkpoint_and_resumes_to_the_same_bytes(name, tmp_path):
    whole, first, second = (squares.trainer(entry_of(name).make(), steps=12) for _ in range(3))
    whole.advance(12)
    first.advance(6)
    save_checkpoint(tmp_path / "c.pt", {"fingerprint": "f", "trainer": first.state()})
    second.restore(load_checkpoint(tmp_path / "c.pt", "f")["trainer"])
    assert squares.weights(second) == squares.weights(first)
    second.advance(12)
    assert squares.weights(second) == squares.weights(whole)
    memories = [role for role in whole.networks if role not in ("generator", "discriminator")]
    for role in memories:
        state = whole.networks[role].state_dict()
        assert any(value.any() for value in state.values())  # it has remembered something
        fresh = squares.trainer(entry_of(name).make(), steps=12).networks[role].state_dict()
        assert any(not torch.equal(fresh.get(k, torch.zeros(1)), v) for k, v in state.items())


@pytest.mark.parametrize("name", [entry.name for entry in stabilizers.ENTRIES])
def test_every_named_recipe_trains_on_images(name):
    trainer = squares.trainer(entry_of(name).make(), steps=2)
    before = squares.weights(trainer)
    trainer.advance(2)
    assert squares.weights(trainer) != before
    assert all(value.isfinite() for value in trainer.losses.values())


REFUSED = {
    ("wgan", "label smoothing"): "its objective has no label to smooth",
    ("hinge", "label smoothing"): "its objective has no label to smooth",
    ("relativistic", "label smoothing"): "its objective has no label to smooth",
    ("relativistic", "ada"): "it reads the sign of the discriminator's answers",
    ("lsgan", "ada"): "it reads the sign of the discriminator's answers",
    ("wgan", "unrolled"): "its virtual steps would leave the clipped range",
    ("wgan", "weight penalty"): "clipping bounds the weights already",
    ("non-saturating", "r2"): "the slope at one image would depend on the others",
    ("non-saturating", "gradient penalty"): "the slope at one image would depend on the others",
    ("non-saturating", "noise regularizer"): "the slope at one image would depend on the others",
    ("hinge", "noise regularizer", "no batch norm"): "its weights are probabilities",
}


@pytest.mark.parametrize("parts", REFUSED, ids=" + ".join)
def test_senseless_pairs_are_refused_with_the_reason(parts):
    objective, *others = parts
    with pytest.raises(InputError, match=REFUSED[parts]):
        Recipe(objective, stabilizers=others)


def test_all_that_go_together_train_together():
    """One recipe of everything that nothing refuses, on points."""
    trainer = ring.on_the_ring(
        make("non-saturating", generator_weight=0.5),
        [
            "label smoothing", "instance noise", "feature matching", "historical averaging",
            make("unrolled", steps=2), "ttur", "averaging", "lecam", "ada",
        ],
        penalties=["r1", "r2", "weight penalty", "noise regularizer", "gradient penalty"],
        steps=10, averaging=None, batch_size=32,
    )  # fmt: skip
    trainer.advance(10)
    assert all(value.isfinite() for value in trainer.losses.values())
    assert set(trainer.networks) >= {"history", "lecam", "ada"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_unrolling_finds_more_modes_than_the_plain_game(seed):
    plain = ring.looks([], steps=600, seed=seed)
    ahead = ring.looks([make("unrolled", steps=5, learning_rate=0.2)], steps=600, seed=seed)
    # Counted five times in the second half; the plain game finds two at most.
    assert np.mean(plain) <= 3, (plain, ahead)
    assert np.mean(ahead) >= 6, (plain, ahead)
