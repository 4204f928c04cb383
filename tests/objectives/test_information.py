"""The information bound, the divergence and the K + 1 losses against values by definition."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synthaug.networks.answer import Answer
from synthaug.objectives.information import Information, categorical_bound, continuous_bound
from synthaug.objectives.reconstruction import LearnedSimilarity, PlainELBO, divergence
from synthaug.objectives.semi_supervised import SemiSupervised


def test_the_bound_of_a_known_q_is_its_information():
    # A channel that tells a fair bit wrongly one time in four: 1 bit minus its entropy.
    q = torch.tensor([[0.75, 0.25], [0.25, 0.75]])
    chosen = torch.tensor([0, 0, 0, 1, 1, 1, 1, 0])
    seen = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    bound = categorical_bound(q.log()[seen], chosen)
    assert bound.item() == pytest.approx(math.log(2) - entropy, abs=1e-6)


def test_guessing_knows_nothing_and_certainty_knows_all():
    chosen = torch.arange(10)
    assert categorical_bound(torch.zeros(10, 10), chosen).item() == pytest.approx(0, abs=1e-6)
    sure = 100 * torch.eye(10)
    assert categorical_bound(sure, chosen).item() == pytest.approx(math.log(10), abs=1e-5)


def test_the_bound_of_a_continuous_code_is_log_width_plus_mean_log_density():
    numbers = torch.tensor([[0.5], [-0.5]])
    guess = torch.tensor([[0.0, math.log(0.25)], [0.0, math.log(0.25)]])
    # Density of a normal with sd 0.5 one sd away from its mean.
    density = math.exp(-0.5) / (0.5 * math.sqrt(2 * math.pi))
    expected = math.log(2) + math.log(density)
    assert continuous_bound(guess, numbers).item() == pytest.approx(expected, abs=1e-6)


@given(st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_no_guess_beats_the_truth(seed):
    """E[log q] is largest for the true conditional: the bound is one."""
    rng = np.random.default_rng(seed)
    truth = rng.dirichlet(np.ones(3), 3)  # p(image | code), rows
    joint = truth / 3
    counts = np.rint(joint * 20_000).astype(int)
    codes, images = (
        np.repeat(place, counts.ravel()) for place in np.indices((3, 3)).reshape(2, -1)
    )
    exact = (counts / counts.sum() * np.log(
        np.maximum(counts, 1) * counts.sum() / counts.sum(1, keepdims=True) / counts.sum(0).clip(1)
    )).sum()  # fmt: skip
    for q in (joint / joint.sum(0), rng.dirichlet(np.ones(3), 3).T):
        logits = torch.from_numpy(np.log(q.T[images] + 1e-12))
        bound = categorical_bound(logits, torch.from_numpy(codes)).item()
        assert bound <= exact + 2e-3
    logits = torch.from_numpy(np.log((joint / joint.sum(0)).T[images] + 1e-12))
    assert categorical_bound(logits, torch.from_numpy(codes)).item() == pytest.approx(
        exact, abs=2e-3
    )


def test_the_term_reads_each_code_from_its_own_part_of_the_head():
    generator = SimpleNamespace(
        categories=(2, 3), continuous=1,
        codes=lambda latents: (torch.tensor([[1, 2]]), torch.tensor([[0.25]])),
    )  # fmt: skip
    head = torch.tensor([[0.0, 50.0, 0.0, 0.0, 50.0, 0.25, 0.0]])
    fake = Answer(torch.zeros(1), codes=head)
    step = SimpleNamespace(
        latents=None, network=lambda role: generator, judged_for_generator=lambda c: (fake, fake)
    )
    category = math.log(2) + math.log(3)
    number = math.log(2) - 0.5 * math.log(2 * math.pi)
    for codes, expected in (
        ("categorical", category), ("continuous", number), ("all", category + number),
    ):  # fmt: skip
        assert Information(codes).generator(step).item() == pytest.approx(-expected, abs=1e-5)
    assert Information().reported(step).item() == pytest.approx(category + number, abs=1e-5)


@given(st.integers(0, 2**31), st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_the_divergence_in_closed_form_is_that_of_monte_carlo(seed, dims):
    rng = np.random.default_rng(seed)
    mean, log_variance = rng.normal(0, 1.5, dims), rng.uniform(-2, 1.5, dims)
    draws = 200_000
    z = mean + np.exp(log_variance / 2) * rng.normal(size=(draws, dims))
    log_q = -0.5 * ((z - mean) ** 2 / np.exp(log_variance) + log_variance).sum(1)
    log_p = -0.5 * (z**2).sum(1)
    ours = divergence(torch.from_numpy(mean[None]), torch.from_numpy(log_variance[None])).item()
    spread = (log_q - log_p).std() / math.sqrt(draws)
    assert abs(ours - (log_q - log_p).mean()) < 5 * spread + 1e-9


def _autoencoder(real, rebuilt):
    def encoder(images):
        return torch.ones(len(images), 3), torch.zeros(len(images), 3)

    networks = {
        "encoder": encoder,
        "generator": lambda latents, labels: rebuilt,
        "discriminator": lambda images, labels: Answer(None, features=images.flatten(1)[:, :2]),
    }
    return SimpleNamespace(
        real=real, condition=(torch.zeros(len(real), dtype=torch.int64),),
        network=networks.__getitem__, latent=lambda n: torch.zeros(n, 5),
        normal_like=torch.zeros_like,
        judged_for_generator=lambda critic: (networks["discriminator"](real, None), None),
    )  # fmt: skip


def test_the_plain_bound_is_log_density_minus_divergence_a_pixel():
    real = torch.zeros(2, 1, 4, 4)
    loss = PlainELBO(sd=0.5)(_autoencoder(real, real + 0.5)).item()
    # Each pixel lies one sd away; three latents of mean 1 and variance 1 cost 1/2 nat each.
    density = math.exp(-0.5) / (0.5 * math.sqrt(2 * math.pi))
    assert loss == pytest.approx(-math.log(density) + 1.5 / 16, abs=1e-6)


def test_learned_similarity_is_measured_in_the_critics_features():
    real = torch.zeros(2, 1, 4, 4)
    rebuilt = real.clone()
    rebuilt[:, 0, 3, 3] = 9.0  # not among the two pixels the critic looks at
    assert LearnedSimilarity()(_autoencoder(real, rebuilt)).item() == 0
    rebuilt[:, 0, 0, 1] = 2.0
    assert LearnedSimilarity()(_autoencoder(real, rebuilt)).item() == pytest.approx(0.5 * 4 / 2)


def _named(logits, features):
    return Answer(torch.logsumexp(logits, 1), logits, features)


def test_k_plus_one_losses_are_those_of_a_softmax_with_a_generated_class():
    real = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.5], [0.0, 3.0, 1.0]])
    fake = torch.tensor([[0.0, -1.0, 0.0]] * 3)
    step = SimpleNamespace(labels=torch.tensor([0, 3, 1]))  # the second has no label
    answers = _named(real, torch.tensor([[1.0], [2.0], [3.0]])), _named(fake, torch.zeros(3, 1))
    step.judged_apart = step.judged_for_generator = lambda critic: answers

    def softmax(rows):
        wide = np.exp(np.concatenate([rows.numpy(), np.zeros((3, 1))], axis=1))
        return wide / wide.sum(1, keepdims=True)

    p_real, p_fake = softmax(real), softmax(fake)
    expected = -np.log(1 - p_real[:, 3]).mean() - np.log(p_fake[:, 3]).mean()
    assert SemiSupervised().discriminator(step).item() == pytest.approx(expected, abs=1e-6)
    within = p_real[:, :3] / p_real[:, :3].sum(1, keepdims=True)
    expected = -(np.log(within[0, 0]) + np.log(within[2, 1])) / 2
    assert SemiSupervised().classes(step).item() == pytest.approx(expected, abs=1e-6)
    assert SemiSupervised().generator(step).item() == pytest.approx(4.0)


def test_a_batch_without_labels_costs_nothing():
    logits = torch.zeros(2, 3, requires_grad=True)
    step = SimpleNamespace(labels=torch.tensor([3, 3]))
    answers = _named(logits, torch.zeros(2, 1)), None
    step.judged_apart = lambda critic: answers
    loss = SemiSupervised().classes(step)
    assert loss.item() == 0
    loss.backward()
    assert (logits.grad == 0).all()
