"""The engine: a process of its own that takes jobs from the job store and has children do them."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import queue
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from synthaug_server.engine.job_store import ENDED, Job, JobStore, State
from synthaug_server.engine.remembered import remembers
from synthaug_server.engine.running import ATTEMPTS, Cancelled, Runner, Stopping
from synthaug_server.refusal import Refused, refusal_of, told_bug
from synthaug_server.settings import Settings

if TYPE_CHECKING:
    from synthaug_server.engine.workflows import Workflows

__all__ = ["Engine", "locked"]

_POLL = 0.05
_RECONCILE = 5.0
_LOG = logging.getLogger("synthaug.engine")


def locked(store: Path, patience: float) -> int | None:
    """A descriptor that holds a store's jobs for this process; None where another has them.

    Args:
        store: its folder.
        patience: seconds to wait for a process that is just ending.
    """
    lock = os.open(store / "engine.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                os.close(lock)
                return None
            time.sleep(0.02)
        else:
            return lock


class Engine:
    """Runs the jobs of one store, as many at once as there are devices.

    Args:
        settings: of the server.
        jobs: where they are kept.
        runner: runs one.
    """

    def __init__(self, settings: Settings, jobs: JobStore, runner: Runner) -> None:
        self._settings = settings
        self._jobs = jobs
        self._runner = runner
        self._devices: queue.SimpleQueue[str] = queue.SimpleQueue()
        for device in settings.devices:
            self._devices.put(device)
        self._begun: set[str] = set()
        self._running: dict[str, None] = {}
        self._stop = threading.Event()
        self._workflows: Workflows | None = None
        self._forget_at = 0.0
        self._looked_back = False

    def run(self) -> None:
        """Run jobs until `stop` is called."""
        self._runner.clean_left()
        mark, look_again = -1, time.monotonic()
        while not self._stop.is_set():
            try:
                mark, changed = self._jobs.changes(mark)
                if changed or time.monotonic() >= look_again:
                    look_again = time.monotonic() + _RECONCILE
                    self._take()
            except Exception as error:
                _LOG.warning(json.dumps({"event": "no look at the store", **told_bug(error)}))
                self._stop.wait(1.0)
            self._stop.wait(_POLL)

    def _take(self) -> None:
        """Begin jobs while there are devices, oldest first."""
        live = sorted(self._live(), key=lambda job: (job.created, job.id))
        if self._workflows is None:
            # Not before there is work: it is most of an idle engine's memory.
            if not live and not self._remembers():
                return
            from synthaug_server.engine.workflows import Workflows

            self._workflows = Workflows(
                self._settings.store, self._settings.jobs, self._work, self._publish
            )
        free = len(self._settings.devices) - len(self._begun)
        for job in live:
            if job.id in self._begun:
                continue
            if self._workflows.ended(job.id):
                self._reconcile(job)
            elif free > 0 or job.state is State.RUNNING:
                self._begun.add(job.id)
                free -= 1
                # Where there is a workflow already DBOS recovers it by itself.
                self._workflows.begin(job.id)
        if time.monotonic() >= self._forget_at:
            self._forget_at = time.monotonic() + _RECONCILE
            self._forget(self._workflows)

    def _remembers(self) -> bool:
        """Whether a former engine left rows; asked once, since only this one can add any."""
        if self._looked_back:
            return False
        found = remembers(self._settings.store, self._settings.jobs)
        self._looked_back = True
        return found

    def _forget(self, workflows: Workflows) -> None:
        """Drop what DBOS keeps of jobs that have ended or are deleted.

        Whatever is killed in between, the next look finds the same rows again.
        """
        while over := workflows.over():
            found = {identifier: self._jobs.get(identifier) for identifier in over}
            done = [name for name, job in found.items() if job is None or job.state in ENDED]
            workflows.forget(done)
            if len(done) < len(over):
                return  # the others are reconciled first

    def _live(self) -> list[Job]:
        found: list[Job] = []
        place: tuple[float, str] | None = None
        while page := self._jobs.list(None, ended=False, after=place, limit=500):
            found += page
            place = (page[-1].created, page[-1].id)
        return found

    def _reconcile(self, job: Job) -> None:
        """A job whose workflow is over has ended too, whatever went wrong between them."""
        now = self._jobs.get(job.id)
        if now is not None and now.state not in ENDED:
            self._runner.fail(job, refusal_of(RuntimeError("the workflow is over, the job not")))
            self._runner.clean(job.id)

    # Steps of the workflow: each may be repeated.

    def _work(self, identifier: str) -> str:
        device = self._devices.get()
        self._running[identifier] = None
        try:
            return self._worked(identifier, device)
        except Stopping:
            # The process is about to end and leaves the workflow PENDING: it goes on then.
            threading.Event().wait()
            raise
        finally:
            self._running.pop(identifier, None)
            self._devices.put(device)

    def _worked(self, identifier: str, device: str) -> str:
        job = self._jobs.start(identifier)
        if job is None:
            return self._over(identifier)
        try:
            if job.attempts > ATTEMPTS:
                raise self._runner.poisoned(job, "the engine's end")
            self._runner.work(job, device)
        except Cancelled:
            self._jobs.end_cancelled(identifier)
            return self._over(identifier)
        except Refused as refused:
            self._runner.fail(job, refused)
            return self._over(identifier)
        except Stopping:
            self._jobs.give_back(identifier)
            raise
        except Exception as error:
            self._bug(job, error)
            return self._over(identifier)
        return "made"

    def _publish(self, identifier: str) -> str:
        job = self._jobs.get(identifier)
        if job is None or job.state in ENDED:
            return self._over(identifier)
        try:
            self._runner.publish(job)
        except Cancelled:
            self._jobs.end_cancelled(identifier)
        except Exception as error:
            self._bug(job, error)
        return self._over(identifier)

    def _over(self, identifier: str) -> str:
        self._runner.clean(identifier)
        self._begun.discard(identifier)
        return "over"

    def _bug(self, job: Job, error: Exception) -> None:
        refused = refusal_of(error)
        _LOG.error(
            json.dumps(
                {"event": "bug", "job": job.id, "request": job.request_id, **refused.facts,
                 **told_bug(error)}
            )
        )  # fmt: skip
        self._runner.fail(job, refused)

    def stop(self) -> None:
        """Take no more jobs and end the children; running jobs go on in the next engine."""
        self._stop.set()
        self._runner.stopping = True
        until = time.monotonic() + 5.0
        while time.monotonic() < until:
            states = [self._jobs.get(identifier) for identifier in list(self._running)]
            if all(job is None or job.state is not State.RUNNING for job in states):
                return
            time.sleep(0.02)
