"""Layers do what their papers define, against rewrites by definition, and have their property."""

from __future__ import annotations

import math

import layers_by_definition as by_definition
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from synthaug.networks.critic import Critic
from synthaug.networks.dcgan import DCGANGenerator, dcgan_trunk
from synthaug.networks.dense import DenseGenerator, Maxout
from synthaug.networks.minibatch import MinibatchDiscrimination, MinibatchStddev
from synthaug.networks.normalising import (
    AdaptiveInstanceNorm,
    PixelNorm,
    Referenced,
    VirtualBatchNorm,
)
from synthaug.networks.rescaled import equalize, fan_in, normalise_spectrum

shapes = st.tuples(st.integers(2, 5), st.integers(1, 6), st.integers(2, 5), st.integers(2, 5))
seeds = st.integers(0, 2**31)


def normal(*shape: int, seed: int = 0, scale: float = 1.0, shift: float = 0.0) -> torch.Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) + shift


@settings(deadline=None, max_examples=25)
@given(shapes, seeds)
def test_adain_is_its_definition_and_its_output_has_the_mean_and_sd_of_the_style(shape, seed):
    layer = AdaptiveInstanceNorm(shape[1], 7)
    x, w = normal(*shape, seed=seed, scale=3, shift=2), normal(shape[0], 7, seed=seed + 1)
    with torch.no_grad():
        out = layer(x, w)
        scale, shift = layer.told(w)
    expected = by_definition.adain(x.numpy(), scale.numpy(), shift.numpy())
    np.testing.assert_allclose(out.numpy(), expected, atol=2e-4)
    torch.testing.assert_close(out.mean((2, 3)), shift, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(out.std((2, 3), correction=0), scale.abs(), atol=1e-3, rtol=1e-3)


@settings(deadline=None, max_examples=25)
@given(shapes, seeds, st.floats(0.01, 100))
def test_pixel_norm_is_its_definition_and_every_pixel_has_unit_mean_square(shape, seed, scale):
    x = normal(*shape, seed=seed, scale=scale, shift=0.1)
    out = PixelNorm()(x)
    np.testing.assert_allclose(out.numpy(), by_definition.pixel_norm(x.numpy()), atol=1e-5)
    tiny = x.square().mean(1) < 1e-4  # where the paper's 1e-8 under the root is felt
    assert torch.allclose(out.square().mean(1)[~tiny], torch.ones(()), atol=1e-3)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 6), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3), seeds)
def test_minibatch_discrimination_is_its_definition(n, features, kernels, dims, seed):
    layer = MinibatchDiscrimination(features, kernels, dims)
    x = normal(n, features, seed=seed)
    tensor = layer.tensor.detach().view(features, kernels, dims).double().numpy()
    expected = by_definition.minibatch_discrimination(x.double().numpy(), tensor)
    out = layer(x).detach().numpy()
    assert out.shape == (n, layer.outputs) == (n, features + kernels)
    np.testing.assert_allclose(out, expected, atol=1e-4)


def test_minibatch_discrimination_counts_the_images_that_are_equal():
    layer = MinibatchDiscrimination(3, kernels=4, dims=2)
    # Others are infinitely far away.
    nn.init.normal_(layer.tensor, 0, 100, generator=torch.Generator().manual_seed(0))
    x = torch.cat([normal(1, 3).expand(5, 3), normal(2, 3, seed=1)])
    nearness = layer(x)[:, 3:].detach()
    assert torch.allclose(nearness[:5], torch.full((5, 4), 5.0))
    assert torch.allclose(nearness[5:], torch.full((2, 4), 1.0))


@settings(deadline=None, max_examples=25)
@given(shapes, seeds)
def test_minibatch_stddev_is_its_definition_for_maps_and_for_features(shape, seed):
    maps = normal(*shape, seed=seed, scale=2)
    out = MinibatchStddev(shape[1])(maps)
    expected = by_definition.minibatch_stddev(maps.double().numpy())
    assert torch.equal(out[:, :-1], maps)
    np.testing.assert_allclose(out[:, -1].numpy(), np.full_like(out[:, -1], expected), rtol=1e-4)
    features = maps[:, :, 0, 0]
    out = MinibatchStddev(shape[1])(features)
    expected = by_definition.minibatch_stddev(features.double().numpy())
    np.testing.assert_allclose(out[:, -1].numpy(), np.full(len(out), expected), rtol=1e-4)


