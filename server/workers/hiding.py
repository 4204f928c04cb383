"""The child that replaces faces in pictures and frames that have been decoded elsewhere."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import queue
import socket
import sys
import threading
import time
from typing import Any

from synthaug.v1 import anonymization_pb2, media_pb2
from synthaug_server.children import Line, confine
from synthaug_server.refusal import refusal_of, status_of, told_bug

__all__ = ["main"]

_RUNGS = {
    "generated": anonymization_pb2.REPLACEMENT_RUNG_GENERATED,
    "average": anonymization_pb2.REPLACEMENT_RUNG_AVERAGE,
    "cover": anonymization_pb2.REPLACEMENT_RUNG_COVER,
}
_ENCODED: dict[int, tuple[str, dict[str, Any]]] = {
    media_pb2.IMAGE_FORMAT_PNG: ("PNG", {"compress_level": 1}),
    media_pb2.IMAGE_FORMAT_JPEG: ("JPEG", {"quality": 95, "subsampling": 0}),
    media_pb2.IMAGE_FORMAT_WEBP: ("WEBP", {"quality": 95}),
}
_LOG = logging.getLogger("synthaug.worker")


def main() -> None:
    """Answer until the parent is gone."""
    line = Line(socket.socket(fileno=int(sys.argv[1])))
    confine(int(sys.argv[2]))
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    import numpy

    import synthaug.jobs.anonymizing.live as live

    hiding = _Hiding(live, numpy)
    questions: queue.SimpleQueue[tuple[dict[str, Any], list[bytes]]] = queue.SimpleQueue()
    dropped: set[int] = set()
    threading.Thread(target=_hear, args=(line, questions, dropped), daemon=True).start()
    while True:
        head, parts = questions.get()
        if head["id"] in dropped:
            dropped.discard(head["id"])
            continue
        try:
            answer, found = hiding.answer(head, parts)
            line.say({"id": head["id"], **answer}, *found)
        except BrokenPipeError:
            break
        except Exception as raised:
            refused = refusal_of(raised)
            if refused.reason == "INTERNAL":
                _LOG.error(json.dumps({"event": "bug", **refused.facts, **told_bug(raised)}))
            fields = {
                "id": head["id"], "reason": refused.reason, "facts": refused.facts,
                "retry": refused.retry_seconds,
            }  # fmt: skip
            line.say(fields, status_of(refused).SerializeToString())
    os._exit(0)


def _hear(line: Line, questions: Any, dropped: set[int]) -> None:
    while (heard := line.hear()) is not None:
        if "drop" in heard[0]:
            dropped.add(heard[0]["drop"])
        else:
            questions.put(heard)
    os._exit(0)


class _Hiding:
    """Streams by number, each with the faces it has seen; detectors are shared."""

    def __init__(self, live: Any, numpy: Any) -> None:
        self._live, self._numpy = live, numpy
        self._detectors: Any = None
        self._ladders: dict[int, Any] = {}
        self._streams: dict[int, Any] = {}

    def answer(
        self, head: dict[str, Any], parts: list[bytes]
    ) -> tuple[dict[str, Any], list[bytes]]:
        """The answer to one question."""
        if head["do"] == "load":
            self._load()
            return {"device": "cpu", "fell_back": head["device"] != "cpu"}, []
        if head["do"] == "open":
            self._streams[head["stream"]] = self._new(parts[0])
            return {}, []
        if head["do"] == "close":
            self._streams.pop(head["stream"], None)
            return {}, []
        began = time.perf_counter()
        shape = head["height"], head["width"], 3
        picture = self._numpy.frombuffer(parts[-1], self._numpy.uint8).reshape(shape)
        if head["do"] == "still":
            done = self._new(parts[0]).still(picture)
        else:
            done = self._streams[head["stream"]].frame(picture, head["seconds"])
        data = self._encoded(done.picture, head["format"])
        receipt = anonymization_pb2.FrameReceipt(
            sequence=head.get("sequence", 0), doubtful=done.doubtful,
            sha256=hashlib.sha256(data).digest(),
        )  # fmt: skip
        for name, faces in sorted(done.rungs.items()):
            receipt.replaced.add(rung=_RUNGS[name], faces=faces)
        receipt.compute_time.FromNanoseconds(int((time.perf_counter() - began) * 1e9))
        return {}, [data, receipt.SerializeToString()]

    def _load(self) -> None:
        from synthaug.faces.lookout import watching_detectors
        from synthaug.replacing.ladder import Ladder

        self._detectors = watching_detectors()
        self._ladders = {number: Ladder.usual(highest=name) for name, number in _RUNGS.items()}
        # The first look of a detector takes much longer than the second.
        nothing = anonymization_pb2.AnonymizeSettings(seed=0).SerializeToString()
        self._new(nothing).still(self._numpy.zeros((64, 64, 3), self._numpy.uint8))

    def _new(self, settings: bytes) -> Any:
        from synthaug.faces.lookout import Lookout

        told = anonymization_pb2.AnonymizeSettings.FromString(settings)
        return self._live.Live(
            ladder=self._ladders[told.rung or anonymization_pb2.REPLACEMENT_RUNG_GENERATED],
            lookout=Lookout(self._detectors),
            zones=[(z.left, z.top, z.width, z.height) for z in told.zones],
            smallest=told.smallest,
            seed=told.seed if told.HasField("seed") else None,
        )

    def _encoded(self, picture: Any, format_: int) -> bytes:
        if format_ == media_pb2.IMAGE_FORMAT_RGB8:
            return bytes(picture.tobytes())
        from PIL import Image

        out = io.BytesIO()
        name, options = _ENCODED[format_]
        Image.fromarray(picture).save(out, name, **options)
        return out.getvalue()


if __name__ == "__main__":
    main()
