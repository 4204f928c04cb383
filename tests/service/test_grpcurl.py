"""The session of examples/grpcurl.md, sent again to a real server through reflection."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from running import Running

from synthaug.v1 import (  # noqa: F401  # the types inside Any
    anonymization_pb2,
    job_pb2,
)

PAGE = (Path(__file__).parents[2] / "examples" / "grpcurl.md").read_text()
SESSION = re.findall(
    r"^\$ grpcurl -plaintext -d '(\{.*?\})' \\\n    127\.0\.0\.1:50052 (\S+)\n(.*?)^```", PAGE,
    re.M | re.S,
)  # fmt: skip
NAME = re.compile(r"(?:uploads|artifacts|operations|reports)/([a-z2-7]{26})")


def documents(text: str) -> list[Any]:
    """JSON values, one after another."""
    found, decoder = [], json.JSONDecoder()
    text = text.strip()
    while text:
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:].strip()
    return found


def places(value: Any, at: str = "") -> Iterator[str]:
    """Where anything stands in a JSON value, numbers of lists left out."""
    inner = value.items() if isinstance(value, dict) else ()
    for name, each in [*inner, *(("", v) for v in (value if isinstance(value, list) else ()))]:
        yield f"{at}.{name}"
        yield from places(each, f"{at}.{name}")


class Reflected:
    """Calls methods that only the server's reflection knows."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel
        self._pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))

    def __call__(self, method: str, body: str) -> tuple[list[Any], Any]:
        """Answers as JSON values, and the error's as one."""
        service, _, name = method.partition("/")
        found = self._pool.FindServiceByName(service).FindMethodByName(name)
        request = json_format.Parse(body, GetMessageClass(found.input_type)())
        kind = ("stream" if found.client_streaming else "unary") + "_" + (
            "stream" if found.server_streaming else "unary"
        )  # fmt: skip
        call = getattr(self._channel, kind)(
            f"/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=GetMessageClass(found.output_type).FromString,
        )
        try:
            answer = call(iter([request]) if found.client_streaming else request, timeout=280)
            answers = list(answer) if found.server_streaming else [answer]
        except grpc.RpcError as error:
            return [], _error(error)
        return [json.loads(json_format.MessageToJson(each, descriptor_pool=self._pool))
                for each in answers], None  # fmt: skip


def _error(error: grpc.RpcError) -> Any:
    packed = dict(error.trailing_metadata())["grpc-status-details-bin"]
    status = status_pb2.Status.FromString(packed)
    assert error_details_pb2.ErrorInfo.DESCRIPTOR.full_name in status.details[0].type_url
    return json_format.MessageToDict(status)


@pytest.mark.slow
def test_the_session_goes_as_the_page_says(server: Running) -> None:
    assert len(SESSION) == PAGE.count("grpcurl -plaintext -d") == 9
    names: dict[str, str] = {}
    with server.channel(admin=True) as channel:
        ask = Reflected(channel)
        for body, method, shown in SESSION:
            for old, new in names.items():
                body = body.replace(old, new)
            answers, error = ask(method, body)
            told = documents(shown)
            if error is not None:
                assert told == [error | {"details": told[0]["details"]}]
                kinds = [[one["@type"] for one in each["details"]] for each in (told[0], error)]
                assert kinds[0] == kinds[1]
                violations = [each["details"][1] for each in (told[0], error)]
                assert violations[0] == violations[1]
                continue
            if method.endswith("WatchJob"):
                states = [[one["event"].get("state") for one in each] for each in (told, answers)]
                assert [s for s in states[0] if s] == [s for s in states[1] if s]
                continue
            (page,), (answer,) = told, answers
            assert set(places(page)) <= set(places(answer)), method
            ours, theirs = (NAME.findall(json.dumps(each)) for each in (answer, page))
            names |= dict(zip(theirs, ours, strict=True))


def test_what_the_page_lists_is_there(server: Running) -> None:
    (listed,) = re.findall(r"^\$ grpcurl -plaintext 127\.0\.0\.1:50052 list\n(.*?)```", PAGE,
                           re.M | re.S)  # fmt: skip
    with server.channel(admin=True) as channel:
        there = ProtoReflectionDescriptorDatabase(channel).get_services()
    assert sorted(there) == listed.split()
