"""Artifacts on their way back: resumed from an offset, checked, in place whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc

from synthaug.client.checksum import crc32c
from synthaug.client.refusals import told
from synthaug.client.wire import Patience, Wire
from synthaug.errors import Damaged, InputError
from synthaug.v1 import artifact_pb2

__all__ = ["download", "fetch"]

_PIECE = 1 << 20
_LONGEST = 3600.0
_DAMAGED = 3


def download(
    wire: Wire, name: str, target: Path, *, force: bool, note: Callable[[int, int], None]
) -> Path:
    """A file with the bytes of an artifact; a former one stays whole until this one is.

    Args:
        wire: the connection.
        name: ``"artifacts/..."``.
        target: the file.
        force: replace what stands there.
        note: told how many bytes of how many are there.

    Raises:
        InputError: the name is taken.
        Damaged: what came is not what the server has, time and again.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{name.rpartition('/')[2][:8]}.part")
    fetch(wire, name, part, note=note)
    if force:
        part.replace(target)
        return target
    try:
        # Unlike a rename this never takes the place of another file.
        os.link(part, target)
    except FileExistsError:
        part.unlink()
        raise InputError(
            "output", expected="a new file", got="one that is there", where=str(target),
            remedy="Choose another name, or pass --force.", code="output.exists",
        ) from None  # fmt: skip
    except OSError:  # a file system without hard links
        part.rename(target)
        return target
    part.unlink()
    return target


def fetch(wire: Wire, name: str, part: Path, *, note: Callable[[int, int], None]) -> Path:
    """The bytes of an artifact in ``part``; what is there of them already is not read again."""
    wanted = artifact_pb2.GetArtifactRequest(name=name)
    facts = wire.ask(wire.artifacts.GetArtifact, wanted).artifact
    for _ in range(_DAMAGED):
        with part.open("ab") as out:
            have = out.tell()
            if have > facts.size_bytes:
                out.truncate(0)
            with contextlib.suppress(_Wrong):
                _fill(wire, name, part, out, facts.size_bytes, note)
                out.flush()
                os.fsync(out.fileno())
                if _sha256(part) == facts.sha256:
                    return part
        part.unlink()
    raise Damaged(
        "download", expected="the bytes that the server has", got="others, three times",
        where=wire.address, remedy="Check the network, then run the same again.",
        code="download.damaged",
    )  # fmt: skip


class _Wrong(Exception):
    """A part that is not where or what it says."""


def _fill(
    wire: Wire, name: str, part: Path, out: Any, size: int, note: Callable[[int, int], None]
) -> None:
    patience = Patience(wire)
    while True:
        at = out.seek(0, os.SEEK_END)
        note(at, size)
        asked = artifact_pb2.ReadArtifactRequest(name=name, offset=at)
        try:
            with wire.stream(wire.artifacts.ReadArtifact, asked, timeout=_LONGEST) as parts:
                for each in parts:
                    if each.offset != at or crc32c(each.data) != each.crc32c:
                        raise _Wrong
                    out.write(each.data)
                    at += len(each.data)
                    note(at, size)
                    patience.renew()
            if at != size:
                raise _Wrong
            return
        except grpc.RpcError as error:
            patience.wait(told(error), also=("DEADLINE_EXCEEDED",))


def _sha256(part: Path) -> bytes:
    with part.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
