"""Frames of a moving picture, sent and answered one by one while the stream lasts."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import grpc

from synthaug.client.refusals import error_of, told
from synthaug.client.wire import Wire
from synthaug.errors import Damaged, InputError
from synthaug.v1 import anonymization_pb2, media_pb2

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["AnonymizedFrame", "stream_frames"]


@dataclasses.dataclass(frozen=True, eq=False)
class AnonymizedFrame:
    """A frame, faces replaced.

    Args:
        seconds: when it is shown.
        frame: uint8 (H, W, 3), RGB.
        replaced: rung to the number of faces it drew.
        doubtful: places covered on doubt.
    """

    seconds: float
    frame: NDArray[np.uint8]
    replaced: dict[str, int]
    doubtful: int


def stream_frames(
    wire: Wire,
    frames: Iterable[tuple[float, Any]],
    settings: anonymization_pb2.AnonymizeSettings,
) -> Iterator[AnonymizedFrame]:
    """See `Client.anonymize_frames`."""
    sender = _Sender(frames, settings)
    try:
        with wire.stream(wire.anonymization.AnonymizeFrames, sender.messages()) as answers:
            for answer in answers:
                yield _checked(answer, wire.address)
    except grpc.RpcError as error:
        if sender.failed is not None:
            raise sender.failed from error
        raise error_of(told(error), wire.address) from None


class _Sender:
    """Reads frames in gRPC's thread and keeps what that raises."""

    def __init__(
        self, frames: Iterable[tuple[float, Any]], settings: anonymization_pb2.AnonymizeSettings
    ) -> None:
        self._frames, self._settings = frames, settings
        self.failed: Exception | None = None

    def messages(self) -> Iterator[anonymization_pb2.AnonymizeFramesRequest]:
        try:
            yield anonymization_pb2.AnonymizeFramesRequest(settings=self._settings)
            for sequence, (seconds, pixels) in enumerate(self._frames, 1):
                message = anonymization_pb2.Frame(sequence=sequence, image=_image(pixels))
                message.time.FromNanoseconds(round(seconds * 1e9))
                yield anonymization_pb2.AnonymizeFramesRequest(frame=message)
        except Exception as error:
            self.failed = error
            raise


def _image(pixels: Any) -> media_pb2.Image:
    import numpy as np

    frame = np.ascontiguousarray(pixels)
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise InputError(
            "frame", expected="uint8 (H, W, 3)", got=f"{frame.dtype} {frame.shape}",
            remedy="Convert it to RGB.", code="input.frame",
        )  # fmt: skip
    height, width = frame.shape[:2]
    return media_pb2.Image(
        format=media_pb2.IMAGE_FORMAT_RGB8, data=frame.tobytes(), width=width, height=height
    )


def _checked(
    answer: anonymization_pb2.AnonymizeFramesResponse, address: str
) -> AnonymizedFrame:  # fmt: skip
    import numpy as np

    image, receipt = answer.frame.image, answer.receipt
    if hashlib.sha256(image.data).digest() != receipt.sha256:
        raise Damaged(
            "frame", expected="the bytes of its receipt", got="others", where=address,
            remedy="Send it again.", code="download.damaged",
        )  # fmt: skip
    pixels = np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, 3)
    names = anonymization_pb2.ReplacementRung
    return AnonymizedFrame(
        seconds=answer.frame.time.ToNanoseconds() / 1e9,
        frame=pixels,
        replaced={
            names.Name(each.rung).removeprefix("REPLACEMENT_RUNG_").lower(): each.faces
            for each in receipt.replaced
        },
        doubtful=receipt.doubtful,
    )
