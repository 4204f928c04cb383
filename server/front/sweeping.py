"""Retention: what is over is deleted, whatever happened meanwhile.

Each step can be repeated: a sweeper that was killed leaves nothing that the next one misses.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any

from synthaug.v1 import anonymization_pb2, augmentation_pb2, quality_pb2
from synthaug_server import allocator
from synthaug_server.engine.job_store import ENDED, Job, State
from synthaug_server.front.stores import Stores
from synthaug_server.front.uploading import Sessions
from synthaug_server.refusal import Refused, told_bug
from synthaug_server.settings import Settings
from synthaug_server.store.artifacts import Reason

__all__ = ["Sweeper"]

_LOG = logging.getLogger("synthaug.sweeper")
_EVERY = 1.0  # seconds between looks for jobs that have ended
_REQUESTS: dict[str, Any] = {
    "augment": augmentation_pb2.CreateAugmentJobRequest,
    "anonymize": anonymization_pb2.CreateAnonymizeJobRequest,
    "evaluate": quality_pb2.EvaluateQualityRequest,
}
_PAGE = 200


class Sweeper:
    """Deletes inputs of jobs that have succeeded, and everything whose time is over.

    Args:
        stores: what is kept.
        sessions: uploads in progress.
        settings: how long, how often.
    """

    def __init__(self, stores: Stores, sessions: Sessions, settings: Settings) -> None:
        self._stores = stores
        self._sessions = sessions
        self._settings = settings

    async def run(self) -> None:
        """Sweep until cancelled."""
        mark, last = -1, 0.0
        while True:
            try:
                mark, changed = await self._stores.ask(self._stores.jobs.changes, mark)
                if changed:
                    await self._stores.ask(self.release_inputs)
                if time.monotonic() - last >= self._settings.sweep_seconds:
                    await self._stores.ask(self.sweep)
                    await self._stores.ask(allocator.trim)
                    last = time.monotonic()
            except Exception as error:
                _LOG.error(json.dumps({"event": "sweep failed, tried again", **told_bug(error)}))
            await asyncio.sleep(min(_EVERY, self._settings.sweep_seconds))

    def sweep(self) -> None:
        """Do everything that is due now."""
        self.release_inputs()
        now = time.time()
        for blob in self._stores.artifacts.expired(now):
            self._sessions.abandon(blob.id)
            self._delete(blob.id, Reason.EXPIRED)
        place: tuple[float, str] | None = None
        while jobs := self._stores.jobs.list(None, ended=True, after=place, limit=_PAGE):
            place = (jobs[-1].created, jobs[-1].id)
            for job in jobs:
                if job.ended is not None and job.ended + self._settings.ttl_seconds <= now:
                    self.remove(job, "sweeper", Reason.EXPIRED)
        self._stores.artifacts.forget_receipts(now)
        self._stores.results.forget_old(now)

    def release_inputs(self) -> None:
        """Let go of what ended jobs were given; after success it is deleted."""
        for operation, blobs in self._stores.artifacts.in_use().items():
            job = self._stores.jobs.get(operation)
            if job is not None and job.state not in ENDED:
                continue
            # A job that is not there may be about to be written down: its hold is young.
            if job is None and not self._stores.artifacts.is_old_use(operation):
                continue
            self._stores.artifacts.release(operation)
            if job is not None and job.state is State.SUCCEEDED and not _keeps_inputs(job):
                for blob in blobs:
                    self._delete(blob, Reason.JOB_DONE)

    def remove(self, job: Job, actor: str, reason: Reason = Reason.REQUESTED) -> None:
        """Delete all that a job made, then the job."""
        for blob in self._stores.artifacts.made_by(job.id):
            self._stores.artifacts.delete(blob.id, reason, actor)
        self._stores.results.forget(job.id)
        if self._stores.jobs.delete(job.id):
            self._stores.audit.append(
                "job.delete", actor=actor, subject=f"operations/{job.id}", reason=reason.name
            )

    def _delete(self, blob: str, reason: Reason) -> None:
        try:
            self._stores.artifacts.delete(blob, reason, "sweeper")
        except Refused:
            # Another job holds it: its end will come.
            return


def _keeps_inputs(job: Job) -> bool:
    request = _REQUESTS[job.kind].FromString(job.body)
    return bool(request.keep_inputs)
