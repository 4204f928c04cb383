"""What jobs leave behind beside files: reports, and the models they trained."""

from __future__ import annotations

import sqlite3
import time

from google.protobuf.timestamp_pb2 import Timestamp

from synthaug.v1 import model_pb2, quality_pb2
from synthaug_server.names import derived_id
from synthaug_server.refusal import not_found
from synthaug_server.store.database import Database

__all__ = ["Results"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS reports (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, operation TEXT NOT NULL, payload BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS reports_operation ON reports (operation);
CREATE TABLE IF NOT EXISTS models (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, operation TEXT NOT NULL, payload BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS models_operation ON models (operation);
CREATE INDEX IF NOT EXISTS models_owner ON models (owner, id);
CREATE TABLE IF NOT EXISTS forgotten (operation TEXT PRIMARY KEY, time REAL NOT NULL);
"""

_REMEMBERED_SECONDS = 90 * 24 * 3600.0


class Results:
    """Reports and models of jobs. Every method may be called from any thread.

    Args:
        database: whose schema includes this module's.
        ttl_seconds: how long they are kept.
    """

    def __init__(self, database: Database, *, ttl_seconds: float) -> None:
        self._database = database
        self._ttl = ttl_seconds

    def add_report(self, owner: str, operation: str, report: quality_pb2.Report) -> str:
        """Keep the report of a job; again: the same name.

        Args:
            owner: of the job.
            operation: id of the job.
            report: without name, operation, times and etag, which are set here.

        Returns:
            "reports/ID".
        """
        report.name = f"reports/{derived_id(operation, 'report')}"
        report.operation = f"operations/{operation}"
        _stamp(report.create_time, report.expire_time, self._ttl)
        report.etag = report.name[-16:]
        self._put("reports", report.name, owner, operation, report.SerializeToString())
        return report.name

    def add_model(self, owner: str, operation: str, model: model_pb2.Model) -> str:
        """Keep the facts about the generator that a job trained; its bytes are an artifact.

        Args:
            owner: of the job.
            operation: id of the job.
            model: likewise without name, operation, times and etag; ``artifact`` is set.

        Returns:
            "models/ID".
        """
        model.name = f"models/{derived_id(operation, 'model')}"
        model.operation = f"operations/{operation}"
        model.kind = model_pb2.MODEL_KIND_GENERATOR
        _stamp(model.create_time, model.expire_time, self._ttl)
        model.etag = model.sha256.hex()[:16]
        self._put("models", model.name, owner, operation, model.SerializeToString())
        return model.name

    def _put(self, table: str, name: str, owner: str, operation: str, payload: bytes) -> None:
        self._database.write(
            f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?)",
            name.partition("/")[2], owner, operation, payload,
        )  # fmt: skip

    def report(self, identifier: str, owner: str) -> quality_pb2.Report:
        """A report of an owner.

        Raises:
            Refused: NOT_FOUND.
        """
        row = self._database.row(
            "SELECT payload FROM reports WHERE id = ? AND owner = ?", identifier, owner
        )
        if row is None:
            raise not_found("report")
        report: quality_pb2.Report = quality_pb2.Report.FromString(row["payload"])
        return report

    def model(self, identifier: str, owner: str) -> model_pb2.Model | None:
        """A trained model of an owner; None where there is none."""
        row = self._database.row(
            "SELECT payload FROM models WHERE id = ? AND owner = ?", identifier, owner
        )
        return _model(row) if row else None

    def models(self, owner: str) -> list[model_pb2.Model]:
        """All trained models of an owner."""
        rows = self._database.rows("SELECT payload FROM models WHERE owner = ?", owner)
        return [_model(row) for row in rows]

    def forget(self, operation: str) -> None:
        """Drop what a job left here, and remember that there was one."""
        self._database.write(
            "INSERT OR REPLACE INTO forgotten VALUES (?, ?)", operation, time.time()
        )
        for table in ("reports", "models"):
            self._database.write(f"DELETE FROM {table} WHERE operation = ?", operation)

    def withdraw(self, operation: str) -> None:
        """Drop what a job left here before it was over; it may be run again."""
        for table in ("reports", "models"):
            self._database.write(f"DELETE FROM {table} WHERE operation = ?", operation)

    def was_forgotten(self, operation: str) -> bool:
        """Whether there was such a job: the same request must not run a second time."""
        return bool(self._database.rows("SELECT 1 FROM forgotten WHERE operation = ?", operation))

    def forget_old(self, now: float) -> None:
        """Drop what is remembered of jobs deleted long ago."""
        self._database.write("DELETE FROM forgotten WHERE time < ?", now - _REMEMBERED_SECONDS)


def _model(row: sqlite3.Row) -> model_pb2.Model:
    model: model_pb2.Model = model_pb2.Model.FromString(row["payload"])
    return model


def _stamp(create: Timestamp, expire: Timestamp, ttl: float) -> None:
    now = time.time()
    create.FromNanoseconds(int(now * 1e9))
    expire.FromNanoseconds(int((now + ttl) * 1e9))
