"""JobService.WatchJob and google.longrunning.Operations."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import grpc
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import empty_pb2

from synthaug.v1 import job_pb2, job_pb2_grpc
from synthaug_server.engine.job_store import ENDED, Job
from synthaug_server.front.boundary import Call
from synthaug_server.front.checks import Checks, Pages, page_size
from synthaug_server.front.stores import Stores
from synthaug_server.front.sweeping import Sweeper
from synthaug_server.front.watching import Watcher
from synthaug_server.front.wire import event_message, operation_message, seconds_of
from synthaug_server.names import identifier_in
from synthaug_server.refusal import Refused, invalid, not_found
from synthaug_server.settings import Settings
from synthaug_server.store.access import Role

__all__ = ["JobServicer", "OperationsServicer", "draining"]

_LONGEST_WAIT = 3600.0
_FILTERS = {"": None, "done=true": True, "done=false": False}
_MARGIN = 0.05  # of a caller's time is kept for the way back


def draining() -> Refused:
    """The server is about to stop."""
    return Refused(
        grpc.StatusCode.UNAVAILABLE, "DRAINING",
        "the server is stopping; jobs go on when it is back: call again", retry_seconds=1.0,
    )  # fmt: skip


async def _job(stores: Stores, name: str, call: Call) -> Job:
    """The job of a name, if the caller may know of it."""
    job = await stores.ask(stores.jobs.get, identifier_in(name, "operations", "name"))
    if job is None or (job.owner != call.caller.owner and call.caller.role < Role.OPERATOR):
        raise not_found("operation")
    return job


class JobServicer(job_pb2_grpc.JobServiceServicer):
    """See protos/synthaug/v1/job.proto.

    Args:
        stores: what is kept.
        watcher: tells of changes.
    """

    def __init__(self, stores: Stores, watcher: Watcher) -> None:
        self._stores = stores
        self._watcher = watcher

    async def WatchJob(  # noqa: N802
        self, request: job_pb2.WatchJobRequest, call: Call
    ) -> AsyncIterator[job_pb2.WatchJobResponse]:
        """What happens in a job, from an event on, to its end."""
        if request.after_sequence < 0:
            raise invalid("after_sequence", "expected 0 or more")
        job, seen = await _job(self._stores, request.name, call), request.after_sequence
        own = job.owner == call.caller.owner
        with self._watcher.listening(job.id) as bell:
            while True:
                bell.clear()
                now = await self._stores.ask(self._stores.jobs.get, job.id)
                if now is None:
                    raise not_found("operation")
                events = await self._stores.ask(self._stores.jobs.events, job.id, seen)
                for event in events:
                    seen = event.sequence
                    # Warnings and errors are about an owner's data.
                    if own or event.kind in ("state", "progress"):
                        yield job_pb2.WatchJobResponse(event=event_message(event))
                if events:
                    # There may be more than came in one answer.
                    continue
                if now.state in ENDED and seen >= now.last_sequence:
                    return
                if self._watcher.closing:
                    raise draining()
                await bell.wait()


class OperationsServicer(operations_pb2_grpc.OperationsServicer):  # type: ignore[misc]
    """See google/longrunning/operations.proto; every job is an operation.

    Args:
        stores: what is kept.
        watcher: tells of changes.
        pages: makes page tokens.
        sweeper: removes what a job made.
        settings: how long jobs are kept.
    """

    def __init__(
        self, stores: Stores, watcher: Watcher, pages: Pages, sweeper: Sweeper, settings: Settings
    ) -> None:
        self._stores = stores
        self._watcher = watcher
        self._pages = pages
        self._sweeper = sweeper
        self._ttl = settings.ttl_seconds

    def _message(self, job: Job, call: Call) -> operations_pb2.Operation:
        own = job.owner == call.caller.owner
        return operation_message(job, ttl_seconds=self._ttl, outcome=own)

    async def ListOperations(  # noqa: N802
        self, request: operations_pb2.ListOperationsRequest, call: Call
    ) -> operations_pb2.ListOperationsResponse:
        """The caller's jobs, newest first; of all owners for an operator."""
        size = page_size(request.page_size)
        wanted = "".join(request.filter.split())
        checks = Checks()
        checks.need(request.name in ("", "operations"), "name", '"operations"')
        checks.need(wanted in _FILTERS, "filter", '"", "done=true" or "done=false"')
        checks.done()
        owner = None if call.caller.role is Role.OPERATOR else call.caller.owner
        question = ("operations", owner, wanted)
        place = self._pages.place(question, request.page_token)
        after = (float(place[0]), str(place[1])) if place else None
        found = await self._stores.ask(
            self._stores.jobs.list, owner, ended=_FILTERS[wanted], after=after, limit=size + 1
        )
        answer = operations_pb2.ListOperationsResponse(
            operations=[self._message(job, call) for job in found[:size]]
        )
        if len(found) > size:
            last = found[size - 1]
            answer.next_page_token = self._pages.token(question, (last.created, last.id))
        return answer

    async def GetOperation(  # noqa: N802
        self, request: operations_pb2.GetOperationRequest, call: Call
    ) -> operations_pb2.Operation:
        """One job."""
        return self._message(await _job(self._stores, request.name, call), call)

    async def WaitOperation(  # noqa: N802
        self, request: operations_pb2.WaitOperationRequest, call: Call
    ) -> operations_pb2.Operation:
        """One job once it has ended, or as it stands when the time is over."""
        job = await _job(self._stores, request.name, call)
        limit = seconds_of(request.timeout) if request.HasField("timeout") else _LONGEST_WAIT
        if not 0 <= limit <= 10 * 365 * 86400:
            raise invalid("timeout", "expected 0 or more")
        left = call.remaining()
        until = time.monotonic() + min(
            limit, _LONGEST_WAIT, left * (1 - _MARGIN) if left is not None else _LONGEST_WAIT
        )
        with self._watcher.listening(job.id) as bell:
            while True:
                bell.clear()
                now = await self._stores.ask(self._stores.jobs.get, job.id)
                if now is None:
                    raise not_found("operation")
                rest = until - time.monotonic()
                if now.state in ENDED or rest <= 0 or self._watcher.closing:
                    return self._message(now, call)
                try:
                    async with asyncio.timeout(rest):
                        await bell.wait()
                except TimeoutError:
                    continue

    async def CancelOperation(  # noqa: N802
        self, request: operations_pb2.CancelOperationRequest, call: Call
    ) -> empty_pb2.Empty:
        """Ask a job to stop; one that has ended stays as it is."""
        job = await _job(self._stores, request.name, call)
        await self._stores.ask(self._stores.jobs.request_cancel, job.id)
        self._stores.audit.append(
            "job.cancel", actor=call.caller.actor, subject=f"operations/{job.id}"
        )
        return empty_pb2.Empty()

    async def DeleteOperation(  # noqa: N802
        self, request: operations_pb2.DeleteOperationRequest, call: Call
    ) -> empty_pb2.Empty:
        """Delete a job that has ended and all that it made."""
        job = await _job(self._stores, request.name, call)
        if job.state not in ENDED:
            raise Refused(
                grpc.StatusCode.FAILED_PRECONDITION, "JOB_NOT_ENDED",
                "the job has not ended; cancel it first",
            )  # fmt: skip
        await self._stores.ask(self._sweeper.remove, job, call.caller.actor)
        return empty_pb2.Empty()
