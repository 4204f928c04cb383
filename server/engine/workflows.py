"""DBOS behind the job store: it remembers which steps of a job are done, whatever is killed.

A job is a workflow of its own id with two steps, work and publish. DBOS keeps the id and the
steps' one-word answers; what a job is and what it made stand in the job store and in files.
What DBOS does unless told otherwise, and what it is told here:

- It pickles. `JSON` carries exceptions too: an error that cannot be written leaves a workflow
  PENDING for ever.
- It names its version by a hash of the source, and an upgrade would orphan all jobs: `VERSION`.
- It recovers what its executor id left, and two processes with one id would run a job twice:
  the id is the store's, and `Workflows` is made under the store's lock.
- It recovers a workflow a hundred times. `Runner` counts attempts and gives a named failure;
  `_RECOVERIES` stands behind that.
- It keeps rows for ever, and a request_id used again after years would meet them: the engine
  drops a workflow's once it is over and its job has ended (`over`, `forget`).
- It cancels between steps only. The runner watches the job's flag and ends the child.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy
from dbos import DBOS, DBOSConfig, SetWorkflowID
from dbos import Serializer as _Serializer

__all__ = ["JSON", "VERSION", "RecordedError", "Workflows", "executor_id"]

VERSION = "synthaug-jobs-1"
# Beyond our own limit of attempts, because stops in good order are not counted there.
_RECOVERIES = 50
_LIVE = ("PENDING", "ENQUEUED", "DELAYED")
_FORGOTTEN_AT_ONCE = 200
_OVER = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")


class RecordedError(Exception):
    """An exception read back from the database: its class is part of its text."""


class JSON(_Serializer):
    """JSON for values and exceptions alike; nothing that is read back can run."""

    def name(self) -> str:
        """Stands beside every row."""
        return "synthaug-json-1"

    def serialize(self, data: Any) -> str:
        """Text of a value or an exception."""
        if isinstance(data, BaseException):
            # The message may hold names of people and files.
            return json.dumps({"error": type(data).__name__})
        return json.dumps({"value": data})

    def deserialize(self, serialized_data: str) -> Any:
        """The inverse, exceptions as `RecordedError`."""
        read = json.loads(serialized_data)
        if "error" in read:
            return RecordedError(read["error"])
        return read["value"]


def executor_id(store: Path) -> str:
    """The name under which a store's jobs are recovered: random, and the store's for ever."""
    file = store / "executor"
    if not file.exists():
        part = file.with_name("executor.new")
        part.write_text(f"synthaug-{secrets.token_hex(8)}\n")
        part.replace(file)
    return file.read_text().strip()


class Workflows:
    """DBOS, launched: what a former engine of this store left is being recovered.

    Made at most once a process, under a lock that no other process with this store holds.

    Args:
        store: folder of the store.
        database: ``postgresql://`` address; empty for SQLite in the store.
        work: a job's first step, given its id; the word it returns is kept.
        publish: its second; asked for after "made".
    """

    def __init__(
        self,
        store: Path,
        database: str,
        work: Callable[[str], str],
        publish: Callable[[str], str],
    ) -> None:
        config: DBOSConfig = {
            "name": "synthaug",
            "application_version": VERSION,
            "executor_id": executor_id(store),
            "serializer": JSON(),
            "log_level": "CRITICAL",
            "enable_otlp": False,
            "use_listen_notify": False,
            "system_database_url": database.replace("postgres://", "postgresql://", 1),
        }
        if not database:
            url = f"sqlite:///{store / 'dbos.db'}"
            config["system_database_url"], config["system_database_engine"] = url, _sqlite(url)
        DBOS(config=config)

        # DBOS writes attributes on what it registers, which methods do not take.
        @DBOS.step(name="work")
        def do_work(job: str) -> str:
            return work(job)

        @DBOS.step(name="publish")
        def do_publish(job: str) -> str:
            return publish(job)

        @DBOS.workflow(name="job", max_recovery_attempts=_RECOVERIES)
        def run(job: str) -> str:
            answer = do_work(job)
            return do_publish(job) if answer == "made" else answer

        self._run = run
        DBOS.launch()

    def begin(self, job: str) -> bool:
        """Start a job's workflow; False and nothing where there has been one."""
        if DBOS.get_workflow_status(job) is not None:
            return False
        with SetWorkflowID(job):
            DBOS.start_workflow(self._run, job)
        return True

    def ended(self, job: str) -> bool:
        """Whether the job's workflow is over, however it ended; False where there is none."""
        status = DBOS.get_workflow_status(job)
        return status is not None and status.status not in _LIVE

    def over(self) -> list[str]:
        """Some of the jobs whose workflows are over and still have rows, oldest first."""
        found = DBOS.list_workflows(
            status=list(_OVER), limit=_FORGOTTEN_AT_ONCE, load_input=False, load_output=False
        )
        return [one.workflow_id for one in found]

    def forget(self, jobs: list[str]) -> None:
        """Drop all rows of workflows that are over, in one transaction; safe to repeat."""
        DBOS.delete_workflows(jobs)


def _sqlite(url: str) -> sqlalchemy.Engine:
    engine = sqlalchemy.create_engine(url)

    @sqlalchemy.event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        # As DBOS sets its own connections up, and WAL, so that readers never wait for a writer.
        connection.isolation_level = "IMMEDIATE"
        for setting in (
            "journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON",
        ):  # fmt: skip
            connection.execute(f"PRAGMA {setting}")

    return engine
