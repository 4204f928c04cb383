"""Near-duplicates: found where they are, not where they are not."""

import numpy as np
import pytest
import torch

import synthaug.datasets
from synthaug.datasets import near_duplicates


def smooth(random, count, side=32):
    """Random pictures with structure at several scales, float (count, side, side), 0 to 1."""
    total = np.zeros((count, side, side))
    for cells in (2, 4, 8):
        total += random.random((count, cells, cells)).repeat(side // cells, 1).repeat(
            side // cells, 2
        ) / np.sqrt(cells)
    return (total - total.min()) / (total.max() - total.min())


def exposures(random, scenes, times):
    """Each scene under other light: contrast, brightness and a little noise."""
    shots = []
    for scene in scenes:
        for _ in range(times):
            shot = scene * random.uniform(0.5, 1.0) + random.uniform(0, 0.3)
            shots.append(shot + random.normal(0, 0.01, scene.shape))
    return (np.clip(shots, 0, 1) * 255).astype(np.uint8)


def shuffled(random, pixels, labels, groups):
    order = random.permutation(len(pixels))
    return pixels[order], labels[order], groups[order]


def pair_counts(groups):
    sizes = np.unique(groups, return_counts=True)[1]
    return (sizes * (sizes - 1) // 2).sum()


@pytest.fixture
def tiles():
    """60 scenes of two classes, six exposures each, in random order."""
    random = np.random.default_rng(0)
    pixels = exposures(random, smooth(random, 60), 6)
    groups = np.repeat(np.arange(60), 6)
    return shuffled(random, pixels, (groups < 20).astype(np.int64), groups)


def test_exposures_of_a_scene_are_joined_and_counted(tiles):
    pixels, labels, truth = tiles
    found = near_duplicates(synthaug.datasets.open((pixels, labels)))
    joint = pair_counts(found.groups * 1000 + truth)
    assert joint / pair_counts(found.groups) > 0.98
    assert joint / pair_counts(truth) > 0.9
    assert found.joined == 360 - len(np.unique(found.groups))
    per_class = found.groups_per_class
    assert found.lines == [
        f"0: 240 files, {per_class['0']} groups",
        f"1: 120 files, {per_class['1']} groups",
        f"near-duplicates: {found.joined} fewer groups than before they were joined",
    ]
    assert abs(per_class["1"] - 20) <= 2


def test_different_pictures_stay_apart():
    random = np.random.default_rng(1)
    pixels = (smooth(random, 300) * 255).astype(np.uint8)
    found = near_duplicates(synthaug.datasets.open((pixels, np.arange(300) % 2)))
    assert found.joined <= 9


def test_pixel_identical_images_are_joined_in_sets_of_any_size():
    pixels = np.random.default_rng(2).integers(0, 256, (4, 8, 8), np.uint8)
    pixels[3] = pixels[0]
    found = near_duplicates(synthaug.datasets.open((pixels, [0, 0, 1, 1])))
    assert found.groups.tolist() == [0, 1, 2, 0]
    assert found.joined == 1


def test_the_users_groups_are_kept_together(tiles):
    pixels, labels, truth = tiles
    halves = truth // 2
    found = near_duplicates(synthaug.datasets.open((pixels, labels), halves))
    for group in np.unique(halves):
        assert len(np.unique(found.groups[halves == group])) == 1


def test_blank_images_do_not_pull_others_in():
    random = np.random.default_rng(3)
    pixels = (smooth(random, 120) * 255).astype(np.uint8)
    pixels[:50] = np.arange(50, dtype=np.uint8)[:, None, None]
    random.shuffle(pixels)
    found = near_duplicates(synthaug.datasets.open((pixels, np.arange(120) % 2)))
    assert found.joined <= 5


def drives(random, tracks, frames):
    """Tracks of slowly changing pictures: frame to frame alike, first to last not."""
    starts, ends = random.random((2, tracks, 32, 32))
    share = np.linspace(0, 1, frames)[None, :, None, None]
    pictures = starts[:, None] * (1 - share) + ends[:, None] * share
    pictures = pictures + random.normal(0, 0.01, pictures.shape)
    return (np.clip(pictures, 0, 1) * 255).astype(np.uint8).reshape(-1, 32, 32)


def test_frames_of_a_track_are_joined_through_their_order():
    random = np.random.default_rng(4)
    pixels = drives(random, 50, 7)
    truth = np.repeat(np.arange(50), 7)
    found = near_duplicates(synthaug.datasets.open((pixels, (truth % 2))))
    joint = pair_counts(found.groups * 1000 + truth)
    assert joint / pair_counts(found.groups) > 0.9
    assert joint / pair_counts(truth) > 0.8


def test_features_are_asked_for_in_bytes_and_used():
    random = np.random.default_rng(5)
    codes = random.integers(0, 256, (40, 3))
    pixels = random.integers(100, 156, (160, 16, 16, 3)).astype(np.uint8)
    truth = np.repeat(np.arange(40), 4)
    pixels[:, 0, 0] = codes[truth]
    seen = []

    def embed(images: torch.Tensor) -> np.ndarray:
        seen.append((images.dtype, images.shape[1:]))
        return images[:, :, 0, 0].numpy().astype(np.float32) + random.normal(
            0, 0.01, (len(images), 3)
        ).astype(np.float32)

    images = synthaug.datasets.open((pixels, truth % 2))
    assert near_duplicates(images).joined <= 8
    found = near_duplicates(images, embed=embed)
    assert set(seen) == {(torch.uint8, (3, 64, 64))}
    assert found.joined > 60


def test_the_answer_does_not_change_between_calls(tiles):
    pixels, labels, _ = tiles
    images = synthaug.datasets.open((pixels, labels))
    assert np.array_equal(near_duplicates(images).groups, near_duplicates(images).groups)
