"""Packed images: in memory or in a file, the same bytes."""

import errno
import os
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import synthaug.datasets
from synthaug.datasets import pack
from synthaug.datasets.resampling import squash
from synthaug.errors import Damaged, InputError, OutOfResources


def make(seed=0, colour=False, count=6):
    random = np.random.default_rng(seed)
    shape = (9, 13, 3) if colour else (9, 13)
    pixels = [random.integers(0, 256, shape, np.uint8) for _ in range(count)]
    return synthaug.datasets.open((pixels, [0, 1] * (count // 2)), groups=range(count))


@pytest.mark.parametrize("colour", [False, True])
def test_memory_and_file_hold_the_same(tmp_path, colour):
    images = make(colour=colour)
    here, there = pack(images, 8), pack(images, 8, file=tmp_path / "p")
    assert here.channels == there.channels == (3 if colour else 1)
    found = there.read([5, 0, 0])
    assert found.shape == (3, here.channels, 8, 8)
    assert found.dtype == torch.uint8
    assert torch.equal(found, here.read(np.array([5, 0, 0])))
    square = squash(images.pixels(5), 8).reshape(8, 8, -1).transpose(2, 0, 1)
    assert np.array_equal(found[0].numpy(), square)
    assert (len(here), here.resolution, here.classes) == (6, 8, ("0", "1"))
    assert here.labels.tolist() == [0, 1] * 3
    assert here.groups.tolist() == list(range(6))


def test_what_is_read_may_be_changed(tmp_path):
    packed = pack(make(), 8)
    before = packed.read([1])
    packed.read([1]).zero_()
    assert torch.equal(packed.read([1]), before)


def test_a_subset_reads_its_own_rows(tmp_path):
    packed = pack(make(), 8, file=tmp_path / "p")
    part = packed.subset([4, 2]).subset([1])
    assert torch.equal(part.read([0]), packed.read([2]))
    assert (len(part), part.labels.tolist(), part.groups.tolist()) == (1, [0], [2])
    assert part.fingerprint != packed.fingerprint


def test_it_travels_to_worker_processes(tmp_path):
    for file in (None, tmp_path / "p"):
        packed = pack(make(), 8, file=file)
        again = pickle.loads(pickle.dumps(packed))
        assert torch.equal(again.read([3]), packed.read([3]))


def test_the_same_content_is_not_written_twice(tmp_path):
    file = tmp_path / "p"
    first = pack(make(), 8, file=file)
    stamp = file.stat().st_ino
    assert pack(make(), 8, file=file).fingerprint == first.fingerprint
    assert file.stat().st_ino == stamp
    other = pack(make(seed=1), 8, file=file)
    assert other.fingerprint != first.fingerprint
    assert torch.equal(other.read([0]), pack(make(seed=1), 8).read([0]))
    assert pack(make(), 16).fingerprint != first.fingerprint
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


def test_a_pack_file_that_was_cut_is_written_again(tmp_path):
    file = tmp_path / "p"
    pack(make(), 8, file=file)
    file.write_bytes(file.read_bytes()[:-1])
    assert torch.equal(pack(make(), 8, file=file).read([5]), pack(make(), 8).read([5]))


def test_a_pack_file_cut_while_in_use(tmp_path):
    file = tmp_path / "p"
    packed = pack(make(), 8, file=file)
    os.truncate(file, 4200)
    assert packed.read([0]).shape == (1, 1, 8, 8)
    with pytest.raises(Damaged) as error:
        packed.read([0, 5])
    assert str(error.value) == (
        f"pack file: expected all its images, got fewer: it was cut while in use ({file}). "
        "Run the same call again, it writes the file anew."
    )


def test_another_file_of_that_name_is_left_alone(tmp_path):
    file = tmp_path / "notes"
    file.write_text("mine")
    with pytest.raises(InputError) as error:
        pack(make(), 8, file=file)
    assert str(error.value) == (
        f"pack file: expected a free name or a pack file, got another file ({file}). "
        "Choose another name."
    )
    assert file.read_text() == "mine"


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutOfResources) as error:
        pack(make(), 8, file=tmp_path / "p")
    assert str(error.value) == (
        f"pack file cannot be written: got a full disk ({tmp_path / 'p'}). "
        "Free some space or choose another folder."
    )
    assert list(tmp_path.iterdir()) == []


def test_an_image_that_vanishes_while_packing_leaves_nothing_behind(tmp_path):
    from PIL import Image

    for name in "ab":
        (tmp_path / "set" / name).mkdir(parents=True)
        Image.new("L", (4, 4)).save(tmp_path / "set" / name / "x.png")
    images = synthaug.datasets.open(tmp_path / "set")
    (tmp_path / "set" / "b" / "x.png").unlink()
    with pytest.raises(InputError, match=r"b/x\.png"):
        pack(images, 8, file=tmp_path / "out" / "p")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"pack file cannot be written: got .*Choose another"):
        pack(make(), 8, file=tmp_path / "file" / "p")


def area_mean(pixels, side):
    """The exact mean over each target pixel's area, by integrating along both axes."""

    def weights(length):
        edges = np.linspace(0, length, side + 1)
        starts, ends = np.arange(length), np.arange(1, length + 1)
        overlap = np.minimum(edges[1:, None], ends) - np.maximum(edges[:-1, None], starts)
        return np.maximum(overlap, 0) * side / length

    return weights(pixels.shape[0]) @ pixels.astype(float) @ weights(pixels.shape[1]).T


@given(st.integers(8, 60), st.integers(8, 60), st.integers(0, 99))
def test_shrinking_is_the_mean_over_area(height, width, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    assert np.abs(squash(pixels, 8).astype(float) - area_mean(pixels, 8)).max() <= 1


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 255))
def test_a_flat_image_stays_flat_at_any_size(height, width, level):
    assert np.unique(squash(np.full((height, width), level, np.uint8), 16)).tolist() == [level]


def test_one_axis_may_shrink_while_the_other_grows():
    pixels = np.repeat(np.array([[0, 200]], np.uint8), 40, axis=0)  # 40 high, 2 wide
    found = squash(pixels, 8)
    assert np.unique(found, axis=0).shape[0] == 1
    assert found[0, 0] == 0
    assert found[0, -1] == 200
