"""Translation terms against values computed by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from synthaug.networks.answer import Answer
from synthaug.networks.translation import ImagePool
from synthaug.objectives.translation import ConditionalPatches, Cycle, Jitter, PairedDistance
from synthaug.training import Step


class Constant(nn.Module):
    """A generator that answers with one grey."""

    source_channels, z_dim, noise_dim = 1, 0, 0

    def __init__(self, grey, resolution=4):
        super().__init__()
        self.grey = nn.Parameter(torch.tensor(float(grey)))
        self.resolution = resolution

    def forward(self, source, latents):
        return self.grey.expand_as(source)


class Shift(Constant):
    """A generator that adds one number to every pixel."""

    def forward(self, source, latents):
        return source + self.grey


class Mean(nn.Module):
    """A critic whose one patch answers with a channel's mean."""

    def __init__(self, channel=0):
        super().__init__()
        self.channel = channel
        self.seen = []

    def forward(self, images):
        self.seen.append(images)
        return Answer(images[:, self.channel].mean((1, 2))[:, None])


def step(real, networks, **options):
    return Step(
        networks, real, torch.zeros(len(real), dtype=torch.int64), done=0.0, index=0,
        rng=torch.Generator().manual_seed(options.pop("seed", 0)),
    )  # fmt: skip


def flat(*greys, side=4):
    return torch.stack([torch.full((side, side), float(grey)) for grey in greys])[None]


@pytest.mark.parametrize(("norm", "wanted"), [("l1", 0.5), ("l2", 0.25)])
def test_the_distance_is_the_mean_absolute_or_square_error(norm, wanted):
    term = PairedDistance(norm=norm)
    assert term(step(flat(0.1, 0.7), {"generator": Constant(0.2)})).item() == pytest.approx(wanted)


def test_the_patch_game_judges_pairs_and_is_halved_for_the_critic():
    critic = Mean(channel=1)
    term = ConditionalPatches()
    now = step(flat(0.3, 0.5), {"generator": Constant(-1.0), "discriminator": critic})
    loss = term.discriminator(now)
    wanted = 0.5 * (math.log1p(math.exp(-0.5)) + math.log1p(math.exp(-1.0)))
    assert loss.item() == pytest.approx(wanted, rel=1e-5)
    # Both pairs carry the source: the critic can see whether they belong together.
    assert critic.seen[0][:, 0].unique().tolist() == pytest.approx([0.3])
    assert loss.requires_grad is False, "the critic's loss does not reach the generator"
    assert term.generator(now).item() == pytest.approx(math.log1p(math.exp(1.0)), rel=1e-5)


def cycle_step(there, back, a=0.25, b=-0.5):
    networks = {
        "generator": Shift(there), "back": Shift(back), "discriminator a": Mean(),
        "discriminator b": Mean(), "pool a": ImagePool(1, 4), "pool b": ImagePool(1, 4),
    }  # fmt: skip
    return step(flat(a, b), networks)


@pytest.mark.parametrize("identity", [True, False])
def test_cycle_losses_by_hand(identity):
    term, now = Cycle(identity=identity), cycle_step(0.5, -0.25)
    assert term.cycle(now).item() == pytest.approx(2 * 0.25)
    # Made for B: 0.25 + 0.5; made for A: -0.5 - 0.25.
    assert term.deceive_b(now).item() == pytest.approx((0.75 - 1) ** 2)
    assert term.deceive_a(now).item() == pytest.approx((-0.75 - 1) ** 2)
    assert term.discriminator_b(now).item() == pytest.approx(0.5 * (1.5**2 + 0.75**2))
    assert term.discriminator_a(now).item() == pytest.approx(0.5 * (0.75**2 + 0.75**2))
    if identity:
        assert term.unchanged(now).item() == pytest.approx(0.5 + 0.25)


def test_generators_that_undo_each_other_lose_nothing():
    assert Cycle().cycle(cycle_step(0.5, -0.5)).item() == pytest.approx(0)


def test_a_pool_is_asked_once_a_step_and_the_critic_gets_no_gradient_to_the_generator():
    term, now = Cycle(), cycle_step(0.5, -0.5)
    for _ in range(2):
        loss = term.discriminator_a(now) + term.discriminator_b(now)
    assert int(now.network("pool a").filled) == int(now.network("pool b").filled) == 1
    assert not loss.requires_grad


@pytest.mark.parametrize("together", [True, False])
def test_jitter_cuts_real_parts_of_the_size_of_the_networks(together):
    """Pixels hold their own place, so where a part was cut shows in its values."""
    place = torch.arange(36.0).view(6, 6)
    real = torch.stack([place, place]).expand(200, 2, 6, 6)
    a, b = Jitter(together=together).sides(step(real, {"generator": Constant(0)}))
    assert a.shape == b.shape == (200, 1, 4, 4)
    corners = set()
    for part in a[:, 0]:
        mirrored = part[0, 1] < part[0, 0]
        upright = part.flip(1) if mirrored else part
        top, left = divmod(int(upright[0, 0]), 6)
        assert torch.equal(upright, place[top : top + 4, left : left + 4])
        corners.add((top, left, bool(mirrored)))
    assert len(corners) == 3 * 3 * 2, "every place, mirrored or not, is cut"
    assert torch.equal(a, b) == together


def test_jitter_leaves_pictures_of_the_right_size_alone_and_mirrors_only_if_told():
    real = torch.randn(8, 2, 4, 4)
    a, b = Jitter(flip=False).sides(step(real, {"generator": Constant(0)}))
    assert torch.equal(torch.cat([a, b], 1), real)
