"""Hostile media kill their decoder at most: memory, processor, files, network, crashes."""

from __future__ import annotations

import asyncio
import io
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from PIL import Image
from running import Client, Running
from test_engine import dataset, ended, members, running, until

import synthaug
from synthaug.datasets.decode import BadImage, decode, decode_files_by
from synthaug.datasets.limits import Limits
from synthaug.v1 import anonymization_pb2, media_pb2, quality_pb2
from synthaug_server.engine.pictures import Decoder
from synthaug_server.front.metrics import Metrics
from synthaug_server.refusal import Refused
from synthaug_server.settings import Settings
from synthaug_server.workers import faces
from synthaug_server.workers.worker import Worker

# What the deed is, and how its doer ends.
DEEDS = {
    "memory": "exit code 1", "processor": "SIGXCPU", "crash": "SIGSEGV", "abort": "SIGABRT",
    "file": "exit code 1", "files": "exit code 1", "kill": "SIGKILL",
}  # fmt: skip


@pytest.fixture(scope="module")
def hostile() -> Iterator[Decoder]:
    decoder = Decoder(module="hostile_child", patience=20)
    yield decoder
    decoder.close()


@pytest.fixture(scope="module")
def no_network() -> None:
    """Skips where a process may not leave the network."""
    code = (
        "import ctypes, sys; leave = ctypes.CDLL(None).unshare;"
        "sys.exit(bool(leave(0x40000000) and leave(0x50000000)))"
    )
    if subprocess.run([sys.executable, "-c", code], check=False).returncode:
        pytest.skip("this host lets no process be without a network")


@pytest.mark.parametrize("deed", DEEDS)
def test_a_deed_ends_its_decoder_only(hostile: Decoder, deed: str) -> None:
    with pytest.raises(BadImage) as error:
        hostile(deed.encode(), "a/1.png", Limits())
    assert str(error.value) == f"ended its decoder by {DEEDS[deed]} (a/1.png)."
    assert hostile(b"nothing", "a/2.png", Limits()).pixels.tolist() == [[0x80]]


def test_a_decoder_that_waits_is_ended() -> None:
    decoder = Decoder(module="hostile_child", patience=1.5)
    with pytest.raises(BadImage, match="took its decoder longer than"):
        decoder(b"waiting", "a/1.png", Limits())
    decoder.close()


def test_nothing_is_sent_anywhere(hostile: Decoder, no_network: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        port = trap.getsockname()[1]
        with pytest.raises(BadImage):
            hostile(f"network {port}".encode(), "a/1.png", Limits())
        trap.settimeout(0.2)
        with pytest.raises(TimeoutError):
            trap.accept()


@pytest.mark.parametrize("deed", DEEDS)
def test_a_deed_in_a_message_is_the_callers_fault(
    monkeypatch: pytest.MonkeyPatch, deed: str, tmp_path: Path
) -> None:
    monkeypatch.setattr(faces, "_new_decoder", lambda: Worker("hostile_child"))

    async def ask() -> None:
        hiding = faces.Faces(Settings(store=tmp_path), Metrics())
        image = media_pb2.Image(data=deed.encode(), format=media_pb2.IMAGE_FORMAT_PNG)
        try:
            await hiding.picture(anonymization_pb2.AnonymizeImageRequest(image=image), "")
        finally:
            await hiding.close()

    with pytest.raises(Refused) as refused:
        asyncio.run(ask())
    assert (refused.value.reason, refused.value.status.name) == (
        "IMAGE_UNREADABLE", "INVALID_ARGUMENT"
    )  # fmt: skip


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    made = Decoder()
    yield made
    made.close()


def encoded(kind: str, mode: str = "RGB", **options: object) -> bytes:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (20, 24, 4), np.uint8)
    image = Image.fromarray(pixels, "RGBA").convert(mode)
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


FILES = {
    "png": encoded("PNG"), "alpha": encoded("PNG", "RGBA"), "palette": encoded("PNG", "P"),
    "jpeg": encoded("JPEG"), "cmyk": encoded("JPEG", "CMYK"), "gif": encoded("GIF", "P"),
    "webp": encoded("WEBP"), "bmp": encoded("BMP"), "grey": encoded("TIFF", "L"),
    "deep": encoded("TIFF", "I"), "j2k": encoded("JPEG2000"), "tga": encoded("TGA"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_picture_is_the_one_decoded_here(decoder: Decoder, name: str) -> None:
    for limits in (Limits(), Limits(max_pixels=100)):
        answers = []
        for by in (decode, decoder):
            try:
                found = by(FILES[name], "a/1", limits)
                answers.append((found.pixels.tolist(), found.had_alpha, found.frames))
            except BadImage as error:
                answers.append((type(error), str(error), error.code))
        assert answers[0] == answers[1]


def test_a_thousand_damaged_pictures(decoder: Decoder) -> None:
    rng = random.Random(0)
    good, said = 0, []
    for n in range(1000):
        data = bytearray(FILES[sorted(FILES)[n % len(FILES)]])
        for _ in range(rng.randint(1, 12)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            decoder(bytes(data[: rng.randrange(10, 2 * len(data))]), f"a/{n}", Limits(10**6, 2000))
            good += 1
        except BadImage as error:
            said.append(str(error))
    assert not [text for text in said if "/usr" in text or ".py" in text]
    assert len(said) > 300
    assert good > 30
    assert decoder(FILES["png"], "a/1", Limits()).pixels.shape == (20, 24, 3)


def test_files_are_decoded_here_again(tmp_path: Path) -> None:
    asked = []

    def note(raw: object, where: str, limits: Limits) -> object:
        asked.append(where)
        decode_files_by(None)
        try:
            return decode(raw, where, limits)
        finally:
            decode_files_by(note)  # type: ignore[arg-type]

    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(FILES["png"])
    decode_files_by(note)  # type: ignore[arg-type]
    try:
        images = synthaug.datasets.open(tmp_path)
        assert images.image(1).shape == (3, 20, 24)
    finally:
        decode_files_by(None)
    assert {"a/1.png", "b/1.png"} <= set(asked)


def test_a_job_has_its_pictures_decoded_elsewhere(client: Client, server: Running) -> None:
    """A lying file in a set: the job says which; the server has noticed nothing."""
    real = members({"dark": 24, "light": 24}, 1)
    request = quality_pb2.EvaluateQualityRequest(
        request_id="3f333df6-90a4-4fda-8dd3-9485d27cee37",
        real=dataset(client, {**real, "dark/007.png": b"\x89PNG\r\n\x1a\n" + bytes(100)}),
        synthetic=dataset(client, real),
    )
    name = client.quality.EvaluateQuality(request, timeout=60).name
    until(lambda: bool(running(server, "synthaug_server.engine.decoding")))
    operation, _ = ended(client, name)
    assert operation.error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert "dark/007.png" in operation.error.message
    assert server.process.poll() is None
    until(lambda: not running(server, "synthaug_server.engine.decoding"), 10)
