"""Two sides of a translation: what pairs, what does not, and how pictures are resized."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from synthaug.datasets.pairs import (
    Domains,
    Pairs,
    domains,
    paired_folders,
    partners,
    side_by_side,
)
from synthaug.datasets.resampling import nearest, squash, stretched
from synthaug.errors import InputError


def put(file: Path, pixels: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)


def picture(seed: int, height: int = 20, width: int = 20, colour: bool = False) -> np.ndarray:
    shape = (height, width, 3) if colour else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def mask(seed: int, height: int = 20, width: int = 20) -> np.ndarray:
    return (picture(seed, height, width) > 127).astype(np.uint8) * 255


@pytest.fixture
def folders(tmp_path):
    """Six masks and photographs of the same names, in sub-folders, other endings."""
    for index in range(6):
        name = f"{'ab'[index % 2]}/{index}"
        put(tmp_path / "masks" / f"{name}.png", mask(index))
        put(tmp_path / "photos" / f"{name}.bmp", picture(index, colour=True))
    return tmp_path / "masks", tmp_path / "photos"


def test_names_pair_whatever_their_endings(folders):
    a, b, warnings = paired_folders(*folders)
    assert a.names == b.names == ("a/0", "a/2", "a/4", "b/1", "b/3", "b/5")
    assert (a.channels, b.channels, a.masks, b.masks, warnings) == (1, 3, True, False, [])
    pairs = Pairs(a, b, 20)
    assert pairs.read(np.array([3])).shape == (1, 4, 20, 20)
    assert np.array_equal(pairs.read(np.array([3]))[0, 0].numpy(), mask(1))
    assert np.array_equal(
        pairs.read(np.array([3]))[0, 1:].numpy(), picture(1, colour=True).transpose(2, 0, 1)
    )


def test_names_without_a_partner_are_listed_and_can_be_left_out(folders):
    for index in range(12):
        put(folders[1] / f"lone{index:02d}.png", picture(index))
    (folders[1] / "a" / "0.bmp").unlink()
    with pytest.raises(InputError) as error:
        paired_folders(*folders)
    text = str(error.value)
    assert error.value.code == "input.pairs"
    assert (
        "13 pictures without a partner: only in masks: a/0; only in photos: lone00, lone01" in text
    )
    assert "lone09 and 2 more" in text
    assert "--recipe cyclegan" in text
    a, b, warnings = paired_folders(*folders, skip_bad=True)
    assert len(a) == len(b) == 5
    assert "left out: 13 pictures without a partner" in warnings[0]


def test_folders_that_share_no_name_are_refused_even_then(folders, tmp_path):
    put(tmp_path / "others" / "x.png", picture(0))
    with pytest.raises(InputError, match="7 pictures without a partner"):
        paired_folders(folders[0], tmp_path / "others", skip_bad=True)


def test_two_files_of_one_name_are_refused(folders):
    put(folders[0] / "a" / "0.bmp", mask(0))
    with pytest.raises(InputError, match=r"expected one image a name, got two of a/0"):
        paired_folders(*folders)


def test_a_broken_picture_takes_its_partner_with_it(folders):
    (folders[0] / "b" / "1.png").write_bytes(b"broken")
    with pytest.raises(InputError, match=r"masks/b/1\.png is not an image PIL can read"):
        paired_folders(*folders)
    a, b, warnings = paired_folders(*folders, skip_bad=True)
    assert a.names == b.names == ("a/0", "a/2", "a/4", "b/3", "b/5")
    assert len(a.sizes) == len(b.sizes) == 5
    assert "1 of 12 pictures" in warnings[0]


def test_pairs_of_other_shapes_are_named(folders):
    put(folders[0] / "a" / "2.png", mask(2, 20, 30))
    with pytest.raises(
        InputError, match=r"the same shape on both sides, got a/2 \(30 x 20 and 20 x 20\)"
    ):
        paired_folders(*folders)
    put(folders[0] / "a" / "2.png", mask(2, 10, 10))
    paired_folders(*folders)


@pytest.mark.parametrize("colour", [False, True])
def test_a_picture_parts_into_its_halves(tmp_path, colour):
    for index in range(3):
        left, right = mask(index, 20, 20), picture(index, 20, 20, colour)
        if colour:
            left = np.repeat(left[..., None], 3, axis=2)
        put(tmp_path / "both" / f"{index}.png", np.concatenate([left, right], axis=1))
    a, b, _ = side_by_side(tmp_path / "both")
    assert (a.channels, b.channels) == (1, 3 if colour else 1), "grey stored as RGB stays grey"
    assert (a.masks, b.masks) == (True, False)
    read = Pairs(a, b, 20).read(np.array([1]))[0].numpy()
    assert np.array_equal(read[0], mask(1))
    wanted = picture(1, 20, 20, colour)
    assert np.array_equal(read[1:].transpose(1, 2, 0).squeeze(), wanted)


def test_a_picture_of_odd_width_is_named_once(tmp_path):
    put(tmp_path / "both" / "0.png", picture(0, 20, 40))
    put(tmp_path / "both" / "odd.png", picture(0, 20, 41))
    with pytest.raises(InputError) as error:
        side_by_side(tmp_path / "both")
    assert str(error.value).count("both/odd.png is 41 px wide, which does not part") == 1


def test_masks_get_no_new_values_and_photographs_do(folders):
    a, b, _ = paired_folders(*folders)
    for resolution in (7, 33):
        assert set(np.unique(a.read(range(6), resolution))) == {0, 255}
        assert len(np.unique(b.read(range(6), resolution))) > 50
    as_told = paired_folders(*folders, masks=(False, True))
    assert not as_told[0].masks
    assert len(np.unique(as_told[0].read(range(6), 7))) > 2


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 40), st.integers(1, 40))
def test_nearest_takes_the_pixel_under_the_middle_and_area_keeps_the_mean(h, w, height, width):
    pixels = np.random.default_rng(h * 100 + w).integers(0, 256, (h, w), dtype=np.uint8)
    made = nearest(pixels, height, width)
    for row in range(height):
        for column in (0, width // 2, width - 1):
            at = int((2 * row + 1) * h // (2 * height)), int((2 * column + 1) * w // (2 * width))
            assert made[row, column] == pixels[at]
    assert np.array_equal(stretched(pixels, 5, 5), squash(pixels, 5))


def test_domains_of_which_one_is_in_colour_are_both_read_in_colour(tmp_path):
    for index in range(3):
        put(tmp_path / "grey" / f"{index}.png", picture(index))
        put(tmp_path / "colour" / f"{index + 5}.png", picture(index, colour=True))
    a, b, _ = domains(tmp_path / "grey", tmp_path / "colour")
    assert (a.channels, b.channels) == (3, 3)
    read = Domains(a, b, 20, (np.array([0, 2]), np.array([1]))).read(np.array([1]))[0].numpy()
    assert np.array_equal(read[0], picture(2))
    assert np.array_equal(read[3:], picture(1, colour=True).transpose(2, 0, 1))


class Numbers:
    """A side without files."""

    channels, masks = 1, False

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def fill(self, store, first=0):
        store[:, 0, 0, 0] = np.arange(self.n) % 256


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 2000))
def test_a_uniform_index_is_uniform_in_both_domains(a, b, most):
    pairs = Domains(Numbers(a), Numbers(b), 1, (np.arange(a), np.arange(b)), most=most)
    left, right = pairs.places(np.arange(len(pairs)))
    assert len(set(np.bincount(left, minlength=a))) == 1
    counts = np.bincount(right, minlength=b)
    assert counts.min() >= 1
    assert counts.max() - counts.min() <= 1
    if a * b <= most:
        assert len(set(zip(left.tolist(), right.tolist(), strict=True))) == len(pairs) == a * b
    else:
        assert len(pairs) <= max(most, a + b)
    read = pairs.read(np.arange(len(pairs)))[:, :, 0, 0].numpy()
    assert np.array_equal(read, np.stack([left, right], axis=1))


def test_large_domains_are_numbered_sparingly():
    assert partners(952, 115, 2**20) == 115
    assert 50_000 * partners(50_000, 60_000, 2**20) <= 2**20


def test_pictures_too_many_for_memory_lie_in_a_file(folders, tmp_path):
    a, b, _ = paired_folders(*folders)
    memory, disk = Pairs(a, b, 8), Pairs(a, b, 8, file=tmp_path / "pack")
    assert (tmp_path / "pack").stat().st_size == 6 * 4 * 64
    assert np.array_equal(memory.read(np.arange(6)), disk.read(np.arange(6)))
    assert memory.fingerprint == disk.fingerprint
