"""Objectives and penalties against independent rewrites."""

from __future__ import annotations

import losses_by_definition as reference
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from synthaug.networks.answer import Answer
from synthaug.objectives.adversarial import (
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    Relativistic,
    Wasserstein,
)
from synthaug.objectives.balancing import OneSidedSmoothing
from synthaug.objectives.penalties import (
    R1,
    R2,
    GradientPenalty,
    NoiseRegularizer,
    WeightClipping,
    WeightPenalty,
)

OBJECTIVES = {
    "minimax": Minimax,
    "non_saturating": NonSaturating,
    "least_squares": LeastSquares,
    "wasserstein": Wasserstein,
    "hinge": Hinge,
    "relativistic": Relativistic,
}
pairs = st.integers(1, 6).flatmap(
    lambda n: st.tuples(*[st.lists(st.floats(-12, 12), min_size=n, max_size=n)] * 2)
)


class Stage:
    """A step whose logits are given."""

    def __init__(self, real, fake):
        self.real, self.fake = (
            torch.tensor(logits, dtype=torch.float64).requires_grad_() for logits in (real, fake)
        )

    def judged_apart(self, critic):
        return Answer(self.real), Answer(self.fake)

    judged_for_generator = judged_apart


@pytest.mark.parametrize("name", OBJECTIVES)
@given(logits=pairs)
def test_losses_are_those_of_the_papers(name, logits):
    objective, stage = OBJECTIVES[name](), Stage(*logits)
    expected = getattr(reference, name)(*logits)
    got = objective.discriminator(stage).item(), objective.generator(stage).item()
    assert got == pytest.approx(expected, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_heads_add_up_in_every_objective(name):
    objective = OBJECTIVES[name]()
    one, two = (
        Stage([1.5, 3.0], [-0.5, 0.2]),
        Stage([[1.5] * 2, [3.0] * 2], [[-0.5] * 2, [0.2] * 2]),
    )
    for term in (objective.discriminator, objective.generator):
        assert term(two).item() == pytest.approx(2 * term(one).item(), rel=1e-5)


@given(pairs, st.floats(0.6, 1))
def test_smoothing_is_the_loss_against_the_smoothed_label(logits, label):
    stage = Stage(*logits)
    extra = OneSidedSmoothing(label)(stage).item()
    logistic = NonSaturating().discriminator(stage).item() + extra
    assert logistic == pytest.approx(reference.minimax(*logits, label)[0], rel=1e-4, abs=1e-4)
    squares = LeastSquares().discriminator(stage).item() + extra
    constant = 0.5 * (1 - label**2)
    expected = reference.least_squares(*logits, label)[0] + constant
    assert squares == pytest.approx(expected, rel=1e-4, abs=1e-4)


@given(pairs, st.floats(0.6, 1))
def test_smoothing_leaves_the_fake_target_at_zero(logits, label):
    stage = Stage(*logits)
    (NonSaturating().discriminator(stage) + OneSidedSmoothing(label)(stage)).backward()
    n = len(logits[0])
    # Cross-entropy's gradient is probability minus target.
    fake_target = torch.sigmoid(stage.fake.detach()) - n * stage.fake.grad
    real_target = torch.sigmoid(stage.real.detach()) - n * stage.real.grad
    assert torch.allclose(fake_target, torch.zeros(n).double(), atol=1e-6)
    assert torch.allclose(real_target, torch.full((n,), label).double(), atol=1e-6)


@given(st.floats(8, 15))
def test_least_squares_pull_hardest_where_minimax_has_stopped(depth):
    pulls = {}
    for name in ("minimax", "non_saturating", "least_squares"):
        stage = Stage([depth], [-depth])
        OBJECTIVES[name]().generator(stage).backward()
        pulls[name] = abs(stage.fake.grad.item())
    assert pulls["minimax"] < 1e-3
    assert pulls["non_saturating"] > 0.99
    assert pulls["least_squares"] == pytest.approx(depth + 1, rel=1e-5)


@given(st.floats(1.01, 12), st.floats(-0.99, 0.99))
def test_hinge_has_no_gradient_outside_its_margin(outside, inside):
    stage = Stage([outside, inside], [-outside, inside])
    Hinge().discriminator(stage).backward()
    assert stage.real.grad.tolist() == [0, -0.5]
    assert stage.fake.grad.tolist() == [0, 0.5]


class Quadratic(nn.Module):
    """The critic of the reference, in torch."""

    def __init__(self, critic):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(critic.a, dtype=torch.float64))
        self.b = nn.Parameter(torch.tensor(critic.b, dtype=torch.float64))
        self.c = critic.c

    def forward(self, images, labels):
        x = images.flatten(1)
        return Answer(0.5 * ((x @ self.a) * x).sum(1) + x @ self.b + self.c)


