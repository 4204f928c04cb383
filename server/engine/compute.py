"""What models do at once, without a job: the interface between the front and the workers.

Requests have been checked and their models found; messages go in and come out. Implementations
let ``asyncio.CancelledError`` rise, stop their child's work within one step when they are
cancelled, and refuse with `synthaug_server.refusal.Refused` (QUEUE_FULL, WORKER_DIED).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Protocol

import grpc

from synthaug.v1 import anonymization_pb2, augmentation_pb2
from synthaug_server.refusal import Refused

__all__ = ["Compute", "NoCompute"]


class Compute(Protocol):
    """Models that are ready to be asked. One a server."""

    async def start(self) -> None:
        """Begin; return soon: children may still be loading."""
        ...

    async def stop(self, grace: float) -> None:
        """End all children within some seconds."""
        ...

    async def sample(
        self, request: augmentation_pb2.SampleImagesRequest, model: str, trace: str
    ) -> augmentation_pb2.SampleImagesResponse:
        """Images of one class.

        Args:
            request: checked; count is 1 to 64, truncation_psi is set.
            model: path of the generator's tar or folder inside the store.
            trace: W3C traceparent.
        """
        ...

    def stream(
        self, request: augmentation_pb2.StreamSamplesRequest, model: str, trace: str
    ) -> AsyncIterator[augmentation_pb2.SampledImage]:
        """Images of one class, one after another, no faster than they are read."""
        ...

    async def anonymize(
        self, request: anonymization_pb2.AnonymizeImageRequest, trace: str
    ) -> anonymization_pb2.AnonymizeImageResponse:
        """One picture, faces replaced."""
        ...

    def anonymize_frames(
        self,
        settings: anonymization_pb2.AnonymizeSettings,
        frames: AsyncIterator[anonymization_pb2.Frame],
        trace: str,
    ) -> AsyncIterator[anonymization_pb2.AnonymizeFramesResponse]:
        """One answer a frame, in order; frames are checked as they come."""
        ...


class NoCompute:
    """A server without workers: everything is refused with UNAVAILABLE."""

    async def start(self) -> None:
        """Nothing to begin."""

    async def stop(self, grace: float) -> None:
        """Nothing to end."""

    async def sample(
        self, request: augmentation_pb2.SampleImagesRequest, model: str, trace: str
    ) -> augmentation_pb2.SampleImagesResponse:
        """See `Compute.sample`."""
        raise _no_workers()

    async def stream(
        self, request: augmentation_pb2.StreamSamplesRequest, model: str, trace: str
    ) -> AsyncIterator[augmentation_pb2.SampledImage]:
        """See `Compute.stream`."""
        async for nothing in _nothing():
            yield nothing

    async def anonymize(
        self, request: anonymization_pb2.AnonymizeImageRequest, trace: str
    ) -> anonymization_pb2.AnonymizeImageResponse:
        """See `Compute.anonymize`."""
        raise _no_workers()

    async def anonymize_frames(
        self,
        settings: anonymization_pb2.AnonymizeSettings,
        frames: AsyncIterator[anonymization_pb2.Frame],
        trace: str,
    ) -> AsyncIterator[anonymization_pb2.AnonymizeFramesResponse]:
        """See `Compute.anonymize_frames`."""
        async for nothing in _nothing():
            yield nothing


async def _nothing() -> AsyncIterator[Any]:
    refusals = [_no_workers()]
    for refused in refusals:
        raise refused
    yield


def _no_workers() -> Refused:
    return Refused(
        grpc.StatusCode.UNAVAILABLE, "NO_WORKERS", "this server runs no models",
        retry_seconds=30.0,
    )  # fmt: skip
