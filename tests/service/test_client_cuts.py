"""What the client does when the way to the server breaks, or the server says no."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from cutting import Cutting
from google.rpc import status_pb2
from running import Running, certificates, synthaug

from synthaug.client import TLS, connect
from synthaug.client.checksum import crc32c, crc32c_of
from synthaug.client.downloads import download, fetch
from synthaug.client.refusals import Told, error_of
from synthaug.client.uploads import upload
from synthaug.errors import (
    Damaged,
    ExposedFace,
    GateFailed,
    InputError,
    InternalError,
    OutOfResources,
    Stopped,
)
from synthaug.v1 import artifact_pb2
from synthaug_server.engine.sqlite_jobs import SQLiteJobs

MEDIA = artifact_pb2.ARTIFACT_KIND_MEDIA
SIZE = 24 << 20


def nothing(done: int, total: int) -> None:
    pass


def random_file(path: Path, size: int = SIZE) -> bytes:
    data = os.urandom(size)
    path.write_bytes(data)
    return data


def bare(name: str) -> str:
    return name.partition("/")[2]


@pytest.mark.parametrize("size", [0, 1, 9, 1023, 1024, 1025, 4099, (1 << 20) + 7])
def test_checksums_agree(size: int) -> None:
    import google_crc32c

    data = os.urandom(size)
    assert crc32c_of(data) == google_crc32c.value(data) == crc32c(data)


def test_an_upload_goes_on_where_it_was_cut(server: Running, tmp_path: Path) -> None:
    data = random_file(tmp_path / "film.mp4")
    with Cutting(server.address, sent=20 << 20) as way, connect(way.address) as client:
        name = upload(client._wire, tmp_path / "film.mp4", MEDIA, str(uuid.uuid4()), note=nothing)
        assert way.cuts == 1
        # What had been acknowledged before the cut did not go again.
        assert way.counts["sent"] < 1.6 * SIZE
        facts = client._wire.ask(
            client._wire.artifacts.GetArtifact, artifact_pb2.GetArtifactRequest(name=name)
        ).artifact
    assert facts.sha256 == hashlib.sha256(data).digest()


def test_an_upload_goes_on_in_another_process(server: Running, tmp_path: Path) -> None:
    data = random_file(tmp_path / "film.mp4")
    identity = str(uuid.uuid4())

    def stop(done: int, total: int) -> None:
        if done > 18 << 20:
            raise KeyError("stopped")

    with connect(server.address) as client, pytest.raises(KeyError):
        upload(client._wire, tmp_path / "film.mp4", MEDIA, identity, note=stop)
    first: list[int] = []
    with Cutting(server.address) as way, connect(way.address) as client:
        name = upload(
            client._wire, tmp_path / "film.mp4", MEDIA, identity,
            note=lambda done, total: first.append(done),
        )  # fmt: skip
        assert way.counts["sent"] < 0.8 * SIZE
        assert first[0] > 4 << 20
        # And once more: it is there.
        assert upload(client._wire, tmp_path / "film.mp4", MEDIA, identity, note=nothing) == name
        got = fetch(client._wire, name, tmp_path / "part", note=nothing).read_bytes()
    assert got == data


def test_a_download_goes_on_where_it_was_cut(server: Running, tmp_path: Path) -> None:
    data = random_file(tmp_path / "film.mp4")
    with connect(server.address) as client:
        name = upload(client._wire, tmp_path / "film.mp4", MEDIA, str(uuid.uuid4()), note=nothing)
    back = tmp_path / "back.mp4"
    with Cutting(server.address, received=16 << 20) as way, connect(way.address) as client:
        assert download(client._wire, name, back, force=False, note=nothing) == back
        assert way.cuts == 1
        assert way.counts["received"] < 1.3 * SIZE
        assert back.read_bytes() == data
        # What is there is not replaced unless asked, and never half.
        back.write_bytes(b"mine")
        with pytest.raises(InputError, match="one that is there"):
            download(client._wire, name, back, force=False, note=nothing)
        assert back.read_bytes() == b"mine"
        # A part of something else is not built upon.
        part = back.with_name(f".back.mp4.{bare(name)[:8]}.part")
        part.write_bytes(bytes(1000))
        download(client._wire, name, back, force=True, note=nothing)
        assert back.read_bytes() == data
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["back.mp4", "film.mp4"]


def test_damage_that_lasts_is_said(server: Running, tmp_path: Path) -> None:
    random_file(tmp_path / "small", 1000)
    with connect(server.address) as client:
        name = upload(client._wire, tmp_path / "small", MEDIA, str(uuid.uuid4()), note=nothing)
        file = server.store.rglob(bare(name))
        kept = next(iter(file))
        kept.chmod(0o600)
        kept.write_bytes(bytes(1000))
        with pytest.raises(Damaged, match="three times"):
            fetch(client._wire, name, tmp_path / "part", note=nothing)
        assert not (tmp_path / "part").exists()
        (tmp_path / "none").touch()
        with pytest.raises(InputError, match="an empty file"):
            upload(client._wire, tmp_path / "none", MEDIA, str(uuid.uuid4()), note=nothing)


class Events:
    """What a watch has told."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.words: list[str] = []
        self.name = ""

    def on_progress(self, event: Any) -> None:
        if event.phase == "train":
            self.done.append(event.images_seen)
        if event.message.startswith("operations/"):
            self.name = event.message.split()[0]
        elif event.message:
            self.words.append(event.message)


