"""Jobs on a server: sent off, watched without a gap, listed, cancelled, removed."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import grpc
from google.longrunning import operations_pb2

from synthaug.client.pending import Pending
from synthaug.client.refusals import error_of, told
from synthaug.client.uploads import upload
from synthaug.client.wire import Patience, Wire
from synthaug.errors import InputError, SynthaugError
from synthaug.training.progress import Callback, Progress, tell
from synthaug.v1 import anonymization_pb2, augmentation_pb2, job_pb2, quality_pb2

__all__ = ["Done", "Job", "Order", "Sent", "carry_out", "follow", "job_of", "listed", "noted"]

_WATCH = 300.0  # seconds after which a watch is begun again: a dead connection is noticed
_RESULTS = (
    augmentation_pb2.AugmentResult, anonymization_pb2.AnonymizeResult, quality_pb2.EvaluateResult
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as it stands.

    Args:
        name: ``"operations/..."``.
        kind: ``"augment"``, ``"anonymize"`` or ``"evaluate"``.
        state: ``"queued"``, ``"running"``, ``"succeeded"``, ``"failed"`` or ``"cancelled"``.
        created: when it was accepted.
        attempts: times a worker began.
        progress: newest progress; None before the first.
        result: the response message; None where it has none.
        error: why it has none; None before its end.
        expires: when it is deleted with all it made; None while it runs.
    """

    name: str
    kind: str
    state: str
    created: datetime.datetime
    attempts: int
    progress: Progress | None = None
    result: Any = None
    error: SynthaugError | None = None
    expires: datetime.datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether it has ended, well or not."""
        return self.state in ("succeeded", "failed", "cancelled")


@dataclasses.dataclass(frozen=True, slots=True)
class Sent:
    """A file that a job needs.

    Args:
        kind: number of ArtifactKind.
        file: gives its path for as long as the block lasts; it may have to be packed first.
    """

    kind: int
    file: Callable[[], contextlib.AbstractContextManager[Path]]

    @classmethod
    def as_it_is(cls, kind: int, path: Path) -> Sent:
        """A file that nothing has to be done to."""
        return cls(kind, lambda: contextlib.nullcontext(path))


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """A job to be.

    Args:
        files: what to upload, by label.
        request: the message, from label to artifact name; without request_id.
        method: of a stub, which creates the job.
    """

    files: dict[str, Sent]
    request: Callable[[dict[str, str]], Any]
    method: Any


@dataclasses.dataclass(frozen=True, slots=True)
class Done:
    """A job that ended well.

    Args:
        name: of the job.
        result: its response.
        warnings: what it warned of.
    """

    name: str
    result: Any
    warnings: list[str]


def carry_out(wire: Wire, order: Order, pending: Pending, callbacks: Iterable[Callback]) -> Done:
    """Have the server do a job; what an earlier call began with the same note goes on.

    Where nothing is noted, a call that is left cancels its job: nobody could fetch the result.

    Raises:
        SynthaugError: the job's own error, or why there is none.
    """
    listeners = tuple(callbacks)
    while True:
        resumed = bool(pending.job)
        try:
            if not pending.job:
                pending.accepted(_submitted(wire, order, pending, listeners))
            return _awaited(wire, pending, listeners)
        except InputError as error:
            # The server has deleted what the note names.
            if not (resumed and error.code.endswith("_not_found")):
                raise
            pending.forget()


def _submitted(wire: Wire, order: Order, pending: Pending, listeners: tuple[Callback, ...]) -> str:
    names = {}
    for label, sent in order.files.items():
        with sent.file() as file:
            note = noted(listeners, "upload")
            names[label] = upload(wire, file, sent.kind, pending.id(label), note=note)
    request = order.request(names)
    request.request_id = pending.id("job")
    return str(wire.ask(order.method, request).name)


def _awaited(wire: Wire, pending: Pending, listeners: tuple[Callback, ...]) -> Done:
    try:
        tell(listeners, Progress(phase="job", message=f"{pending.job} on {wire.address}"))
        warnings: list[str] = []
        job = follow(wire, pending.job, listeners, warnings)
    except BaseException:
        if pending.file is None:
            with contextlib.suppress(Exception):
                cancel = operations_pb2.CancelOperationRequest(name=pending.job)
                wire.ask(wire.operations.CancelOperation, cancel, timeout=5.0, again=False)
        raise
    if job.error is not None:
        pending.forget()
        raise job.error
    return Done(job.name, job.result, warnings)


def follow(
    wire: Wire, name: str, listeners: Iterable[Callback] = (), warnings: list[str] | None = None
) -> Job:
    """The job once it has ended, whatever happens to the connection meanwhile.

    Args:
        wire: the connection.
        name: of the job.
        listeners: told its progress and warnings.
        warnings: takes its warnings too.
    """
    listeners, seen, patience = tuple(listeners), 0, Patience(wire)
    while True:
        request = job_pb2.WatchJobRequest(name=name, after_sequence=seen)
        try:
            with wire.stream(wire.jobs.WatchJob, request, timeout=_WATCH) as parts:
                for part in parts:
                    seen = part.event.sequence
                    patience.renew()
                    if part.event.warning and warnings is not None:
                        warnings.append(part.event.warning)
                    for event in _told(part.event):
                        tell(listeners, event)
            return job_of(wire, name)
        except grpc.RpcError as error:
            said = told(error)
        # The watch itself was over; nothing is wrong.
        if said.code != "DEADLINE_EXCEEDED":
            patience.wait(said)


def _told(event: job_pb2.JobEvent) -> Iterator[Progress]:
    kind = event.WhichOneof("event")
    if kind == "progress":
        yield _progress(event.progress)
    elif kind == "warning":
        yield Progress(phase="warning", message=event.warning)


def _progress(told: job_pb2.Progress) -> Progress:
    remaining = told.remaining.ToNanoseconds() / 1e9 if told.HasField("remaining") else None
    return Progress(
        phase=told.phase, images_seen=int(told.done), total=int(told.total), unit=told.unit,
        eta_seconds=remaining,
    )  # fmt: skip


def noted(listeners: Iterable[Callback], phase: str) -> Callable[[int, int], None]:
    """What tells listeners of bytes on their way."""

    def note(done: int, total: int) -> None:
        tell(listeners, Progress(phase=phase, images_seen=done, total=total, unit="bytes"))

    return note


def job_of(wire: Wire, name: str) -> Job:
    """One job as it stands."""
    request = operations_pb2.GetOperationRequest(name=name)
    return _job(wire, wire.ask(wire.operations.GetOperation, request))


def listed(wire: Wire, *, ended: bool | None = None) -> Iterator[Job]:
    """The caller's jobs, newest first.

    Args:
        wire: the connection.
        ended: only those that have ended, or have not.
    """
    word = "" if ended is None else f"done={str(ended).lower()}"
    request = operations_pb2.ListOperationsRequest(name="operations", filter=word)
    while True:
        page = wire.ask(wire.operations.ListOperations, request)
        for operation in page.operations:
            yield _job(wire, operation)
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def _job(wire: Wire, operation: operations_pb2.Operation) -> Job:
    about = job_pb2.JobMetadata()
    operation.metadata.Unpack(about)
    result = error = None
    if operation.WhichOneof("result") == "error":
        error = error_of(told(operation.error), wire.address)
    for kind in _RESULTS:
        message = kind()
        if operation.response.Unpack(message):
            result = message
    return Job(
        name=operation.name,
        kind=job_pb2.JobKind.Name(about.kind).removeprefix("JOB_KIND_").lower(),
        state=job_pb2.JobState.Name(about.state).removeprefix("JOB_STATE_").lower(),
        created=about.create_time.ToDatetime(datetime.UTC),
        attempts=about.attempts,
        progress=_progress(about.progress) if about.HasField("progress") else None,
        result=result,
        error=error,
        expires=about.expire_time.ToDatetime(datetime.UTC)
        if about.HasField("expire_time")
        else None,
    )
