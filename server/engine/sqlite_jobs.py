"""Jobs in tables: in one SQLite file here, in PostgreSQL in `synthaug_server.engine.postgres_jobs`.

Statements are what both understand; ``?`` stands for a value.
"""

from __future__ import annotations

import dataclasses
import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc

from synthaug_server.engine.job_store import ENDED, Counts, Event, Job, NewJob, State
from synthaug_server.refusal import Refused
from synthaug_server.store.database import Database

__all__ = ["ROW", "SQLJobs", "SQLiteJobs", "queue_full", "request_id_reused", "too_many_jobs"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, kind TEXT NOT NULL, request_id TEXT NOT NULL,
    body BLOB NOT NULL, trace TEXT NOT NULL, state INTEGER NOT NULL, created REAL NOT NULL,
    started REAL, ended REAL, attempts INTEGER NOT NULL DEFAULT 0,
    cancel_requested INTEGER NOT NULL DEFAULT 0, last_sequence INTEGER NOT NULL DEFAULT 0,
    progress BLOB NOT NULL DEFAULT x'', result BLOB NOT NULL DEFAULT x'',
    error BLOB NOT NULL DEFAULT x''
);
CREATE INDEX IF NOT EXISTS jobs_owner ON jobs (owner, created, id);
CREATE INDEX IF NOT EXISTS jobs_created ON jobs (created, id);
CREATE INDEX IF NOT EXISTS jobs_live ON jobs (state) WHERE state < 3;
CREATE TABLE IF NOT EXISTS events (
    mark INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, sequence INTEGER NOT NULL,
    time REAL NOT NULL, kind TEXT NOT NULL, payload BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS events_job ON events (job, sequence);
CREATE TABLE IF NOT EXISTS counts (
    kind TEXT NOT NULL, part INTEGER NOT NULL DEFAULT 0, accepted INTEGER NOT NULL DEFAULT 0,
    succeeded INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0,
    cancelled INTEGER NOT NULL DEFAULT 0, queue_seconds REAL NOT NULL DEFAULT 0,
    compute_seconds REAL NOT NULL DEFAULT 0, PRIMARY KEY (kind, part)
);
"""
ROW = "SELECT * FROM jobs WHERE id = ?"
_COUNTS = tuple(field.name for field in dataclasses.fields(Counts))
_COUNTED = {State.SUCCEEDED: "succeeded", State.FAILED: "failed", State.CANCELLED: "cancelled"}


class SQLJobs:
    """A `JobStore` in tables.

    Args:
        database: `Database`, or one with its methods.
    """

    def __init__(self, database: Any) -> None:
        self._database = database

    def submit(self, job: NewJob, *, most_queued: int, most_of_owner: int) -> Job:
        """See `JobStore.submit`."""
        with self._database.transaction() as connection:
            row = _row(connection, job.id)
            if row is not None:
                if row["body"] != job.body or row["kind"] != job.kind:
                    raise request_id_reused()
                return _job(row)
            now = time.time()
            full = connection.execute(
                "SELECT (SELECT COUNT(*) FROM jobs WHERE state = 1) AS queued,"
                " (SELECT COUNT(*) FROM jobs WHERE state < 3 AND owner = ?) AS live",
                (job.owner,),
            ).fetchone()
            if full["queued"] >= most_queued:
                raise queue_full()
            if full["live"] >= most_of_owner:
                raise too_many_jobs(most_of_owner)
            made = connection.execute(
                "INSERT INTO jobs (id, owner, kind, request_id, body, trace, state, created,"
                " last_sequence) VALUES (?, ?, ?, ?, ?, ?, 1, ?, 1) RETURNING *",
                (job.id, job.owner, job.kind, job.request_id, job.body, job.trace, now),
            ).fetchone()
            connection.execute(
                "INSERT INTO events (job, sequence, time, kind, payload)"
                " VALUES (?, 1, ?, 'state', ?)",
                (job.id, now, b"%d" % State.QUEUED),
            )
            # Last: whoever counts in the same row waits from here to the commit only.
            _count(connection, job.kind, "accepted", 1)
            return _job(made)

    def get(self, job: str) -> Job | None:
        """See `JobStore.get`."""
        row = self._database.row("SELECT * FROM jobs WHERE id = ?", job)
        return _job(row) if row else None

    def list(
        self,
        owner: str | None,
        *,
        ended: bool | None = None,
        after: tuple[float, str] | None = None,
        limit: int,
    ) -> Sequence[Job]:
        """See `JobStore.list`."""
        conditions, values = ["1 = 1"], list[object]()
        if owner is not None:
            conditions.append("owner = ?")
            values.append(owner)
        if ended is not None:
            conditions.append("state >= 3" if ended else "state < 3")
        if after is not None:
            conditions.append("(created, id) < (?, ?)")
            values += after
        rows = self._database.rows(
            f"SELECT * FROM jobs WHERE {' AND '.join(conditions)}"
            " ORDER BY created DESC, id DESC LIMIT ?",
            *values, limit,
        )  # fmt: skip
        return [_job(row) for row in rows]

    def events(self, job: str, after: int, limit: int = 1000) -> Sequence[Event]:
        """See `JobStore.events`."""
        rows = self._database.rows(
            "SELECT * FROM events WHERE job = ? AND sequence > ? ORDER BY sequence LIMIT ?",
            job, after, limit,
        )  # fmt: skip
        return [Event(r["sequence"], r["time"], r["kind"], r["payload"]) for r in rows]

    def changes(self, mark: int) -> tuple[int, frozenset[str]]:
        """See `JobStore.changes`."""
        if mark < 0:
            row = self._database.row("SELECT COALESCE(MAX(mark), 0) AS mark FROM events")
            return (row["mark"] if row else 0), frozenset()
        rows = self._database.rows("SELECT mark, job FROM events WHERE mark > ?", mark)
        return max([mark, *(r["mark"] for r in rows)]), frozenset(r["job"] for r in rows)

    def request_cancel(self, job: str) -> Job | None:
        """See `JobStore.request_cancel`."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET cancel_requested = 1 WHERE id = ? AND state < 3", (job,)
            )
            row = _row(connection, job)
            if row is not None and row["state"] == State.QUEUED:
                _end(connection, job, State.CANCELLED)
                row = _row(connection, job)
            return _job(row) if row else None

    def delete(self, job: str) -> bool:
        """See `JobStore.delete`."""
        with self._database.transaction() as connection:
            gone = connection.execute(
                "DELETE FROM jobs WHERE id = ? AND state >= 3", (job,)
            ).rowcount
            if gone:
                connection.execute("DELETE FROM events WHERE job = ?", (job,))
            return bool(gone)

    def counts(self) -> Mapping[str, Counts]:
        """See `JobStore.counts`."""
        columns = ", ".join(f"SUM({name}) AS {name}" for name in _COUNTS)
        rows = self._database.rows(f"SELECT kind, {columns} FROM counts GROUP BY kind")
        return {
            row["kind"]: Counts(
                *(int(row[name]) for name in _COUNTS[:4]),
                *(float(row[name]) for name in _COUNTS[4:]),
            )
            for row in rows
        }

    def waiting(self) -> int:
        """See `JobStore.waiting`."""
        row = self._database.row("SELECT COUNT(*) AS n FROM jobs WHERE state = 1")
        return int(row["n"]) if row else 0

    def start(self, job: str) -> Job | None:
        """See `JobStore.start`."""
        with self._database.transaction() as connection:
            row = _row(connection, job)
            if row is None or State(row["state"]) in ENDED:
                return None
            now = time.time()
            if row["started"] is None:
                _count(connection, row["kind"], "queue_seconds", now - row["created"])
            connection.execute(
                "UPDATE jobs SET state = 2, attempts = attempts + 1,"
                " started = COALESCE(started, ?) WHERE id = ?",
                (now, job),
            )
            _event(connection, job, "state", b"%d" % State.RUNNING)
            return _job(_there(connection, job))

    def give_back(self, job: str) -> None:
        """See `JobStore.give_back`."""
        with self._database.transaction() as connection:
            changed = connection.execute(
                "UPDATE jobs SET state = 1, attempts = attempts - 1 WHERE id = ? AND state = 2",
                (job,),
            ).rowcount
            if changed:
                _event(connection, job, "state", b"%d" % State.QUEUED)

    def report(self, job: str, *, progress: bytes | None = None, warning: str = "") -> bool:
        """See `JobStore.report`."""
        with self._database.transaction() as connection:
            row = _row(connection, job)
            if row is None or State(row["state"]) in ENDED:
                return False
            if progress is not None:
                connection.execute(
                    "DELETE FROM events WHERE job = ? AND sequence = ? AND kind = 'progress'",
                    (job, row["last_sequence"]),
                )
                connection.execute("UPDATE jobs SET progress = ? WHERE id = ?", (progress, job))
                _event(connection, job, "progress", progress)
            if warning:
                _event(connection, job, "warning", warning.encode())
            return not row["cancel_requested"]

    def finish(self, job: str, result: bytes) -> bool:
        """See `JobStore.finish`."""
        with self._database.transaction() as connection:
            return _end(connection, job, State.SUCCEEDED, result=result)

    def fail(self, job: str, error: bytes) -> bool:
        """See `JobStore.fail`."""
        with self._database.transaction() as connection:
            return _end(connection, job, State.FAILED, error=error)

    def end_cancelled(self, job: str) -> bool:
        """See `JobStore.end_cancelled`."""
        with self._database.transaction() as connection:
            return _end(connection, job, State.CANCELLED)

    def close(self) -> None:
        """See `JobStore.close`."""
        self._database.close()


