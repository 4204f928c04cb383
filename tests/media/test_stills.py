"""A picture comes back as what it was: kind, depth, channels, turn, and no private word."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from synthaug.errors import Damaged, InputError
from synthaug.media import Limits
from synthaug.media.marking import Mark, is_marked
from synthaug.media.reading import probe_still, still_frames
from synthaug.media.stills import as_rgb, encoded, put

RGB = np.ascontiguousarray(astronaut()[:128, 100:260])
MARK = Mark(version="1", generated=True, facts={"faces": 1})


def made(tmp_path: Path, name: str) -> Path:
    path = tmp_path / name
    image = Image.fromarray(RGB)
    kind = path.stem
    if kind == "turned":
        exif = Image.Exif()
        exif[0x0112], exif[0x010F] = 6, "Phone maker"
        exif.get_ifd(0x8825)[1] = "N"
        image.save(path, exif=exif, quality=90)
    elif kind == "cmyk":
        image.convert("CMYK").save(path, quality=90)
    elif kind == "grey":
        image.convert("L").save(path)
    elif kind == "grey alpha":
        image.convert("LA").save(path)
    elif kind == "alpha":
        image.putalpha(image.convert("L"))
        image.save(path, lossless=True)
    elif kind == "palette":
        image.convert("P").save(path, transparency=3)
    elif kind == "deep":
        import cv2

        cv2.imwrite(str(path), RGB[..., ::-1].astype(np.uint16) * 257 + 3)
    elif kind == "animated":
        frames = [image.rotate(10 * n) for n in range(4)]
        frames[0].save(
            path, save_all=True, append_images=frames[1:], duration=[40, 80, 120, 40], lossless=True
        )
    elif kind == "progressive":
        image.save(path, progressive=True, subsampling=0, quality=80)
    else:
        image.save(path)
    return path


KINDS = ("plain.jpg", "plain.png", "plain.webp", "plain.bmp", "turned.jpg", "cmyk.jpg", "grey.jpg",
         "grey alpha.png", "alpha.png", "alpha.webp", "palette.png", "deep.png", "animated.webp",
         "animated.png", "progressive.jpg")  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_a_copy_is_its_source(name, tmp_path):
    path = made(tmp_path, name)
    still = probe_still(path)
    frames = list(still_frames(still))
    pixels = [each for each, _, _ in frames]
    durations = [duration for _, duration, _ in frames]
    copy = tmp_path / f"copy{path.suffix}"
    content = encoded(still, pixels, durations, MARK.xmp)
    copy.write_bytes(content + (MARK.xmp if still.format == "BMP" else b""))
    again = probe_still(copy)
    for field in ("format", "width", "height", "mode", "depth", "frames"):
        assert getattr(again, field) == getattr(still, field), field
    for (one, duration, _), (other, same, whole) in zip(frames, still_frames(again), strict=True):
        assert (duration, whole) == (same, True)
        error = np.square(as_rgb(one, still.mode).astype(float) - as_rgb(other, again.mode)).mean()
        assert error < (2.6 if path.suffix in (".jpg", ".webp") else 1e-9)  # 44 dB
    assert is_marked(copy)
    assert not is_marked(path)
    assert b"Phone maker" not in content
    assert again.left_out == ()  # the mark tells on nobody


@pytest.mark.parametrize(
    ("kept", "packet"),
    [
        (False, MARK.xmp),
        (True, MARK.xmp.replace(b"</rdf:RDF>", b"<a>Anna</a></rdf:RDF>")),
        (True, Mark(version="1", generated=True, facts={"author": "Anna"}).xmp),
        (True, b"<x:xmpmeta>Anna</x:xmpmeta>"),
    ],
)
@pytest.mark.parametrize("name", ["plain.png", "plain.jpg", "plain.webp"])
def test_a_packet_with_anything_else_in_it_is_told(name, kept, packet, tmp_path):
    still = probe_still(made(tmp_path, name))
    path = tmp_path / f"packet{Path(name).suffix}"
    path.write_bytes(encoded(still, [each for each, _, _ in still_frames(still)], [0], packet))
    assert probe_still(path).left_out == (("metadata XMP",) if kept else ())


def test_a_turned_picture_comes_upright_and_says_what_is_left_out(tmp_path):
    still = probe_still(made(tmp_path, "turned.jpg"))
    assert (still.width, still.height) == (128, 160)
    assert {"metadata EXIF", "metadata EXIF GPS position"} <= set(still.left_out)
    ((pixels, _, _),) = still_frames(still)
    assert np.abs(pixels.astype(int) - np.rot90(RGB, -1)).mean() < 4


@pytest.mark.parametrize("turn", range(1, 9))
def test_every_orientation_is_that_of_others(turn, tmp_path):
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = turn
    path = tmp_path / "a.png"
    Image.fromarray(RGB).save(path, exif=exif)
    ((pixels, _, _),) = still_frames(probe_still(path))
    with Image.open(path) as image:
        assert (pixels == np.asarray(ImageOps.exif_transpose(image))).all()


@pytest.mark.parametrize("name", KINDS)
def test_what_is_put_shows_and_nothing_else_changes(name, tmp_path):
    still = probe_still(made(tmp_path, name))
    pixels = next(still_frames(still))[0]
    before = pixels.copy()
    mask = np.zeros((20, 30), bool)
    mask[5:15, 5:25] = True
    patch = np.full((20, 30, 3), (200, 120, 40), np.uint8)
    put(pixels, still.mode, 40, 30, patch, mask)
    whole = np.zeros(pixels.shape[:2], bool)
    whole[35:45, 45:65] = True
    assert not (pixels != before)[~whole].any()
    seen = as_rgb(pixels, still.mode)[whole].astype(int)
    wanted = (134, 134, 134) if still.mode in ("L", "LA") else (200, 120, 40)
    assert np.abs(seen - wanted).max() <= 1
    if still.mode in ("LA", "RGBA"):
        assert (pixels[whole][:, -1] == (65535 if still.depth == 16 else 255)).all()


def test_a_truncated_picture_gives_what_is_there(tmp_path):
    path = made(tmp_path, "plain.jpg")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    ((pixels, _, whole),) = still_frames(probe_still(path))
    assert not whole
    assert np.abs(pixels[:30].astype(int) - RGB[:30]).mean() < 6


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"", "an empty file"),
        (b"hello " * 50, "another file"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "another file"),
    ],
)  # fmt: skip
def test_what_is_no_picture_is_refused(content, got, tmp_path):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=got):
        probe_still(tmp_path / "a.png")


def test_a_bomb_is_refused_by_its_header(tmp_path):
    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    content = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    )
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match="at most 40,000,000 pixels, got 30000x30000"):
        probe_still(tmp_path / "a.png")
    Image.fromarray(RGB).save(tmp_path / "b.png")
    with pytest.raises(InputError, match="at most 100 pixels"):
        probe_still(tmp_path / "b.png", limits=Limits(pixels=100))


def test_an_animation_that_breaks_off_gives_its_first_frames(tmp_path):
    path = made(tmp_path, "animated.webp")
    still = probe_still(path)
    path.write_bytes(path.read_bytes()[:-2000])
    seen = []
    with contextlib.suppress(Damaged, InputError):
        seen.extend(pixels for pixels, _, _ in still_frames(still))
    assert len(seen) < 4


def test_one_pixel(tmp_path):
    file = io.BytesIO()
    Image.new("RGB", (1, 1), (9, 9, 9)).save(file, "PNG")
    (tmp_path / "a.png").write_bytes(file.getvalue())
    still = probe_still(tmp_path / "a.png")
    ((pixels, _, _),) = still_frames(still)
    assert pixels.shape == (1, 1, 3)
