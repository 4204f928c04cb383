"""Files signed as the C2PA says: another program's reader believes them, and they are as before."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import c2pa
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image
from skimage.data import astronaut

import synthaug
from synthaug.audit.faithful import packets
from synthaug.cli.app import run
from synthaug.errors import InputError, OutOfResources
from synthaug.jobs.anonymize import render_planned
from synthaug.jobs.anonymizing.camera import anonymize_camera
from synthaug.media import Writer, frames, probe
from synthaug.media.marking import XMP_BOX, Mark, is_marked
from synthaug.media.signing import Signer, signer

NOW = datetime.now(UTC)
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
MAIL = (ExtendedKeyUsageOID.EMAIL_PROTECTION,)


def _name(text: str) -> x509.Name:
    names = ((NameOID.ORGANIZATION_NAME, "A newspaper"), (NameOID.COMMON_NAME, text))
    return x509.Name([x509.NameAttribute(*each) for each in names])


def issue(
    folder: Path,
    *,
    days: tuple[int, int] = (-1, 30),
    purposes: Sequence[x509.ObjectIdentifier] = MAIL,
    key: Any = None,
    password: bytes = b"",
    format: pem.PrivateFormat = pem.PrivateFormat.PKCS8,
) -> tuple[Path, Path]:
    """A certificate of a root of our own, and its key; the root alone stands in ``root.pem``."""
    folder.mkdir(parents=True, exist_ok=True)
    above = ec.generate_private_key(ec.SECP256R1())
    key = key or ec.generate_private_key(ec.SECP256R1())

    def made(subject: str, public: Any, first: int, last: int, *more: Any) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder(_name("root"), _name(subject), public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW + timedelta(first))
            .not_valid_after(NOW + timedelta(last))
        )
        for extension, critical in more:
            builder = builder.add_extension(extension, critical)
        return builder.sign(above, hashes.SHA256())

    def usage(signs: bool) -> x509.KeyUsage:
        return x509.KeyUsage(signs, False, False, False, False, not signs, False, False, False)

    root = made(
        "root", above.public_key(), -60, 60, (x509.BasicConstraints(True, None), True),
        (usage(False), True),
    )  # fmt: skip
    extensions: list[Any] = [
        (x509.BasicConstraints(False, None), True), (usage(True), True),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(above.public_key()), False),
    ]  # fmt: skip
    if purposes:
        extensions.append((x509.ExtendedKeyUsage(list(purposes)), False))
    own = made("desk", key.public_key(), *days, *extensions)
    (folder / "root.pem").write_bytes(root.public_bytes(pem.Encoding.PEM))
    certificate, secret = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(
        own.public_bytes(pem.Encoding.PEM) + root.public_bytes(pem.Encoding.PEM)
    )
    lock = pem.BestAvailableEncryption(password) if password else pem.NoEncryption()
    secret.write_bytes(key.private_bytes(pem.Encoding.PEM, format, lock))
    return certificate, secret


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> tuple[Path, Path]:
    return issue(tmp_path_factory.mktemp("keys"))


def read(path: Path, keys: tuple[Path, Path], content: bytes = b"") -> tuple[str, dict[str, Any]]:
    """What a reader that trusts our root says of a file."""
    trust = {"trust": {"trust_anchors": keys[0].with_name("root.pem").read_text()}}
    kind = {".jpg": "image/jpeg", ".mov": "video/quicktime", ".avi": "video/avi"}.get(
        path.suffix, f"{'video' if path.suffix in ('.mp4', '.m4v') else 'image'}/{path.suffix[1:]}"
    )
    with (
        c2pa.Context(c2pa.Settings.from_dict(trust)) as context,
        c2pa.Reader(kind, io.BytesIO(content or path.read_bytes()), context=context) as reader,
    ):
        return reader.get_validation_state(), json.loads(reader.json())


def manifest_of(path: Path, keys: tuple[Path, Path]) -> dict[str, Any]:
    """The manifest of a file that a reader trusts; nobody's picture or name is in it."""
    state, told = read(path, keys)
    assert state == "Trusted"
    assert told["validation_results"]["activeManifest"]["failure"] == []
    (manifest,) = told["manifests"].values()
    assert "thumbnail" not in json.dumps(told)
    assert "portrait" not in json.dumps(told)
    generator = manifest["claim_generator_info"][0]
    assert (generator["name"], generator["version"]) == ("synthaug", "0.1.0")
    assert "timestamp" not in json.dumps(manifest["signature_info"])
    assert manifest["signature_info"]["common_name"] == "desk"
    return manifest


