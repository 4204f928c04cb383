"""AugmentationService: jobs that balance, and images drawn at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
from google.longrunning import operations_pb2

from synthaug.v1 import augmentation_pb2, augmentation_pb2_grpc
from synthaug_server.engine.compute import Compute
from synthaug_server.front.boundary import Call
from synthaug_server.front.models import Models
from synthaug_server.front.orders import check_augment, check_sample
from synthaug_server.front.submitting import Submitter
from synthaug_server.refusal import Refused, invalid
from synthaug_server.settings import Settings

__all__ = ["AugmentationServicer"]

_AT_ONCE, _IN_BATCH, _REQUESTS, _IN_STREAM = 64, 256, 64, 1_000_000


class AugmentationServicer(augmentation_pb2_grpc.AugmentationServiceServicer):
    """See protos/synthaug/v1/augmentation.proto.

    Args:
        submitter: takes in jobs.
        compute: draws.
        models: finds generators.
        settings: limits.
    """

    def __init__(
        self, submitter: Submitter, compute: Compute, models: Models, settings: Settings
    ) -> None:
        self._submitter = submitter
        self._compute = compute
        self._models = models
        self._settings = settings

    async def CreateAugmentJob(  # noqa: N802
        self, request: augmentation_pb2.CreateAugmentJobRequest, call: Call
    ) -> operations_pb2.Operation:
        """Take in a job."""
        artifacts = check_augment(request, self._settings)
        return await self._submitter.submit("augment", request, artifacts, call)

    async def SampleImages(  # noqa: N802
        self, request: augmentation_pb2.SampleImagesRequest, call: Call
    ) -> augmentation_pb2.SampleImagesResponse:
        """Draw a few images of one class."""
        return await self._sample(request, call, "")

    async def BatchSampleImages(  # noqa: N802
        self, request: augmentation_pb2.BatchSampleImagesRequest, call: Call
    ) -> augmentation_pb2.BatchSampleImagesResponse:
        """Draw for several requests; a failed one ends the others."""
        if not 1 <= len(request.requests) <= _REQUESTS:
            raise invalid("requests", f"expected 1 to {_REQUESTS}")
        if sum(max(1, one.count) for one in request.requests) > _IN_BATCH:
            raise invalid("requests", f"expected at most {_IN_BATCH} images in all")
        for index, one in enumerate(request.requests):
            check_sample(one, _AT_ONCE, f"requests[{index}].")
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._sample(one, call, f"requests[{index}]."))
                    for index, one in enumerate(request.requests)
                ]
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return augmentation_pb2.BatchSampleImagesResponse(
            responses=[task.result() for task in tasks]
        )

    async def _sample(
        self, request: augmentation_pb2.SampleImagesRequest, call: Call, field: str
    ) -> augmentation_pb2.SampleImagesResponse:
        model = await self._generator(check_sample(request, _AT_ONCE, field), request, call, field)
        request.count = request.count or 1
        if not request.HasField("truncation_psi"):
            request.truncation_psi = 1.0
        return await self._compute.sample(request, model, call.trace.header)

    async def StreamSamples(  # noqa: N802
        self, request: augmentation_pb2.StreamSamplesRequest, call: Call
    ) -> AsyncIterator[augmentation_pb2.StreamSamplesResponse]:
        """Draw one image after another."""
        model = await self._generator(check_sample(request, _IN_STREAM), request, call, "")
        if not request.HasField("truncation_psi"):
            request.truncation_psi = 1.0
        images = self._compute.stream(request, model, call.trace.header)
        try:
            async for image in images:
                yield augmentation_pb2.StreamSamplesResponse(image=image)
        finally:
            await _close(images)

    async def _generator(
        self,
        identifier: str,
        request: augmentation_pb2.SampleImagesRequest | augmentation_pb2.StreamSamplesRequest,
        call: Call,
        field: str,
    ) -> str:
        """Where a generator lies, if it knows the class."""
        model, file = await self._models.generator(identifier, call.caller.owner)
        if request.class_name not in model.classes:
            raise Refused(
                grpc.StatusCode.INVALID_ARGUMENT, "CLASS_UNKNOWN",
                f"{field}class_name: the model has no such class; GetModel lists them",
                fields={f"{field}class_name": "expected one of the model's classes"},
            )  # fmt: skip
        return str(file)


async def _close(answers: AsyncIterator[object]) -> None:
    """End a generator that its reader left."""
    close = getattr(answers, "aclose", None)
    if close is not None:
        await close()
