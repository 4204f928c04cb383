"""One job from start to end, as the engine sees it: a child, its messages, what it leaves.

`Runner.work` and `Runner.publish` may be called again after whatever ended them: what is done
already is not done twice.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import any_pb2, symbol_database

from synthaug.v1 import model_pb2, quality_pb2
from synthaug_server.children import Line, end, ending, environment_for, spawn
from synthaug_server.engine.job_store import Job, JobStore
from synthaug_server.refusal import Refused, status_of
from synthaug_server.settings import Settings
from synthaug_server.store.artifacts import Artifacts, Reason
from synthaug_server.store.results import Results

__all__ = ["ATTEMPTS", "Cancelled", "Runner", "Stopping", "open_log"]

_LONG_LOG = 16 << 20  # bytes
# Seconds between looks at the flag that asks a job to stop. At 0.02 an engine with one job ran
# 2.2 % of a core, now 1.4 %.
_LOOK = 0.05
_SLACK = 1.25  # of the longest time a job may ask for: reading and writing come on top
_LOG = logging.getLogger("synthaug.engine")
# A job is begun once and again three times.
ATTEMPTS = 4


class Cancelled(Exception):
    """Somebody asked the job to stop, and it has."""


class Stopping(Exception):
    """The engine stops; the job goes on in the next one."""


@dataclasses.dataclass(slots=True)
class Runner:
    """Runs jobs, one call at a time for each job.

    Args:
        jobs: where they are kept.
        artifacts: what they are given and what they leave.
        results: their reports and models.
        settings: limits.
        log: descriptor for what children write on stderr.
        stopping: set when the engine stops.
    """

    jobs: JobStore
    artifacts: Artifacts
    results: Results
    settings: Settings
    log: int | None = None
    stopping: bool = False

    @property
    def folder(self) -> Path:
        """Of all jobs' own folders."""
        return self.settings.store / "work"

    def work(self, job: Job, device: str) -> None:
        """Have a child do a job; returns once what it made is on disk.

        Raises:
            Refused: the job's own error.
            Cancelled: asked to stop; the child is gone.
            Stopping: the engine stops; the child is gone.
        """
        folder = self.folder / job.id
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        while not (folder / "made.json").exists():
            died = self._child(job, device, folder)
            if died is None:
                break
            _LOG.warning(
                json.dumps(
                    {"event": "worker died", "how": died, "request": job.request_id,
                     "job": job.id, "attempt": job.attempts}
                )
            )  # fmt: skip
            if job.attempts >= ATTEMPTS:
                raise self.poisoned(job, died)
            self.jobs.report(job.id, warning=f"Its worker ended by {died}; it is begun again.")
            again = self.jobs.start(job.id)
            if again is None:
                raise Cancelled
            job = again

    def poisoned(self, job: Job, died: str) -> Refused:
        """The error of a job that has taken its worker with it every time."""
        return Refused(
            grpc.StatusCode.INTERNAL, "WORKER_DIED",
            f"the job's worker ended by {died}, {job.attempts} times; it is not tried again. "
            "Report it with the request_id",
            facts={
                "signal": died, "request_id": job.request_id, "attempts": str(job.attempts),
                "error_id": job.id[:8],
            },
        )  # fmt: skip

    def _child(self, job: Job, device: str, folder: Path) -> str | None:
        """How the child died; None where it did its work."""
        process, ours = spawn(
            "synthaug_server.engine.child", log=self.log, environment=environment_for(device)
        )
        line = Line(ours)
        try:
            line.say(
                {
                    "kind": job.kind, "request": job.request_id, "folder": str(folder),
                    "device": device, "bytes": self.settings.upload_bytes,
                    "artifacts": {
                        name: str(self.artifacts.file(name))
                        for name in self.artifacts.in_use().get(job.id, [])
                    },
                },
                job.body,
            )  # fmt: skip
            return self._listen(job, process, line)
        except (BrokenPipeError, ConnectionResetError):
            return ending(end(process))
        finally:
            end(process)
            line.close()

    def _listen(self, job: Job, process: subprocess.Popen[bytes], line: Line) -> str | None:
        until = time.monotonic() + self.settings.job_seconds * _SLACK
        while True:
            ready, _, _ = select.select([line], [], [], 0 if line.buffered else _LOOK)
            if not ready and not line.buffered:
                self._look(job)
                if time.monotonic() > until:
                    raise Refused(
                        grpc.StatusCode.DEADLINE_EXCEEDED, "JOB_TOO_LONG",
                        "the job ran longer than the server allows; ask for less",
                    )  # fmt: skip
                continue
            heard = line.hear()
            if heard is None:
                # Its end of the socket goes before the process does.
                try:
                    return ending(process.wait(5))
                except subprocess.TimeoutExpired:
                    return ending(end(process))
            head, parts = heard
            if "done" in head:
                return None
            if "error" in head:
                raise _Told(parts[0], head["error"])
            go_on = self.jobs.report(
                job.id, progress=parts[0] if parts else None, warning=str(head.get("warning", ""))
            )
            if not go_on:
                raise Cancelled

    def _look(self, job: Job) -> None:
        if self.stopping:
            raise Stopping
        now = self.jobs.get(job.id)
        if now is None or now.cancel_requested or now.ended is not None:
            raise Cancelled

    def publish(self, job: Job) -> None:
        """Turn what a child left into artifacts, a report and a model, and end the job.

        Raises:
            Cancelled: asked to stop before it was over.
        """
        folder = self.folder / job.id
        self._look_once(job)
        about = json.loads((folder / "made.json").read_text())
        result: Any = symbol_database.Default().GetSymbol(about["type"])()
        result.MergeFromString(bytes.fromhex(about["result"]))
        fields = result.DESCRIPTOR.fields_by_name
        names: dict[str, str] = {}
        for label, (file, kind) in about["files"].items():
            blob = self.artifacts.adopt(job.owner, kind, job.id, label, folder / file)
            names[label] = f"artifacts/{blob.id}"
            if label in fields and label != "model":
                setattr(result, label, names[label])
        if about["model"] is not None:
            model = model_pb2.Model.FromString(bytes.fromhex(about["model"]))
            model.artifact = names["model"]
            result.model = self.results.add_model(job.owner, job.id, model)
        if about["report"] is not None:
            report = quality_pb2.Report.FromString(bytes.fromhex(about["report"]))
            report.page = names.get("page", "")
            result.report = self.results.add_report(job.owner, job.id, report)
        answer = any_pb2.Any()
        answer.Pack(result)
        self.jobs.finish(job.id, answer.SerializeToString())

    def _look_once(self, job: Job) -> None:
        now = self.jobs.get(job.id)
        if now is None or now.cancel_requested:
            raise Cancelled

    def fail(self, job: Job, refused: Refused) -> None:
        """End a job with an error."""
        status = refused.status_bytes if isinstance(refused, _Told) else None
        facts = {"request_id": job.request_id}
        self.jobs.fail(job.id, status or status_of(refused, facts).SerializeToString())
        _LOG.info(
            json.dumps(
                {"event": "job failed", "job": job.id, "request": job.request_id,
                 "reason": refused.reason}
            )
        )  # fmt: skip

    def clean(self, job: str) -> None:
        """Leave nothing of a job that has ended but what was published."""
        shutil.rmtree(self.folder / job, ignore_errors=True)
        now = self.jobs.get(job)
        if now is not None and now.result:
            return
        for blob in self.artifacts.made_by(job):
            self.artifacts.delete(blob.id, Reason.REQUESTED, "engine")
        self.results.withdraw(job)

    def clean_left(self) -> None:
        """Drop folders of jobs that have ended or are gone, whatever ended the last engine."""
        if not self.folder.exists():
            return
        for folder in self.folder.iterdir():
            job = self.jobs.get(folder.name)
            if job is None or job.ended is not None:
                self.clean(folder.name)


class _Told(Refused):
    """An error that a child has put into a message already."""

    def __init__(self, status: bytes, reason: str) -> None:
        super().__init__(grpc.StatusCode.UNKNOWN, reason, "told by the worker")
        self.status_bytes = status


def open_log(store: Path) -> int:
    """A descriptor that appends to the workers' log; a long one is put aside, over the last."""
    file = store / "workers.log"
    with contextlib.suppress(FileNotFoundError):
        if file.stat().st_size > _LONG_LOG:
            file.replace(file.with_suffix(".log.1"))
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
