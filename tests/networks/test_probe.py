import pytest
import torch

from synthaug.networks.probe import Probe, fit_probe, probe_logits


def two_kinds(n: int, *, side: int = 16, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise with a bright bar, upright in class 0 and lying in class 1."""
    source = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 120, (n, 1, side, side), generator=source).byte()
    labels = torch.arange(n) % 2
    for image, label in zip(images, labels, strict=True):
        at = int(torch.randint(2, side - 4, (1,), generator=source))
        (image[0].T if label else image[0])[2:-2, at : at + 2] = 200
    return images, labels


@pytest.mark.parametrize("side", [16, 32, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_it_is_small_at_every_size(side: int, channels: int) -> None:
    probe = Probe(channels, 12, resolution=side)
    assert sum(p.numel() for p in probe.parameters()) < 300_000
    assert probe(torch.zeros(2, channels, side, side)).shape == (2, 12)


def test_it_learns_what_can_be_learnt() -> None:
    images, labels = two_kinds(200)
    probe = fit_probe(
        images, labels, num_classes=2, probabilities=torch.ones(200), draws=2_000, seed=0
    )
    unseen, truth = two_kinds(200, seed=1)
    assert (probe_logits(probe, unseen).argmax(1) == truth).float().mean() > 0.9


def test_same_seed_same_probe_and_global_state_stays() -> None:
    images, labels = two_kinds(40)
    before = torch.get_rng_state()

    def logits(seed: int) -> torch.Tensor:
        probe = fit_probe(
            images, labels, num_classes=2, probabilities=torch.ones(40), draws=256, seed=seed
        )
        return probe_logits(probe, images)

    assert torch.equal(logits(3), logits(3))
    assert not torch.equal(logits(3), logits(4))
    assert torch.equal(torch.get_rng_state(), before)


def test_images_of_probability_zero_are_never_seen() -> None:
    images, labels = two_kinds(80)
    wrong = torch.cat([images, images])
    both = torch.cat([labels, 1 - labels])
    once = torch.cat([torch.ones(80), torch.zeros(80)])
    probe = fit_probe(wrong, both, num_classes=2, probabilities=once, draws=1_500, seed=0)
    assert (probe_logits(probe, images).argmax(1) == labels).float().mean() > 0.95


def test_class_weights_move_the_decision() -> None:
    source = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (200, 1, 16, 16), generator=source).byte()
    labels = torch.arange(200) % 2  # nothing to learn: the weights decide

    def share_of_ones(weights: list[float]) -> float:
        probe = fit_probe(
            images, labels, num_classes=2, probabilities=torch.ones(200),
            class_weights=torch.tensor(weights), draws=320, seed=0,
        )  # fmt: skip
        unseen = torch.randint(0, 256, (200, 1, 16, 16), generator=source).byte()
        return float((probe_logits(probe, unseen).argmax(1) == 1).float().mean())

    assert share_of_ones([1.0, 20.0]) > 0.9 > 0.1 > share_of_ones([20.0, 1.0])