def actions(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    (told,) = (each for each in manifest["assertions"] if each["label"] == "c2pa.actions.v2")
    return [(each["action"], each.get("digitalSourceType", "")) for each in told["data"]["actions"]]


def shown(index: int) -> np.ndarray:
    return np.ascontiguousarray(astronaut()[:256, 60 - 2 * index : 380 - 2 * index])


@pytest.fixture(scope="module")
def portrait(tmp_path_factory) -> Path:
    """Eight frames of one face, and a tone."""
    path = tmp_path_factory.mktemp("portrait") / "portrait.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "16", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 320, 256, "yuv420p"
        sound = out.add_stream("aac", rate=48000, layout="mono")
        for index in range(8):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(shown(index), format="rgb24")))
        out.mux(stream.encode(None))
        for index in range(15):
            tone = np.sin((np.arange(1024) + 1024 * index) / 20).astype(np.float32)[None]
            part = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            part.sample_rate, part.pts = 48000, 1024 * index
            out.mux(sound.encode(part))
        out.mux(sound.encode(None))
    return path


def pixels(path: Path) -> list[tuple[int, bytes]]:
    return [(frame.pts, frame.to_ndarray().tobytes()) for frame in frames(probe(path))]


def test_a_signed_video_is_the_unsigned_one_and_believed(portrait, keys, tmp_path):
    plain, out, plan = tmp_path / "plain.mp4", tmp_path / "out.mp4", tmp_path / "plan.jsonl"
    synthaug.anonymize(portrait, plain, seed=1, audit=False, plan_file=plan)
    result = synthaug.anonymize(portrait, out, seed=1, c2pa=keys)
    assert result.exit_code == 0
    verdicts = result.files[0].audit.verdicts
    assert {each.gate for each in verdicts if each.status == "FAIL"} == set()
    assert {each.gate for each in verdicts if each.status == "PASS"} >= {"times", "sound", "frames"}
    assert pixels(out) == pixels(plain)
    assert packets(out) == packets(portrait) == packets(plain)
    ending = plain.read_bytes()[plain.read_bytes().index(XMP_BOX) :]
    assert out.read_bytes().endswith(ending)
    manifest = manifest_of(out, keys)
    assert actions(manifest) == [("c2pa.opened", ""), ("c2pa.edited", COMPOSITE)]
    (source,) = manifest["ingredients"]
    assert source.keys() == {"title", "format", "relationship", "label"}
    with pytest.raises(InputError, match="one that synthaug anonymized"):
        synthaug.anonymize(out, c2pa=keys)
    changed = bytearray(out.read_bytes())
    changed[changed.index(b"mdat") + 500] ^= 1
    assert read(out, keys, bytes(changed))[0] == "Invalid"
    rendered = render_planned(portrait, plan, tmp_path / "again.mp4", seed=1, c2pa=keys)
    assert actions(manifest_of(rendered.rendered.output, keys))[1][1] == COMPOSITE
    left = {path.name for path in tmp_path.iterdir()} - {"out.mp4.audit", "plan.jsonl.salt"}
    assert left == {"plain.mp4", "out.mp4", "again.mp4", "plan.jsonl"}