class SQLiteJobs(SQLJobs):
    """Jobs in one file.

    Args:
        file: made where there is none.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(Database(file, _SCHEMA, durable=True))


def request_id_reused() -> Refused:
    """The same request_id with another body."""
    return Refused(
        grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED",
        "this request_id was used for another request; choose a new one",
        fields={"request_id": "used before with another body"},
    )  # fmt: skip


def queue_full() -> Refused:
    """No place for one more job."""
    return Refused(
        grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL",
        "the queue is full; the same call may be tried again", retry_seconds=5.0,
    )  # fmt: skip


def too_many_jobs(limit: int) -> Refused:
    """One owner's share of jobs is used up."""
    return Refused(
        grpc.StatusCode.RESOURCE_EXHAUSTED, "JOBS_QUOTA",
        f"this owner has {limit} jobs that have not ended, which is the limit; wait or cancel some",
        facts={"limit": str(limit)}, retry_seconds=30.0,
    )  # fmt: skip


def _row(connection: sqlite3.Connection, job: str) -> sqlite3.Row | None:
    found: sqlite3.Row | None = connection.execute(ROW, (job,)).fetchone()
    return found


def _there(connection: sqlite3.Connection, job: str) -> sqlite3.Row:
    row = _row(connection, job)
    assert row is not None
    return row


