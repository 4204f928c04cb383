"""Bytes in and out: nothing acknowledged is lost, nothing corrupt is kept, deletion is proven."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import queue
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import google_crc32c
import grpc
import pytest
from google.protobuf import duration_pb2
from running import Client, Running, chunks, refused, synthaug

from synthaug.v1 import artifact_pb2
from synthaug_server.store.artifacts import Artifacts, Reason, State
from synthaug_server.store.audit_log import AuditLog
from synthaug_server.store.opening import open_state

DATA = os.urandom(5_300_000)
KIND = artifact_pb2.ARTIFACT_KIND_DATASET


def asked(**fields: Any) -> artifact_pb2.StartUploadRequest:
    given: dict[str, Any] = {"request_id": str(uuid.uuid4()), "kind": KIND, "size_bytes": 10}
    return artifact_pb2.StartUploadRequest(**{**given, **fields})


def committed(client: Client, upload: str) -> int:
    request = artifact_pb2.GetUploadStatusRequest(name=upload)
    return int(client.artifacts.GetUploadStatus(request, timeout=60).upload.committed_bytes)


def test_what_went_in_comes_out(client: Client) -> None:
    artifact = client.upload(DATA)
    assert artifact.sha256 == hashlib.sha256(DATA).digest()
    assert artifact.size_bytes == len(DATA)
    assert client.read(artifact.name) == DATA
    assert client.read(artifact.name, 1_234_567) == DATA[1_234_567:]
    assert client.read(artifact.name, 1_048_575, 3) == DATA[1_048_575:1_048_578]
    assert client.read(artifact.name, len(DATA)) == b""
    request = artifact_pb2.GetArtifactRequest(name=artifact.name)
    assert client.artifacts.GetArtifact(request, timeout=30).artifact == artifact


def test_reading_beyond_the_end_is_refused(client: Client) -> None:
    name = client.upload(b"12345").name
    read = client.artifacts.ReadArtifact
    error = refused(read, artifact_pb2.ReadArtifactRequest(name=name, offset=6))
    assert (error.code, error.facts["size_bytes"]) == ("OUT_OF_RANGE", "5")
    error = refused(read, artifact_pb2.ReadArtifactRequest(name=name, offset=-1, limit=-1))
    assert set(error.fields) == {"offset", "limit"}


class Slowly:
    """A stream of chunks that a test ends when it likes."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Any] = queue.Queue()

    def put(self, message: Any) -> None:
        self._queue.put(message)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._queue.get, None)


def half_sent(client: Client, data: bytes) -> tuple[str, Slowly, Any]:
    """An upload whose connection is open and of which three chunks have come."""
    upload, stream = client.start(data), Slowly()
    call = client.artifacts.WriteChunks.future(iter(stream), timeout=120)
    for chunk in list(chunks(upload.name, data, finish=False))[:3]:
        stream.put(chunk)
    while committed(client, upload.name) < 3 << 20:
        time.sleep(0.02)
    return upload.name, stream, call


def test_an_upload_goes_on_after_a_cut(client: Client, server: Running) -> None:
    name, stream, call = half_sent(client, DATA)
    call.cancel()
    stream.put(None)
    with server.channel() as channel:
        again = Client(channel)
        start = committed(again, name)
        assert start == 3 << 20
        done = again.artifacts.WriteChunks(chunks(name, DATA, start=start), timeout=60)
        assert again.read(done.artifact.name) == DATA


def test_an_upload_goes_on_after_kill_9(launch: Callable[..., Running]) -> None:
    running = launch()
    with running.channel() as channel:
        name, stream, _ = half_sent(Client(channel), DATA)
        running.kill()
        stream.put(None)
    # A torn write, and bytes that nobody acknowledged.
    with (running.store / "uploads" / name.partition("/")[2]).open("ab") as file:
        file.write(b"\0" * 77_777)
    running = launch()
    with running.channel() as channel:
        client = Client(channel)
        start = committed(client, name)
        assert start == 3 << 20
        done = client.artifacts.WriteChunks(chunks(name, DATA, start=start), timeout=60)
        assert client.read(done.artifact.name) == DATA
        # The answer may have been lost: the end can be said again.
        last = artifact_pb2.WriteChunksRequest(
            upload=name, finish_sha256=hashlib.sha256(DATA).digest()
        )
        assert client.artifacts.WriteChunks(iter([last]), timeout=60) == done


