"""Pictures and frames without their faces, and what hostile ones may not do."""

from __future__ import annotations

import hashlib
import io
import random
import struct
import time
import zlib
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest
from PIL import Image
from running import Client, Running, refused, told

from synthaug.v1 import anonymization_pb2, media_pb2

PNG, JPEG, RGB8 = (
    media_pb2.IMAGE_FORMAT_PNG, media_pb2.IMAGE_FORMAT_JPEG, media_pb2.IMAGE_FORMAT_RGB8,
)  # fmt: skip


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    """A portrait that everybody may use: scikit-image's astronaut."""
    data = pytest.importorskip("skimage.data", reason="needs scikit-image")
    return np.asarray(data.astronaut())[:256, 80:400].copy()


def encoded(pixels: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


def asked(data: bytes, format_: int = 0, **settings: Any) -> Any:
    return anonymization_pb2.AnonymizeImageRequest(
        image=media_pb2.Image(format=format_, data=data),
        settings=anonymization_pb2.AnonymizeSettings(**settings),
    )


def pixels(image: media_pb2.Image) -> np.ndarray:
    if image.format == RGB8:
        return np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, 3)
    return np.asarray(Image.open(io.BytesIO(image.data)).convert("RGB"))


def hide(client: Client, request: Any) -> Any:
    return client.anonymization.AnonymizeImage(request, timeout=280)


def test_a_face_is_replaced_and_nothing_else(client: Client, face: np.ndarray) -> None:
    answer = hide(client, asked(encoded(face), seed=1))
    shown = pixels(answer.image)
    assert shown.shape == face.shape
    assert answer.image.format == PNG
    assert sum(one.faces for one in answer.receipt.replaced) >= 1
    assert answer.receipt.sha256 == hashlib.sha256(answer.image.data).digest()
    assert answer.receipt.compute_time.ToNanoseconds() > 0
    changed = (shown != face).any(-1)
    rows, columns = np.nonzero(changed)
    # The astronaut's face is in the upper middle of this cut.
    assert changed[90:150, 120:170].mean() > 0.95
    assert changed.mean() < 0.5
    assert rows.max() < 250
    assert columns.min() > 20


def test_a_jpeg_is_answered_upright(client: Client, face: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(np.rot90(face).copy(), "JPEG", exif=exif.tobytes(), quality=95)
    answer = hide(client, asked(data, JPEG, seed=1))
    assert (answer.image.width, answer.image.height) == (face.shape[1], face.shape[0])
    assert b"Exif" not in answer.image.data[:64]
    assert sum(one.faces for one in answer.receipt.replaced) >= 1


def test_a_zone_is_covered_whatever_is_in_it(client: Client) -> None:
    grey = np.full((96, 128, 3), 90, np.uint8)
    zone = anonymization_pb2.Zone(left=0.5, top=0.25, width=0.25, height=0.5)
    image = media_pb2.Image(format=RGB8, data=grey.tobytes(), width=128, height=96)
    answer = hide(
        client,
        anonymization_pb2.AnonymizeImageRequest(
            image=image, settings=anonymization_pb2.AnonymizeSettings(zones=[zone])
        ),
    )
    assert list(answer.receipt.replaced) == [
        anonymization_pb2.RungCount(rung="REPLACEMENT_RUNG_COVER", faces=1)
    ]


def frames(face: np.ndarray, count: int, seen: int) -> Iterator[Any]:
    yield anonymization_pb2.AnonymizeFramesRequest(
        settings=anonymization_pb2.AnonymizeSettings(seed=3)
    )
    for n in range(count):
        picture = face if n < seen else np.full_like(face, 128)
        frame = anonymization_pb2.Frame(
            sequence=n + 1,
            image=media_pb2.Image(
                format=RGB8, data=picture.tobytes(), width=face.shape[1], height=face.shape[0]
            ),
        )
        frame.time.FromNanoseconds(n * 40_000_000)
        yield anonymization_pb2.AnonymizeFramesRequest(frame=frame)


def test_frames_are_answered_one_by_one(client: Client, face: np.ndarray) -> None:
    answers = list(client.anonymization.AnonymizeFrames(frames(face, 6, 6), timeout=280))
    assert [a.frame.sequence for a in answers] == [1, 2, 3, 4, 5, 6]
    assert [a.receipt.sequence for a in answers] == [1, 2, 3, 4, 5, 6]
    for answer in answers:
        assert sum(one.faces for one in answer.receipt.replaced) >= 1
        assert (pixels(answer.frame.image) != face)[90:150, 120:170].any(-1).mean() > 0.95


def test_frames_of_two_sizes_end_the_stream(client: Client, face: np.ndarray) -> None:
    def two() -> Iterator[Any]:
        yield from frames(face, 1, 1)
        small = face[:64, :64].copy()
        image = media_pb2.Image(format=RGB8, data=small.tobytes(), width=64, height=64)
        yield anonymization_pb2.AnonymizeFramesRequest(
            frame=anonymization_pb2.Frame(sequence=2, image=image)
        )

    error = refused(client.anonymization.AnonymizeFrames, two(), timeout=280)
    assert error.code == "INVALID_ARGUMENT"


def bomb(width: int, height: int) -> bytes:
    """A PNG of some bytes that claims, and holds, very many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(width + 1)) for _ in range(height)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_hostile_pictures_harm_nobody(client: Client, server: Running, face: np.ndarray) -> None:
    large = refused(client.anonymization.AnonymizeImage, asked(bomb(12000, 12000)), timeout=280)
    assert (large.code, large.reason) == ("INVALID_ARGUMENT", "IMAGE_TOO_LARGE")
    rng = random.Random(0)
    good = encoded(face[::4, ::4].copy(), "JPEG")
    began = time.monotonic()
    for n in range(40):
        data = bytearray(good if n % 2 else encoded(face[::4, ::4].copy()))
        for _ in range(rng.randint(1, 30)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            hide(client, asked(bytes(data[: rng.randrange(20, len(data))])))
        except grpc.RpcError as raised:
            error = told(raised)
            assert error.code == "INVALID_ARGUMENT"
            assert error.reason in ("IMAGE_UNREADABLE", "IMAGE_TOO_LARGE")
        if time.monotonic() - began > 100:
            break
    assert server.process.poll() is None
    assert hide(client, asked(encoded(face))).receipt.replaced
