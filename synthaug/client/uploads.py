"""Files on their way to the server: chunks with checksums, resumed where the server has them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc

from synthaug.client.checksum import crc32c
from synthaug.client.refusals import error_of, told
from synthaug.client.wire import Patience, Wire
from synthaug.errors import InputError
from synthaug.v1 import artifact_pb2

__all__ = ["upload"]

_CHUNK = 1 << 20
_LONGEST = 3600.0  # seconds for one call; a longer upload goes on with another
_DAMAGED = 3  # times a file may arrive damaged before that is said
# The upload goes on at the acknowledged offset.
_AGAIN = ("ABORTED", "DATA_LOSS", "DEADLINE_EXCEEDED", "OFFSET_MISMATCH")


def upload(
    wire: Wire, file: Path, kind: int, request_id: str, *, note: Callable[[int, int], None]
) -> str:
    """The name of the artifact that a file has become; with the same id the same one.

    Args:
        wire: the connection.
        file: what to send.
        kind: number of ArtifactKind.
        request_id: UUID version 4; an upload that was begun with it goes on.
        note: told how many bytes of how many are there.

    Raises:
        InputError: an empty file, or one that changed meanwhile.
        SynthaugError: what the server refused with.
    """
    size = file.stat().st_size
    if not size:
        raise InputError(
            "file to send", expected="1 byte or more", got="an empty file", where=str(file),
            remedy="Name another.", code="input.empty",
        )  # fmt: skip
    begin = artifact_pb2.StartUploadRequest(
        request_id=request_id, kind=artifact_pb2.ArtifactKind.Name(kind), size_bytes=size
    )
    state = wire.ask(wire.artifacts.StartUpload, begin).upload
    sender = _Sender(file, size, state.name, note)
    patience, damaged = Patience(wire), 0
    while not state.artifact:
        try:
            return sender.send(wire, state.committed_bytes)
        except grpc.RpcError as error:
            if sender.failed is not None:
                raise sender.failed from error
            said = told(error)
        damaged += said.code == "DATA_LOSS"
        if damaged > _DAMAGED:
            raise error_of(said, wire.address)
        patience.wait(said, also=_AGAIN)
        before = state.committed_bytes
        asked = artifact_pb2.GetUploadStatusRequest(name=state.name)
        state = wire.ask(wire.artifacts.GetUploadStatus, asked).upload
        if state.committed_bytes > before:
            patience.renew()
    note(size, size)
    return str(state.artifact)


class _Sender:
    """Reads a file in chunks; each byte is hashed once, however often it is sent."""

    def __init__(self, file: Path, size: int, name: str, note: Callable[[int, int], None]) -> None:
        self._file, self._size, self._name, self._note = file, size, name, note
        self._hash, self._hashed = hashlib.sha256(), 0
        # gRPC reads the chunks in a thread of its own, and keeps what it raises to itself.
        self.failed: Exception | None = None

    def send(self, wire: Wire, offset: int) -> str:
        """The artifact's name, once all from an offset on is there."""
        with wire.stream(
            wire.artifacts.WriteChunks.future, self._chunks(offset), timeout=_LONGEST
        ) as call:
            return str(call.result().artifact.name)

    def _chunks(self, offset: int) -> Iterator[artifact_pb2.WriteChunksRequest]:
        try:
            with self._file.open("rb") as file:
                self._catch_up(file, offset)
                file.seek(offset)
                while data := file.read(min(_CHUNK, self._size - offset)):
                    if offset + len(data) > self._hashed:
                        self._hash.update(data[max(0, self._hashed - offset) :])
                        self._hashed = offset + len(data)
                    yield artifact_pb2.WriteChunksRequest(
                        upload=self._name, offset=offset, data=data, crc32c=crc32c(data)
                    )
                    offset += len(data)
                    self._note(offset, self._size)
                if offset < self._size or file.read(1):
                    raise InputError(
                        "file to send", expected="one that stays as it is",
                        got="another length", where=str(self._file),
                        remedy="Send it when nobody writes to it.", code="input.changed",
                    )  # fmt: skip
            yield artifact_pb2.WriteChunksRequest(
                upload=self._name, finish_sha256=self._hash.digest()
            )
        except Exception as error:
            self.failed = error
            raise

    def _catch_up(self, file: Any, offset: int) -> None:
        """Hash what the server has already from an earlier process."""
        file.seek(self._hashed)
        while self._hashed < offset:
            data = file.read(min(_CHUNK, offset - self._hashed))
            if not data:
                return
            self._hash.update(data)
            self._hashed += len(data)