def test_of_two_writers_the_later_one_goes_on(client: Client, server: Running) -> None:
    """A cut that only one side has seen must not hold up the client that comes again."""
    name, stream, call = half_sent(client, DATA)
    with server.channel() as channel:
        again = Client(channel)
        done = again.artifacts.WriteChunks(chunks(name, DATA, start=3 << 20), timeout=60)
    stream.put(list(chunks(name, DATA))[3])
    stream.put(None)
    error = refused(lambda **named: call.result())
    assert error.code in ("ABORTED", "FAILED_PRECONDITION")
    assert client.read(done.artifact.name) == DATA


def test_a_corrupt_chunk_is_data_loss_and_nothing_of_it_is_written(
    client: Client, server: Running
) -> None:
    name = client.start(DATA).name
    good, bad, *_ = chunks(name, DATA)
    bad.data = bad.data[:100] + bytes([bad.data[100] ^ 1]) + bad.data[101:]
    error = refused(client.artifacts.WriteChunks, iter([good, bad]))
    assert (error.code, error.reason) == ("DATA_LOSS", "CHUNK_CORRUPT")
    assert error.facts["committed_bytes"] == str(1 << 20)
    file = server.store / "uploads" / name.partition("/")[2]
    assert file.read_bytes() == DATA[: 1 << 20]
    done = client.artifacts.WriteChunks(chunks(name, DATA, start=1 << 20), timeout=60)
    assert client.read(done.artifact.name) == DATA


def test_a_wrong_sha256_keeps_nothing(client: Client) -> None:
    name = client.start(DATA).name
    parts = [*chunks(name, DATA, finish=False)]
    parts.append(artifact_pb2.WriteChunksRequest(finish_sha256=bytes(32)))
    error = refused(client.artifacts.WriteChunks, iter(parts))
    assert (error.code, error.reason) == ("DATA_LOSS", "SHA256_MISMATCH")
    assert committed(client, name) == 0
    assert client.artifacts.WriteChunks(chunks(name, DATA), timeout=60).artifact.name


def test_chunks_must_follow_on_each_other(client: Client) -> None:
    name = client.start(DATA).name
    parts = list(chunks(name, DATA))
    write = client.artifacts.WriteChunks
    for wrong, reason in (
        ([parts[1]], "OFFSET_MISMATCH"),
        ([parts[0], parts[0]], "OFFSET_MISMATCH"),
        ([parts[-1]], "UPLOAD_INCOMPLETE"),
    ):
        error = refused(write, iter(wrong))
        assert (error.code, error.reason) == ("FAILED_PRECONDITION", reason)
        assert error.facts["committed_bytes"] == str(committed(client, name))


def test_no_more_comes_in_than_was_announced(client: Client, server: Running) -> None:
    name = client.start(b"12345").name
    error = refused(client.artifacts.WriteChunks, chunks(name, b"123456"))
    assert "data" in error.fields
    assert (server.store / "uploads" / name.partition("/")[2]).read_bytes() == b""
    big = bytes((2 << 20) + 1)
    chunk = artifact_pb2.WriteChunksRequest(upload=name, data=big, crc32c=google_crc32c.value(big))
    assert "data" in refused(client.artifacts.WriteChunks, iter([chunk])).fields
    assert "upload" in refused(client.artifacts.WriteChunks, iter([])).fields