@pytest.fixture
def without_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test is the engine: the server keeps jobs and runs none."""
    monkeypatch.setenv("SYNTHAUG_SERVER_WITHOUT_ENGINE", "1")


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def anonymizing(address: str, clip: Path, out: Path, events: Events) -> threading.Thread:
    """A thread in which a client waits for a job; what it raises is kept as ``error``."""

    def work() -> None:
        try:
            with connect(address) as client:
                client.anonymize(clip, out, callbacks=[events])
        except Exception as error:
            thread.error = error  # type: ignore[attr-defined]

    thread = threading.Thread(target=work)
    thread.error = None  # type: ignore[attr-defined]
    thread.start()
    return thread


@pytest.mark.usefixtures("without_engine")
def test_a_watch_survives_a_restart_of_the_server(
    launch: Callable[..., Running], tmp_path: Path
) -> None:
    from synthaug.v1 import job_pb2

    def progress(done: int) -> bytes:
        return bytes(job_pb2.Progress(phase="train", done=done, total=9).SerializeToString())

    (tmp_path / "clip.mp4").write_bytes(b"film")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    server, events = launch("--port", port), Events()
    waiting = anonymizing(server.address, tmp_path / "clip.mp4", tmp_path / "out.mp4", events)
    until(lambda: events.name)
    jobs = SQLiteJobs(server.store / "jobs.db")
    job = bare(events.name)
    jobs.start(job)
    jobs.report(job, progress=progress(1))
    until(lambda: events.done)
    server.kill()
    jobs.report(job, progress=progress(2))
    jobs.report(job, warning="while nobody listened")
    launch("--port", port)
    until(lambda: events.words)
    status = status_pb2.Status(code=grpc.StatusCode.DATA_LOSS.value[0], message="cut short")
    jobs.fail(job, status.SerializeToString())
    waiting.join(60)
    jobs.close()
    assert events.done == [1, 2]
    assert events.words == ["while nobody listened"]
    assert waiting.error is not None  # type: ignore[attr-defined]
    assert "cut short" in str(waiting.error)  # type: ignore[attr-defined]
    # The job is over: the same call begins anew.
    assert not list(tmp_path.glob(".out.mp4.job.json"))


@pytest.mark.usefixtures("without_engine")
def test_the_same_call_goes_on_with_its_job(launch: Callable[..., Running], tmp_path: Path) -> None:
    server = launch()
    clip, out = tmp_path / "clip.mp4", tmp_path / "out.mp4"
    clip.write_bytes(b"film")
    first = Events()

    def leave(event: Any) -> None:
        Events.on_progress(first, event)
        if first.name:
            raise KeyboardInterrupt

    first.on_progress = leave  # type: ignore[method-assign]
    with connect(server.address) as client, pytest.raises(KeyboardInterrupt):
        client.anonymize(clip, out, callbacks=[first])
    note = json.loads((tmp_path / ".out.mp4.job.json").read_text())
    assert note["job"] == first.name
    with connect(server.address) as client:
        assert [job.name for job in client.jobs(ended=False)] == [first.name]
    again = Events()
    waiting = anonymizing(server.address, clip, out, again)
    until(lambda: again.name)
    assert again.name == first.name
    with connect(server.address) as client:
        client.cancel(again.name)
        waiting.join(60)
        error = waiting.error  # type: ignore[attr-defined]
        assert isinstance(error, Stopped)
        assert "was cancelled" in str(error)
        assert error.exit_code == 5
        assert client.job(again.name).state == "cancelled"
        assert client.watch(again.name).error is not None
        client.remove(again.name)
        assert client.jobs() == []
        with pytest.raises(InputError, match="there is no such operation"):
            client.job(again.name)
    # What the note names is gone: a new job, not an error.
    (tmp_path / ".out.mp4.job.json").write_text(json.dumps(note))
    anew = Events()
    waiting = anonymizing(server.address, clip, out, anew)
    until(lambda: anew.name not in ("", first.name))
    with connect(server.address) as client:
        client.cancel(anew.name)
    waiting.join(60)


@pytest.mark.usefixtures("without_engine")
def test_leaving_cancels_what_nobody_could_fetch(
    launch: Callable[..., Running], tmp_path: Path
) -> None:
    import test_engine

    server, events = launch(), Events()
    folder = test_engine.written(tmp_path / "set", test_engine.members({"a": 3, "b": 3}))

    def leave(event: Any) -> None:
        Events.on_progress(events, event)
        if events.name:
            raise KeyboardInterrupt

    events.on_progress = leave  # type: ignore[method-assign]
    with connect(server.address) as client:
        with pytest.raises(KeyboardInterrupt):
            client.evaluate(folder, folder, callbacks=[events])
        assert client.job(events.name).state == "cancelled"


@pytest.mark.usefixtures("without_engine")
def test_leaving_the_block_ends_what_waits(launch: Callable[..., Running], tmp_path: Path) -> None:
    server, events = launch(), Events()
    (tmp_path / "clip.mp4").write_bytes(b"film")
    raised: list[Exception] = []
    with connect(server.address) as client:

        def work() -> None:
            try:
                client.anonymize(tmp_path / "clip.mp4", tmp_path / "o.mp4", callbacks=[events])
            except Exception as error:
                raised.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        until(lambda: events.name)
    thread.join(20)
    assert not thread.is_alive()
    assert [type(error) for error in raised] == [Stopped]
    with pytest.raises(Stopped, match="the client is closed"):
        client.jobs()


def test_who_may_and_who_may_not(launch: Callable[..., Running], tmp_path: Path) -> None:
    store = str(tmp_path / "store")

    def token(owner: str, role: str) -> str:
        words = ("serve", "tokens", "add", "--owner", owner, "--role", role, "--store", store)
        return synthaug(*words).stdout.strip()

    ours, others, viewer = token("a", "submitter"), token("b", "submitter"), token("a", "viewer")
    os.environ["SYNTHAUG_SERVER_WITHOUT_ENGINE"] = "1"
    try:
        server = launch()
    finally:
        del os.environ["SYNTHAUG_SERVER_WITHOUT_ENGINE"]
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"film")
    for wrong in (None, "wrong"):
        with pytest.raises(InputError, match="synthaug serve tokens add") as raised:
            connect(server.address, wrong).__enter__()
        assert raised.value.exit_code == 2
    with pytest.raises(InputError, match="one line of printing characters"):
        connect(server.address, "two words")
    events = Events()

    def leave(event: Any) -> None:
        Events.on_progress(events, event)
        if events.name:
            raise KeyboardInterrupt

    events.on_progress = leave  # type: ignore[method-assign]
    with connect(server.address, ours) as client, pytest.raises(KeyboardInterrupt):
        client.anonymize(clip, tmp_path / "out.mp4", callbacks=[events])
    with connect(server.address, others) as client:
        assert client.jobs() == []
        for act in (client.job, client.watch, client.cancel, client.remove):
            with pytest.raises(InputError, match="belongs to somebody else") as raised:
                act(events.name)
            assert raised.value.code == "server.operation_not_found"
    with connect(server.address, viewer) as client:
        assert [job.name for job in client.jobs()] == [events.name]
        with pytest.raises(InputError, match="higher role"):
            client.anonymize(clip, tmp_path / "other.mp4")


def test_no_server_is_said_at_once(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(OutOfResources) as raised:
        connect(address).__enter__()
    assert str(raised.value) == (
        f"the server cannot be reached ({address}). Check the address, that synthaug serve runs "
        "there, and whether it speaks TLS (--tls-ca)."
    )
    for wrong in ("localhost", "http://localhost:1", "a:b", "host:99999"):
        with pytest.raises(InputError, match=r"host:port"):
            connect(wrong)
    with pytest.raises(InputError, match="one that can be read"):
        connect(address, tls=tmp_path / "none.pem")
    with pytest.raises(InputError, match="a certificate and its key"):
        connect(address, tls=TLS(certificate="a.pem"))


def test_tls_and_a_certificate(launch: Callable[..., Running], tmp_path: Path) -> None:
    certificates(tmp_path, "server", "laptop")
    words = ("serve", "tokens", "add", "--owner", "a", "--role", "viewer")
    synthaug(*words, "--certificate", "laptop", "--store", str(tmp_path / "store"))
    pem = {name: str(tmp_path / name) for name in ("server.pem", "server.key", "ca.pem")}
    server = launch(
        "--tls-cert", pem["server.pem"], "--tls-key", pem["server.key"], "--client-ca",
        pem["ca.pem"],
    )  # fmt: skip
    own = TLS(ca=pem["ca.pem"], certificate=tmp_path / "laptop.pem", key=tmp_path / "laptop.key")
    with connect(server.address, tls=own) as client:
        assert client.jobs() == []
    with pytest.raises(OutOfResources, match="TLS"):
        connect(server.address).__enter__()
    with pytest.raises(OutOfResources, match="no secure connection") as raised:
        connect(server.address, tls=TLS()).__enter__()
    assert "--tls-ca" in str(raised.value)


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        ("INVALID_ARGUMENT", "INVALID_FIELD", InputError),
        ("FAILED_PRECONDITION", "FACE_EXPOSED", ExposedFace),
        ("FAILED_PRECONDITION", "GATE_FAILED", GateFailed),
        ("FAILED_PRECONDITION", "JOB_NOT_ENDED", InputError),
        ("CANCELLED", "JOB_CANCELLED", Stopped),
        ("DATA_LOSS", "INPUT_DAMAGED", Damaged),
        ("RESOURCE_EXHAUSTED", "QUEUE_FULL", OutOfResources),
        ("INTERNAL", "INTERNAL", InternalError),
    ],
)
def test_errors_are_those_of_the_local_calls(code: str, reason: str, kind: type) -> None:
    error = error_of(Told(code, "what is wrong", reason, retry=4.6), "there:1")
    assert type(error) is kind
    assert "\n" not in str(error)
    assert str(error) == "what is wrong (there:1). Try again in 5 s."


def test_every_wrong_field_is_named() -> None:
    fields = {"alpha": "0 to 0.5", "real": "needed"}
    said = Told("INVALID_ARGUMENT", "alpha: 0 to 0.5", "INVALID_FIELD", fields=fields)
    assert str(error_of(said, "h:1")) == "alpha: 0 to 0.5; real: needed (h:1)."
