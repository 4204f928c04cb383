"""Pictures and frames in, the same without faces out: decoded in one child, changed in another."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import sys
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import grpc

from synthaug.v1 import anonymization_pb2, media_pb2
from synthaug_server.refusal import Refused, invalid
from synthaug_server.settings import Settings
from synthaug_server.workers.pool import Pool
from synthaug_server.workers.worker import Worker

if TYPE_CHECKING:
    from synthaug_server.front.metrics import Metrics

__all__ = ["Faces"]

_IMAGE = "/synthaug.v1.AnonymizationService/AnonymizeImage"
_FRAMES = "/synthaug.v1.AnonymizationService/AnonymizeFrames"
_RGB8 = media_pb2.IMAGE_FORMAT_RGB8
_MOST_WAITING = 32  # pictures that may be with the worker or wait for it
_PATIENCE = 30.0  # seconds a picture may take to be decoded
_LOG = logging.getLogger("synthaug.workers")


class Faces:
    """Replaces faces in what comes.

    Args:
        settings: of the server.
        metrics: where waiting and work are counted, apart.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings, self._metrics = settings, metrics
        self._pool = Pool("synthaug_server.workers.hiding", _load, settings.devices[0], most=1)
        self._spare: Worker | None = None
        self._streams = itertools.count(1)
        self._waiting = 0

    async def close(self) -> None:
        """End all children."""
        await self._pool.close()
        if self._spare is not None:
            await self._spare.close()

    async def picture(
        self, request: anonymization_pb2.AnonymizeImageRequest, trace: str
    ) -> anonymization_pb2.AnonymizeImageResponse:
        """One picture; its decoder is used once."""
        began = time.perf_counter()
        with self._place():
            async with self._decoder() as decoder:
                pixels = await self._decoded(decoder, request.image, "image")
            worker = await self._pool.worker("faces")
            image, receipt = await self._hidden(
                worker, {"do": "still"}, pixels, request.settings, trace,
                request.settings.SerializeToString(),
            )  # fmt: skip
        self._count(_IMAGE, receipt, began)
        return anonymization_pb2.AnonymizeImageResponse(image=image, receipt=receipt)

    async def frames(
        self,
        settings: anonymization_pb2.AnonymizeSettings,
        frames: AsyncIterator[anonymization_pb2.Frame],
        trace: str,
    ) -> AsyncIterator[anonymization_pb2.AnonymizeFramesResponse]:
        """One answer a frame; the stream has a decoder of its own."""
        worker = await self._pool.worker("faces")
        stream, size = next(self._streams), None
        await worker.ask({"do": "open", "stream": stream}, settings.SerializeToString())
        try:
            async with self._decoder() as decoder:
                async for frame in frames:
                    began = time.perf_counter()
                    with self._place():
                        pixels = await self._decoded(decoder, frame.image, "frame.image")
                        if size not in (None, pixels[:2]):
                            raise invalid("frame.image", "expected the size of the first frame")
                        size = pixels[:2]
                        seconds = frame.time.seconds + frame.time.nanos / 1e9
                        head = {"do": "frame", "stream": stream, "seconds": seconds,
                                "sequence": frame.sequence}  # fmt: skip
                        image, receipt = await self._hidden(worker, head, pixels, settings, trace)
                    self._count(_FRAMES, receipt, began)
                    done = anonymization_pb2.Frame(
                        sequence=frame.sequence, time=frame.time, image=image
                    )
                    yield anonymization_pb2.AnonymizeFramesResponse(frame=done, receipt=receipt)
        finally:
            if worker.alive:
                closing = asyncio.create_task(worker.ask({"do": "close", "stream": stream}))
                closing.add_done_callback(lambda task: task.cancelled() or task.exception())

    @contextlib.contextmanager
    def _place(self) -> Any:
        if self._waiting >= _MOST_WAITING:
            raise Refused(
                grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL",
                "the queue is full; the same call may be tried again", retry_seconds=0.5,
            )  # fmt: skip
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    @contextlib.asynccontextmanager
    async def _decoder(self) -> AsyncIterator[Worker]:
        """A fresh decoder, ended afterwards: what was done to it harms nobody else."""
        decoder, self._spare = self._spare or _new_decoder(), None
        try:
            yield decoder
        finally:
            if self._spare is None:
                self._spare = _new_decoder()
            await decoder.close()

    async def _decoded(
        self, decoder: Worker, image: media_pb2.Image, field: str
    ) -> tuple[int, int, int, bytes]:
        """Width, height, format and the bytes of the pixels."""
        if image.format == _RGB8:
            return image.width, image.height, _RGB8, image.data
        try:
            async with asyncio.timeout(_PATIENCE):
                told, (pixels,) = await decoder.ask(
                    {"do": "decode", "format": image.format,
                     "pixels": self._settings.image_pixels}, image.data,
                )  # fmt: skip
        except TimeoutError:
            raise _unreadable(field, "it takes too long") from None
        except Refused as died:
            _LOG.warning(json.dumps({"event": "decoder died", **died.facts}))
            raise _unreadable(field, f"its decoder ended by {died.facts['signal']}") from None
        if told.get("bad") == "large":
            raise invalid(
                field, f"expected at most {self._settings.image_pixels} pixels and sides of 16384",
                reason="IMAGE_TOO_LARGE",
            )  # fmt: skip
        if "bad" in told:
            raise _unreadable(field, "it cannot be decoded")
        agrees = image.width in (0, told["width"]) and image.height in (0, told["height"])
        if not agrees:
            raise invalid(field, "width and height do not agree with the data")
        return told["width"], told["height"], told["format"], pixels

    async def _hidden(
        self,
        worker: Worker,
        head: dict[str, Any],
        pixels: tuple[int, int, int, bytes],
        settings: anonymization_pb2.AnonymizeSettings,
        trace: str,
        *before: bytes,
    ) -> tuple[media_pb2.Image, anonymization_pb2.FrameReceipt]:
        width, height, format_, data = pixels
        shown = settings.format or format_
        _, (answer, receipt) = await worker.ask(
            {**head, "width": width, "height": height, "format": shown}, *before, data, trace=trace
        )
        image = media_pb2.Image(
            format=media_pb2.ImageFormat.Name(shown), data=answer, width=width, height=height
        )
        return image, anonymization_pb2.FrameReceipt.FromString(receipt)

    def _count(self, method: str, receipt: anonymization_pb2.FrameReceipt, began: float) -> None:
        """Time on the way that the worker did not spend is time the picture waited."""
        spent = receipt.compute_time.ToNanoseconds() / 1e9
        waited = max(0.0, time.perf_counter() - began - spent)
        receipt.queue_time.FromNanoseconds(int(waited * 1e9))
        self._metrics.queue_seconds.labels(method).observe(waited)
        self._metrics.compute_seconds.labels(method).observe(spent)


def _new_decoder() -> Worker:
    return Worker("synthaug_server.workers.decoding", log=sys.stderr.fileno())


def _unreadable(field: str, why: str) -> Refused:
    return invalid(
        field, f"expected a picture that can be decoded: {why}", reason="IMAGE_UNREADABLE"
    )


async def _load(worker: Worker, model: str, device: str) -> None:
    told, _ = await worker.ask({"do": "load", "device": device})
    _LOG.info(json.dumps({"event": "load", "model": model, "device": told["device"]}))