def test_the_same_request_is_the_same_upload(client: Client) -> None:
    request = asked(size_bytes=5)
    first = client.artifacts.StartUpload(request, timeout=30).upload
    assert client.artifacts.StartUpload(request, timeout=30).upload == first
    client.artifacts.WriteChunks(chunks(first.name, b"12345"), timeout=30)
    assert client.artifacts.StartUpload(request, timeout=30).upload.artifact
    request.size_bytes = 6
    error = refused(client.artifacts.StartUpload, request)
    assert (error.code, error.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")


def test_an_upload_is_checked_before_anything_is_reserved(client: Client) -> None:
    wrong = artifact_pb2.StartUploadRequest(
        request_id="1", kind=artifact_pb2.ARTIFACT_KIND_MODEL, size_bytes=-1,
        ttl=duration_pb2.Duration(seconds=-1),
    )  # fmt: skip
    error = refused(client.artifacts.StartUpload, wrong)
    assert error.code == "INVALID_ARGUMENT"
    assert set(error.fields) == {"request_id", "kind", "size_bytes", "ttl"}
    tried = client.artifacts.StartUpload(asked(validate_only=True), timeout=30).upload
    assert tried.name == ""


def test_an_owner_has_a_share_of_the_store(launch: Callable[..., Running]) -> None:
    running = launch("--owner-bytes", "1000", "--upload-bytes", "900")
    with running.channel() as channel:
        client = Client(channel)
        first = client.artifacts.StartUpload(asked(size_bytes=600), timeout=30).upload
        error = refused(client.artifacts.StartUpload, asked(size_bytes=401))
        assert (error.code, error.reason) == ("RESOURCE_EXHAUSTED", "BYTES_QUOTA")
        assert error.retry is not None
        assert "size_bytes" in refused(client.artifacts.StartUpload, asked(size_bytes=901)).fields
        client.artifacts.DeleteArtifact(
            artifact_pb2.DeleteArtifactRequest(name=first.name), timeout=30
        )
        assert client.artifacts.StartUpload(asked(size_bytes=900), timeout=30).upload.name


def test_deletion_gives_a_receipt_that_the_log_has(client: Client, server: Running) -> None:
    artifact = client.upload(b"to be forgotten")
    request = artifact_pb2.DeleteArtifactRequest(name=artifact.name, etag="other")
    assert refused(client.artifacts.DeleteArtifact, request).reason == "ETAG_MISMATCH"
    request.etag = artifact.etag
    receipt = client.artifacts.DeleteArtifact(request, timeout=30).receipt
    assert receipt.name == artifact.name
    assert receipt.sha256 == hashlib.sha256(b"to be forgotten").digest()
    assert receipt.reason == artifact_pb2.DELETION_REASON_REQUESTED
    assert client.artifacts.DeleteArtifact(request, timeout=30).receipt == receipt
    assert not (server.store / "artifacts" / artifact.name.partition("/")[2]).exists()
    gone = artifact_pb2.GetArtifactRequest(name=artifact.name)
    assert refused(client.artifacts.GetArtifact, gone).code == "NOT_FOUND"
    words = ("audit", "verify", "--store", str(server.store), "--head")
    assert synthaug(*words, receipt.audit_hash.hex()).returncode == 0
    assert synthaug(*words, "00" * 32, check=False).returncode == 6


def test_an_open_upload_can_be_deleted(client: Client) -> None:
    name, stream, call = half_sent(client, DATA)
    request = artifact_pb2.DeleteArtifactRequest(name=name)
    assert client.artifacts.DeleteArtifact(request, timeout=30).receipt.size_bytes == 3 << 20
    stream.put(list(chunks(name, DATA))[3])
    stream.put(None)
    assert refused(lambda **named: call.result()).code in ("ABORTED", "NOT_FOUND")
    status = artifact_pb2.GetUploadStatusRequest(name=name)
    assert refused(client.artifacts.GetUploadStatus, status).code == "NOT_FOUND"


def test_everything_ends_by_itself(launch: Callable[..., Running]) -> None:
    running = launch("--ttl-seconds", "1.5", "--sweep-seconds", "0.1")
    with running.channel() as channel:
        client = Client(channel)
        short = client.upload(b"short").name
        half = client.start(b"half").name
        for name in (short, half):
            file = running.store / name
            until = time.monotonic() + 30
            while file.exists() and time.monotonic() < until:
                time.sleep(0.05)
            assert not file.exists()
        request = artifact_pb2.DeleteArtifactRequest(name=short)
        receipt = client.artifacts.DeleteArtifact(request, timeout=30).receipt
        assert receipt.reason == artifact_pb2.DELETION_REASON_EXPIRED


def test_pages_hold_every_artifact_once(launch: Callable[..., Running]) -> None:
    running = launch()
    with running.channel() as channel:
        client = Client(channel)
        names = [client.upload(str(index).encode()).name for index in range(7)]
        found, request = [], artifact_pb2.ListArtifactsRequest(page_size=3)
        while True:
            page = client.artifacts.ListArtifacts(request, timeout=30)
            found += [one.name for one in page.artifacts]
            assert len(page.artifacts) <= 3
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
        assert found == names[::-1]
        request.page_size = 100_000
        assert client.artifacts.ListArtifacts(request, timeout=30).artifacts
        request.page_size = -1
        error = refused(client.artifacts.ListArtifacts, request)
        assert set(error.fields) == {"page_size"}
        token = request.page_token
        for wrong in ("x", "AAAA", token[:-2], token[::-1], "../..", "é" * 10):
            request = artifact_pb2.ListArtifactsRequest(page_token=wrong)
            assert set(refused(client.artifacts.ListArtifacts, request).fields) == {"page_token"}
        # A token of one question does not open another.
        from synthaug.v1 import model_pb2

        other = model_pb2.ListModelsRequest(page_token=token)
        assert set(refused(client.models.ListModels, other).fields) == {"page_token"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Callable[[], Artifacts]]:
    """Opens the same store again, as a process does that comes after a killed one."""
    opened = []

    def open_again() -> Artifacts:
        database, audit = open_state(tmp_path), AuditLog(tmp_path)
        opened.extend((database, audit))
        return Artifacts(tmp_path, database, audit, ttl_seconds=1000)

    yield open_again
    for one in opened:
        one.close()


def filled(artifacts: Artifacts, data: bytes) -> Any:
    blob = artifacts.start(
        "red", int(KIND), len(data), request_id=str(uuid.uuid4()), body_hash=b"", owner_bytes=10**9
    )
    file = artifacts.open_file(blob)
    os.write(file, data)
    os.close(file)
    artifacts.commit(blob.id, len(data))
    return artifacts.find(blob.id)


class Killed(BaseException):
    """Stands for the end of the process at one place."""


@pytest.mark.parametrize("step", range(12))
def test_a_deletion_that_was_killed_is_finished(
    store: Callable[[], Artifacts], monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Stopped at each touch of a disk in turn, the next start completes it."""
    artifacts = store()
    blob = filled(artifacts, b"secret")
    blob = artifacts.finish(blob, hashlib.sha256(b"secret").digest(), "red")
    left = [step]

    def counted(what: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return what(*arguments, **named)

        return call

    with monkeypatch.context() as patched:
        for name in ("fsync", "write", "pwrite", "fdatasync"):
            patched.setattr(os, name, counted(getattr(os, name)))
        patched.setattr(Path, "unlink", counted(Path.unlink))
        try:
            receipt = artifacts.delete(blob.id, Reason.REQUESTED, "red")
        except Killed:
            receipt = None
    later = store()
    later.recover()
    assert not later.file(blob.id).exists()
    assert later.find(blob.id).state is State.DELETED
    again = later.delete(blob.id, Reason.EXPIRED, "red")
    assert again.reason is Reason.REQUESTED
    assert receipt in (None, again)


@pytest.mark.parametrize("step", range(8))
def test_a_finish_that_was_killed_loses_nothing(
    store: Callable[[], Artifacts], monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    artifacts = store()
    blob = filled(artifacts, b"precious")
    left = [step]

    def counted(what: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return what(*arguments, **named)

        return call

    with monkeypatch.context() as patched:
        for name in ("fsync", "write"):
            patched.setattr(os, name, counted(getattr(os, name)))
        patched.setattr(Path, "replace", counted(Path.replace))
        with contextlib.suppress(Killed):
            artifacts.finish(blob, hashlib.sha256(b"precious").digest(), "red")
    later = store()
    later.recover()
    found = later.find(blob.id)
    assert found.state in (State.OPEN, State.READY)
    folder = "artifacts" if found.state is State.READY else "uploads"
    assert (later.file("x").parents[1] / folder / blob.id).read_bytes() == b"precious"


def test_a_jobs_output_is_adopted_once(store: Callable[[], Artifacts], tmp_path: Path) -> None:
    artifacts = store()
    names = []
    for _ in range(2):
        made = tmp_path / "made"
        made.write_bytes(b"result")
        names.append(artifacts.adopt("red", 2, "operation", "media", made).id)
        assert not made.exists()
    assert names[0] == names[1]
    assert artifacts.file(names[0]).read_bytes() == b"result"
    assert [one.id for one in artifacts.made_by("operation")] == names[:1]


def test_many_uploads_at_once(server: Running) -> None:
    data = {index: os.urandom(1_500_000 + index) for index in range(6)}
    got: dict[int, bytes] = {}

    def send(index: int) -> None:
        with server.channel() as channel:
            client = Client(channel)
            got[index] = client.read(client.upload(data[index]).name)

    threads = [threading.Thread(target=send, args=(index,)) for index in data]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert got == data


def test_a_reader_that_leaves_is_let_go(client: Client, server: Running) -> None:
    name = client.upload(bytes(30 << 20)).name
    calls = [
        client.artifacts.ReadArtifact(artifact_pb2.ReadArtifactRequest(name=name), timeout=60)
        for _ in range(20)
    ]
    for call in calls:
        next(call)
        call.cancel()
        with pytest.raises(grpc.RpcError):
            list(call)
    open_files = Path(f"/proc/{server.process.pid}/fd")
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if not any(str(one).endswith(name) for one in map(os.path.realpath, open_files.iterdir())):
            return
        time.sleep(0.05)
    raise AssertionError("files of readers that left are still open")


def test_memory_of_many_downloads_returns(launch: Callable[..., Running]) -> None:
    """What the allocator keeps for the next chunk is given back at the next sweep."""
    running = launch("--sweep-seconds", "0.5")

    def own() -> int:
        text = Path(f"/proc/{running.process.pid}/status").read_text()
        return int(text.split("RssAnon:")[1].split()[0]) << 10

    with running.channel() as channel:
        client = Client(channel)
        name = client.upload(bytes(8 << 20)).name
        read = functools.partial(
            client.artifacts.ReadArtifact, artifact_pb2.ReadArtifactRequest(name=name), timeout=120
        )
        list(read())
        before, most = own(), 0
        for _ in range(3):
            calls = [read() for _ in range(16)]
            for call in calls:
                next(call)
            most = max(most, own())
            for call in calls:
                call.cancel()
        until = time.monotonic() + 60
        while own() > before + (12 << 20) and time.monotonic() < until:
            time.sleep(0.1)
        assert own() <= before + (12 << 20) < most


def test_a_drain_waits_for_an_upload(launch: Callable[..., Running]) -> None:
    running = launch("--drain-grace", "60")
    with running.channel() as channel:
        client = Client(channel)
        name, stream, call = half_sent(client, DATA)
        running.terminate()
        time.sleep(0.5)
        for part in list(chunks(name, DATA))[3:]:
            stream.put(part)
        stream.put(None)
        artifact = call.result(60).artifact
        assert running.wait() == 0
    assert (running.store / artifact.name).read_bytes() == DATA


def test_a_second_signal_does_not_wait_for_an_upload(launch: Callable[..., Running]) -> None:
    running = launch("--drain-grace", "600")
    with running.channel() as channel:
        name, stream, call = half_sent(Client(channel), DATA)
        running.terminate()
        with running.channel() as late, contextlib.suppress(grpc.RpcError):
            while True:  # until calls are refused: the wait for those in flight has begun
                committed(Client(late), name)
        running.terminate()
        assert running.wait() == 0
        stream.put(None)
        with pytest.raises(grpc.RpcError):
            call.result(60)


def test_an_owner_has_so_many_artifacts(launch: Callable[..., Running]) -> None:
    running = launch("--owner-artifacts", "2")
    with running.channel() as channel:
        client = Client(channel)
        names = [client.upload(b"x").name for _ in range(2)]
        error = refused(client.artifacts.StartUpload, asked())
        assert (error.code, error.reason) == ("RESOURCE_EXHAUSTED", "ARTIFACTS_QUOTA")
        client.artifacts.DeleteArtifact(
            artifact_pb2.DeleteArtifactRequest(name=names[0]), timeout=30
        )
        assert client.upload(b"y").name