@pytest.mark.parametrize("ending", [".png", ".jpg"])
def test_a_signed_picture_is_the_unsigned_one_and_believed(ending, keys, tmp_path):
    source = tmp_path / f"portrait{ending}"
    Image.fromarray(shown(0)).save(source, quality=90)
    plain, out = tmp_path / f"plain{ending}", tmp_path / f"out{ending}"
    synthaug.anonymize(source, plain, seed=1, audit=False)
    result = synthaug.anonymize(source, out, seed=1, c2pa=keys)
    assert result.exit_code == 0
    assert {e.gate for e in result.files[0].audit.verdicts if e.status == "FAIL"} == set()
    with Image.open(out) as signed, Image.open(plain) as other:
        assert (np.asarray(signed) == np.asarray(other)).all()
        assert signed.info.get("xmp") == other.info.get("xmp")
    assert is_marked(out)
    assert actions(manifest_of(out, keys)) == [("c2pa.opened", ""), ("c2pa.edited", COMPOSITE)]


@pytest.mark.parametrize("kind", [
    "mov", "m4v", "avi", "gif", pytest.param("png", id="animated png"),
    pytest.param("webp", id="animated webp"),
])  # fmt: skip
def test_what_moves_is_the_same_in_every_container(kind, portrait, keys, tmp_path):
    source = tmp_path / f"source.{kind}"
    if kind in ("png", "webp", "gif"):
        first, *rest = [Image.fromarray(shown(index)[::4, ::4]) for index in range(4)]
        first.save(source, save_all=True, append_images=rest, duration=[40, 80, 120, 40])
    else:
        with av.open(str(source), "w") as out:
            stream = out.add_stream("mpeg4" if kind == "avi" else "libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 80, 64, "yuv420p"
            for index in range(4):
                small = np.ascontiguousarray(shown(index)[::4, ::4])
                out.mux(stream.encode(av.VideoFrame.from_ndarray(small, format="rgb24")))
            out.mux(stream.encode(None))
    outs = [tmp_path / f"{name}.{kind}" for name in ("plain", "signed")]
    for out, signs in zip(outs, (None, signer(*keys)), strict=True):
        mark = Mark(version="0.1.0", generated=True, facts={"faces": 1})
        if kind in ("png", "webp"):
            out.write_bytes(source.read_bytes())
            if signs is not None:
                with source.open("rb") as plain, out.open("w+b") as file:
                    signs.sign(plain, file, out, mark)
            continue
        clip = probe(source)
        with Writer(clip, out, signer=signs) as writer:
            for frame in frames(clip):
                writer.write(frame)
            writer.mark = mark
        assert is_marked(out)
    if kind in ("png", "webp"):
        with Image.open(outs[0]) as plain, Image.open(outs[1]) as signed:
            assert (plain.n_frames, signed.n_frames) == (4, 4)
            for number in range(4):
                plain.seek(number)
                signed.seek(number)
                assert (np.asarray(plain.convert("RGB")) == signed.convert("RGB")).all()
                assert plain.info["duration"] == signed.info["duration"]
    else:
        assert pixels(outs[0]) == pixels(outs[1])
    assert actions(manifest_of(outs[1], keys))[1] == ("c2pa.edited", COMPOSITE)


def test_a_film_of_a_camera_has_no_source(keys, tmp_path):
    frames = (av.VideoFrame.from_ndarray(np.full((64, 96, 3), 90, np.uint8)) for _ in range(3))
    made = anonymize_camera(frames, tmp_path / "film.mp4", c2pa=keys)
    manifest = manifest_of(made.rendered.output, keys)
    assert "ingredients" not in manifest
    assert [name for name, _ in actions(manifest)] == ["c2pa.created", "c2pa.edited"]
    assert "digitalCapture" in actions(manifest)[0][1]


@pytest.mark.parametrize("key", [
    rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1()),
    ed25519.Ed25519PrivateKey.generate(),
], ids=["rsa", "p384", "ed25519"])  # fmt: skip
def test_every_kind_of_key_signs(key, tmp_path):
    signer(*issue(tmp_path, key=key))


def test_a_key_in_openssls_own_form_signs(tmp_path):
    signer(*issue(tmp_path, format=pem.PrivateFormat.TraditionalOpenSSL))


def _none(folder: Path) -> tuple[Path, Path]:
    return folder / "cert.pem", folder / "key.pem"


def _text(folder: Path) -> tuple[Path, Path]:
    certificate, key = issue(folder)
    certificate.write_text("no certificate")
    return certificate, key