def _event(connection: sqlite3.Connection, job: str, kind: str, payload: bytes) -> None:
    connection.execute("UPDATE jobs SET last_sequence = last_sequence + 1 WHERE id = ?", (job,))
    connection.execute(
        "INSERT INTO events (job, sequence, time, kind, payload)"
        " SELECT id, last_sequence, ?, ?, ? FROM jobs WHERE id = ?",
        (time.time(), kind, payload, job),
    )


def _count(connection: sqlite3.Connection, kind: str, column: str, by: float) -> None:
    connection.execute(
        f"INSERT INTO counts (kind, {column}) VALUES (?, ?)"
        f" ON CONFLICT (kind, part) DO UPDATE SET {column} = counts.{column} + excluded.{column}",
        (kind, by),
    )


def _end(
    connection: sqlite3.Connection,
    job: str,
    state: State,
    *,
    result: bytes = b"",
    error: bytes = b"",
) -> bool:
    row = _row(connection, job)
    if row is None or State(row["state"]) in ENDED:
        return False
    now = time.time()
    connection.execute(
        "UPDATE jobs SET state = ?, ended = ?, result = ?, error = ? WHERE id = ?",
        (int(state), now, result, error, job),
    )
    spent = now - row["started"] if row["started"] is not None else 0.0
    _count(connection, row["kind"], _COUNTED[state], 1)
    _count(connection, row["kind"], "compute_seconds", spent)
    if error:
        _event(connection, job, "error", error)
    _event(connection, job, "state", b"%d" % state)
    return True


def _job(row: sqlite3.Row) -> Job:
    return Job(
        id=row["id"], owner=row["owner"], kind=row["kind"], request_id=row["request_id"],
        body=row["body"], trace=row["trace"], state=State(row["state"]), created=row["created"],
        started=row["started"], ended=row["ended"], attempts=row["attempts"],
        cancel_requested=bool(row["cancel_requested"]), last_sequence=row["last_sequence"],
        progress=row["progress"], result=row["result"], error=row["error"],
    )  # fmt: skip