def test_minibatch_stddev_falls_to_zero_where_all_samples_are_equal_and_the_answer_changes():
    varied = normal(8, 3, 16, 16)
    equal = varied[:1].expand(8, -1, -1, -1)
    layer = MinibatchStddev(5)
    assert layer(normal(8, 5))[:, -1].min() > 0.5
    assert layer(normal(1, 5).expand(8, 5))[:, -1].max() < 1e-3
    features = dcgan_trunk(1, 16)[1]
    critic = Critic(
        lambda channels: dcgan_trunk(channels, 16, norm="none")[0], features, 3, 1, told="none",
        layer=MinibatchStddev,
    ).eval()  # fmt: skip
    nn.init.constant_(critic.out.weight[:, -1:], 5.0)
    labels = torch.zeros(8, dtype=torch.int64)
    with torch.no_grad():
        among_others = critic(varied, labels).realness[0]
        among_copies = critic(equal, labels).realness[0]
    assert critic.batchwise
    assert (among_others - among_copies).abs() > 0.01


@settings(deadline=None, max_examples=25)
@given(shapes, seeds)
def test_virtual_batch_norm_is_its_definition(shape, seed):
    n, channels = shape[:2]
    layer = VirtualBatchNorm(channels, n)
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    reference = normal(*shape, seed=seed, scale=2, shift=1)
    x = normal(3, *shape[1:], seed=seed + 1)
    out = layer(torch.cat([reference, x])).detach().numpy()[n:]
    weights = (p.detach().double().numpy() for p in (layer.weight, layer.bias))
    expected = by_definition.virtual_batch_norm(
        reference.double().numpy(), x.double().numpy(), *weights
    )
    np.testing.assert_allclose(out, expected, atol=1e-3)


def test_with_virtual_batch_norm_neither_images_nor_answers_depend_on_the_batch():
    labels = torch.arange(6) % 3
    latents, images = normal(6, 64), normal(6, 3, 16, 16)

    def alone_and_together(network, x):
        with torch.no_grad():
            return network(x[:1], labels[:1]), network(x, labels)

    generator = DCGANGenerator(3, 3, 16, norm="virtual", reference=8)
    alone, together = alone_and_together(generator, latents)
    assert torch.allclose(alone[0], together[0], atol=1e-5)
    critic = Critic(
        lambda channels: dcgan_trunk(channels, 16, norm="virtual", reference=8)[0],
        dcgan_trunk(1, 16)[1], 3, 3,
    )  # fmt: skip
    judge = Referenced(critic, 8, 3, 16)
    alone, together = alone_and_together(judge, images)
    assert not judge.batchwise
    assert torch.allclose(alone.realness[0], together.realness[0], atol=1e-5)
    # Batch normalisation, in the same place, does depend on it.
    alone, together = alone_and_together(DCGANGenerator(3, 3, 16), latents)
    assert not torch.allclose(alone[0], together[0], atol=1e-3)


def test_a_reference_batch_too_small_is_repeated_and_is_saved_with_the_network():
    generator = DCGANGenerator(3, 1, 16, norm="virtual", reference=5)
    generator.reference.keep(normal(2, 64), torch.tensor([1, 2, 0]))
    state = generator.state_dict()
    assert torch.equal(state["reference.inputs"][4], normal(2, 64)[0])
    assert state["reference.labels"].tolist() == [1, 2, 0, 1, 2]


def layers_of_all_kinds() -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(20, 16, 4), nn.ConvTranspose2d(16, 24, 4, stride=2, padding=1),
        nn.Conv2d(24, 8, 3, padding=1), nn.Flatten(), nn.Linear(8 * 64, 5),
    )  # fmt: skip


def test_equalized_weights_have_unit_variance_and_keep_the_size_of_what_passes_through():
    network = nn.Sequential(
        nn.ConvTranspose2d(200, 160, 4), nn.ConvTranspose2d(160, 100, 4, stride=2, padding=1),
        nn.Conv2d(100, 80, 3, padding=1), nn.Flatten(), nn.Linear(80 * 64, 50),
    )  # fmt: skip
    equalize(network, gain=1)
    stored = [m.parametrizations.weight.original for m in network if hasattr(m, "parametrizations")]
    assert len(stored) == 4
    for weight in stored:
        assert weight.std().item() == pytest.approx(1, abs=0.05)
    x = normal(16, 200, 1, 1)
    for layer in network:
        x = layer(x)
        # Borders of a convolution see zeros: less than 1, but of that order.
        assert 0.6 < x.detach().square().mean().sqrt() < 1.2


