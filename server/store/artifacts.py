"""Uploads, artifacts and their deletion: rows say what is, files hold the bytes.

A row is written before its file is made and removed after its file is gone, so that whatever
moment the machine stops at, `Artifacts.recover` knows what every file is.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import hashlib
import os
import shutil
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

import grpc

from synthaug_server.names import derived_id, new_id
from synthaug_server.refusal import Refused, not_found
from synthaug_server.store.audit_log import AuditLog
from synthaug_server.store.database import Database

__all__ = ["Artifacts", "Blob", "Reason", "Receipt", "State"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS blobs (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, kind INTEGER NOT NULL, state TEXT NOT NULL,
    size INTEGER NOT NULL, committed INTEGER NOT NULL, sha256 BLOB, ttl REAL NOT NULL,
    created REAL NOT NULL, expires REAL NOT NULL, operation TEXT NOT NULL DEFAULT '',
    request_id TEXT, body_hash BLOB,
    reason INTEGER, deleted REAL, audit_sequence INTEGER, audit_hash TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS blobs_request ON blobs (owner, request_id);
CREATE INDEX IF NOT EXISTS blobs_expiry ON blobs (state, expires);
CREATE INDEX IF NOT EXISTS blobs_owner ON blobs (owner, state, created);
CREATE INDEX IF NOT EXISTS blobs_operation ON blobs (operation);
CREATE TABLE IF NOT EXISTS uses (
    blob TEXT NOT NULL, operation TEXT NOT NULL, since REAL NOT NULL,
    PRIMARY KEY (blob, operation)
);
CREATE INDEX IF NOT EXISTS uses_operation ON uses (operation);
"""
# Left free on the disk, so that jobs and the log can go on when uploads have filled the rest.
_RESERVE = 256 << 20
_OLD_USE = 300.0  # seconds
_RECEIPTS_SECONDS = 90 * 24 * 3600.0


class State(enum.StrEnum):
    """Where a blob stands."""

    OPEN = "open"  # an upload that waits for bytes
    FINISHING = "finishing"  # checked, being moved to its place
    READY = "ready"  # an artifact
    DELETING = "deleting"  # decided, the file perhaps still there
    DELETED = "deleted"  # the row is the receipt


class Reason(enum.IntEnum):
    """Why something was deleted: numbers of DeletionReason."""

    REQUESTED = 1
    EXPIRED = 2
    JOB_DONE = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Receipt:
    """What is left of something deleted; see DeletionReceipt."""

    size: int
    sha256: bytes
    time: float
    reason: Reason
    audit_sequence: int
    audit_hash: str
    artifact: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Blob:
    """An upload or an artifact.

    Args:
        id: of "uploads/ID" and, once finished, "artifacts/ID".
        owner: whom it belongs to.
        kind: number of ArtifactKind.
        state: where it stands.
        size: bytes, of an upload as announced.
        committed: bytes on disk.
        sha256: of all its bytes; empty before it is finished.
        created: seconds since 1970.
        expires: likewise.
        operation: id of the job that made it; empty for uploads.
    """

    id: str
    owner: str
    kind: int
    state: State
    size: int
    committed: int
    sha256: bytes
    created: float
    expires: float
    operation: str

    @property
    def etag(self) -> str:
        """Of the artifact's content."""
        return self.sha256.hex()[:16]


