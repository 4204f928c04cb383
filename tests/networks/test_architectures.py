"""Generators and trunks have the shape their papers give them, and what they are known for."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from synthaug.errors import InputError
from synthaug.networks.critic import Critic
from synthaug.networks.dcgan import DCGANGenerator, dcgan_trunk
from synthaug.networks.progressive import Growth, ProgressiveGenerator, ProgressiveTrunk
from synthaug.networks.rare import RareGenerator
from synthaug.networks.stylegan import StyleGenerator
from synthaug.networks.styles import bands


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def seeded(make, *args, **settings):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make(*args, **settings)


# DCGAN


@pytest.mark.parametrize("resolution", [16, 32, 64, 128])
def test_dcgan_follows_the_rules_of_its_paper(resolution):
    generator = DCGANGenerator(3, 3, resolution)
    critic = Critic(
        lambda channels: dcgan_trunk(channels, resolution)[0], dcgan_trunk(1, resolution)[1], 3, 3,
        told="none",
    )  # fmt: skip
    made = [m for m in generator.body.modules() if not list(m.children())]
    judges = [m for m in critic.modules() if not list(m.children())]
    pooling = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Upsample)
    assert not any(isinstance(m, pooling) for m in made + judges)
    # No hidden dense layer: the one linear map is the discriminator's decision.
    assert [m for m in made + judges if isinstance(m, nn.Linear)] == [critic.out]
    # Strided convolutions down, transposed ones up, nothing else changes the size.
    ups = [m for m in made if isinstance(m, nn.ConvTranspose2d)]
    downs = [m for m in judges if isinstance(m, nn.Conv2d)]
    assert all(m.stride == (2, 2) for m in [*ups[1:], *downs])
    assert not any(isinstance(m, nn.Conv2d) for m in made)
    # Batch normalisation behind all but the generator's output and the discriminator's input.
    kinds = [type(m) for m in made]
    assert kinds == [nn.ConvTranspose2d, nn.BatchNorm2d, nn.ReLU] * (len(ups) - 1) + [
        nn.ConvTranspose2d, nn.Tanh,
    ]  # fmt: skip
    assert [type(m) for m in judges[:-1]] == [nn.Conv2d, nn.LeakyReLU] + [
        nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU,
    ] * (len(downs) - 1) + [nn.Flatten]  # fmt: skip
    assert all(m.negative_slope == 0.2 for m in judges if isinstance(m, nn.LeakyReLU))
    for module in [*ups, *downs]:
        assert module.weight.std().item() == pytest.approx(0.02, rel=0.1)


# Growing


def test_a_run_grows_through_all_sizes_and_ends_grown():
    growth = Growth(4)
    assert growth.now() == (3, 1.0)
    course = [growth.at(done / 600, 0.6) for done in range(601)]
    places = [stage + alpha for stage, alpha in course]
    assert places == sorted(places)
    assert course[0] == (0, 1.0)
    assert course[360:] == [(3, 1.0)] * 241
    # Each size above the first is faded in for as long as the smallest one stood alone.
    fading = [sum(1 for s, a in course if s == stage and a < 1) for stage in range(4)]
    assert fading == pytest.approx([0, 60, 60, 60], abs=1)
    assert all(0 <= alpha <= 1 for _, alpha in course)


def progressive(resolution: int = 32) -> tuple[ProgressiveGenerator, ProgressiveTrunk]:
    return (
        seeded(ProgressiveGenerator, 3, 3, resolution),
        seeded(ProgressiveTrunk, 3, resolution),
    )


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_growing_changes_nothing_at_alpha_zero(stage):
    generator, trunk = progressive()
    latents, labels, images = normal(5, 64), torch.arange(5) % 3, normal(5, 3, 32, 32)
    with torch.no_grad():
        for network in (generator, trunk):
            network.growth.grow(stage - 1, 1.0)
        drawn, seen = generator(latents, labels), trunk(images)
        for network in (generator, trunk):
            network.growth.grow(stage, 0.0)
        assert torch.equal(generator(latents, labels), drawn)
        torch.testing.assert_close(trunk(images), seen)
        # And something at any other alpha.
        for network in (generator, trunk):
            network.growth.grow(stage, 0.3)
        assert not torch.allclose(generator(latents, labels), drawn, atol=1e-3)
        assert not torch.allclose(trunk(images), seen, atol=1e-3)


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_at_alpha_one_the_old_path_has_no_influence_and_at_less_it_has(stage):
    generator, trunk = progressive()
    latents, labels, images = normal(5, 64), torch.arange(5) % 3, normal(5, 3, 32, 32)

    def told(alpha: float) -> tuple[torch.Tensor, torch.Tensor]:
        for network in (generator, trunk):
            network.growth.grow(stage, alpha)
        return generator(latents, labels), trunk(images)

    def disturb() -> None:
        for old in (generator.to_rgb[stage - 1], trunk.from_rgb[stage - 1][0]):
            old.parametrizations.weight.original.normal_()

    with torch.no_grad():
        before, faded = told(1.0), told(0.9)
        disturb()
        assert all(map(torch.equal, told(1.0), before))
        assert not any(torch.allclose(a, b) for a, b in zip(told(0.9), faded, strict=True))


def test_the_fade_is_a_straight_line_between_the_two_paths():
    generator, trunk = progressive()
    latents, labels, images = normal(5, 64), torch.arange(5) % 3, normal(5, 3, 32, 32)
    seen = []
    trunk.end.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    drawn = []
    with torch.no_grad():
        for alpha in (0.0, 1.0, 0.25):
            for network in (generator, trunk):
                network.growth.grow(1, alpha)
            drawn.append(torch.atanh(generator(latents, labels).double()).float())
            trunk(images)
    for old, new, blend in (drawn, seen):
        torch.testing.assert_close(blend, 0.75 * old + 0.25 * new, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_images_of_a_young_generator_are_its_pixels_repeated(stage):
    generator, _ = progressive()
    generator.growth.grow(stage, 1.0)
    side = 4 * 2**stage
    with torch.no_grad():
        images = generator(normal(2, 64), torch.tensor([0, 1]))
    assert images.shape == (2, 3, 32, 32)
    small = images[:, :, :: 32 // side, :: 32 // side]
    assert torch.equal(nn.functional.interpolate(small, size=32), images)
    assert not torch.equal(small[:, :, ::2, ::2].repeat_interleave(2, 3), small[:, :, ::2, :])


def test_what_a_network_has_not_grown_into_is_not_trained():
    generator, trunk = progressive()
    for network in (generator, trunk):
        network.growth.grow(1, 0.5)
    trunk(generator(normal(2, 64), torch.tensor([0, 1]))).sum().backward()
    trained = {name for name, p in generator.named_parameters() if p.grad is not None}
    assert any(name.startswith("blocks.0.") for name in trained)
    assert not any(name.startswith(("blocks.1.", "blocks.2.", "to_rgb.2.")) for name in trained)


@pytest.mark.parametrize("resolution", [4, 24, 48, 100, 512])
def test_sizes_that_doubling_does_not_reach_are_refused(resolution):
    with pytest.raises(InputError, match=r"4 doubled once to 5 times, got \d+ \(prog"):
        ProgressiveGenerator(3, 3, resolution)
    with pytest.raises(InputError, match="Use 16, 32, 64 or 128"):
        ProgressiveTrunk(3, resolution)


# Styles

STYLE_BASED = [
    lambda classes, attributes=0: seeded(RareGenerator, classes, 3, 32, attributes),
    lambda classes, attributes=0: seeded(StyleGenerator, classes, 3, 32, attributes),
]
KINDS = pytest.mark.parametrize("make", STYLE_BASED, ids=["rare", "style"])


def with_noise(generator: nn.Module) -> nn.Module:
    for name, parameter in generator.named_parameters():
        if name.endswith("noise_strength"):
            nn.init.constant_(parameter, 0.3)
    return generator.eval().requires_grad_(False)


@KINDS
@pytest.mark.parametrize(("classes", "attributes"), [(3, 0), (0, 0), (1, 2), (0, 2)])
def test_an_image_is_its_styles_and_its_noise(make, classes, attributes):
    generator = with_noise(make(classes, attributes))
    latents = normal(4, generator.z_dim + generator.noise_dim)
    told = (torch.arange(4) % max(1, classes), normal(4, attributes) if attributes else None)
    styles, noise = generator.styles(latents, *told), generator.noise(latents)
    assert styles.shape == (4, len(generator.sides), generator.w_dim)
    assert noise.shape == (4, sum(side * side for side in generator.sides))
    images = generator(latents, *told)
    torch.testing.assert_close(generator.synthesize(styles, noise), images)
    assert torch.equal(
        generator.synthesize(styles), generator.synthesize(styles, torch.zeros_like(noise))
    )
    assert not torch.allclose(generator.synthesize(styles), images, atol=1e-3)
    assert generator.mean_style().shape == (max(1, classes), generator.w_dim)
    if attributes:
        other = generator(latents, told[0], told[1] + 1)
        assert not torch.allclose(other, images, atol=1e-3)


@KINDS
@pytest.mark.parametrize("classes", [0, 3])
def test_psi_zero_gives_one_image_a_class_and_the_spread_grows_with_psi(make, classes):
    generator = with_noise(make(classes))
    latents = normal(24, generator.z_dim + generator.noise_dim)
    labels = torch.arange(24) % 3
    spread = []
    for psi in (0.0, 0.3, 0.7, 1.0):
        images = generator(latents, labels, truncation_psi=psi)
        spread.append([images[labels == label].std(0).mean().item() for label in range(3)])
    assert spread[0] == [0, 0, 0]
    for less, more in itertools.pairwise(spread):
        assert all(a < b for a, b in zip(less, more, strict=True))
    means = generator(latents[:3], torch.arange(3), truncation_psi=0.0)
    assert torch.equal(means[0], means[1]) == (classes == 0)


def test_the_running_mean_of_styles_follows_the_styles_of_each_class():
    generator = seeded(StyleGenerator, 3, 1, 8)
    generator.w_mean.zero_()
    labels = torch.arange(64) % 2  # the third class is never seen
    with torch.no_grad():
        for step in range(40):
            generator(normal(64, generator.z_dim + generator.noise_dim, seed=step), labels)
        drawn = normal(2000, generator.z_dim, seed=1000)
        true = [generator.styles(drawn, torch.full((2000,), k))[:, 0].mean(0) for k in range(2)]
    mean = generator.mean_style()
    for label in range(2):
        assert (mean[label] - true[label]).norm() < 0.1 * true[label].norm()
    assert (mean[0] - true[1]).norm() > 3 * (mean[0] - true[0]).norm()
    assert not mean[2].any()


def test_a_fresh_mean_style_is_the_mean_over_a_fixed_draw():
    generator = seeded(StyleGenerator, 2, 1, 16)
    with torch.no_grad():
        w = generator.styles(normal(4000, 64, seed=5), torch.ones(4000, dtype=torch.int64))[:, 0]
    assert (generator.mean_style()[1] - w.mean(0)).norm() < 0.2 * w.std(0).norm()


def test_styles_are_mixed_in_training_as_the_latents_say_and_never_afterwards():
    generator = seeded(StyleGenerator, 3, 1, 32, mixing=0.9)
    generator.requires_grad_(False)
    n = 2000
    latents = normal(n, generator.z_dim + generator.noise_dim)
    labels = torch.arange(n) % 3
    own = generator.styles(latents, labels)
    others = generator.styles(latents[:, generator.z_dim :], labels)
    mixed = generator._mixed(own, latents, labels, None)
    from_other = (mixed == others).all(2)
    assert ((mixed == own).all(2) | from_other).all()
    # Coarse layers are the first style's, everything from the crossover on the second's.
    assert not from_other[:, 0].any()
    assert (from_other[:, 1:] >= from_other[:, :-1]).all()
    assert from_other[:, -1].float().mean().item() == pytest.approx(0.9, abs=0.03)
    crossovers = (~from_other[from_other[:, -1]]).sum(1)
    counts = torch.bincount(crossovers, minlength=8)[1:].float()
    assert counts.min() > 0.7 * counts.mean()

    few = latents[:4].clone()
    few[:, 2 * generator.z_dim] = -10.0  # certainly mixed
    few_labels = labels[:4]
    again = few.clone()
    again[:, generator.z_dim : 2 * generator.z_dim] += 1
    assert torch.equal(generator(few, few_labels), generator(few, few_labels))
    assert not torch.allclose(generator(few, few_labels), generator(again, few_labels), atol=1e-4)
    generator.eval()
    assert torch.equal(generator(few, few_labels), generator(again, few_labels))


def test_the_mapping_has_eight_layers_that_learn_a_hundred_times_more_slowly():
    generator = StyleGenerator(3, 3, 32)
    linear = [m for m in generator.mapping.modules() if isinstance(m, nn.Linear)]
    assert len(linear) == 8
    assert all(m.parametrizations.weight.original.std() > 80 for m in linear)
    assert generator.constant.shape[2:] == (4, 4)
    assert len(generator.layers) == 2 * 4
    assert all(layer.noise_strength.eq(0).all() for layer in generator.layers)


@settings(deadline=None)
@given(st.sampled_from([16, 32, 64, 128]))
def test_bands_divide_the_layers_in_order(resolution):
    for make in (RareGenerator, StyleGenerator):
        sides = make(1, 1, resolution).sides
        parts = bands(sides)
        assert [layer for part in parts.values() for layer in part] == list(range(len(sides)))
        assert sides[parts["coarse"][-1]] < sides[parts["middle"][0]]
        assert sides[parts["middle"][-1]] < sides[parts["fine"][0]]
