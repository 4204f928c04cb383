"""Decoding: whatever is on disk becomes upright, opaque 8-bit pixels."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synthaug.datasets.decode import BadImage, Picture, decode
from synthaug.datasets.limits import Limits
from synthaug.errors import InputError

RAMP = np.arange(0, 240, 10, dtype=np.uint8).reshape(4, 6)


def written(tmp_path: Path, image: Image.Image, name: str, **options: object) -> Picture:
    path = tmp_path / name
    image.save(path, **options)
    return decode(path, name, Limits())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_undone(tmp_path, orientation):
    upright = Image.fromarray(RAMP)
    stored = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    turned = upright.transpose(stored[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in ("x.png", "x.tif"):
        assert np.array_equal(written(tmp_path, turned, name, exif=exif).pixels, RAMP)


def test_16_bit_grey_is_scaled_not_cut(tmp_path):
    levels = np.array([[0, 255, 257, 32768, 65535]], np.uint16)
    found = written(tmp_path, Image.fromarray(levels), "deep.png")
    assert found.pixels.tolist() == [[0, 1, 1, 128, 255]]


def test_float_tiff_holds_0_to_1(tmp_path):
    levels = np.array([[0.0, 0.5, 1.0]], np.float32)
    assert written(tmp_path, Image.fromarray(levels), "f.tif").pixels.tolist() == [[0, 128, 255]]


@pytest.mark.parametrize(("mode", "name"), [("P", "p.png"), ("CMYK", "c.tif"), ("RGB", "r.bmp")])
def test_palette_and_cmyk_become_rgb(tmp_path, mode, name):
    colour = Image.new("RGB", (5, 5), (200, 30, 60))
    found = written(tmp_path, colour.convert(mode, palette=Image.Palette.ADAPTIVE), name)
    assert found.pixels.shape == (5, 5, 3)
    assert np.abs(found.pixels.reshape(-1, 3).astype(int) - (200, 30, 60)).max() <= 2
    assert not found.had_alpha


def test_one_bit_images_are_grey(tmp_path):
    found = written(tmp_path, Image.new("1", (3, 3), 1), "bit.png")
    assert found.pixels.tolist() == [[255] * 3] * 3


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_is_composited_on_white(tmp_path, mode):
    half = Image.new(mode, (2, 1), (0, 128) if mode == "LA" else (0, 0, 0, 128))
    half.putpixel((1, 0), (0, 0) if mode == "LA" else (0, 0, 0, 0))
    found = written(tmp_path, half, "a.png")
    assert found.had_alpha
    assert found.pixels.ndim == (2 if mode == "LA" else 3)
    assert found.pixels.reshape(2, -1)[:, 0].tolist() == [127, 255]


def test_an_opaque_alpha_channel_is_no_news(tmp_path):
    assert not written(tmp_path, Image.new("RGBA", (2, 2), (1, 2, 3, 255)), "a.png").had_alpha


def test_a_transparent_palette_entry_is_composited(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    found = written(tmp_path, image, "p.png", transparency=1)
    assert found.pixels.tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_the_first_frame_of_an_animation_is_used(tmp_path):
    frames = [Image.new("RGB", (4, 4), (level, 0, 0)) for level in (200, 10)]
    found = written(tmp_path, frames[0], "a.gif", save_all=True, append_images=frames[1:])
    assert found.frames == 2
    assert found.pixels[0, 0].tolist() == [200, 0, 0]


def test_every_truncation_of_a_file_is_bad_or_whole(tmp_path):
    path = tmp_path / "x.png"
    Image.fromarray(RAMP).save(path)
    content = path.read_bytes()
    for length in range(len(content)):
        try:
            found = decode(content[:length], "x", Limits())
        except BadImage:
            continue
        assert np.array_equal(found.pixels, RAMP)  # only the end marker is missing


def test_flipped_bytes_never_raise_anything_else(tmp_path):
    random = np.random.default_rng(0)
    for name in ("x.png", "x.jpg", "x.gif", "x.webp", "x.tif", "x.bmp"):
        path = tmp_path / name
        Image.fromarray(random.integers(0, 256, (9, 9, 3), np.uint8)).save(path)
        content = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(60):
            broken = content.copy()
            broken[random.integers(0, len(broken), 3)] = random.integers(0, 256, 3)
            with contextlib.suppress(BadImage):
                decode(broken.tobytes(), name, Limits(max_pixels=10_000))


def test_formats_that_start_other_programs_are_not_opened():
    with pytest.raises(BadImage, match="is not an image PIL can read"):
        decode(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "x.eps", Limits())


def test_a_float_that_overshoots_a_little_is_clipped():
    pixels = np.array([[-0.005, 1.005]])
    assert decode(pixels, "x", Limits()).pixels.tolist() == [[0, 255]]
    with pytest.raises(InputError, match=r"got 0 to 16 \(x\)"):
        decode(np.array([[0.0, 16.0]]), "x", Limits())