class Artifacts:
    """All blobs of one store. Every method may be called from any thread.

    Args:
        folder: of the store.
        database: whose schema includes this module's.
        audit: where deletions are written down.
        ttl_seconds: the longest anything is kept.
    """

    def __init__(
        self, folder: Path, database: Database, audit: AuditLog, *, ttl_seconds: float
    ) -> None:
        self._uploads = folder / "uploads"
        self._artifacts = folder / "artifacts"
        for made in (self._uploads, self._artifacts):
            made.mkdir(mode=0o700, exist_ok=True)
        self._database = database
        self._audit = audit
        self._ttl = ttl_seconds

    # Uploads

    def start(
        self,
        owner: str,
        kind: int,
        size: int,
        *,
        request_id: str,
        body_hash: bytes,
        owner_bytes: int,
        owner_artifacts: int = 100_000,
        ttl: float = 0.0,
        validate_only: bool = False,
    ) -> Blob:
        """An open upload; the same one for the same request.

        Args:
            owner: whom it will belong to.
            kind: number of ArtifactKind.
            size: bytes announced.
            request_id: of the client.
            body_hash: of the request: another body under the same id is refused.
            owner_bytes: most bytes this owner may have stored.
            owner_artifacts: most blobs likewise.
            ttl: seconds to keep the artifact; 0: the most there is.
            validate_only: check and make nothing.

        Raises:
            Refused: ALREADY_EXISTS, RESOURCE_EXHAUSTED (BYTES_QUOTA, ARTIFACTS_QUOTA, DISK_FULL).
        """
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT * FROM blobs WHERE owner = ? AND request_id = ?", (owner, request_id)
            ).fetchone()
            if row:
                if row["body_hash"] != body_hash:
                    raise Refused(
                        grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED",
                        "this request_id was used for another request; choose a new one",
                        fields={"request_id": "used before with another body"},
                    )  # fmt: skip
                return _blob(row)
            self._refuse_without_room(connection, owner, size, owner_bytes, owner_artifacts)
            now = time.time()
            keep = min(ttl or self._ttl, self._ttl)
            blob = Blob(new_id(), owner, kind, State.OPEN, size, 0, b"", now, now + self._ttl, "")
            if not validate_only:
                connection.execute(
                    "INSERT INTO blobs (id, owner, kind, state, size, committed, ttl, created,"
                    " expires, request_id, body_hash)"
                    " VALUES (?, ?, ?, 'open', ?, 0, ?, ?, ?, ?, ?)",
                    (blob.id, owner, kind, size, keep, now, blob.expires, request_id, body_hash),
                )
            return blob

    def _refuse_without_room(
        self,
        connection: sqlite3.Connection,
        owner: str,
        size: int,
        owner_bytes: int,
        owner_artifacts: int,
    ) -> None:
        def announced(where: str, *values: str) -> tuple[int, int, int]:
            row = connection.execute(
                "SELECT COUNT(*), COALESCE(SUM(size), 0), COALESCE(SUM(size - committed), 0)"
                f" FROM blobs WHERE state NOT IN ('deleting', 'deleted') {where}",
                values,
            ).fetchone()
            return int(row[0]), int(row[1]), int(row[2])

        number, there, _ = announced("AND owner = ?", owner)
        for reason, used, limit in (
            ("BYTES_QUOTA", there + size, owner_bytes),
            ("ARTIFACTS_QUOTA", number + 1, owner_artifacts),
        ):
            if used > limit:
                raise Refused(
                    grpc.StatusCode.RESOURCE_EXHAUSTED, reason,
                    "this owner's share of the store is used up; delete artifacts or wait until "
                    "they expire",
                    facts={"limit": str(limit)}, retry_seconds=600.0,
                )  # fmt: skip
        *_, coming = announced("")
        if shutil.disk_usage(self._uploads).free < coming + size + _RESERVE:
            raise Refused(
                grpc.StatusCode.RESOURCE_EXHAUSTED, "DISK_FULL",
                "the server has no room for this; try again later", retry_seconds=600.0,
            )  # fmt: skip

    def open_file(self, upload: Blob) -> int:
        """A descriptor for the bytes of an open upload, cut to what is known to be safe."""
        file = os.open(self._uploads / upload.id, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.ftruncate(file, upload.committed)
        return file

    def commit(self, upload: str, committed: int) -> None:
        """Acknowledge bytes that have been synced to disk."""
        self._database.write(
            "UPDATE blobs SET committed = ? WHERE id = ? AND state = 'open'", committed, upload
        )

    def finish(self, upload: Blob, sha256: bytes, actor: str) -> Blob:
        """Turn an upload whose bytes are synced and checked into an artifact."""
        self._database.write(
            "UPDATE blobs SET state = 'finishing', sha256 = ?, committed = size WHERE id = ?",
            sha256, upload.id,
        )  # fmt: skip
        _move(self._uploads / upload.id, self._artifacts / upload.id)
        self._ready(upload.id)
        self._audit.append(
            "artifact.create", actor=actor, subject=f"artifacts/{upload.id}",
            bytes=upload.size, sha256=sha256.hex(),
        )  # fmt: skip
        return self.find(upload.id)

    def _ready(self, blob: str) -> None:
        self._database.write(
            "UPDATE blobs SET state = 'ready', expires = ? + ttl WHERE id = ?", time.time(), blob
        )

    # Artifacts

    def adopt(self, owner: str, kind: int, operation: str, label: str, file: Path) -> Blob:
        """Make a job's output an artifact; doing it again gives the same one.

        Args:
            owner: of the job.
            kind: number of ArtifactKind.
            operation: id of the job.
            label: which of its outputs: ``"media"``, ``"plan"``.
            file: on the store's file system; moved.
        """
        blob = derived_id(operation, label)
        there = self._database.row("SELECT * FROM blobs WHERE id = ? AND state = 'ready'", blob)
        if there:
            file.unlink(missing_ok=True)
            return _blob(there)
        digest, size = _sha256(file), file.stat().st_size
        now = time.time()
        self._database.write(
            "INSERT OR REPLACE INTO blobs (id, owner, kind, state, size, committed, sha256, ttl,"
            " created, expires, operation) VALUES (?, ?, ?, 'finishing', ?, ?, ?, ?, ?, ?, ?)",
            blob, owner, kind, size, size, digest, self._ttl, now, now + self._ttl, operation,
        )  # fmt: skip
        _move(file, self._artifacts / blob)
        self._ready(blob)
        return self.find(blob)

    def find(self, blob: str, owner: str | None = None) -> Blob:
        """A blob in any state (of an owner).

        Raises:
            Refused: NOT_FOUND.
        """
        row = self._database.row("SELECT * FROM blobs WHERE id = ?", blob)
        if row is None or (owner is not None and row["owner"] != owner):
            raise not_found("upload")
        return _blob(row)

    def ready(self, artifact: str, owner: str) -> Blob:
        """An artifact of an owner.

        Raises:
            Refused: NOT_FOUND.
        """
        row = self._database.row(
            "SELECT * FROM blobs WHERE id = ? AND owner = ? AND state = 'ready'", artifact, owner
        )
        if row is None:
            raise not_found("artifact")
        return _blob(row)

    def listed(self, owner: str, *, after: tuple[float, str] | None, limit: int) -> list[Blob]:
        """Artifacts of an owner, newest first, from a place in that order on."""
        created, blob = after or (float("inf"), "")
        rows = self._database.rows(
            "SELECT * FROM blobs WHERE owner = ? AND state = 'ready'"
            " AND (created < ? OR (created = ? AND id < ?)) ORDER BY created DESC, id DESC LIMIT ?",
            owner, created, created, blob, limit,
        )  # fmt: skip
        return [_blob(row) for row in rows]

    def file(self, artifact: str) -> Path:
        """Where the bytes of a finished artifact lie; for reading only."""
        return self._artifacts / artifact

    # Use by jobs

    def use(self, operation: str, artifacts: Iterable[str]) -> None:
        """Hold artifacts for a job: they cannot be deleted and do not expire before it ends."""
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO uses VALUES (?, ?, ?)",
                [(one, operation, time.time()) for one in artifacts],
            )

    def in_use(self) -> dict[str, list[str]]:
        """Job to the artifacts held for it."""
        held: dict[str, list[str]] = {}
        for row in self._database.rows("SELECT operation, blob FROM uses"):
            held.setdefault(row["operation"], []).append(row["blob"])
        return held

    def is_old_use(self, operation: str) -> bool:
        """Whether a job's hold is older than any call that could still be writing the job down."""
        row = self._database.row("SELECT MAX(since) AS at FROM uses WHERE operation = ?", operation)
        return row is not None and row["at"] is not None and row["at"] < time.time() - _OLD_USE

    def release(self, operation: str) -> None:
        """Hold nothing for a job any more."""
        self._database.write("DELETE FROM uses WHERE operation = ?", operation)

    # Deletion

    def delete(self, blob: str, reason: Reason, actor: str) -> Receipt:
        """Delete a blob; again: the same receipt. Whether the caller may is asked before.

        Raises:
            Refused: FAILED_PRECONDITION while a job holds it.
        """
        with self._database.transaction() as connection:
            if connection.execute("SELECT 1 FROM uses WHERE blob = ? LIMIT 1", (blob,)).fetchone():
                raise Refused(
                    grpc.StatusCode.FAILED_PRECONDITION, "ARTIFACT_IN_USE",
                    "a job that was given this has not ended; cancel it or wait",
                )  # fmt: skip
            connection.execute(
                "UPDATE blobs SET state = 'deleting', reason = ?"
                " WHERE id = ? AND state NOT IN ('deleting', 'deleted')",
                (int(reason), blob),
            )
        return self._complete_deletion(blob, actor)

    def _complete_deletion(self, blob: str, actor: str) -> Receipt:
        row = self._database.row("SELECT * FROM blobs WHERE id = ?", blob)
        if row is None:
            raise not_found("artifact")
        if row["state"] == State.DELETING:
            for folder in (self._uploads, self._artifacts):
                (folder / blob).unlink(missing_ok=True)
                _sync(folder)
            collection = "artifacts" if row["sha256"] else "uploads"
            entry = self._audit.append(
                "artifact.delete", actor=actor, subject=f"{collection}/{blob}", safe=True,
                bytes=row["committed"], sha256=(row["sha256"] or b"").hex(),
                reason=Reason(row["reason"]).name,
            )  # fmt: skip
            self._database.write(
                "UPDATE blobs SET state = 'deleted', deleted = ?, audit_sequence = ?,"
                " audit_hash = ? WHERE id = ? AND state = 'deleting'",
                entry.time, entry.sequence, entry.hash, blob,
            )  # fmt: skip
            row = self._database.row("SELECT * FROM blobs WHERE id = ?", blob)
            assert row is not None
        return Receipt(
            row["committed"], row["sha256"] or b"", row["deleted"], Reason(row["reason"]),
            row["audit_sequence"], row["audit_hash"], bool(row["sha256"]),
        )  # fmt: skip

    def expired(self, now: float) -> list[Blob]:
        """Blobs whose time is over and that no job holds."""
        rows = self._database.rows(
            "SELECT * FROM blobs WHERE state IN ('open', 'ready') AND expires <= ?"
            " AND id NOT IN (SELECT blob FROM uses)",
            now,
        )
        return [_blob(row) for row in rows]

    def made_by(self, operation: str) -> list[Blob]:
        """What a job has made and is still there."""
        rows = self._database.rows(
            "SELECT * FROM blobs WHERE operation = ? AND state = 'ready'", operation
        )
        return [_blob(row) for row in rows]

    def recover(self) -> None:
        """Bring rows and files together after whatever ended the last process."""
        for row in self._database.rows("SELECT * FROM blobs WHERE state = 'finishing'"):
            if (self._artifacts / row["id"]).exists():
                self._ready(row["id"])
            elif row["operation"]:
                # A job's output that was never moved: the job is repeated and gives it again.
                self._database.write("DELETE FROM blobs WHERE id = ?", row["id"])
            else:
                self._database.write(
                    "UPDATE blobs SET state = 'open', sha256 = NULL WHERE id = ?", row["id"]
                )
        for row in self._database.rows("SELECT id FROM blobs WHERE state = 'deleting'"):
            self._complete_deletion(row["id"], "sweeper")
        known = {row["id"] for row in self._database.rows("SELECT id FROM blobs")}
        for folder in (self._uploads, self._artifacts):
            for file in folder.iterdir():
                if file.name not in known:
                    file.unlink(missing_ok=True)

    def forget_receipts(self, now: float) -> None:
        """Drop the rows of what was deleted long ago; the audit log keeps the entries."""
        self._database.write(
            "DELETE FROM blobs WHERE state = 'deleted' AND deleted < ?", now - _RECEIPTS_SECONDS
        )

    def totals(self) -> dict[str, tuple[int, int]]:
        """State to number of blobs and their bytes."""
        rows = self._database.rows(
            "SELECT state, COUNT(*) AS n, SUM(committed) AS bytes FROM blobs GROUP BY state"
        )
        return {row["state"]: (row["n"], row["bytes"]) for row in rows}


def _blob(row: sqlite3.Row) -> Blob:
    return Blob(
        row["id"], row["owner"], row["kind"], State(row["state"]), row["size"], row["committed"],
        row["sha256"] or b"", row["created"], row["expires"], row["operation"],
    )  # fmt: skip


def _move(file: Path, target: Path) -> None:
    """Rename, so that it is done after a power cut too, and the bytes before the name."""
    with contextlib.closing(_Opened(file)) as opened:
        os.fsync(opened.descriptor)
    file.replace(target)
    _sync(target.parent)
    _sync(file.parent)


class _Opened:
    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        os.close(self.descriptor)


def _sync(folder: Path) -> None:
    with contextlib.closing(_Opened(folder)) as opened:
        os.fsync(opened.descriptor)


def _sha256(file: Path) -> bytes:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").digest()
