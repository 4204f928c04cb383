"""Conditioned networks by hand: concatenation, projection, codes, K + 1."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from synthaug.errors import InputError
from synthaug.networks import build
from synthaug.networks.coded import CodedGenerator
from synthaug.networks.critic import Critic
from synthaug.networks.dcgan import DCGANGenerator
from synthaug.networks.naming import NamingCritic


class Means(nn.Module):
    """A trunk whose features are the mean of each input channel."""

    def forward(self, x):
        return x.mean((2, 3))


def critic(told, features, attributes=0):
    torch.manual_seed(0)
    return Critic(lambda channels: Means(), features, 1, 3, attributes, told=told).eval()


def images(n=4):
    return torch.randn(n, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def test_concatenation_puts_class_and_attributes_beside_the_image():
    ours = critic("concatenation", 1 + 8 + 8, attributes=2)
    labels, told = torch.tensor([0, 1, 2, 1]), torch.randn(4, 2)
    answer = ours(images(), labels, told)
    vector = ours.condition
    seen = torch.cat([
        images().mean((2, 3)), vector.embedding.weight[labels],
        told @ vector.attributes.weight.T + vector.attributes.bias,
    ], dim=1)  # fmt: skip
    expected = seen @ ours.out.weight[0] + ours.out.bias
    assert torch.allclose(answer.realness, expected, atol=1e-6)
    other = ours(images(), (labels + 1) % 3, told).realness
    assert (other - answer.realness).abs().min() > 1e-3


def test_projection_adds_the_inner_product_of_features_and_identity():
    ours = critic("projection", 1, attributes=2)
    labels, told = torch.tensor([0, 1, 2, 1]), torch.randn(4, 2)
    seen = images().mean((2, 3))
    identity = (
        ours.embedding.weight[labels] + told @ ours.attributes.weight.T + ours.attributes.bias
    )
    expected = (seen @ ours.out.weight.T)[:, 0] + ours.out.bias + (seen * identity).sum(1)
    assert torch.allclose(ours(images(), labels, told).realness, expected, atol=1e-6)


def test_without_a_condition_the_class_changes_nothing():
    ours = critic("none", 1)
    one, other = (ours(images(), torch.full((4,), label)).realness for label in (0, 2))
    assert torch.equal(one, other)


def coded(categories=(10, 3), continuous=2):
    torch.manual_seed(0)
    inner = DCGANGenerator(0, 1, 16)
    return CodedGenerator(inner, categories=categories, continuous=continuous).eval()


def test_codes_of_normal_latents_are_uniform():
    latents = torch.randn(40_000, 64, generator=torch.Generator().manual_seed(2))
    chosen, numbers = coded().codes(latents)
    for place, values in enumerate((10, 3)):
        shares = torch.bincount(chosen[:, place], minlength=values) / len(latents)
        assert (shares - 1 / values).abs().max() < 0.01
    assert numbers.abs().max() < 1
    assert (numbers.var(0) - 1 / 3).abs().max() < 0.01  # of the uniform on (-1, 1)


def test_the_generator_sees_one_hot_categories_and_latents_of_its_own():
    ours = coded()
    seen = []
    ours.inner.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    latents = torch.randn(5, 64)
    ours(latents, torch.zeros(5, dtype=torch.int64))
    assert (seen[0][:, :10].sum(1) == 1).all()
    assert seen[0][:, :13].max() == 1
    assert seen[0][:, :13].min() == 0
    assert torch.equal(seen[0][:, 15:], latents[:, 15:])


@given(st.integers(0, 2**31), st.integers(0, 9), st.integers(0, 2), st.floats(-1, 1))
@settings(max_examples=50, deadline=None)
def test_a_code_is_set_and_nothing_else(seed, first, second, number):
    ours = CODED
    latents = torch.randn(3, 64, generator=torch.Generator().manual_seed(seed))
    before = ours.codes(latents)
    for code, value in (("category", first), ("category 2", second), ("continuous 2", number)):
        after = ours.codes(ours.placed(latents, code, value))
        place = ours.names.index(code)
        table = torch.cat([before[0].float(), before[1]], dim=1)
        table[:, place] = value
        assert torch.allclose(torch.cat([after[0].float(), after[1]], dim=1), table, atol=1e-5)
    moved = ours.placed(latents, "category", first)
    # As likely as before: the same numbers in another order.
    assert torch.equal(moved.sort(1).values, latents.sort(1).values)


CODED = coded()


@pytest.mark.parametrize(
    ("code", "value", "told"),
    [
        ("hue", 0, "one of category, category 2, continuous, continuous 2, got 'hue'"),
        ("category", 10, "0 to 9, got 10"),
        ("category 2", 1.5, r"0 to 2, got 1\.5"),
        ("continuous", 1.5, r"-1 to 1, got 1\.5"),
    ],
)
def test_codes_and_values_that_are_not_there_are_refused(code, value, told):
    with pytest.raises(InputError, match=told):
        CODED.placed(torch.randn(1, 64), code, value)


def test_more_codes_than_latents_are_refused():
    with pytest.raises(InputError, match="fewer than the 64 latents of the generator, got 66"):
        coded((64,), 2)


def test_both_are_rebuilt_from_their_config():
    for network in (coded(), NamingCritic(4, 3, 32)):
        again = build(network.config)
        again.load_state_dict(network.state_dict())
        assert again.config == network.config


def test_realness_is_the_odds_of_not_being_the_class_held_at_zero():
    torch.manual_seed(0)
    ours = NamingCritic(5, 1, 16).eval()
    answer = ours(torch.randn(6, 1, 16, 16), torch.zeros(6, dtype=torch.int64))
    wide = np.exp(np.concatenate([answer.class_logits.detach().numpy(), np.zeros((6, 1))], 1))
    real = 1 - wide[:, 5] / wide.sum(1)
    ours_real = 1 / (1 + np.exp(-answer.realness.detach().numpy()))
    np.testing.assert_allclose(ours_real, real, atol=1e-6)
    assert answer.features.shape == (6, 128)
