import os
import random

import numpy as np
import pytest
import torch

from synthaug.datasets.classical import augment_classical, augment_classical_each
from synthaug.errors import InputError


def picture(channels: int = 3, side: int = 32) -> torch.Tensor:
    source = torch.Generator().manual_seed(5)
    return torch.randint(0, 256, (channels, side, side), generator=source).byte()


@pytest.mark.parametrize(("channels", "side"), [(1, 16), (3, 16), (3, 32), (1, 64)])
def test_same_seed_same_bytes_and_shape_is_kept(channels: int, side: int) -> None:
    image = picture(channels, side)
    first = augment_classical(image, seed=2**62 + 1)
    augment_classical(image, seed=9)
    assert torch.equal(first, augment_classical(image, seed=2**62 + 1))
    assert first.shape == image.shape
    assert first.dtype == torch.uint8


def test_the_original_is_not_written_to() -> None:
    image = picture()
    before = image.clone()
    for seed in range(20):
        augment_classical(image, seed=seed)
    assert torch.equal(image, before)


def test_seeds_give_different_images_and_a_batch_is_its_images() -> None:
    image = picture()
    batch = augment_classical_each(image.expand(30, -1, -1, -1), range(30))
    assert len({bytes(one.numpy().tobytes()) for one in batch}) > 25
    assert torch.equal(batch[7], augment_classical(image, seed=7))


def test_no_global_random_state_is_read_or_changed() -> None:
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    first = augment_classical(picture(), seed=1)
    assert random.getstate() == states[0]
    assert np.random.get_state()[1].tolist() == states[1]
    assert torch.equal(torch.get_rng_state(), states[2])
    random.seed(77)
    np.random.seed(77)
    assert torch.equal(augment_classical(picture(), seed=1), first)


def test_nothing_is_mirrored_or_turned_far() -> None:
    image = torch.full((1, 32, 32), 40, dtype=torch.uint8)
    image[:, 4:28, 4:10] = 220  # a bar at the left
    changed = augment_classical_each(image.expand(100, -1, -1, -1), range(100)).float()
    left, right = changed[..., :16].mean((1, 2, 3)), changed[..., 16:].mean((1, 2, 3))
    assert (left > right).float().mean() > 0.95


def test_albumentations_is_kept_from_calling_home() -> None:
    augment_classical(picture(), seed=0)
    assert os.environ["NO_ALBUMENTATIONS_UPDATE"] == "1"


@pytest.mark.parametrize(
    ("image", "got"),
    [
        (torch.zeros(3, 8, 8), "float32 (3, 8, 8)"),
        (torch.zeros(8, 8, dtype=torch.uint8), "uint8 (8, 8)"),
        (torch.zeros(4, 8, 8, dtype=torch.uint8), "uint8 (4, 8, 8)"),
    ],
)
def test_other_images_are_refused(image: torch.Tensor, got: str) -> None:
    with pytest.raises(InputError) as caught:
        augment_classical(image, seed=0)
    assert str(caught.value) == (
        f"image to augment: expected uint8 (C, H, W) with 1 or 3 channels, got {got}. "
        "Convert it with synthaug.datasets first."
    )
