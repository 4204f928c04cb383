"""A trained generator is a function of label and seed, and survives being saved."""

from __future__ import annotations

import json

import pytest
import torch

from synthaug.errors import Damaged, InputError
from synthaug.networks.rare import RareGenerator
from synthaug.training import Generator


@pytest.fixture(scope="module")
def generator() -> Generator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = RareGenerator(3, 3, 32)
    for block in network.blocks:
        torch.nn.init.constant_(block.noise_strength, 0.3)
    return Generator(network.eval(), ("a", "b", "c"), {"recipe": "rare"})


def test_an_image_depends_on_its_own_label_and_seed_only(generator):
    together = generator.sample([0, 1, 2, 1], [5, 6, 7, 8])
    alone = generator.sample([2], [7])
    assert together.dtype == torch.uint8
    assert together.shape == (4, 3, 32, 32)
    assert torch.equal(together[2], alone[0])
    assert not torch.equal(together[1], together[3])
    assert generator.sample([], []).shape == (0, 3, 32, 32)


def test_psi_zero_gives_one_image_a_class_and_spread_grows_with_psi(generator):
    labels, seeds = [1] * 16, list(range(16))
    spread = [
        generator.sample(labels, seeds, truncation_psi=psi).float().std(0).mean().item()
        for psi in (0.0, 0.5, 1.0)
    ]
    assert spread[0] == 0.0
    assert spread[0] < spread[1] < spread[2]


def test_save_and_load_give_the_same_images_and_hash(generator, tmp_path):
    generator.save(tmp_path)
    again = Generator.load(tmp_path)
    assert again.sha256 == generator.sha256
    assert torch.equal(again.sample([0], [1]), generator.sample([0], [1]))
    assert again.classes == ("a", "b", "c")
    card = (tmp_path / "README.md").read_text()
    assert generator.sha256 in card
    assert "a, b, c" in card


def test_labels_outside_and_missing_seeds_are_refused(generator):
    with pytest.raises(InputError, match="expected 0 to 2, got 3 to 3"):
        generator.sample([3], [0])
    with pytest.raises(InputError, match=r"expected one a label \(2\), got 1"):
        generator.sample([0, 1], [0])


def test_what_is_no_generator_or_a_broken_one_is_refused(generator, tmp_path):
    with pytest.raises(InputError, match=r"expected a folder with config\.json"):
        Generator.load(tmp_path)
    generator.save(tmp_path)
    weights = tmp_path / "generator.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(Damaged, match="generator cannot be read"):
        Generator.load(tmp_path)
    generator.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["network"]["kind"] = "unheard of"
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises((Damaged, InputError), match=r"generator|kind of network"):
        Generator.load(tmp_path)