def _no_key(folder: Path) -> tuple[Path, Path]:
    certificate, _ = issue(folder)
    return certificate, certificate


REFUSED = {
    "not there": (_none, "certificate: expected a file"),
    "no certificate": (_text, "certificate: expected PEM"),
    "no key": (_no_key, "key: expected a private key as PEM"),
    "another's key": (
        lambda folder: (issue(folder)[0], issue(folder / "other")[1]),
        "key: expected the certificate's own, got another one's",
    ),
    "password": (
        lambda folder: issue(folder, password=b"secret"),
        "key: expected one without a password",
    ),
    "expired": (lambda folder: issue(folder, days=(-20, -2)), "expected one that is valid now"),
    "to come": (lambda folder: issue(folder, days=(2, 20)), "expected one that is valid now"),
    "no purpose": (lambda folder: issue(folder, purposes=()), "expected one that C2PA allows"),
    "a web server's": (
        lambda folder: issue(folder, purposes=(ExtendedKeyUsageOID.SERVER_AUTH,)),
        "expected one that C2PA allows",
    ),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_cannot_sign_is_told_before_the_work(why, portrait, tmp_path, capsys):
    made, message = REFUSED[why]
    out = tmp_path / "out" / "out.mp4"
    words = [str(path) for path in made(tmp_path)]
    assert run(["anonymize", str(portrait), "-o", str(out), "--c2pa", *words]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "PRIVATE" not in said
    assert not out.parent.exists()


@pytest.mark.parametrize("name", ["clip.mkv", "clip.webm", "picture.bmp"])
def test_what_has_no_place_for_a_manifest_is_told_before_the_work(name, keys, tmp_path, capsys):
    (tmp_path / name).write_bytes(b"read by nobody")
    (tmp_path / "first.mp4").write_bytes(b"read by nobody")
    assert run(["anonymize", str(tmp_path), "--c2pa", *map(str, keys)]) == 2
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    assert f"got .{name.split('.')[1]}" in said
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_that_lies_about_its_kind_is_told(keys, tmp_path):
    mark = Mark(version="0", generated=True)
    with pytest.raises(InputError, match="a file that can be signed"):
        signer(*keys).sign(io.BytesIO(b"no picture"), io.BytesIO(), Path("a.png"), mark)


def test_the_missing_extra_is_named(portrait, keys, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "c2pa", None)
    out = tmp_path / "out.mp4"
    assert run(["anonymize", str(portrait), "-o", str(out), "--c2pa", *map(str, keys)]) == 2
    assert "pip install 'synthaug[c2pa]'" in capsys.readouterr().err


class Full(io.BytesIO):
    """A disk without room."""

    def write(self, _: object) -> int:
        raise OSError(28, "No space left on device")


def test_a_full_disk_is_told(keys, tmp_path):
    made: Signer = signer(*keys)
    picture = io.BytesIO()
    Image.new("L", (9, 9)).save(picture, "PNG")
    with pytest.raises(OutOfResources, match="run the same command again"):
        made.sign(picture, Full(), Path("a.png"), Mark(version="0", generated=True))
    assert repr(made).count("PRIVATE") == 0


def test_times_are_kept_as_fractions(keys, tmp_path):
    """A clip that starts late and whose frames last unequally."""
    source = tmp_path / "late.mp4"
    times = (19200, 19712, 20736, 23808)
    with av.open(str(source), "w", container_options={"avoid_negative_ts": "disabled"}) as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 80, 64, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 12800)
        for index, time in enumerate(times):
            small = np.ascontiguousarray(shown(index)[::4, ::4])
            frame = av.VideoFrame.from_ndarray(small, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 12800)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    clip, out = probe(source), tmp_path / "out.mp4"
    with Writer(clip, out, signer=signer(*keys)) as writer:
        for frame in frames(clip):
            writer.write(frame)
        writer.mark = Mark(version="0.1.0", generated=False)
    assert tuple(pts for pts, _ in pixels(out)) == times
    assert probe(out).time_base == clip.time_base
    assert actions(manifest_of(out, keys))[1][1].endswith("humanEdits")
