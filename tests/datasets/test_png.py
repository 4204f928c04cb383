import errno
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from synthaug.datasets.png import read_provenance, write_error, write_png
from synthaug.errors import InputError, OutOfResources
from synthaug.provenance import Provenance

MEDIA = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def record(**changes) -> Provenance:
    facts = {
        "kind": "gan", "class_name": "fray", "index": 3, "latent_seed": 2**62 + 1,
        "generator": "ab" * 32, "recipe": "rare", "version": "0.1.0", "attempts": 2,
        "nearest_distance": 0.25, "nearest_name": None, "gates": {"copy": "PASS"},
    }  # fmt: skip
    return Provenance(**{**facts, **changes})


def chunks(path: Path) -> list[tuple[bytes, bytes]]:
    """(type, data) of every chunk, read by hand from the PNG specification."""
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = [], 8
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        kind, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        (crc,) = struct.unpack(">I", content[at + 8 + length : at + 12 + length])
        assert crc == zlib.crc32(kind + data)
        found.append((kind, data))
        at += 12 + length
    return found


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_come_back(tmp_path, channels):
    image = torch.arange(channels * 6 * 5, dtype=torch.uint8).reshape(channels, 6, 5)
    write_png(tmp_path / "a.png", image, record())
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == {1: "L", 3: "RGB"}[channels]
        pixels = np.array(picture).reshape(6, 5, channels)
    assert (pixels == image.permute(1, 2, 0).numpy()).all()


def test_the_file_names_iptc_trained_algorithmic_media_in_an_uncompressed_itxt_chunk(tmp_path):
    write_png(tmp_path / "a.png", torch.zeros(3, 4, 4, dtype=torch.uint8), record())
    (text,) = [data for kind, data in chunks(tmp_path / "a.png") if kind == b"iTXt"]
    keyword, rest = text.split(b"\0", 1)
    assert keyword == b"XML:com.adobe.xmp"
    assert rest[:2] == b"\0\0", "compression flag and method"
    packet = rest[2:].split(b"\0", 2)[2].decode()
    assert packet.startswith("<?xpacket begin=")
    assert f'DigitalSourceType="{MEDIA}"' in packet
    with Image.open(tmp_path / "a.png") as picture:
        assert MEDIA in picture.info["XML:com.adobe.xmp"]


@pytest.mark.parametrize("name", ["fray", "<b>&\"'", "é裂\n\t", "a/b"])
def test_provenance_comes_back_without_the_private_name(tmp_path, name):
    written = record(class_name=name, nearest_name="patient-17.png")
    write_png(tmp_path / "a.png", torch.zeros(1, 4, 4, dtype=torch.uint8), written)
    assert read_provenance(tmp_path / "a.png") == record(class_name=name)
    assert b"patient-17" not in (tmp_path / "a.png").read_bytes()


def test_same_image_and_record_give_the_same_bytes(tmp_path):
    image = torch.randint(0, 256, (3, 9, 9), dtype=torch.uint8)
    for name in "ab":
        write_png(tmp_path / f"{name}.png", image, record())
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_other_pictures_have_no_provenance(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "plain.png")
    assert read_provenance(tmp_path / "plain.png") is None
    foreign = Image.new("L", (4, 4))
    foreign.save(tmp_path / "foreign.jpg", xmp=b"<x:xmpmeta")
    assert read_provenance(tmp_path / "foreign.jpg") is None


def test_what_is_no_picture_is_refused_by_name(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"image: expected a readable PNG file, got .*a\.png"):
        read_provenance(tmp_path / "a.png")


def test_a_float_image_is_refused(tmp_path):
    with pytest.raises(InputError) as caught:
        write_png(tmp_path / "a.png", torch.zeros(3, 4, 4), record())
    assert str(caught.value) == (
        "image: expected a uint8 tensor (C, H, W) with 1 or 3 channels, got float32 (3, 4, 4). "
        "Convert it with synthaug.datasets.convert first."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_the_users_to_mend(tmp_path):
    with pytest.raises(InputError, match="output: expected a place that can be written"):
        write_png(tmp_path / "missing" / "a.png", torch.zeros(1, 4, 4, dtype=torch.uint8), record())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_out_of_resources(number):
    error = write_error(OSError(number, os.strerror(number)), Path("out"))
    assert isinstance(error, OutOfResources)
    assert error.exit_code == 7
