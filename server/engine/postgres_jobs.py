"""Jobs in PostgreSQL, for whoever has outgrown one file: the same tables and statements."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row

from synthaug.errors import OutOfResources
from synthaug_server.engine.sqlite_jobs import ROW, SQLJobs

__all__ = ["PostgresJobs", "hold", "remembers_workflows"]

_CONNECTIONS = 8  # as many as there are threads that ask: none waits for another's commit
_LOCK = 0x73796E7468617567  # "synthaug"
_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS synthaug;
CREATE TABLE IF NOT EXISTS synthaug.jobs (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, kind TEXT NOT NULL, request_id TEXT NOT NULL,
    body BYTEA NOT NULL, trace TEXT NOT NULL, state INTEGER NOT NULL,
    created DOUBLE PRECISION NOT NULL, started DOUBLE PRECISION, ended DOUBLE PRECISION,
    attempts INTEGER NOT NULL DEFAULT 0, cancel_requested INTEGER NOT NULL DEFAULT 0,
    last_sequence BIGINT NOT NULL DEFAULT 0, progress BYTEA NOT NULL DEFAULT '',
    result BYTEA NOT NULL DEFAULT '', error BYTEA NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS jobs_owner ON synthaug.jobs (owner, created, id);
CREATE INDEX IF NOT EXISTS jobs_created ON synthaug.jobs (created, id);
CREATE INDEX IF NOT EXISTS jobs_live ON synthaug.jobs (state) WHERE state < 3;
CREATE TABLE IF NOT EXISTS synthaug.events (
    job TEXT NOT NULL, sequence BIGINT NOT NULL, time DOUBLE PRECISION NOT NULL,
    kind TEXT NOT NULL, payload BYTEA NOT NULL,
    mark BIGINT NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    PRIMARY KEY (job, sequence)
);
CREATE INDEX IF NOT EXISTS events_mark ON synthaug.events (mark);
-- A row of each connection: one row alone would have all of them wait for each other's commits.
CREATE TABLE IF NOT EXISTS synthaug.counts (
    kind TEXT NOT NULL, part INTEGER NOT NULL DEFAULT (pg_backend_pid() % 16),
    accepted BIGINT NOT NULL DEFAULT 0,
    succeeded BIGINT NOT NULL DEFAULT 0, failed BIGINT NOT NULL DEFAULT 0,
    cancelled BIGINT NOT NULL DEFAULT 0, queue_seconds DOUBLE PRECISION NOT NULL DEFAULT 0,
    compute_seconds DOUBLE PRECISION NOT NULL DEFAULT 0, PRIMARY KEY (kind, part)
);
"""


class PostgresJobs(SQLJobs):
    """A `JobStore` in the schema "synthaug" of a database.

    Args:
        address: ``postgresql://`` of it.

    Raises:
        OutOfResources: the database cannot be reached.
    """

    def __init__(self, address: str) -> None:
        super().__init__(_Database(address))

    def changes(self, mark: int) -> tuple[int, frozenset[str]]:
        """See `JobStore.changes`.

        A mark is the oldest transaction that had not ended: whatever it and younger ones write
        is told, some of it twice, and none is missed because it was numbered before and written
        after another.
        """
        row = self._database.row(
            "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS mark"
        )
        now = int(row["mark"])
        if mark < 0:
            return now, frozenset()
        rows = self._database.rows("SELECT DISTINCT job FROM events WHERE mark >= ?", mark)
        return now, frozenset(r["job"] for r in rows)


def hold(address: str) -> Any | None:
    """A connection that holds all jobs of a database for this process; None where another does.

    Two engines would do each job twice.

    Raises:
        OutOfResources: the database cannot be reached.
    """
    connection = _connected(address)
    row = connection.execute("SELECT pg_try_advisory_lock(%s) AS got", (_LOCK,)).fetchone()
    if row is not None and row["got"]:
        return connection
    connection.close()
    return None


def remembers_workflows(address: str) -> bool:
    """Whether DBOS, which has a schema of its own in the same database, has rows of any workflow.

    Raises:
        OutOfResources: the database cannot be reached.
    """
    with contextlib.closing(_connected(address)) as connection:
        try:
            found = connection.execute("SELECT 1 FROM dbos.workflow_status LIMIT 1").fetchone()
        except psycopg.errors.UndefinedTable:
            return False  # it has not made its tables yet
        return found is not None


def _connected(address: str) -> psycopg.Connection[dict[str, Any]]:
    try:
        return psycopg.connect(
            address, autocommit=True, row_factory=dict_row, connect_timeout=10,
            options="-c search_path=synthaug",
        )  # fmt: skip
    except psycopg.OperationalError:
        # Its message may hold the address and the user's name.
        raise OutOfResources(
            "the database of --jobs cannot be reached",
            remedy="Check that PostgreSQL runs and that the address is right.",
        ) from None


class _Connection:
    """Statements as SQLite has them, for PostgreSQL; rows that are read are locked."""

    def __init__(self, connection: psycopg.Connection[dict[str, Any]]) -> None:
        self._connection = connection

    def execute(self, query: str, values: Sequence[Any] = ()) -> Any:
        text = query.replace("?", "%s") + (" FOR UPDATE" if query == ROW else "")
        return self._connection.execute(text, values)


class _Database:
    """A few connections; a thread that needs one waits for it."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._free: queue.LifoQueue[psycopg.Connection[dict[str, Any]] | None] = queue.LifoQueue()
        for _ in range(_CONNECTIONS):
            self._free.put(None)
        # Two processes that start at once make the tables one after the other.
        with self._connection() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK + 1,))
            connection.execute(_SCHEMA)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        connection = self._free.get()
        try:
            if connection is None or connection.closed:
                connection = _connected(self._address)
            yield connection
        except psycopg.OperationalError:
            if connection is not None:
                connection.close()
            raise
        finally:
            self._free.put(connection)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[_Connection]:
        """As `Database.transaction`."""
        with self._connection() as connection, connection.transaction():
            yield _Connection(connection)

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """As `Database.rows`."""
        with self._connection() as connection:
            text = query.replace("?", "%s")
            return connection.execute(text, values).fetchall()

    def row(self, query: str, *values: Any) -> dict[str, Any] | None:
        """As `Database.row`."""
        rows = self.rows(query, *values)
        return rows[0] if rows else None

    def close(self) -> None:
        """Close all connections."""
        for _ in range(_CONNECTIONS):
            connection = self._free.get()
            if connection is not None:
                connection.close()
