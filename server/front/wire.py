"""What the stores hold, as messages."""

from __future__ import annotations

import grpc
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, duration_pb2, timestamp_pb2
from google.rpc import status_pb2

from synthaug.v1 import artifact_pb2, job_pb2
from synthaug_server.engine.job_store import ENDED, Event, Job, State
from synthaug_server.refusal import Refused, status_of
from synthaug_server.store.artifacts import Blob, Receipt
from synthaug_server.store.artifacts import State as BlobState

__all__ = [
    "KINDS",
    "artifact_message",
    "event_message",
    "operation_message",
    "receipt_message",
    "seconds_of",
    "timestamp",
    "upload_message",
]

KINDS = {
    "augment": job_pb2.JOB_KIND_AUGMENT,
    "anonymize": job_pb2.JOB_KIND_ANONYMIZE,
    "evaluate": job_pb2.JOB_KIND_EVALUATE,
}


def timestamp(seconds: float) -> timestamp_pb2.Timestamp:
    """Seconds since 1970 as a message."""
    return timestamp_pb2.Timestamp(seconds=int(seconds), nanos=int(seconds % 1 * 1e9))


def seconds_of(duration: duration_pb2.Duration) -> float:
    """A duration in seconds."""
    return float(duration.seconds) + float(duration.nanos) / 1e9


def upload_message(blob: Blob) -> artifact_pb2.Upload:
    """An upload in whatever state."""
    done = blob.state in (BlobState.READY, BlobState.FINISHING)
    return artifact_pb2.Upload(
        name=f"uploads/{blob.id}",
        kind=artifact_pb2.ArtifactKind.Name(blob.kind),
        size_bytes=blob.size,
        committed_bytes=blob.committed,
        expire_time=timestamp(blob.expires),
        artifact=f"artifacts/{blob.id}" if done else "",
    )


def artifact_message(blob: Blob) -> artifact_pb2.Artifact:
    """A finished artifact."""
    return artifact_pb2.Artifact(
        name=f"artifacts/{blob.id}",
        kind=artifact_pb2.ArtifactKind.Name(blob.kind),
        size_bytes=blob.size,
        sha256=blob.sha256,
        create_time=timestamp(blob.created),
        expire_time=timestamp(blob.expires),
        etag=blob.etag,
        operation=f"operations/{blob.operation}" if blob.operation else "",
    )


def receipt_message(blob: str, receipt: Receipt) -> artifact_pb2.DeletionReceipt:
    """Proof that a blob is gone."""
    return artifact_pb2.DeletionReceipt(
        name=f"{'artifacts' if receipt.artifact else 'uploads'}/{blob}",
        size_bytes=receipt.size,
        sha256=receipt.sha256,
        delete_time=timestamp(receipt.time),
        reason=artifact_pb2.DeletionReason.Name(receipt.reason),
        audit_sequence=receipt.audit_sequence,
        audit_hash=bytes.fromhex(receipt.audit_hash),
    )


def operation_message(
    job: Job, *, ttl_seconds: float, outcome: bool = True
) -> operations_pb2.Operation:
    """A job as an operation.

    Args:
        job: the job.
        ttl_seconds: how long it is kept once it has ended.
        outcome: with response or error; without them for operators who are not its owner.
    """
    about = job_pb2.JobMetadata(
        kind=KINDS[job.kind],
        state=job_pb2.JobState.Name(job.state),
        request_id=job.request_id,
        create_time=timestamp(job.created),
        attempts=job.attempts,
        cancel_requested=job.cancel_requested,
        last_sequence=job.last_sequence,
    )
    if job.started is not None:
        about.start_time.CopyFrom(timestamp(job.started))
    if job.ended is not None:
        about.end_time.CopyFrom(timestamp(job.ended))
        about.expire_time.CopyFrom(timestamp(job.ended + ttl_seconds))
    if job.progress:
        about.progress.MergeFromString(job.progress)
    done = job.state in ENDED
    operation = operations_pb2.Operation(name=f"operations/{job.id}", done=done)
    operation.metadata.Pack(about)
    if done and outcome:
        if job.state is State.SUCCEEDED:
            operation.response.CopyFrom(any_pb2.Any.FromString(job.result))
        else:
            operation.error.CopyFrom(_error_of(job))
    return operation


def _error_of(job: Job) -> status_pb2.Status:
    if job.error:
        return status_pb2.Status.FromString(job.error)
    return status_of(
        Refused(
            grpc.StatusCode.CANCELLED, "JOB_CANCELLED", "the job was cancelled; nothing is kept"
        )
    )


def event_message(event: Event) -> job_pb2.JobEvent:
    """Something that happened in a job."""
    message = job_pb2.JobEvent(sequence=event.sequence, time=timestamp(event.time))
    if event.kind == "state":
        message.state = job_pb2.JobState.Name(int(event.payload))
    elif event.kind == "progress":
        message.progress.MergeFromString(event.payload)
    elif event.kind == "warning":
        message.warning = event.payload.decode(errors="replace")
    else:
        message.error.CopyFrom(status_pb2.Status.FromString(event.payload))
    return message
