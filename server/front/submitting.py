"""How a job is taken in: known already, or its artifacts held, then the job written down."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import grpc
from google.longrunning import operations_pb2

from synthaug.v1 import job_pb2
from synthaug_server.engine.job_store import NewJob
from synthaug_server.engine.sqlite_jobs import request_id_reused
from synthaug_server.front.boundary import Call
from synthaug_server.front.stores import Stores
from synthaug_server.front.wire import KINDS, operation_message
from synthaug_server.names import derived_id
from synthaug_server.refusal import Refused, invalid
from synthaug_server.settings import Settings

__all__ = ["Submitter"]


class Submitter:
    """Takes in jobs of any kind.

    Args:
        stores: what is kept.
        settings: quotas.
    """

    def __init__(self, stores: Stores, settings: Settings) -> None:
        self._stores = stores
        self._settings = settings

    async def submit(
        self, kind: str, request: Any, artifacts: Iterable[tuple[str, str, int]], call: Call
    ) -> operations_pb2.Operation:
        """The operation of a request that has been checked; the same one for the same request.

        Args:
            kind: of `NewJob`.
            request: the message, with request_id and validate_only.
            artifacts: field, identifier and ArtifactKind of each artifact it names.
            call: who asks.

        Raises:
            Refused: as `JobStore.submit`; NOT_FOUND for artifacts; INVALID_ARGUMENT for
                artifacts of another kind.
        """
        return await self._stores.ask(self._submit, kind, request, list(artifacts), call)

    def _submit(
        self, kind: str, request: Any, artifacts: list[tuple[str, str, int]], call: Call
    ) -> operations_pb2.Operation:
        stores, settings, owner = self._stores, self._settings, call.caller.owner
        body = type(request)()
        body.CopyFrom(request)
        body.request_id, body.validate_only = request.request_id.lower(), False
        job = NewJob(
            id=derived_id("job", owner, body.request_id),
            owner=owner,
            kind=kind,
            request_id=body.request_id,
            body=body.SerializeToString(deterministic=True),
            trace=call.trace.header,
        )
        known = stores.jobs.get(job.id)
        if known is not None and (known.body != job.body or known.kind != kind):
            raise request_id_reused()
        if request.validate_only:
            self._check(artifacts, owner)
            about = operations_pb2.Operation()
            about.metadata.Pack(job_pb2.JobMetadata(kind=KINDS[kind], request_id=job.request_id))
            return about
        if known is not None:
            # Its uploads may be gone by now: they are not asked for again.
            return operation_message(known, ttl_seconds=settings.ttl_seconds)
        if stores.results.was_forgotten(job.id):
            raise Refused(
                grpc.StatusCode.FAILED_PRECONDITION,
                "OPERATION_DELETED",
                "the job of this request_id was deleted; choose a new request_id to run it again",
            )
        # Held before it is looked at: between the two nobody can delete it.
        stores.artifacts.use(job.id, [identifier for _, identifier, _ in artifacts])
        try:
            self._check(artifacts, owner)
            made = stores.jobs.submit(
                job, most_queued=settings.queue, most_of_owner=settings.owner_jobs
            )
        except BaseException:
            if stores.jobs.get(job.id) is None:
                stores.artifacts.release(job.id)
            raise
        stores.audit.append(
            "job.create", actor=call.caller.actor, subject=f"operations/{job.id}", kind=kind
        )
        return operation_message(made, ttl_seconds=settings.ttl_seconds)

    def _check(self, artifacts: list[tuple[str, str, int]], owner: str) -> None:
        for field, identifier, kind in artifacts:
            try:
                blob = self._stores.artifacts.ready(identifier, owner)
            except Refused as refused:
                refused.fields = {field: "there is no such artifact"}
                raise
            if blob.kind != kind:
                raise invalid(
                    field, "this artifact was uploaded as another kind", reason="ARTIFACT_KIND"
                )
