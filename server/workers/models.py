"""`Compute` with children behind it: generators here, faces in `synthaug_server.workers.faces`."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import json
import logging
import os
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from synthaug.v1 import anonymization_pb2, augmentation_pb2
from synthaug_server.settings import Settings
from synthaug_server.workers.batching import Batcher, Taken
from synthaug_server.workers.faces import Faces
from synthaug_server.workers.pool import Pool
from synthaug_server.workers.worker import Worker

if TYPE_CHECKING:
    from synthaug_server.front.metrics import Metrics

__all__ = ["Models"]

_SAMPLE = "/synthaug.v1.AugmentationService/SampleImages"
_STREAM = "/synthaug.v1.AugmentationService/StreamSamples"
_STREAMED = 8  # images of a stream drawn at a time
_LOG = logging.getLogger("synthaug.workers")


@dataclasses.dataclass(frozen=True, slots=True)
class _Question:
    request: augmentation_pb2.SampleImagesRequest
    trace: str


_Batcher = Batcher[_Question, bytes]


class Models:
    """Models in spawned children, asked in batches.

    Args:
        settings: of the server.
        metrics: where waiting and work are counted, apart.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings, self._metrics = settings, metrics
        # Few images of a small network: threads that wait for each other cost more than they
        # give, thirty times as much on a busy machine.
        threads = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
        self._pools = [
            Pool("synthaug_server.workers.drawing", self._load, device, environment=threads)
            for device in settings.devices
        ]
        self._faces = Faces(settings, metrics)
        self._turns = itertools.count()
        self._placed: dict[str, Pool] = {}
        self._batchers: dict[str, _Batcher] = {}
        self._numbers = itertools.count(1 << 32)  # apart from the numbers of questions

    async def start(self) -> None:
        """See `Compute.start`: children are started when they are first asked for."""

    async def stop(self, grace: float) -> None:
        """See `Compute.stop`."""
        for batcher in self._batchers.values():
            await batcher.close()
        await asyncio.gather(self._faces.close(), *(pool.close() for pool in self._pools))

    async def sample(
        self, request: augmentation_pb2.SampleImagesRequest, model: str, trace: str
    ) -> augmentation_pb2.SampleImagesResponse:
        """See `Compute.sample`."""
        return await self._drawn(request, model, trace, _SAMPLE)

    async def stream(
        self, request: augmentation_pb2.StreamSamplesRequest, model: str, trace: str
    ) -> AsyncIterator[augmentation_pb2.SampledImage]:
        """See `Compute.stream`: a few images are drawn when those before have been taken."""
        part = augmentation_pb2.SampleImagesRequest(
            model=request.model, class_name=request.class_name, seed=request.seed,
            truncation_psi=request.truncation_psi, attributes=request.attributes,
            format=request.format,
        )  # fmt: skip
        end = request.first_index + request.count
        for first in range(request.first_index, end, _STREAMED):
            asked = augmentation_pb2.SampleImagesRequest()
            asked.CopyFrom(part)
            asked.first_index, asked.count = first, min(_STREAMED, end - first)
            for image in (await self._drawn(asked, model, trace, _STREAM)).images:
                yield image

    async def anonymize(
        self, request: anonymization_pb2.AnonymizeImageRequest, trace: str
    ) -> anonymization_pb2.AnonymizeImageResponse:
        """See `Compute.anonymize`."""
        return await self._faces.picture(request, trace)

    def anonymize_frames(
        self,
        settings: anonymization_pb2.AnonymizeSettings,
        frames: AsyncIterator[anonymization_pb2.Frame],
        trace: str,
    ) -> AsyncIterator[anonymization_pb2.AnonymizeFramesResponse]:
        """See `Compute.anonymize_frames`."""
        return self._faces.frames(settings, frames, trace)

    async def _drawn(
        self, request: augmentation_pb2.SampleImagesRequest, model: str, trace: str, method: str
    ) -> augmentation_pb2.SampleImagesResponse:
        taken = await self._batcher(model).put(_Question(request, trace), request.count)
        self._metrics.queue_seconds.labels(method).observe(taken.queue_seconds)
        self._metrics.compute_seconds.labels(method).observe(taken.compute_seconds)
        answer: augmentation_pb2.SampleImagesResponse
        answer = augmentation_pb2.SampleImagesResponse.FromString(taken.answer)
        return answer

    def _batcher(self, model: str) -> _Batcher:
        found = self._batchers.get(model)
        if found is None:
            # A model stays with one device: several models share the devices.
            pool = self._pools[next(self._turns) % len(self._pools)]
            self._placed[model] = pool

            async def ask(
                questions: Sequence[_Question], waits: Sequence[asyncio.Future[Taken[bytes]]]
            ) -> Sequence[bytes]:
                return await self._ask(await pool.worker(model), questions, waits)

            found = self._batchers[model] = Batcher(
                ask, most=self._settings.batch_images, delay=self._settings.batch_delay,
                queue=self._settings.batch_queue,
            )  # fmt: skip
        return found

    async def _ask(
        self,
        worker: Worker,
        questions: Sequence[_Question],
        waits: Sequence[asyncio.Future[Taken[bytes]]],
    ) -> Sequence[bytes]:
        members = [next(self._numbers) for _ in questions]
        for member, wait in zip(members, waits, strict=True):
            wait.add_done_callback(_Dropping(worker, member))
        _, answers = await worker.ask(
            {"do": "draw", "members": members},
            *(question.request.SerializeToString() for question in questions),
            trace=questions[0].trace,
        )
        return answers

    async def _load(self, worker: Worker, model: str, device: str) -> None:
        told, _ = await worker.ask({"do": "load", "model": model, "device": device})
        _LOG.info(json.dumps({"event": "load", "device": told["device"]}))
        if told["fell_back"]:
            _LOG.warning(json.dumps({"event": "device cannot be used, CPU instead",
                                     "device": device}))  # fmt: skip


class _Dropping:
    """Tells a worker, once, that nobody waits for a member of its batch any more."""

    def __init__(self, worker: Worker, member: int) -> None:
        self._worker, self._member = worker, member

    def __call__(self, wait: asyncio.Future[Any]) -> None:
        if wait.cancelled():
            with contextlib.suppress(OSError):
                self._worker.drop(self._member)
