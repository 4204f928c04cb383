"""Projection finds what the generator drew, and comes near to what it did not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from synthaug import datasets, latent
from synthaug.errors import Damaged, InputError
from synthaug.training import Generator, Progress


class Listener:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Progress] = []

    def on_progress(self, event: Progress) -> None:
        self.events.append(event)


@pytest.mark.parametrize("space", ["w", "z"])
def test_an_image_the_generator_drew_is_recovered(
    trained: Generator, space: latent.codes.Space
) -> None:
    labels, seeds = [0, 3], [1001, 1002]
    own = trained.sample(labels, seeds)
    listener = Listener()
    without_encoder = Generator(trained.network, trained.classes)
    found = latent.project(
        without_encoder, own, labels, space=space, steps=60, callbacks=[listener]
    )
    assert (found.error < 0.05 * found.drawn_error).all()
    assert (found.pixel_error < 3).all()
    assert torch.equal(found.images, latent.draw(trained, found.codes))
    assert [event.images_seen for event in listener.events] == list(range(1, 61))
    assert {event.total for event in listener.events} == {60}


def test_real_images_come_nearer_than_the_nearest_draw(
    trained: Generator, digits: datasets.Packed
) -> None:
    unseen = [1, 3, 5]
    real, labels = digits.read(unseen), digits.labels[unseen]
    found = latent.project(trained, real, labels, steps=50)
    assert (found.error < 0.5 * found.drawn_error).all()
    assert found.codes.labels.tolist() == labels.tolist()
    # The nearest of 64 draws, measured here as well.
    draws = trained.sample([int(labels[0])] * 64, range(64))
    nearest = (draws.float() - real[:1].float()).square().mean((1, 2, 3)).sqrt().min()
    assert found.pixel_error[0] < 0.5 * nearest


def test_a_generator_without_styles_and_one_with_noise_are_projected(
    plain: Generator, styled: Generator
) -> None:
    for generator in (plain, styled):
        own = generator.sample([1], [5])
        found = latent.project(generator, own, [1], steps=40, draws=16)
        assert found.error[0] < 0.8 * found.drawn_error[0]
        assert found.pixel_error[0] < 0.3 * own.float().std()


def test_without_a_class_several_are_tried(trained: Generator, digits: datasets.Packed) -> None:
    found = latent.project(trained, digits.read([5]), steps=30, draws=32)
    assert found.error[0] < 0.5 * found.drawn_error[0]


def test_projection_is_repeatable(styled: Generator) -> None:
    own = styled.sample([1], [5])
    first, again = (latent.project(styled, own, [1], steps=3, draws=8, seed=4) for _ in range(2))
    assert torch.equal(first.codes.values, again.codes.values)
    assert first.error == again.error


def test_likeness_is_zero_for_the_same_image_and_grows_with_change(
    digits: datasets.Packed,
) -> None:
    images = datasets.to_float(digits.read([0, 1]))
    likeness = latent.Likeness(images)
    assert likeness(images).tolist() == pytest.approx([0, 0], abs=1e-9)
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    little, much = (likeness((images + x * noise).clamp(-1, 1)) for x in (0.05, 0.3))
    assert (0 < little).all()
    assert (little < much).all()
    crossed = likeness(images, torch.tensor([1, 0]))
    assert (crossed > 0).all()
    matrix = torch.diag(crossed).flip(1)
    assert torch.allclose(likeness.to_all(images), matrix, atol=1e-6)


def test_points_are_kept_for_their_generator(
    styled: Generator, trained: Generator, tmp_path: Path
) -> None:
    codes = latent.locate(styled, [0, 1], [1, 2])
    file = tmp_path / "points.safetensors"
    latent.save_codes(file, codes, styled)
    first = file.read_bytes()
    again = latent.load_codes(file, styled)
    assert again.space == "w"
    for name in ("labels", "values", "noise"):
        assert torch.equal(getattr(again, name), getattr(codes, name))
    latent.save_codes(file, codes, styled)
    assert file.read_bytes() == first
    with pytest.raises(InputError, match="points: expected those of this generator"):
        latent.load_codes(file, trained)
    with pytest.raises(InputError, match="file of direction: expected one that synthaug wrote"):
        latent.Direction.load(file)
    file.write_bytes(first[:100])
    with pytest.raises(Damaged, match="file of points cannot be read"):
        latent.load_codes(file, styled)
    with pytest.raises(InputError, match=r"expected a \.safetensors file, got nothing"):
        latent.load_codes(tmp_path / "none", styled)


def test_files_of_any_size_are_brought_to_the_generators(
    styled: Generator, trained: Generator, tmp_path: Path
) -> None:
    ramp = np.linspace(0, 255, 60 * 40).reshape(40, 60).astype(np.uint8)
    Image.fromarray(np.stack([ramp, ramp // 2, 0 * ramp], axis=2)).save(tmp_path / "wide.png")
    colour, told = latent.read_image(tmp_path / "wide.png", styled)
    assert colour.shape == (3, 32, 32)
    assert told == "60 x 40 px, squashed to 32 x 32 as training images are"
    grey, told = latent.read_image(tmp_path / "wide.png", trained, crop=True)
    assert grey.shape == (1, 16, 16)
    assert told == (
        "60 x 40 px, cropped to its central 40 x 40, resized to 16 x 16, colour made grey"
    )
    Image.fromarray(ramp[:32, :32]).save(tmp_path / "fits.png")
    same, told = latent.read_image(tmp_path / "fits.png", styled)
    assert told == "32 x 32 px"
    assert torch.equal(same[0], torch.from_numpy(ramp[:32, :32]))
    assert torch.equal(same[0], same[2])


def test_what_is_no_image_is_refused(styled: Generator, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="image: expected a file, got nothing"):
        latent.read_image(tmp_path / "none.png", styled)
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(InputError, match="is not an image"):
        latent.read_image(tmp_path / "a.png", styled)
    with pytest.raises(InputError, match=r"got a\.png is not an image PIL can read"):
        latent.read_folder(tmp_path, styled)
    with pytest.raises(InputError, match="folder of images: expected a folder, got nothing"):
        latent.read_folder(tmp_path / "none", styled)


@pytest.mark.parametrize(
    ("images", "labels", "steps", "text"),
    [
        (torch.zeros(1, 1, 32, 32, dtype=torch.uint8), [0], 3, r"uint8 \(N, 3, 32, 32\)"),
        (torch.zeros(1, 3, 32, 32), [0], 3, r"got float32 \(1, 3, 32, 32\)"),
        (torch.zeros(2, 3, 32, 32, dtype=torch.uint8), [0], 3, r"one an image \(2\), got 1"),
        (torch.zeros(1, 3, 32, 32, dtype=torch.uint8), [7], 3, "labels: expected 0 to 2"),
        (torch.zeros(1, 3, 32, 32, dtype=torch.uint8), [0], 0, "at least one step"),
    ],
)
def test_projections_that_make_no_sense(
    styled: Generator, images: torch.Tensor, labels: list[int], steps: int, text: str
) -> None:
    with pytest.raises(InputError, match=text):
        latent.project(styled, images, labels, steps=steps)
