"""What the front checks before anything reaches a model, with a model that notes what it got."""

from __future__ import annotations

import asyncio
import gzip
import http.server
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from running import Client, Running

from synthaug.v1 import anonymization_pb2, media_pb2, model_pb2
from synthaug_server.front.anonymization import AnonymizationServicer
from synthaug_server.front.boundary import Call
from synthaug_server.front.tracing import trace_of
from synthaug_server.refusal import Refused, told_bug
from synthaug_server.settings import Settings
from synthaug_server.store.access import LOCAL

Part = anonymization_pb2.AnonymizeFramesRequest


class Echo:
    """Gives back what it gets, and notes whether it was told to end."""

    def __init__(self) -> None:
        self.ended = False
        self.traces: list[str] = []

    async def anonymize(self, request: Any, trace: str) -> Any:
        self.traces.append(trace)
        return anonymization_pb2.AnonymizeImageResponse(image=request.image)

    async def anonymize_frames(
        self, settings: Any, frames: AsyncIterator[Any], trace: str
    ) -> AsyncIterator[Any]:
        try:
            async for frame in frames:
                yield anonymization_pb2.AnonymizeFramesResponse(frame=frame)
        finally:
            self.ended = True


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def servicer(echo: Echo, tmp_path: Path) -> AnonymizationServicer:
    settings = Settings(store=tmp_path, image_bytes=1000, frames=3)
    return AnonymizationServicer(None, echo, settings)  # type: ignore[arg-type]


def frame(sequence: int, **fields: Any) -> Part:
    image = media_pb2.Image(format=media_pb2.IMAGE_FORMAT_RGB8, width=2, height=2, data=bytes(12))
    return Part(frame=anonymization_pb2.Frame(**{"sequence": sequence, "image": image, **fields}))


def call() -> Call:
    return Call(LOCAL, trace_of({}), "/x", None)


def answers(servicer: AnonymizationServicer, *parts: Part, most: int = 100) -> list[int]:
    async def requests() -> AsyncIterator[Part]:
        for part in parts:
            yield part

    async def run() -> list[int]:
        found = []
        stream = servicer.AnonymizeFrames(requests(), call())
        async for answer in stream:
            found.append(answer.frame.sequence)
            if len(found) == most:
                await stream.aclose()  # type: ignore[attr-defined]
                break
        return found

    return asyncio.run(run())


START = Part(settings=anonymization_pb2.AnonymizeSettings())


def test_frames_go_through_in_order(servicer: AnonymizationServicer, echo: Echo) -> None:
    assert answers(servicer, START, frame(1), frame(2)) == [1, 2]
    assert echo.ended


def test_a_client_that_leaves_ends_the_work(servicer: AnonymizationServicer, echo: Echo) -> None:
    assert answers(servicer, START, frame(1), frame(2), most=1) == [1]
    assert echo.ended


LATE, EARLY = ({"seconds": 2}, {"seconds": 1})


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ([], "settings"),
        ([frame(1)], "settings"),
        ([START, START], "frame"),
        ([START, frame(2)], "frame.sequence"),
        ([START, frame(1), frame(1)], "frame.sequence"),
        ([START, frame(1, time=LATE), frame(2, time=EARLY)], "frame.time"),
        ([START, frame(1, image=media_pb2.Image(data=bytes(1001)))], "frame.image.data"),
        ([START, frame(1, image=media_pb2.Image(data=b"x", format=4, width=2, height=2))],
         "frame.image.data"),
        ([Part(settings=anonymization_pb2.AnonymizeSettings(smallest=-1))], "settings.smallest"),
    ],
)  # fmt: skip
def test_frames_that_cannot_be_are_refused(
    servicer: AnonymizationServicer, parts: list[Part], field: str
) -> None:
    with pytest.raises(Refused) as refusal:
        answers(servicer, *parts)
    assert field in refusal.value.fields


def test_a_stream_has_so_many_frames(servicer: AnonymizationServicer) -> None:
    with pytest.raises(Refused) as refusal:
        answers(servicer, START, *(frame(index) for index in range(1, 6)))
    assert refusal.value.reason == "FRAMES_QUOTA"


def test_the_trace_is_passed_on(servicer: AnonymizationServicer, echo: Echo) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    image = media_pb2.Image(data=b"x")
    request = anonymization_pb2.AnonymizeImageRequest(image=image)
    context = Call(LOCAL, trace_of({"traceparent": parent}), "/x", None)
    asyncio.run(servicer.AnonymizeImage(request, context))
    version, trace, span, flags = echo.traces[0].split("-")
    assert (version, trace, flags) == ("00", "0af7651916cd43dd8448eb211c80319c", "01")
    assert span != "b7ad6b7169203331"


@pytest.mark.parametrize(
    "header",
    ["", "x", "00-" + "0" * 32 + "-b7ad6b7169203331-01", "ff-" + "a" * 32 + "-" + "b" * 16 + "-00",
     "00-" + "A" * 32 + "-" + "b" * 16 + "-00", "00-" + "a" * 32 + "-" + "b" * 16 + "-00-x"],
)  # fmt: skip
def test_a_trace_that_is_none_begins_a_new_one(header: str) -> None:
    trace = trace_of({"traceparent": header, "tracestate": "a=b"})
    assert trace.parent_id == ""
    assert trace.state == ""
    assert len(trace.trace_id) == 32


def test_a_bug_is_logged_by_its_place_not_its_words() -> None:
    try:
        raise ValueError("Jane Doe.jpg")
    except ValueError as bug:
        told = told_bug(bug)
    assert told["type"] == "ValueError"
    assert "Jane" not in str(told)
    assert "test_front.py" in str(told["at"])


def test_what_was_freed_is_kept() -> None:
    from synthaug_server.allocator import tune

    assert isinstance(tune(), bool)


def test_calls_are_spans_where_somebody_collects_them(tmp_path: Path) -> None:
    """Sent to a collector over HTTP, under the caller's trace."""
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    bodies: list[bytes] = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            bodies.append(
                gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            )
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Collector) as collector:
        thread = threading.Thread(target=collector.serve_forever)
        thread.start()
        endpoint = f"http://127.0.0.1:{collector.server_port}"
        running = Running(tmp_path / "store", environment={"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint})
        with running.channel() as channel:
            parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            Client(channel).models.ListModels(
                model_pb2.ListModelsRequest(), metadata=(("traceparent", parent),), timeout=60
            )
        running.stop()
        collector.shutdown()
        thread.join()
    sent = b"".join(bodies)
    assert b"synthaug.v1.ModelService/ListModels" in sent
    assert bytes.fromhex("0af7651916cd43dd8448eb211c80319c") in sent
    assert bytes.fromhex("b7ad6b7169203331") in sent