class Places:
    """A step with images and a critic."""

    def __init__(self, seed, n=3, sides=(1, 2, 2)):
        rng = np.random.default_rng(seed)
        d = int(np.prod(sides))
        self.arrays = rng.normal(size=(2, n, d))
        self.by_hand = reference.Quadratic(
            rng.normal(size=(d, d)), rng.normal(size=d), float(rng.normal())
        )
        self.real_shown, self.fake_shown = torch.tensor(self.arrays).view(2, n, *sides)
        self.labels = torch.zeros(n, dtype=torch.int64)
        self.condition = (self.labels,)
        self.critic = Quadratic(self.by_hand)
        self.rng = torch.Generator().manual_seed(seed)

    def network(self, role):
        return self.critic


seeds = st.integers(0, 10_000)


@given(seeds)
def test_penalties_on_the_slope_are_those_of_the_papers(seed):
    stage = Places(seed)
    real, fake = stage.arrays
    assert R1()(stage).item() == pytest.approx(stage.by_hand.squared_slope(real))
    assert R2()(stage).item() == pytest.approx(stage.by_hand.squared_slope(fake))
    assert NoiseRegularizer()(stage).item() == pytest.approx(stage.by_hand.noise(real, fake))


@given(seeds)
def test_the_gradient_penalty_lies_between_real_and_fake(seed):
    stage = Places(seed)
    share = torch.rand(3, 1, 1, 1, generator=torch.Generator().manual_seed(seed)).numpy()[..., 0, 0]
    real, fake = stage.arrays
    between = share * fake + (1 - share) * real
    expected = stage.by_hand.distance_from_one(between)
    assert GradientPenalty()(stage).item() == pytest.approx(expected, rel=1e-5)


@settings(max_examples=20)
@given(seeds)
def test_penalties_have_the_gradient_that_differences_show(seed):
    for penalty in (R1(), R2(), NoiseRegularizer(), GradientPenalty()):

        def value(shift, penalty=penalty):
            stage = Places(seed)
            with torch.no_grad():
                stage.critic.b[0] += shift
            return penalty(stage), stage.critic

        loss, critic = value(0)
        loss.backward()
        difference = (value(1e-5)[0] - value(-1e-5)[0]) / 2e-5
        assert critic.b.grad[0].item() == pytest.approx(difference.item(), rel=1e-3, abs=1e-5)


def test_a_critic_without_slope_has_a_penalty_and_a_finite_gradient():
    stage = Places(0)
    with torch.no_grad():
        stage.critic.a.zero_()
        stage.critic.b.zero_()
    loss = GradientPenalty()(stage)
    loss.backward()
    assert loss.item() == pytest.approx(1, abs=1e-5)
    assert stage.critic.b.grad.isfinite().all()


def test_the_gradient_of_the_weight_penalty_is_the_weights_and_biases_are_free():
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    stage = Places(0)
    stage.critic = network
    loss = WeightPenalty()(stage)
    loss.backward()
    weights = [network[0].weight, network[2].weight]
    assert loss.item() == pytest.approx(
        0.5 * sum(float(w.detach().numpy().ravel() @ w.detach().numpy().ravel()) for w in weights)
    )
    for parameter in network.parameters():
        if parameter.ndim > 1:
            assert torch.allclose(parameter.grad, parameter.detach())
        else:
            assert parameter.grad is None


def test_clipping_brings_back_what_lies_outside_and_leaves_the_rest():
    stage = Places(0)
    with torch.no_grad():
        stage.critic.b.copy_(torch.tensor([0.5, -0.5, 0.005, 0]))
        WeightClipping(0.01)(stage)
    assert stage.critic.b.tolist() == pytest.approx([0.01, -0.01, 0.005, 0])
    assert stage.critic.a.abs().max() <= 0.01
