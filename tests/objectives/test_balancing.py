"""Terms that keep the players in step, against values computed by hand."""

from __future__ import annotations

import losses_by_definition as reference
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from synthaug.networks.answer import Answer
from synthaug.networks.memory import Memory
from synthaug.objectives.adversarial import NonSaturating
from synthaug.objectives.balancing import (
    FeatureMatching,
    HistoricalAverage,
    InstanceNoise,
    LeCam,
)
from synthaug.objectives.unrolled import Unrolled
from synthaug.training.routine import Term
from synthaug.training.step import Step


class Slope(nn.Module):
    """D(x) = psi x, telling its input as features; the Dirac-GAN's discriminator."""

    def __init__(self, psi=0.5):
        super().__init__()
        self.psi = nn.Parameter(torch.tensor([psi], dtype=torch.float64))

    def forward(self, images, labels):
        features = images.flatten(1)
        return Answer(self.psi * features.sum(1), None, features)


class Place(nn.Module):
    """Every image is u; the Dirac-GAN's generator."""

    z_dim, noise_dim = 1, 0

    def __init__(self, u=0.5):
        super().__init__()
        self.u = nn.Parameter(torch.tensor([u], dtype=torch.float64))

    def forward(self, latents, labels):
        return self.u.expand(len(latents), 1, 1, 1)


def step(networks, n=3, *, real=None, done=0.0, index=0, views=()):
    real = torch.zeros(n, 1, 1, 1, dtype=torch.float64) if real is None else real
    labels = torch.zeros(len(real), dtype=torch.int64)
    rng = torch.Generator().manual_seed(0)
    return Step(networks, real, labels, done=done, index=index, rng=rng, views=views)


def test_feature_matching_is_the_squared_difference_of_means_computed_by_hand():
    class Told(nn.Module):
        def forward(self, images, labels):
            return Answer(images.sum((1, 2, 3)), None, images.flatten(1))

    class Given(nn.Module):
        z_dim, noise_dim = 1, 0

        def forward(self, latents, labels):
            return torch.tensor([[5.0, 1.0], [1.0, 1.0]]).view(2, 2, 1, 1)

    real = torch.tensor([[1.0, 2.0], [3.0, 6.0]]).view(2, 2, 1, 1)
    stage = step({"discriminator": Told(), "generator": Given()}, real=real)
    # Means (2, 4) and (3, 1): (1 + 9) / 2.
    assert FeatureMatching()(stage).item() == pytest.approx(5.0)


def test_feature_matching_asks_the_discriminator_as_it_is_now():
    class Scaled(nn.Module):
        scale = 1.0

        def forward(self, images, labels):
            return Answer(images.sum((1, 2, 3)), None, self.scale * images.flatten(1))

    critic = Scaled()
    real = torch.full((2, 1, 1, 1), 0.5, dtype=torch.float64)
    stage = step({"discriminator": critic, "generator": Place(0.5)}, real=real)
    stage.judged_apart("discriminator")
    critic.scale = 3.0  # the discriminator's own step
    stage.forget(["discriminator"])
    # What is equal stays equal, however the features have changed.
    assert FeatureMatching()(stage).item() == pytest.approx(0)


@settings(deadline=None, max_examples=30)
@given(st.floats(-2, 2), st.floats(-2, 2), st.integers(1, 4), st.floats(0.05, 0.8))
def test_unrolling_is_the_game_some_steps_later_and_its_gradient_goes_through_them(
    u, psi, steps, rate
):
    game = NonSaturating()
    place, slope = Place(u), Slope(psi)
    term = Unrolled(game.generator, (Term("d", game.discriminator),), steps, rate)
    loss = term(step({"generator": place, "discriminator": slope}))
    assert loss.item() == pytest.approx(
        reference.unrolled(u, psi, steps=steps, rate=rate), rel=1e-5, abs=1e-5
    )
    loss.backward(inputs=[place.u])
    ahead, behind = (reference.unrolled(u + h, psi, steps=steps, rate=rate) for h in (1e-5, -1e-5))
    # A gradient that stopped at the virtual steps would be another.
    assert place.u.grad.item() == pytest.approx((ahead - behind) / 2e-5, rel=1e-3, abs=1e-4)
    assert slope.psi.item() == psi


