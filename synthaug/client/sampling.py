"""`Client.sample`: images of one class from a generator that the server has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc

from synthaug.client.refusals import told
from synthaug.client.wire import Patience, Wire
from synthaug.errors import InputError
from synthaug.jobs.outputs import new_files
from synthaug.v1 import augmentation_pb2, media_pb2

__all__ = ["sample"]


def sample(
    wire: Wire, request: augmentation_pb2.StreamSamplesRequest, out: Path
) -> list[Path]:  # fmt: skip
    """See `Client.sample`; the request says what to draw."""
    if not request.model.startswith("models/"):
        raise InputError(
            "generator", expected='"models/..." of the server', got=repr(request.model),
            remedy="Client.models() lists them.",
            code="input.generator",
        )  # fmt: skip
    if request.count < 1:
        raise InputError(
            "count", expected="at least 1", got=str(request.count), remedy="Ask for one."
        )
    name = request.class_name.replace("/", "_")
    names = [f"{name}_{index:05d}.png" for index in range(request.count)]
    with new_files(out, names) as folder:
        for path, data in zip(names, _images(wire, request), strict=True):
            (folder / path).write_bytes(data)
    return [out / each for each in names]


def _images(wire: Wire, request: augmentation_pb2.StreamSamplesRequest) -> Iterator[bytes]:
    """PNG data in order; after a cut the stream goes on with the next image."""
    request.format = media_pb2.IMAGE_FORMAT_PNG
    end, patience = request.first_index + request.count, Patience(wire)
    while request.first_index < end:
        request.count = end - request.first_index
        try:
            with wire.stream(wire.augmentation.StreamSamples, request) as answers:
                for answer in answers:
                    request.first_index = answer.image.index + 1
                    patience.renew()
                    yield answer.image.image.data
        except grpc.RpcError as error:
            patience.wait(told(error))
