"""Losses and penalties against values computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from synthaug.networks.answer import Answer
from synthaug.objectives.adversarial import NonSaturating, Relativistic
from synthaug.objectives.conditioning import AuxiliaryClassifier
from synthaug.objectives.penalties import R1
from synthaug.objectives.reconstruction import NegativeELBO


class Stage:
    """A step whose logits are given."""

    def __init__(self, real, fake, networks=None):
        self.logits = Answer(torch.tensor(real)), Answer(torch.tensor(fake))
        self.networks = networks or {}
        self.real = self.real_shown = torch.zeros(2, 1, 4, 4)
        self.labels = torch.zeros(2, dtype=torch.int64)
        self.condition = (self.labels,)

    def judged_apart(self, critic):
        return self.logits

    judged_for_generator = judged_apart

    def network(self, role):
        return self.networks[role]

    def latent(self, n):
        return torch.zeros(n, 5)

    def normal_like(self, tensor):
        return torch.zeros_like(tensor)


logits = st.lists(st.floats(-20, 20), min_size=1, max_size=5)


@given(logits, st.floats(-20, 20))
def test_relativistic_losses_are_softplus_of_the_paired_difference(real, shift):
    fake = [value + shift for value in real]
    softplus = np.logaddexp(0, shift)
    stage = Stage(real, fake)
    assert Relativistic().discriminator(stage).item() == pytest.approx(softplus, abs=1e-4)
    assert Relativistic().generator(stage).item() == pytest.approx(
        np.logaddexp(0, -shift), abs=1e-4
    )


def test_non_saturating_losses_at_zero_are_log_two():
    stage = Stage([0.0, 0.0], [0.0, 0.0])
    assert NonSaturating().discriminator(stage).item() == pytest.approx(2 * math.log(2))
    assert NonSaturating().generator(stage).item() == pytest.approx(math.log(2))


def test_several_heads_add_up():
    one, two = Stage([1.0, 3.0], [0.0, 0.0]), Stage([[1.0] * 2, [3.0] * 2], [[0.0] * 2] * 2)
    ours = [Relativistic().discriminator(stage).item() for stage in (one, two)]
    assert ours[1] == pytest.approx(2 * ours[0])


def test_r1_of_a_linear_critic_is_half_its_squared_norm():
    class Linear(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.tensor([1.0, -2.0, 3.0, 0.5] * 4).view(1, 4, 4))

        def forward(self, images, labels):
            return Answer((images * self.weight).sum((1, 2, 3)))

    critic = Linear()
    penalty = R1()(Stage([0.0], [0.0], {"discriminator": critic}))
    assert penalty.item() == pytest.approx(0.5 * 4 * (1 + 4 + 9 + 0.25))
    penalty.backward()
    assert torch.allclose(critic.weight.grad, critic.weight.detach())


def test_the_elbo_of_a_perfect_decoder_is_its_divergence_alone():
    class Encoder(nn.Module):
        def forward(self, images):
            return torch.ones(len(images), 3), torch.zeros(len(images), 3)

    class Decoder(nn.Module):
        def forward(self, latents, labels):
            return torch.zeros(len(latents), 1, 4, 4)

    stage = Stage([0.0], [0.0], {"encoder": Encoder(), "generator": Decoder()})
    # Three dimensions with mean 1 and variance 1: 3 x 1/2 nats.
    assert NegativeELBO(beta=0.1)(stage).item() == pytest.approx(0.15)


def test_the_auxiliary_classifier_asks_real_images_for_one_player_and_fakes_for_the_other():
    term, stage = AuxiliaryClassifier(), Stage([0.0], [0.0])
    sure = torch.tensor([[9.0, -9.0], [9.0, -9.0]])
    stage.logits = tuple(
        answer._replace(class_logits=logits)
        for answer, logits in zip(stage.logits, (sure, -sure), strict=True)
    )
    assert term.discriminator(stage).item() == pytest.approx(0, abs=1e-6)
    assert term.generator(stage).item() == pytest.approx(18, abs=1e-4)