def test_unrolling_goes_through_batch_normalisation_and_changes_nothing_of_it():
    class Normed(nn.Module):
        batchwise = True

        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(1, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))

        def forward(self, images, labels):
            return Answer(self.body(images.flatten(1).float())[:, 0])

    torch.manual_seed(0)
    critic, game = Normed(), NonSaturating()
    before = {key: value.clone() for key, value in critic.state_dict().items()}
    real = torch.tensor([0.1, -0.4, 0.8], dtype=torch.float64).view(3, 1, 1, 1)

    class Scaled(Place):
        def forward(self, latents, labels):
            return self.u * latents[:, :, None, None].double()

    place = Scaled()
    term = Unrolled(game.generator, (Term("d", game.discriminator),), 3, 0.5)
    term(step({"generator": place, "discriminator": critic}, real=real)).backward(inputs=[place.u])
    assert place.u.grad.abs() > 0
    assert all(torch.equal(before[key], value) for key, value in critic.state_dict().items())


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=6))
def test_the_historical_average_is_the_mean_of_all_parameters_so_far(values):
    place, memory = Place(), Memory(**{"generator moves": 0})
    term, stage = HistoricalAverage("generator"), step({"generator": place, "history": memory})
    assert term(stage).item() == 0
    with torch.no_grad():
        for value in values:
            place.u.fill_(value)
            term.update(stage)
        place.u.fill_(1.5)
    loss = term(stage)
    loss.backward()
    away = 1.5 - np.mean(values)
    assert loss.item() == pytest.approx(away**2, rel=1e-3, abs=1e-4)
    assert place.u.grad.item() == pytest.approx(2 * away, rel=1e-3, abs=1e-4)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8), st.floats(0.5, 0.99))
def test_lecam_holds_answers_near_the_average_of_the_other_side(values, decay):
    memory, term = Memory(real=0, fake=0), LeCam(decay)
    place, slope = Place(), Slope(1.0)
    networks = {"generator": place, "discriminator": slope, "lecam": memory}
    with torch.no_grad():
        for value in values:
            place.u.fill_(value)
            real = torch.full((2, 1, 1, 1), 2 * value, dtype=torch.float64)
            term.update(step(networks, real=real))
        place.u.fill_(0.25)
    fake = reference.moving_average(values, decay)
    real = reference.moving_average([2 * value for value in values], decay)
    got = term(step(networks, real=torch.full((2, 1, 1, 1), -0.5, dtype=torch.float64))).item()
    assert got == pytest.approx((-0.5 - fake) ** 2 + (0.25 - real) ** 2, rel=1e-3, abs=1e-4)


@given(st.floats(0, 1), st.floats(0.1, 1))
def test_instance_noise_has_the_standard_deviation_of_its_schedule(done, until):
    noise = InstanceNoise(0.3, until)
    stage = step({}, real=torch.zeros(40, 1, 16, 16), done=done, views=(noise,))
    expected = max(0.0, 0.3 * (1 - done / until))
    assert stage.real_shown.std().item() == pytest.approx(expected, rel=0.05, abs=1e-6)
    assert not stage.real.any()


def test_generated_images_get_noise_too_and_pass_their_gradient():
    place = Place()
    stage = step({"generator": place}, n=2000, views=(InstanceNoise(0.3),))
    assert stage.fake_shown.std().item() == pytest.approx(0.3, rel=0.1)
    stage.fake_shown.mean().backward()
    assert place.u.grad.item() == pytest.approx(1)


def test_a_memory_takes_back_what_it_kept_later_than_at_its_start():
    memory, fresh = Memory(p=0.5), Memory(p=0)
    memory.keep("mean", torch.arange(3.0))
    fresh.load_state_dict(memory.state_dict())
    assert fresh.get_buffer("p") == 0.5
    assert fresh.get_buffer("mean").tolist() == [0, 1, 2]
