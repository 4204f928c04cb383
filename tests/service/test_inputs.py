"""What an uploaded archive may not do."""

from __future__ import annotations

import contextlib
import gzip
import io
import random
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthaug.errors import Damaged, InputError, SynthaugError
from synthaug.v1 import dataset_pb2
from synthaug_server.engine.inputs import Limits, set_from, unpacked

LIMITS = Limits(1 << 20, 100)


def archive(*members: tuple[str, bytes], mode: str = "w", **about: object) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for field, value in about.items():
                setattr(info, field, value)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def unpack(tmp_path: Path, data: bytes, limits: Limits = LIMITS) -> Path:
    file = tmp_path / "upload"
    file.write_bytes(data)
    return unpacked(file, tmp_path / "set", limits)


def test_class_folders(tmp_path: Path) -> None:
    root = unpack(tmp_path, archive(("a/1.png", b"one"), ("./b/2.png", b"two")))
    assert (root / "a/1.png").read_bytes() == b"one"
    assert (root / "b/2.png").read_bytes() == b"two"
    # Again: what is there is there.
    assert unpacked(tmp_path / "upload", tmp_path / "set", LIMITS) == root


def test_one_folder_around_them_is_seen_through(tmp_path: Path) -> None:
    root = unpack(tmp_path, archive(("set/a/1.png", b"1"), ("set/b/2.png", b"2"), mode="w:gz"))
    assert sorted(entry.name for entry in root.iterdir()) == ["a", "b"]


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../out.png", "a/../../out.png", "a\\..\\b.png", "a/b\n.png", "a/" * 20 + "x",
     "a/" + "n" * 256, "a/ b.png", "\u202egnp.exe"],
)  # fmt: skip
def test_names_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        unpack(tmp_path, archive(("a/1.png", b"1"), (name, b"evil")))
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE,
                                  tarfile.CHRTYPE])  # fmt: skip
def test_links_and_devices(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(InputError):
        unpack(tmp_path, archive(("a/1.png", b""), type=kind, linkname="/etc/passwd"))


def test_a_name_that_comes_twice(tmp_path: Path) -> None:
    for twice in (("a/1.png", "a/1.png"), ("a", "a/1.png"), ("a/1.png", "a")):
        folder = tmp_path / twice[0].replace("/", "_") / twice[1].replace("/", "_")
        folder.mkdir(parents=True)
        with pytest.raises(InputError):
            unpack(folder, archive(*((name, b"1") for name in twice)))


def test_bombs(tmp_path: Path) -> None:
    large = archive(("a/1.png", bytes(4 << 20)), mode="w:gz")
    assert len(large) < 1 << 14
    with pytest.raises(InputError, match="bytes unpacked"):
        unpack(tmp_path, large)
    with pytest.raises(InputError, match="at most 100 files"):
        unpack(tmp_path, archive(*((f"a/{n}.png", b"") for n in range(101))))
    assert sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()) < 1 << 20


def test_a_header_that_claims_more_than_there_is(tmp_path: Path) -> None:
    whole = archive(("a/1.png", bytes(5000)))
    with pytest.raises(Damaged):
        unpack(tmp_path, whole[:2000])


def test_shards_are_told_from_folders(tmp_path: Path) -> None:
    samples, folders = tmp_path / "s", tmp_path / "f"
    samples.write_bytes(archive(("1.png", b"1"), ("1.cls", b"0")))
    folders.write_bytes(archive(("a/1.png", b"1")))
    unknown = dataset_pb2.DATASET_LAYOUT_UNSPECIFIED
    shards = set_from([samples], unknown, tmp_path / "1", LIMITS)
    assert isinstance(shards, list)
    assert [shard.name for shard in shards] == ["shard-0000.tar"]
    assert isinstance(set_from([folders], unknown, tmp_path / "2", LIMITS), Path)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), packed=st.booleans())
def test_damaged_archives_write_nothing_elsewhere(
    tmp_path_factory: pytest.TempPathFactory, seed: int, packed: bool
) -> None:
    rng = random.Random(seed)
    data = bytearray(archive(("a/1.png", b"x" * 700), ("b/2.png", b"y" * 700)))
    for _ in range(rng.randint(1, 8)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    if packed:
        data = bytearray(gzip.compress(bytes(data), 1))
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    folder = tmp_path_factory.mktemp("damaged")
    with contextlib.suppress(SynthaugError):
        unpack(folder, bytes(data[: rng.randrange(len(data))]))
    assert {entry.name for entry in folder.iterdir()} <= {"upload", "set", "set.complete"}
    assert all(not file.is_symlink() for file in folder.rglob("*"))
    assert all(f.stat().st_size <= LIMITS.bytes for f in folder.rglob("*") if f.is_file())