def test_fan_in_by_hand():
    kinds = [fan_in(m) for m in layers_of_all_kinds() if not isinstance(m, nn.Flatten)]
    assert kinds == [20, 16 * 4, 24 * 9, 8 * 64]
    with pytest.raises(TypeError):
        fan_in(nn.ReLU())


def test_equalized_layers_keep_unit_variance_while_they_learn_and_move_equally_fast():
    def trained(network: nn.Module) -> list[tuple[float, float]]:
        """Spread of the stored weights after Adam's steps, and how far the used ones moved."""
        layers = [m for m in network if isinstance(m, nn.Linear)]
        before = [m.weight.detach().clone() for m in layers]
        adam = torch.optim.Adam(network.parameters(), 1e-3, (0.0, 0.99))
        x, y = normal(64, 4), normal(64, 1, seed=1)
        for _ in range(30):
            adam.zero_grad()
            (network(x) - y).square().mean().backward()
            adam.step()
        moved = [
            ((m.weight - b).norm() / b.norm()).item() for m, b in zip(layers, before, strict=True)
        ]
        stored = [p.std().item() for name, p in network.named_parameters() if p.ndim == 2]
        return list(zip(stored, moved, strict=True))

    def fresh() -> nn.Sequential:
        return nn.Sequential(
            nn.Linear(4, 400), nn.LeakyReLU(0.2), nn.Linear(400, 400), nn.LeakyReLU(0.2),
            nn.Linear(400, 1),
        )  # fmt: skip

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        equal, plain = trained(equalize(fresh())), trained(fresh())
    assert all(stored == pytest.approx(1, abs=0.1) for stored, _ in equal)
    speeds = [moved for _, moved in equal]
    assert max(speeds) < 2 * min(speeds)
    # Without it the same optimizer moves narrow inputs far less than wide ones.
    speeds = [moved for _, moved in plain]
    assert max(speeds) > 5 * min(speeds)


def test_equalizing_twice_changes_nothing_and_a_learning_rate_slows_weights_and_biases():
    network = equalize(nn.Linear(3, 2), learning_rate=0.01)
    before = network.weight.detach().clone()
    equalize(network)
    assert torch.equal(network.weight, before)
    with torch.no_grad():
        network.parametrizations.bias.original.fill_(1.0)
    assert torch.allclose(network.bias, torch.full((2,), 0.01))
    assert network.parametrizations.weight.original.std() > 20


def test_spectral_normalisation_leaves_one_as_the_largest_singular_value():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        critic = Critic(lambda c: dcgan_trunk(c, 16, norm="none")[0], dcgan_trunk(1, 16)[1], 3, 4)
        normalise_spectrum(critic)
    images, labels = normal(4, 3, 16, 16), torch.arange(4)
    with torch.no_grad():
        for _ in range(60):  # one power iteration each
            critic(images, labels)
        critic.eval()
        layers = [m for m in critic.modules() if hasattr(m, "parametrizations")]
        assert len(layers) == 4  # two convolutions, the decision, the embedding
        for layer in layers:
            value = by_definition.largest_singular_value(layer.weight.double().numpy())
            stored = layer.parametrizations.weight.original.double().numpy()
            assert value == pytest.approx(1, abs=0.02)
            assert abs(by_definition.largest_singular_value(stored) - 1) > 0.02


def test_maxout_is_the_largest_of_its_pieces():
    layer = Maxout(3, 2, 4)
    x = normal(5, 3)
    weight, bias = layer.linear.weight.view(2, 4, 3), layer.linear.bias.view(2, 4)
    expected = torch.einsum("ni,opi->nop", x, weight).add(bias).max(2).values
    assert torch.allclose(layer(x), expected, atol=1e-6)


def test_latents_of_the_first_gan_are_made_uniform():
    generator = DenseGenerator(0, 1, 16)
    seen = []
    generator.body.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    with torch.no_grad():
        generator(normal(4000, 64), torch.zeros(4000, dtype=torch.int64))
    values, edge = seen[0].flatten(), math.sqrt(3)
    assert values.abs().max() <= edge + 1e-5
    shares = torch.histc(values, 10, -edge, edge) / len(values)
    assert torch.allclose(shares, torch.full((10,), 0.1), atol=0.005)
    assert values.std().item() == pytest.approx(1, abs=0.01)
