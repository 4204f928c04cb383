"""AnonymizationService: pictures and frames at once, files as jobs."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

import grpc
from google.longrunning import operations_pb2

from synthaug.v1 import anonymization_pb2, anonymization_pb2_grpc
from synthaug_server.engine.compute import Compute
from synthaug_server.front.boundary import Call
from synthaug_server.front.orders import check_anonymize, check_image, check_settings
from synthaug_server.front.submitting import Submitter
from synthaug_server.front.wire import seconds_of
from synthaug_server.refusal import Refused, invalid
from synthaug_server.settings import Settings

__all__ = ["AnonymizationServicer"]


class AnonymizationServicer(anonymization_pb2_grpc.AnonymizationServiceServicer):
    """See protos/synthaug/v1/anonymization.proto.

    Args:
        submitter: takes in jobs.
        compute: replaces faces.
        settings: limits.
    """

    def __init__(self, submitter: Submitter, compute: Compute, settings: Settings) -> None:
        self._submitter = submitter
        self._compute = compute
        self._settings = settings

    async def AnonymizeImage(  # noqa: N802
        self, request: anonymization_pb2.AnonymizeImageRequest, call: Call
    ) -> anonymization_pb2.AnonymizeImageResponse:
        """Replace the faces of one picture."""
        check_settings(request.settings, "settings")
        check_image(request.image, "image", self._settings)
        return await self._compute.anonymize(request, call.trace.header)

    async def AnonymizeFrames(  # noqa: N802
        self, requests: AsyncIterator[anonymization_pb2.AnonymizeFramesRequest], call: Call
    ) -> AsyncIterator[anonymization_pb2.AnonymizeFramesResponse]:
        """Replace the faces of a moving picture, frame by frame."""
        first = await anext(requests, None)
        if first is None or first.WhichOneof("part") != "settings":
            raise invalid("settings", "needed in the first message")
        check_settings(first.settings, "settings")
        async with contextlib.aclosing(self._frames(requests)) as frames:
            answers = self._compute.anonymize_frames(first.settings, frames, call.trace.header)
            try:
                async for answer in answers:
                    yield answer
            finally:
                close = getattr(answers, "aclose", None)
                if close is not None:
                    await close()

    async def _frames(
        self, requests: AsyncIterator[anonymization_pb2.AnonymizeFramesRequest]
    ) -> AsyncGenerator[anonymization_pb2.Frame, None]:
        expected, time = 1, 0.0
        async for request in requests:
            if request.WhichOneof("part") != "frame":
                raise invalid("frame", "needed in every message after the first")
            frame = request.frame
            if frame.sequence != expected:
                raise Refused(
                    grpc.StatusCode.INVALID_ARGUMENT, "SEQUENCE",
                    f"frame.sequence: expected {expected}",
                    facts={"expected_sequence": str(expected)},
                    fields={"frame.sequence": f"expected {expected}"},
                )  # fmt: skip
            if expected > self._settings.frames:
                raise Refused(
                    grpc.StatusCode.RESOURCE_EXHAUSTED, "FRAMES_QUOTA",
                    f"one stream has at most {self._settings.frames} frames; open another",
                )  # fmt: skip
            if seconds_of(frame.time) < time:
                raise invalid("frame.time", "expected not before the frame before")
            check_image(frame.image, "frame.image", self._settings)
            expected, time = expected + 1, seconds_of(frame.time)
            yield frame

    async def CreateAnonymizeJob(  # noqa: N802
        self, request: anonymization_pb2.CreateAnonymizeJobRequest, call: Call
    ) -> operations_pb2.Operation:
        """Take in a job."""
        artifacts = check_anonymize(request, self._settings)
        return await self._submitter.submit("anonymize", request, artifacts, call)
