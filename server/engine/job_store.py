"""What a place that keeps jobs can do: the one interface between the front and the engine.

The front submits, shows, cancels and deletes; the engine starts, reports and ends. Whatever is
behind it (SQLite here, DBOS with SQLite or PostgreSQL), each method is one transaction, may be
called from any thread and process, and is safe to repeat.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from typing import Protocol

__all__ = ["ENDED", "Counts", "Event", "Job", "JobStore", "NewJob", "State"]


class State(enum.IntEnum):
    """Where a job stands: numbers of JobState."""

    QUEUED = 1
    RUNNING = 2
    SUCCEEDED = 3
    FAILED = 4
    CANCELLED = 5


ENDED = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job to be accepted.

    Args:
        id: chosen by the caller, `synthaug_server.names.derived_id` of owner and request_id.
        owner: whom it belongs to.
        kind: ``"augment"``, ``"anonymize"`` or ``"evaluate"``.
        request_id: of the client.
        body: the request, serialized: names of artifacts and numbers, never payloads.
        trace: W3C traceparent to pass on; empty where there is none.
    """

    id: str
    owner: str
    kind: str
    request_id: str
    body: bytes
    trace: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as it stands.

    Args:
        id: of "operations/ID".
        owner: whom it belongs to.
        kind: as in `NewJob`.
        request_id: as in `NewJob`.
        body: as in `NewJob`.
        trace: as in `NewJob`.
        state: where it stands.
        created: seconds since 1970.
        started: when a worker first began; None before.
        ended: None before.
        attempts: times a worker began, those not counted that `JobStore.give_back` took back.
        cancel_requested: whether it is to stop.
        last_sequence: of its newest event, 0 where there is none.
        progress: newest Progress message, serialized; empty before the first.
        result: google.protobuf.Any, serialized, of a job that succeeded.
        error: google.rpc.Status, serialized, of a job that failed.
    """

    id: str
    owner: str
    kind: str
    request_id: str
    body: bytes
    trace: str
    state: State
    created: float
    started: float | None
    ended: float | None
    attempts: int
    cancel_requested: bool
    last_sequence: int
    progress: bytes
    result: bytes
    error: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a job.

    Args:
        sequence: rising inside the job, from 1; numbers may be left out.
        time: seconds since 1970.
        kind: ``"state"``, ``"progress"``, ``"warning"`` or ``"error"``.
        payload: the state's number in decimal, a Progress message, UTF-8 text, a google.rpc.Status.
    """

    sequence: int
    time: float
    kind: str
    payload: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Counts:
    """Numbers since the store was made, by kind of job; deleting a job does not change them.

    Args:
        accepted: jobs taken in. Always succeeded + failed + cancelled + those not ended.
        succeeded: ended well.
        failed: ended with an error.
        cancelled: ended because somebody asked.
        queue_seconds: time that started jobs had waited, summed.
        compute_seconds: time from start to end, summed.
    """

    accepted: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    queue_seconds: float = 0.0
    compute_seconds: float = 0.0


class JobStore(Protocol):
    """Where jobs are kept."""

    # The front's half

    def submit(self, job: NewJob, *, most_queued: int, most_of_owner: int) -> Job:
        """Accept a job, or give the one that has this id already.

        Returns only when the job would survive the end of every process.

        Args:
            job: the job.
            most_queued: jobs that may wait, over all owners.
            most_of_owner: jobs of this owner that may be there and not have ended.

        Raises:
            Refused: ALREADY_EXISTS, reason REQUEST_ID_REUSED, where the job of this id has
                another body; RESOURCE_EXHAUSTED, reason QUEUE_FULL or JOBS_QUOTA.
        """
        ...

    def get(self, job: str) -> Job | None:
        """A job as it stands; None where there is none."""
        ...

    def list(
        self,
        owner: str | None,
        *,
        ended: bool | None = None,
        after: tuple[float, str] | None = None,
        limit: int,
    ) -> Sequence[Job]:
        """Jobs (of an owner), newest first by (created, id), those after a place in that order."""
        ...

    def events(self, job: str, after: int, limit: int = 1000) -> Sequence[Event]:
        """What happened in a job after an event, oldest first."""
        ...

    def changes(self, mark: int) -> tuple[int, frozenset[str]]:
        """A new mark, and the jobs that have had events since the old one. Cheap: it is polled.

        Args:
            mark: from the call before; -1 for a first mark and no jobs.
        """
        ...

    def request_cancel(self, job: str) -> Job | None:
        """Ask a job to stop; one that waits is CANCELLED at once, one that has ended stays so."""
        ...

    def delete(self, job: str) -> bool:
        """Forget a job that has ended; False where there is none or it has not."""
        ...

    def counts(self) -> Mapping[str, Counts]:
        """Numbers by kind of job."""
        ...

    def waiting(self) -> int:
        """Jobs that are QUEUED."""
        ...

    # The engine's half

    def start(self, job: str) -> Job | None:
        """Note that a worker begins: RUNNING, one more attempt. None where it has ended."""
        ...

    def give_back(self, job: str) -> None:
        """A running job's engine stops in good order: QUEUED again, the attempt not counted."""
        ...

    def report(self, job: str, *, progress: bytes | None = None, warning: str = "") -> bool:
        """Add an event of a running job; newer progress replaces older that came just before.

        Returns:
            Whether to go on: False where cancelling was asked for, or the job is gone.
        """
        ...

    def finish(self, job: str, result: bytes) -> bool:
        """End a job well; False and no change where it has ended already."""
        ...

    def fail(self, job: str, error: bytes) -> bool:
        """End a job with an error; False and no change where it has ended already."""
        ...

    def end_cancelled(self, job: str) -> bool:
        """End a job as CANCELLED; False and no change where it has ended already."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
