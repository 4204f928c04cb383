"""Translation networks: shapes, patches as large as told, noise from latents alone, the pool."""

from __future__ import annotations

import image_pool as plainly
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synthaug.errors import InputError
from synthaug.networks import build
from synthaug.networks.translation import ImagePool, PatchCritic, ResidualTranslator, UNet


@pytest.mark.parametrize("side", [32, 64, 128, 256])
def test_every_size_goes_through_and_a_saved_config_rebuilds_it(side):
    torch.manual_seed(0)
    for kind in (UNet, ResidualTranslator):
        network = kind(1, 3, side, width=4)
        noise = torch.randn(1, network.noise_dim)
        made = network(torch.rand(1, 1, side, side) * 2 - 1, noise)
        assert made.shape == (1, 3, side, side)
        assert made.abs().max() <= 1
        again = build(network.config)
        assert {k: v.shape for k, v in again.state_dict().items()} == {
            k: v.shape for k, v in network.state_dict().items()
        }


def test_sizes_that_do_not_work_are_refused():
    with pytest.raises(InputError, match="expected one of 32, 64, 128, 256, got 48"):
        UNet(1, 1, 48)


@pytest.mark.parametrize(("layers", "patch"), [(1, 16), (2, 34), (3, 70)])
def test_a_patch_critics_logit_sees_a_patch_of_the_papers_size_and_no_more(layers, patch):
    torch.manual_seed(0)
    # Instance normalisation tells every pixel of the whole map's spread: without it, places show.
    critic = PatchCritic(1, layers=layers, width=4, normed=False)
    images = torch.randn(1, 1, 128, 128, requires_grad=True)
    logits = critic(images).realness
    assert logits.shape[1] == (128 // 2**layers - 2) ** 2
    middle = logits.view(128 // 2**layers - 2, -1)
    middle[len(middle) // 2, len(middle) // 2].backward()
    seen = images.grad[0, 0].abs() > 0
    rows, columns = seen.any(1).nonzero()[:, 0], seen.any(0).nonzero()[:, 0]
    assert (rows.max() - rows.min() + 1, columns.max() - columns.min() + 1) == (patch, patch)


def test_the_u_nets_noise_is_in_its_latents_and_pictures_do_not_mix():
    torch.manual_seed(0)
    network = UNet(1, 1, 32, width=8)
    source, latents = torch.randn(3, 1, 32, 32), torch.randn(3, network.noise_dim)
    made = network(source, latents)
    assert torch.equal(made, network(source, latents)), "nothing else is random"
    assert (network(source, -latents) - made).abs().mean() > 1e-3
    alone = torch.cat([network(source[i : i + 1], latents[i : i + 1]) for i in range(3)])
    assert torch.allclose(made, alone, atol=1e-5)
    assert UNet(1, 1, 32, width=8, dropout=0).noise_dim == 0


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_dropout_from_latents_drops_the_share_it_is_told_and_keeps_the_mean(share):
    network = UNet(1, 1, 32, width=32, dropout=share)
    seen = []
    network.up[1].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    torch.manual_seed(0)
    # The first layer of the way up normalises: its numbers are never exactly zero themselves.
    network(torch.randn(40, 1, 32, 32), torch.randn(40, network.noise_dim))
    first = seen[0][:, :128]
    assert (first == 0).float().mean().item() == pytest.approx(share, abs=0.02)
    assert first.square().mean().item() == pytest.approx(1 / (1 - share), rel=0.05)


def test_a_residual_translator_still_tells_dark_pictures_from_bright_ones():
    torch.manual_seed(0)
    network = ResidualTranslator(1, 1, 32, width=8)
    picture = torch.rand(1, 1, 32, 32) * 0.5
    dark, bright = network(picture - 0.7), network(picture + 0.2)
    assert (dark - bright).abs().mean() > 1e-3


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 7), st.lists(st.integers(1, 4), min_size=1, max_size=12), st.integers(0, 99))
def test_the_pool_shows_and_keeps_what_a_plain_list_would(size, batches, seed):
    pool, plain = ImagePool(1, 1, size=size), plainly.Pool(size)
    ours, theirs = (torch.Generator().manual_seed(seed) for _ in range(2))
    number = 0
    for count in batches:
        fresh = torch.arange(number, number + count).float().view(count, 1, 1, 1)
        number += count
        chances, places = torch.rand(2, count, generator=theirs).tolist()
        shown = pool.exchange(fresh, ours)
        assert shown.flatten().tolist() == plain.query(fresh.flatten().tolist(), chances, places)
        assert pool.pictures[: int(pool.filled)].flatten().tolist() == plain.images


def test_a_pool_restored_from_its_state_goes_on_as_before():
    pool, rng = ImagePool(1, 2, size=3), torch.Generator().manual_seed(0)
    pool.exchange(torch.randn(5, 1, 2, 2), rng)
    again = ImagePool(1, 2, size=3)
    again.load_state_dict(pool.state_dict())
    fresh = torch.randn(4, 1, 2, 2)
    shown = [p.exchange(fresh, torch.Generator().manual_seed(1)) for p in (pool, again)]
    assert torch.equal(*shown)
    assert torch.equal(pool.pictures, again.pictures)
