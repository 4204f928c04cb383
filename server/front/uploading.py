"""Uploads in progress: what came is checked, hashed, written and synced, in threads.

Acknowledged is what has been synced. After a crash an upload is cut back to that.
"""

from __future__ import annotations

import collections
import contextlib
import hashlib
import os
import threading
from typing import Any

import google_crc32c
import grpc

from synthaug_server.refusal import Refused, invalid
from synthaug_server.store.artifacts import Artifacts, Blob

__all__ = ["Session", "Sessions", "crc32c"]

_SYNC_EVERY = 8 << 20
_KEPT = 64
_PIECE = 1 << 20


def crc32c(data: bytes) -> int:
    """CRC32C (Castagnoli, RFC 3720) of some bytes."""
    return int(google_crc32c.value(data))


class Session:
    """The bytes of one upload on their way in. One writer at a time: the last that came.

    Args:
        upload: as the store knows it.
        artifacts: the store.
    """

    def __init__(self, upload: Blob, artifacts: Artifacts) -> None:
        self.upload = upload
        self._artifacts = artifacts
        self._lock = threading.Lock()
        self._file = artifacts.open_file(upload)
        self._written = self._synced = upload.committed
        self._writer = 0
        # None: bytes of a former process are not in it and the file is hashed at the end.
        self._hash: Any = hashlib.sha256() if not upload.committed else None
        self.closed = False

    def begin(self) -> int:
        """Become the writer; a former one is shut out. Gives what `write` wants."""
        with self._lock:
            self._sync()
            self._writer += 1
            return self._writer

    def write(self, writer: int, offset: int, data: bytes, crc: int) -> None:
        """Append a chunk.

        Raises:
            Refused: DATA_LOSS, FAILED_PRECONDITION, ABORTED, INVALID_ARGUMENT; nothing of the
                chunk is written.
        """
        with self._lock:
            self._refuse_old(writer)
            if offset != self._written:
                self._sync()
                raise self._precondition(
                    "OFFSET_MISMATCH", f"the next chunk begins at {self._written}"
                )
            if offset + len(data) > self.upload.size:
                raise invalid("data", "expected no more bytes than size_bytes announced")
            if crc32c(data) != crc:
                self._sync()
                raise Refused(
                    grpc.StatusCode.DATA_LOSS, "CHUNK_CORRUPT",
                    "the chunk's bytes do not have its crc32c; nothing of it was written: send it "
                    "again", facts={"committed_bytes": str(self._synced)},
                )  # fmt: skip
            self._put(data)
            if self._written - self._synced >= _SYNC_EVERY:
                self._sync()

    def _put(self, data: bytes) -> None:
        view, at = memoryview(data), self._written
        while view:
            done = os.pwrite(self._file, view, at)
            view, at = view[done:], at + done
        if self._hash is not None:
            self._hash.update(data)
        self._written = at

    def _sync(self) -> None:
        if self._synced < self._written and not self.closed:
            os.fdatasync(self._file)
            # Pages used again cost a tenth of new ones, and others keep theirs in the cache.
            os.posix_fadvise(
                self._file, self._synced, self._written - self._synced, os.POSIX_FADV_DONTNEED
            )
            self._artifacts.commit(self.upload.id, self._written)
            self._synced = self._written

    def _refuse_old(self, writer: int) -> None:
        if self.closed or writer != self._writer:
            raise Refused(
                grpc.StatusCode.ABORTED, "UPLOAD_TAKEN_OVER",
                "another call writes to this upload, or it was deleted",
            )  # fmt: skip

    def _precondition(self, reason: str, message: str) -> Refused:
        facts = {"committed_bytes": str(self._synced)}
        return Refused(grpc.StatusCode.FAILED_PRECONDITION, reason, message, facts=facts)

    def acknowledge(self) -> int:
        """Sync what came; the number of bytes that are safe."""
        with self._lock:
            self._sync()
            return self._synced

    def finish(self, writer: int, sha256: bytes, actor: str) -> Blob:
        """Make it an artifact.

        Raises:
            Refused: DATA_LOSS, and the upload begins again at 0; FAILED_PRECONDITION.
        """
        with self._lock:
            self._refuse_old(writer)
            self._sync()
            if self._written != self.upload.size:
                raise self._precondition(
                    "UPLOAD_INCOMPLETE",
                    f"{self._written} of {self.upload.size} bytes have come",
                )
            if self._digest() != sha256:
                os.ftruncate(self._file, 0)
                self._artifacts.commit(self.upload.id, 0)
                self._written = self._synced = 0
                self._hash = hashlib.sha256()
                raise Refused(
                    grpc.StatusCode.DATA_LOSS, "SHA256_MISMATCH",
                    "what came does not have this SHA-256; it was dropped: send it again from 0",
                    facts={"committed_bytes": "0"},
                )  # fmt: skip
            done = self._artifacts.finish(self.upload, sha256, actor)
            self._close()
            return done

    def _digest(self) -> bytes:
        if self._hash is None:
            self._hash = hashlib.sha256()
            at = 0
            while piece := os.pread(self._file, _PIECE, at):
                self._hash.update(piece)
                at += len(piece)
        return bytes(self._hash.digest())

    def close(self) -> None:
        """Sync and let go of the file."""
        with self._lock:
            self._sync()
            self._close()

    def abandon(self) -> None:
        """Let go of the file: the upload is being deleted."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if not self.closed:
            self.closed = True
            os.close(self._file)


class Sessions:
    """The uploads that are open in this process, the latest used kept ready.

    Args:
        artifacts: the store.
    """

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts
        self._lock = threading.Lock()
        self._open: collections.OrderedDict[str, Session] = collections.OrderedDict()

    def of(self, upload: Blob) -> Session:
        """The session of an open upload."""
        with self._lock:
            session = self._open.get(upload.id)
            if session is None or session.closed:
                # Again from the store: a former session may have acknowledged more meanwhile.
                session = Session(self._artifacts.find(upload.id), self._artifacts)
                self._open[upload.id] = session
            self._open.move_to_end(upload.id)
            old = [self._open.popitem(last=False)[1] for _ in range(len(self._open) - _KEPT)]
        for one in old:
            one.close()
        return session

    def acknowledged(self, upload: Blob) -> int:
        """How many bytes of an upload are safe, those on their way to the disk included."""
        with self._lock:
            session = self._open.get(upload.id)
        if session is None or session.closed:
            return self._artifacts.find(upload.id).committed
        return session.acknowledge()

    def abandon(self, upload: str) -> None:
        """Forget an upload that is being deleted."""
        with self._lock:
            session = self._open.pop(upload, None)
        if session is not None:
            session.abandon()

    def close(self) -> None:
        """Sync and close all."""
        with self._lock:
            sessions = list(self._open.values())
            self._open.clear()
        for session in sessions:
            with contextlib.suppress(OSError):
                session.close()
