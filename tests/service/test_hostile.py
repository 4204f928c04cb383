"""Whatever is sent: no crash, no INTERNAL without an id, no path or stack, nothing outside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.longrunning import operations_pb2
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running import Client, Running, refused, told
from test_engine import until

from synthaug.v1 import (
    anonymization_pb2,
    artifact_pb2,
    augmentation_pb2,
    model_pb2,
    quality_pb2,
)
from synthaug_server.app import SERVICES
from synthaug_server.front.boundary import _message_of
from synthaug_server.refusal import Refused, refusal_of, status_of, without_paths

POOL = descriptor_pool.Default()
METHODS = {
    f"/{name}/{method.name}": method
    for name in SERVICES
    for method in POOL.FindServiceByName(name).methods
}
TRICKS = (
    "../../etc/passwd", "/etc/passwd", "artifacts/../../etc/passwd", "artifacts//etc/passwd",
    "..\\..\\windows\\win.ini", "C:\\windows\\win.ini", "file:///etc/passwd", "~/.ssh/id_rsa",
    "artifacts/%2e%2e%2fetc%2fpasswd", "uploads/" + "a" * 26 + "/../../x", "operations/.",
    "models/../state.db", "models/..", "a\0b", "$(touch /tmp/x)", "'; DROP TABLE blobs; --",
    "\u202e../x", "x" * 100_000, "http://169.254.169.254/", "\\\\host\\share",
)  # fmt: skip
LEAK = re.compile(r"(?:/[\w.-]+){2,}|Traceback|File \"|\.py\b|line \d+|site-packages|0x[0-9a-f]{6}")


def call(channel: grpc.Channel, name: str, raw: list[bytes]) -> grpc.RpcError | None:
    """Send bytes to a method; its error, if there is one."""
    method = METHODS[name]
    if method.client_streaming:
        make = channel.stream_stream if method.server_streaming else channel.stream_unary
        sent: Any = iter(raw)
    else:
        make = channel.unary_stream if method.server_streaming else channel.unary_unary
        sent = raw[0] if raw else b""
    try:
        # WatchJob and WaitOperation of a job that does not end: a second is long enough.
        answer = make(name)(sent, timeout=20)
        if method.server_streaming:
            list(answer)
    except grpc.RpcError as error:
        return error
    return None


def harmless(error: grpc.RpcError | None) -> None:
    """An error that tells what it must and nothing it must not."""
    if error is None:
        return
    found = told(error)
    assert found.code != "UNKNOWN"
    assert found.code != "INTERNAL" or re.fullmatch("[0-9a-f]{8}", found.facts["error_id"])
    facts = {name: value for name, value in found.facts.items() if name != "trace_id"}
    for text in (found.message, *facts.values(), *found.fields, *found.fields.values()):
        assert not LEAK.search(text), text


def snapshot(folder: Path) -> set[str]:
    return {
        str(path)
        for path in folder.rglob("*")
        if not path.name.endswith((".db-wal", ".db-shm", ".err"))
    }


messages = st.one_of(
    st.binary(max_size=200),
    # Looks like a message: a tag, then a length, then bytes.
    st.lists(
        st.tuples(st.integers(1, 20), st.sampled_from([0, 1, 2, 5]), st.binary(max_size=30)),
        max_size=6,
    ).map(
        lambda fields: b"".join(
            bytes([number << 3 & 0x7F | kind]) + (bytes([len(data)]) if kind == 2 else b"") + data
            for number, kind, data in fields
        )
    ),
)


def filled(descriptor: Descriptor, text: str, depth: int = 0) -> Message:
    """A message with a text in every string field, however deep."""
    message = message_factory.GetMessageClass(descriptor)()
    fill(message, text, depth)
    return message


def fill(message: Message, text: str, depth: int) -> None:
    for field in message.DESCRIPTOR.fields:
        if field.type == FieldDescriptor.TYPE_STRING:
            if field.is_repeated:
                getattr(message, field.name).append(text)
            else:
                setattr(message, field.name, text)
        elif field.type == FieldDescriptor.TYPE_MESSAGE and depth < 4:
            if field.message_type.GetOptions().map_entry:
                value = field.message_type.fields_by_name["value"]
                entries = getattr(message, field.name)
                if value.type == FieldDescriptor.TYPE_MESSAGE:
                    entries[text].SetInParent()
                else:
                    entries[text] = 1
            elif field.is_repeated:
                fill(getattr(message, field.name).add(), text, depth + 1)
            elif field.message_type.full_name.startswith("synthaug"):
                fill(getattr(message, field.name), text, depth + 1)


def strings(descriptor: Descriptor) -> Iterator[str]:
    yield from (f.name for f in descriptor.fields if f.type == FieldDescriptor.TYPE_STRING)


@pytest.fixture(scope="module")
def channel(server: Running) -> Iterator[grpc.Channel]:
    # The engine's own files come a moment after SERVING; none is to appear afterwards.
    until(lambda: (server.store / "workers.log").exists())
    with server.channel() as opened:
        yield opened


@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(name=st.sampled_from(sorted(METHODS)), raw=st.lists(messages, min_size=1, max_size=3))
def test_a_thousand_malformed_messages(channel: grpc.Channel, name: str, raw: list[bytes]) -> None:
    harmless(call(channel, name, raw))


def test_the_server_that_had_them_is_well(server: Running, channel: grpc.Channel) -> None:
    assert server.process.poll() is None
    answer = Client(channel).models.ListModels(model_pb2.ListModelsRequest(), timeout=60)
    assert answer.models
    assert '"level": "error"' not in server.errors.read_text()


@pytest.mark.parametrize("name", sorted(METHODS))
def test_path_tricks_in_every_string_field(
    server: Running, channel: grpc.Channel, name: str
) -> None:
    before = snapshot(server.store.parent)
    for text in TRICKS:
        message = filled(METHODS[name].input_type, text)
        error = call(channel, name, [message.SerializeToString()])
        if any(strings(METHODS[name].input_type)):
            assert error is not None, text[:40]
            assert told(error).code in ("INVALID_ARGUMENT", "NOT_FOUND"), text[:40]
        harmless(error)
        assert text[:40] not in str(told(error)) if error else True
    assert snapshot(server.store.parent) == before


def orders(client: Client) -> dict[str, tuple[Any, Message]]:
    """Calls with more than one string, and a message for each that is refused for none of them."""
    artifact = client.upload(b"tar").name
    media = client.upload(b"mp4", artifact_pb2.ARTIFACT_KIND_MEDIA).name
    id_, set_ = "3f333df6-90a4-4fda-8dd3-9485d27cee36", {"artifacts": [artifact]}
    evaluate = quality_pb2.EvaluateQualityRequest(
        request_id=id_, real=set_, synthetic=set_, train=set_, validate_only=True
    )
    hide = anonymization_pb2.CreateAnonymizeJobRequest(
        request_id=id_, media=media, validate_only=True
    )
    grow = augmentation_pb2.CreateAugmentJobRequest(
        request_id=id_, dataset=set_, validate_only=True
    )
    return {
        "evaluate": (client.quality.EvaluateQuality, evaluate),
        "anonymize": (client.anonymization.CreateAnonymizeJob, hide),
        "augment": (client.augmentation.CreateAugmentJob, grow),
        "list": (client.operations.ListOperations, operations_pb2.ListOperationsRequest()),
        "delete": (
            client.artifacts.DeleteArtifact,
            artifact_pb2.DeleteArtifactRequest(name=f"artifacts/{'a' * 26}"),
        ),
    }


def places(message: Message, prefix: str = "") -> Iterator[str]:
    """The string fields of a message, those of messages inside it too, as dotted paths."""
    for field in message.DESCRIPTOR.fields:
        if field.type == FieldDescriptor.TYPE_STRING:
            yield prefix + field.name
        elif (
            field.type == FieldDescriptor.TYPE_MESSAGE
            and not field.is_repeated
            and field.message_type.full_name.startswith("synthaug")
        ):
            yield from places(getattr(message, field.name), f"{prefix}{field.name}.")


def put(message: Any, place: str, text: str) -> None:
    *above, name = place.split(".")
    for part in above:
        message = getattr(message, part)
    if message.DESCRIPTOR.fields_by_name[name].is_repeated:
        getattr(message, name).append(text)
    else:
        setattr(message, name, text)


# Whatever is written there is a name or an expression, and none of them leads to a file.
FREE = ("groups.pattern", "real_groups.pattern", "train_groups.pattern")


@pytest.mark.parametrize("order", ["evaluate", "anonymize", "augment", "list", "delete"])
def test_each_string_alone_is_refused_too(
    server: Running, channel: grpc.Channel, order: str
) -> None:
    """Behind other checks that would have refused the message first."""
    call, base = orders(Client(channel))[order]
    before = snapshot(server.store.parent)
    if order != "delete":
        call(base, timeout=60)  # nothing else is wrong with it
    for place in places(base):
        for text in TRICKS:
            message = type(base)()
            message.CopyFrom(base)
            put(message, place, text)
            try:
                call(message, timeout=60)
                assert place in FREE, (place, text[:40])
            except grpc.RpcError as error:
                harmless(error)
                found = told(error)
                assert found.code in ("INVALID_ARGUMENT", "NOT_FOUND"), (place, text[:40])
                assert text[:40] not in str(found)
    assert snapshot(server.store.parent) == before


def test_class_names_are_no_paths(server: Running, channel: grpc.Channel) -> None:
    call, base = orders(Client(channel))["augment"]
    before = snapshot(server.store.parent)
    for text in TRICKS:
        if "DROP" in text:  # a class may be called that; it is never part of a query
            continue
        message = augmentation_pb2.CreateAugmentJobRequest()
        message.CopyFrom(base)
        message.target_counts.classes.targets[text].count = 5
        assert refused(call, message).fields
    assert snapshot(server.store.parent) == before


def test_a_message_that_is_too_large_is_refused(channel: grpc.Channel) -> None:
    """By gRPC itself, before it is held in memory."""
    with pytest.raises(grpc.RpcError) as error:
        channel.unary_unary("/synthaug.v1.ModelService/GetModel")(bytes(18 << 20), timeout=60)
    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_bug_has_an_id_and_tells_nothing_else() -> None:
    try:
        raise KeyError("/home/someone/secret/file.py")
    except KeyError as bug:
        status = status_of(refusal_of(bug))
    assert status.code == 13
    assert re.search(r"internal error [0-9a-f]{8}", status.message)
    assert not LEAK.search(status.message)
    assert "secret" not in str(status)


def test_messages_of_others_lose_their_paths() -> None:
    for text in (
        "cannot read /var/lib/synthaug/jobs/x/clip.mp4",
        "[Errno 2] No such file or directory: '/tmp/a b/c.tar'",
        'File "/usr/lib/python3.11/json/decoder.py", line 355, in raw_decode',
        "C:\\Users\\someone\\clip.mp4 is damaged",
        "see ~/store/artifacts/abc",
    ):
        assert not re.search(r"[/\\]\w", without_paths(text)), without_paths(text)
    assert without_paths("crack/17.png: 3 frames/s, got 1/2") == "crack/17.png: 3 frames/s, got 1/2"


def test_a_message_that_does_not_parse_is_the_clients_fault() -> None:
    with pytest.raises(Refused) as refusal:
        _message_of(b"\xff", model_pb2.GetModelRequest.FromString)
    assert refusal.value.reason == "MALFORMED_MESSAGE"
