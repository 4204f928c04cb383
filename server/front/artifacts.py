"""ArtifactService: bytes in and out."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncIterator

import grpc

from synthaug.v1 import artifact_pb2, artifact_pb2_grpc
from synthaug_server.front.boundary import Call
from synthaug_server.front.checks import Checks, Pages, page_size
from synthaug_server.front.metrics import Metrics
from synthaug_server.front.stores import Stores
from synthaug_server.front.uploading import Session, Sessions, crc32c
from synthaug_server.front.wire import (
    artifact_message,
    receipt_message,
    seconds_of,
    upload_message,
)
from synthaug_server.names import identifier_in
from synthaug_server.refusal import Refused, invalid, not_found
from synthaug_server.settings import Settings
from synthaug_server.store.access import Role
from synthaug_server.store.artifacts import Blob, Reason, State

__all__ = ["ArtifactServicer"]

_UPLOADED = range(artifact_pb2.ARTIFACT_KIND_DATASET, artifact_pb2.ARTIFACT_KIND_PLAN + 1)
_LARGEST_CHUNK = 2 << 20
_PART = 1 << 20
_SILENCE = 120.0  # seconds without a chunk after which a writer is given up


class ArtifactServicer(artifact_pb2_grpc.ArtifactServiceServicer):
    """See protos/synthaug/v1/artifact.proto.

    Args:
        stores: what is kept.
        settings: limits.
        pages: makes page tokens.
        metrics: counts bytes.
    """

    def __init__(self, stores: Stores, settings: Settings, pages: Pages, metrics: Metrics) -> None:
        self._stores = stores
        self._settings = settings
        self._pages = pages
        self._metrics = metrics
        self.sessions = Sessions(stores.artifacts)

    async def StartUpload(  # noqa: N802
        self, request: artifact_pb2.StartUploadRequest, call: Call
    ) -> artifact_pb2.StartUploadResponse:
        """Reserve room and a name."""
        limit, ttl = self._settings.upload_bytes, seconds_of(request.ttl)
        checks = Checks()
        checks.request_id(request.request_id)
        checks.need(request.kind in _UPLOADED, "kind", "DATASET, MEDIA, TABLE or PLAN")
        checks.need(0 < request.size_bytes <= limit, "size_bytes", f"1 to {limit}")
        checks.need(0 <= ttl <= self._settings.ttl_seconds, "ttl", "0 to the server's own")
        checks.done()
        body = artifact_pb2.StartUploadRequest()
        body.CopyFrom(request)
        body.validate_only = False
        blob = await self._stores.ask(
            self._stores.artifacts.start,
            call.caller.owner,
            int(request.kind),
            request.size_bytes,
            request_id=request.request_id.lower(),
            body_hash=hashlib.sha256(body.SerializeToString(deterministic=True)).digest(),
            owner_bytes=self._settings.owner_bytes,
            owner_artifacts=self._settings.owner_artifacts,
            ttl=ttl,
            validate_only=request.validate_only,
        )
        if blob.state in (State.DELETING, State.DELETED):
            raise not_found("upload")
        upload = upload_message(blob)
        if request.validate_only:
            upload.name = ""
        return artifact_pb2.StartUploadResponse(upload=upload)

    async def WriteChunks(  # noqa: N802
        self, requests: AsyncIterator[artifact_pb2.WriteChunksRequest], call: Call
    ) -> artifact_pb2.WriteChunksResponse:
        """Append chunks, and finish where the last message says so."""
        stores, session, writer, name = self._stores, None, 0, ""
        try:
            while (chunk := await _next(requests)) is not None:
                if session is None:
                    name = chunk.upload
                    upload = await self._upload(name, call)
                    if upload.state is State.READY:
                        return _finished_before(upload, chunk)
                    session = await stores.ask(self.sessions.of, upload)
                    writer = await stores.ask(session.begin)
                # Each look at a field of bytes copies them.
                data = chunk.data
                _check(chunk, data, name)
                if data:
                    await stores.ask(session.write, writer, chunk.offset, data, chunk.crc32c)
                    self._metrics.received(len(data))
                if chunk.finish_sha256:
                    blob = await stores.ask(
                        session.finish, writer, chunk.finish_sha256, call.caller.actor
                    )
                    return artifact_pb2.WriteChunksResponse(
                        upload=upload_message(blob), artifact=artifact_message(blob)
                    )
            if session is None:
                raise invalid("upload", "needed in the first message")
            await stores.ask(session.acknowledge)
            blob = await stores.ask(stores.artifacts.find, session.upload.id)
            return artifact_pb2.WriteChunksResponse(upload=upload_message(blob))
        except OSError as error:
            raise _no_room(error) from error
        finally:
            if session is not None and not session.closed:
                # Not awaited: a cancelled call ends at once, what came is synced all the same.
                asyncio.get_running_loop().run_in_executor(stores.threads, _quietly, session)

    async def GetUploadStatus(  # noqa: N802
        self, request: artifact_pb2.GetUploadStatusRequest, call: Call
    ) -> artifact_pb2.GetUploadStatusResponse:
        """How far an upload is."""
        blob = await self._upload(request.name, call)
        upload = upload_message(blob)
        if blob.state is State.OPEN:
            upload.committed_bytes = await self._stores.ask(self.sessions.acknowledged, blob)
        return artifact_pb2.GetUploadStatusResponse(upload=upload)

    async def GetArtifact(  # noqa: N802
        self, request: artifact_pb2.GetArtifactRequest, call: Call
    ) -> artifact_pb2.GetArtifactResponse:
        """The facts about one artifact."""
        return artifact_pb2.GetArtifactResponse(
            artifact=artifact_message(await self._artifact(request.name, call))
        )

    async def ListArtifacts(  # noqa: N802
        self, request: artifact_pb2.ListArtifactsRequest, call: Call
    ) -> artifact_pb2.ListArtifactsResponse:
        """The caller's artifacts, newest first."""
        size, owner = page_size(request.page_size), call.caller.owner
        question = ("artifacts", owner)
        place = self._pages.place(question, request.page_token)
        after = (float(place[0]), str(place[1])) if place else None
        found = await self._stores.ask(
            self._stores.artifacts.listed, owner, after=after, limit=size + 1
        )
        answer = artifact_pb2.ListArtifactsResponse(
            artifacts=[artifact_message(blob) for blob in found[:size]]
        )
        if len(found) > size:
            last = found[size - 1]
            answer.next_page_token = self._pages.token(question, (last.created, last.id))
        return answer

    async def ReadArtifact(  # noqa: N802
        self, request: artifact_pb2.ReadArtifactRequest, call: Call
    ) -> AsyncIterator[artifact_pb2.ReadArtifactResponse]:
        """The bytes of an artifact from an offset on."""
        checks = Checks()
        checks.name(request.name, "artifacts", "name")
        checks.need(request.offset >= 0, "offset", "0 or more")
        checks.need(request.limit >= 0, "limit", "0 or more")
        checks.done()
        blob = await self._artifact(request.name, call)
        if request.offset > blob.size:
            raise Refused(
                grpc.StatusCode.OUT_OF_RANGE, "OFFSET_BEYOND_END",
                f"the artifact has {blob.size} bytes", facts={"size_bytes": str(blob.size)},
            )  # fmt: skip
        end = min(blob.size, request.offset + request.limit) if request.limit else blob.size
        self._stores.audit.append(
            "artifact.read", actor=call.caller.actor, subject=request.name,
            offset=request.offset, end=end,
        )  # fmt: skip
        try:
            file = os.open(self._stores.artifacts.file(blob.id), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise not_found("artifact") from None
        try:
            at = request.offset
            facts: artifact_pb2.Artifact | None = artifact_message(blob)
            while at < end or facts is not None:
                data, crc = await self._stores.ask(_part, file, at, min(_PART, end - at))
                if not data and at < end:
                    raise Refused(
                        grpc.StatusCode.DATA_LOSS, "ARTIFACT_DAMAGED",
                        "the server's copy is cut short; upload or make it again",
                    )  # fmt: skip
                yield artifact_pb2.ReadArtifactResponse(
                    artifact=facts, offset=at, data=data, crc32c=crc
                )
                facts, at = None, at + len(data)
        finally:
            os.close(file)

    async def DeleteArtifact(  # noqa: N802
        self, request: artifact_pb2.DeleteArtifactRequest, call: Call
    ) -> artifact_pb2.DeleteArtifactResponse:
        """Delete an artifact or an upload."""
        collection = "uploads" if request.name.startswith("uploads/") else "artifacts"
        identifier = identifier_in(request.name, collection, "name")
        owner = None if call.caller.role is Role.OPERATOR else call.caller.owner
        what = collection.removesuffix("s")
        try:
            blob = await self._stores.ask(self._stores.artifacts.find, identifier, owner)
        except Refused:
            raise not_found(what) from None
        if (collection == "artifacts") == (not blob.sha256):
            raise not_found(what)
        if request.etag and request.etag != blob.etag:
            raise Refused(
                grpc.StatusCode.ABORTED, "ETAG_MISMATCH", "the artifact is not the one meant",
                fields={"etag": "expected the current one"},
            )  # fmt: skip
        await self._stores.ask(self.sessions.abandon, identifier)
        receipt = await self._stores.ask(
            self._stores.artifacts.delete, identifier, Reason.REQUESTED, call.caller.actor
        )
        return artifact_pb2.DeleteArtifactResponse(receipt=receipt_message(identifier, receipt))

    async def _upload(self, name: str, call: Call) -> Blob:
        identifier = identifier_in(name, "uploads", "upload")
        blob = await self._stores.ask(self._stores.artifacts.find, identifier, call.caller.owner)
        if blob.state in (State.DELETING, State.DELETED) or blob.operation:
            raise not_found("upload")
        return blob

    async def _artifact(self, name: str, call: Call) -> Blob:
        identifier = identifier_in(name, "artifacts", "name")
        return await self._stores.ask(self._stores.artifacts.ready, identifier, call.caller.owner)


async def _next(
    requests: AsyncIterator[artifact_pb2.WriteChunksRequest],
) -> artifact_pb2.WriteChunksRequest | None:
    try:
        async with asyncio.timeout(_SILENCE):
            return await anext(requests, None)
    except TimeoutError:
        raise Refused(
            grpc.StatusCode.ABORTED, "UPLOAD_SILENT",
            f"no chunk came for {_SILENCE:g} s; go on at committed_bytes", retry_seconds=0.0,
        ) from None  # fmt: skip


def _check(chunk: artifact_pb2.WriteChunksRequest, data: bytes, name: str) -> None:
    checks = Checks()
    checks.need(chunk.upload in ("", name), "upload", "the same as in the first message")
    checks.need(chunk.offset >= 0, "offset", "0 or more")
    checks.need(len(data) <= _LARGEST_CHUNK, "data", f"at most {_LARGEST_CHUNK} bytes")
    checks.need(bool(data or chunk.finish_sha256), "data", "1 byte or more")
    checks.need(len(chunk.finish_sha256) in (0, 32), "finish_sha256", "32 bytes")
    checks.done()


def _finished_before(
    blob: Blob, chunk: artifact_pb2.WriteChunksRequest
) -> artifact_pb2.WriteChunksResponse:
    """The answer to a finish that is said again because its answer was lost."""
    if chunk.finish_sha256 != blob.sha256:
        raise Refused(
            grpc.StatusCode.FAILED_PRECONDITION, "UPLOAD_FINISHED",
            "this upload is an artifact already; start another",
            facts={"committed_bytes": str(blob.size)},
        )  # fmt: skip
    return artifact_pb2.WriteChunksResponse(
        upload=upload_message(blob), artifact=artifact_message(blob)
    )


def _part(file: int, offset: int, size: int) -> tuple[bytes, int]:
    data = os.pread(file, size, offset) if size > 0 else b""
    return data, crc32c(data)


def _quietly(session: Session) -> None:
    try:
        session.acknowledge()
    except OSError:
        return


def _no_room(error: OSError) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return Refused(
            grpc.StatusCode.RESOURCE_EXHAUSTED, "DISK_FULL",
            "the server's disk is full; what was acknowledged is kept", retry_seconds=600.0,
        )  # fmt: skip
    return error
