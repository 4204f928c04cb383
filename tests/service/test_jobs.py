"""Jobs as clients see them: accepted once, watched without a gap, ended, counted, deleted."""

from __future__ import annotations

import re
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, duration_pb2
from google.rpc import status_pb2
from running import Client, Running, chunks, refused

from synthaug.v1 import (
    anonymization_pb2,
    artifact_pb2,
    augmentation_pb2,
    job_pb2,
    model_pb2,
    quality_pb2,
)
from synthaug_server.engine.job_store import JobStore
from synthaug_server.engine.sqlite_jobs import SQLiteJobs
from synthaug_server.store.artifacts import Artifacts
from synthaug_server.store.audit_log import AuditLog
from synthaug_server.store.opening import open_state
from synthaug_server.store.results import Results

MEDIA = artifact_pb2.ARTIFACT_KIND_MEDIA


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test is the engine: the server keeps jobs and runs none."""
    monkeypatch.setenv("SYNTHAUG_SERVER_WITHOUT_ENGINE", "1")


@pytest.fixture
def server(launch: Callable[..., Running]) -> Running:
    return launch("--metrics-port", "0", "--sweep-seconds", "0.2")


@pytest.fixture
def client(server: Running) -> Iterator[Client]:
    with server.channel() as channel:
        yield Client(channel)


@pytest.fixture
def jobs(server: Running) -> Iterator[JobStore]:
    """The server's job store, as an engine in another process has it."""
    store = SQLiteJobs(server.store / "jobs.db")
    yield store
    store.close()


def new_id() -> str:
    return str(uuid.uuid4())


def order(client: Client, **fields: Any) -> augmentation_pb2.CreateAugmentJobRequest:
    request = augmentation_pb2.CreateAugmentJobRequest(request_id=new_id(), **fields)
    if not request.dataset.artifacts:
        request.dataset.artifacts.append(client.upload(b"tar").name)
    return request


def submit(client: Client, **fields: Any) -> Any:
    return client.augmentation.CreateAugmentJob(order(client, **fields), timeout=60)


def get(client: Client, name: str) -> Any:
    return client.operations.GetOperation(operations_pb2.GetOperationRequest(name=name), timeout=60)


def about(operation: Any) -> job_pb2.JobMetadata:
    message = job_pb2.JobMetadata()
    assert operation.metadata.Unpack(message)
    return message


def result() -> bytes:
    packed = any_pb2.Any()
    packed.Pack(augmentation_pb2.AugmentResult(summary=["well"]))
    return bytes(packed.SerializeToString())


def bare(name: str) -> str:
    return name.partition("/")[2]


def test_the_same_request_is_the_same_job(client: Client, jobs: JobStore) -> None:
    request = order(client)
    made = [client.augmentation.CreateAugmentJob(request, timeout=60) for _ in range(3)]
    assert made[0] == made[1] == made[2]
    request.request_id = request.request_id.upper()
    assert client.augmentation.CreateAugmentJob(request, timeout=60) == made[0]
    other = augmentation_pb2.CreateAugmentJobRequest()
    other.CopyFrom(request)
    other.seed = 1
    error = refused(client.augmentation.CreateAugmentJob, other)
    assert (error.code, error.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")
    kind = quality_pb2.EvaluateQualityRequest(
        request_id=request.request_id, real=request.dataset, synthetic=request.dataset
    )
    assert refused(client.quality.EvaluateQuality, kind).reason == "REQUEST_ID_REUSED"
    # Also once it has run, its inputs are gone, and even it is.
    jobs.start(bare(made[0].name))
    jobs.finish(bare(made[0].name), result())
    wait_until(lambda: gone(client, request.dataset.artifacts[0]))
    assert client.augmentation.CreateAugmentJob(request, timeout=60).done
    client.operations.DeleteOperation(
        operations_pb2.DeleteOperationRequest(name=made[0].name), timeout=60
    )
    assert refused(client.augmentation.CreateAugmentJob, request).reason == "OPERATION_DELETED"
    assert [one.attempts for one in jobs.list(None, limit=10)] == []


def test_of_many_calls_at_once_one_makes_the_job(
    client: Client, server: Running, jobs: JobStore
) -> None:
    request = order(client)
    names: list[str] = []

    def call() -> None:
        with server.channel() as channel:
            made = Client(channel).augmentation.CreateAugmentJob(request, timeout=60)
            names.append(made.name)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(names) == 8
    assert len(set(names)) == 1
    assert len(jobs.list(None, limit=10)) == 1
    assert jobs.counts()["augment"].accepted == 1


def gone(client: Client, artifact: str) -> bool:
    request = artifact_pb2.GetArtifactRequest(name=artifact)
    try:
        client.artifacts.GetArtifact(request, timeout=60)
    except grpc.RpcError as error:
        return error.code() is grpc.StatusCode.NOT_FOUND
    return False


def wait_until(holds: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_trying_starts_nothing(client: Client, jobs: JobStore) -> None:
    request = order(client, validate_only=True)
    tried = client.augmentation.CreateAugmentJob(request, timeout=60)
    assert tried.name == ""
    assert about(tried).kind == job_pb2.JOB_KIND_AUGMENT
    assert jobs.list(None, limit=10) == []
    request.dataset.artifacts[0] = "artifacts/" + "a" * 26
    assert refused(client.augmentation.CreateAugmentJob, request).code == "NOT_FOUND"


def test_everything_wrong_is_told_at_once(client: Client) -> None:
    wrong = augmentation_pb2.CreateAugmentJobRequest(request_id="1", size=17, recipe="../x")
    wrong.budget.images = -1
    wrong.target_counts.classes.targets["../../etc/passwd"].count = -4
    wrong.groups.pattern = "("
    wrong.dataset.artifacts.extend(["/etc/passwd", "artifacts/../x"])
    error = refused(client.augmentation.CreateAugmentJob, wrong)
    assert (error.code, error.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
    assert set(error.fields) == {
        "request_id", "size", "recipe", "budget.images", "groups.pattern",
        "target_counts.classes.targets[0]", "target_counts.classes.targets[0].count",
        "dataset.artifacts[0]", "dataset.artifacts[1]",
    }  # fmt: skip
    assert "passwd" not in str(error)

    media = anonymization_pb2.CreateAnonymizeJobRequest(
        request_id=new_id(), media="x", keep=["artifacts/x"], only=["y"], smallest=-1, rung=9,
        between=[anonymization_pb2.TimeSpan(
            start=duration_pb2.Duration(seconds=5), end=duration_pb2.Duration(seconds=4))],
        zones=[anonymization_pb2.Zone(left=float("nan"), top=2, width=0, height=1)],
    )  # fmt: skip
    error = refused(client.anonymization.CreateAnonymizeJob, media)
    assert set(error.fields) == {
        "media", "keep[0]", "only[0]", "only", "smallest", "rung", "between[0].end",
        "zones[0].left", "zones[0].top", "zones[0].width",
    }  # fmt: skip

    judge = quality_pb2.EvaluateQualityRequest(request_id=new_id(), alpha=2)
    judge.train_groups.pattern = "x"
    error = refused(client.quality.EvaluateQuality, judge)
    assert set(error.fields) == {"real.artifacts", "synthetic.artifacts", "train_groups", "alpha"}


def test_an_artifact_must_be_what_the_field_wants(client: Client) -> None:
    video = client.upload(b"mp4", MEDIA).name
    request = order(client)
    request.dataset.artifacts[0] = video
    error = refused(client.augmentation.CreateAugmentJob, request)
    assert (error.reason, set(error.fields)) == ("ARTIFACT_KIND", {"dataset.artifacts[0]"})
    made = client.anonymization.CreateAnonymizeJob(
        anonymization_pb2.CreateAnonymizeJobRequest(request_id=new_id(), media=video), timeout=60
    )
    assert about(made).kind == job_pb2.JOB_KIND_ANONYMIZE
    delete = artifact_pb2.DeleteArtifactRequest(name=video)
    assert refused(client.artifacts.DeleteArtifact, delete).reason == "ARTIFACT_IN_USE"


def test_an_unfinished_upload_is_no_input(client: Client) -> None:
    name = client.start(b"12345").name
    client.artifacts.WriteChunks(chunks(name, b"12345", finish=False), timeout=60)
    request = order(client)
    request.dataset.artifacts[0] = name.replace("uploads", "artifacts")
    assert refused(client.augmentation.CreateAugmentJob, request).code == "NOT_FOUND"


def test_a_watch_resumes_without_a_gap(client: Client, jobs: JobStore) -> None:
    name = submit(client).name
    seen: list[Any] = []

    def watch(after: int, count: int) -> None:
        stream = client.jobs.WatchJob(
            job_pb2.WatchJobRequest(name=name, after_sequence=after), timeout=60
        )
        for answer in stream:
            seen.append(answer.event)
            if len(seen) == count:
                stream.cancel()
                return

    watch(0, 1)
    assert seen[0].state == job_pb2.JOB_STATE_QUEUED
    jobs.start(bare(name))
    for done in range(5):
        jobs.report(
            bare(name), progress=job_pb2.Progress(phase="train", done=done).SerializeToString()
        )
    jobs.report(bare(name), warning="30 real images: a GAN may not help")
    jobs.report(bare(name), progress=job_pb2.Progress(phase="draw", done=1).SerializeToString())
    watch(seen[-1].sequence, 3)
    jobs.finish(bare(name), result())
    watch(seen[-1].sequence, 100)
    sequences = [event.sequence for event in seen]
    assert sequences == sorted(set(sequences))
    kinds = [event.WhichOneof("event") for event in seen]
    assert kinds == ["state", "state", "progress", "warning", "progress", "state"]
    assert seen[2].progress.done == 4  # the newest of five that nobody had seen
    assert seen[-1].state == job_pb2.JOB_STATE_SUCCEEDED
    assert seen[-1].sequence == about(get(client, name)).last_sequence


def test_a_watch_tells_each_step_before_the_next(client: Client, jobs: JobStore) -> None:
    """Nothing has to end, and nothing else has to happen, before an event is told."""
    name = submit(client).name
    stream = client.jobs.WatchJob(job_pb2.WatchJobRequest(name=name), timeout=60)
    next(stream)
    jobs.start(bare(name))
    next(stream)
    for done in range(10):
        jobs.report(bare(name), progress=job_pb2.Progress(done=done).SerializeToString())
        assert next(stream).event.progress.done == done
    stream.cancel()


def test_waiting_gives_the_job_as_it_stands(client: Client, jobs: JobStore) -> None:
    name = submit(client).name
    request = operations_pb2.WaitOperationRequest(
        name=name, timeout=duration_pb2.Duration(nanos=100_000_000)
    )
    assert not client.operations.WaitOperation(request, timeout=60).done
    # A caller with little time gets an answer, not DEADLINE_EXCEEDED.
    request.timeout.seconds = 1000
    assert not client.operations.WaitOperation(request, timeout=2).done

    def engine() -> None:
        jobs.start(bare(name))
        time.sleep(0.2)
        jobs.finish(bare(name), result())

    thread = threading.Thread(target=engine)
    thread.start()
    done = client.operations.WaitOperation(request, timeout=60)
    thread.join()
    found = augmentation_pb2.AugmentResult()
    assert done.response.Unpack(found)
    assert found.summary == ["well"]
    assert about(done).state == job_pb2.JOB_STATE_SUCCEEDED


def test_a_failed_job_tells_why(client: Client, jobs: JobStore) -> None:
    name = submit(client).name
    jobs.start(bare(name))
    jobs.fail(bare(name), status_pb2.Status(code=9, message="gate").SerializeToString())
    assert not jobs.finish(bare(name), result())  # the first end counts
    operation = get(client, name)
    assert operation.done
    assert (operation.error.code, operation.error.message) == (9, "gate")
    events = [
        answer.event.WhichOneof("event")
        for answer in client.jobs.WatchJob(job_pb2.WatchJobRequest(name=name), timeout=60)
    ]
    assert events == ["state", "state", "error", "state"]


def test_cancelling(client: Client, jobs: JobStore) -> None:
    waiting, running, ended = (submit(client).name for _ in range(3))
    jobs.start(bare(running))
    jobs.start(bare(ended))
    jobs.finish(bare(ended), result())
    for name in (waiting, running, ended):
        for _ in range(2):
            client.operations.CancelOperation(
                operations_pb2.CancelOperationRequest(name=name), timeout=60
            )
    assert get(client, waiting).error.code == grpc.StatusCode.CANCELLED.value[0]
    assert jobs.start(bare(waiting)) is None
    assert about(get(client, running)).cancel_requested
    assert not get(client, running).done
    assert jobs.report(bare(running), warning="still here") is False
    assert jobs.end_cancelled(bare(running))
    assert about(get(client, running)).state == job_pb2.JOB_STATE_CANCELLED
    assert get(client, ended).WhichOneof("result") == "response"


def test_pages_hold_every_job_once(client: Client, jobs: JobStore) -> None:
    names = [submit(client).name for _ in range(7)]
    for name in names[::2]:
        jobs.start(bare(name))
        jobs.finish(bare(name), result())

    def listed(**fields: Any) -> list[str]:
        found, request = [], operations_pb2.ListOperationsRequest(**fields)
        while True:
            page = client.operations.ListOperations(request, timeout=60)
            found += [one.name for one in page.operations]
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    assert listed(name="operations", page_size=2) == names[::-1]
    assert listed(page_size=10_000) == names[::-1]
    assert listed(page_size=1, filter="done=true") == names[::2][::-1]
    assert listed(page_size=1, filter="done = false") == names[1::2][::-1]
    call = client.operations.ListOperations
    wrong = operations_pb2.ListOperationsRequest(filter="owner=x", name="operations/..")
    assert set(refused(call, wrong).fields) == {"filter", "name"}
    assert set(refused(call, operations_pb2.ListOperationsRequest(page_size=-1)).fields) == {
        "page_size"
    }
    first = call(operations_pb2.ListOperationsRequest(page_size=1), timeout=60)
    other = operations_pb2.ListOperationsRequest(
        page_token=first.next_page_token, filter="done=true"
    )
    assert set(refused(call, other).fields) == {"page_token"}


def test_a_full_queue_says_when_to_come_again(
    launch: Callable[..., Running], tmp_path: Path
) -> None:
    running = launch("--queue", "3", "--owner-jobs", "5", store=tmp_path / "small")
    jobs = SQLiteJobs(running.store / "jobs.db")
    with running.channel() as channel:
        client = Client(channel)
        names = [submit(client).name for _ in range(3)]
        error = refused(client.augmentation.CreateAugmentJob, order(client))
        assert (error.code, error.reason) == ("RESOURCE_EXHAUSTED", "QUEUE_FULL")
        assert error.retry is not None
        # A repeated call is answered all the same: its job is in.
        for name in names:
            jobs.start(bare(name))
        names += [submit(client).name for _ in range(2)]
        error = refused(client.augmentation.CreateAugmentJob, order(client))
        assert (error.code, error.reason) == ("RESOURCE_EXHAUSTED", "JOBS_QUOTA")
        # What was refused holds nothing.
        held = open_state(running.store)
        assert held.row("SELECT COUNT(DISTINCT operation) AS n FROM uses")["n"] == 5  # type: ignore[index]
        held.close()
    jobs.close()


def test_inputs_go_after_success_and_stay_otherwise(client: Client, jobs: JobStore) -> None:
    ends: dict[str, Callable[[str], object]] = {
        "succeeds": lambda job: jobs.finish(job, result()),
        "keeps": lambda job: jobs.finish(job, result()),
        "fails": lambda job: jobs.fail(job, status_pb2.Status(code=13).SerializeToString()),
        "cancelled": jobs.end_cancelled,
    }
    artifacts = {}
    for name, end in ends.items():
        request = order(client, keep_inputs=name == "keeps")
        artifacts[name] = request.dataset.artifacts[0]
        job = bare(client.augmentation.CreateAugmentJob(request, timeout=60).name)
        jobs.start(job)
        end(job)
    wait_until(lambda: gone(client, artifacts["succeeds"]))
    time.sleep(2)
    assert [name for name in ends if gone(client, artifacts[name])] == ["succeeds"]
    receipt = client.artifacts.DeleteArtifact(
        artifact_pb2.DeleteArtifactRequest(name=artifacts["succeeds"]), timeout=60
    ).receipt
    assert receipt.reason == artifact_pb2.DELETION_REASON_JOB_DONE


def test_deleting_a_job_deletes_what_it_made(
    client: Client, server: Running, jobs: JobStore, tmp_path: Path
) -> None:
    name = submit(client).name
    delete = operations_pb2.DeleteOperationRequest(name=name)
    assert refused(client.operations.DeleteOperation, delete).reason == "JOB_NOT_ENDED"
    jobs.start(bare(name))
    database, audit = open_state(server.store), AuditLog(server.store)
    kept = Artifacts(server.store, database, audit, ttl_seconds=1000)
    results = Results(database, ttl_seconds=1000)
    made = tmp_path / "generator.tar"
    made.write_bytes(b"weights")
    blob = kept.adopt("local", artifact_pb2.ARTIFACT_KIND_MODEL, bare(name), "model", made)
    facts = model_pb2.Model(
        artifact=f"artifacts/{blob.id}", classes=["crack"], resolution=32, channels=3,
        sha256=bytes(32), card="# card",
    )  # fmt: skip
    model = results.add_model("local", bare(name), facts)
    report = results.add_report("local", bare(name), quality_pb2.Report(space="pixels"))
    jobs.finish(bare(name), result())

    found = client.models.GetModel(model_pb2.GetModelRequest(name=model), timeout=60).model
    assert (found.card, found.available, found.operation) == ("# card", True, name)
    asked = model_pb2.ListModelsRequest(kind=model_pb2.MODEL_KIND_GENERATOR)
    assert [one.name for one in client.models.ListModels(asked, timeout=60).models] == [model]
    got = client.quality.GetReport(quality_pb2.GetReportRequest(name=report), timeout=60).report
    assert (got.space, got.operation) == ("pixels", name)
    draw = augmentation_pb2.SampleImagesRequest(model=model, class_name="other")
    assert refused(client.augmentation.SampleImages, draw).reason == "CLASS_UNKNOWN"

    client.operations.DeleteOperation(delete, timeout=60)
    assert (
        refused(client.operations.GetOperation, operations_pb2.GetOperationRequest(name=name)).code
        == "NOT_FOUND"
    )
    assert (
        refused(client.models.GetModel, model_pb2.GetModelRequest(name=model)).code == "NOT_FOUND"
    )
    assert (
        refused(client.quality.GetReport, quality_pb2.GetReportRequest(name=report)).code
        == "NOT_FOUND"
    )
    assert gone(client, f"artifacts/{blob.id}")
    assert not kept.file(blob.id).exists()
    database.close()
    audit.close()


def test_old_jobs_go_with_what_they_made(launch: Callable[..., Running], tmp_path: Path) -> None:
    running = launch("--ttl-seconds", "2", "--sweep-seconds", "0.2", store=tmp_path / "short")
    jobs = SQLiteJobs(running.store / "jobs.db")
    with running.channel() as channel:
        client = Client(channel)
        ended, live = submit(client).name, submit(client).name
        jobs.start(bare(ended))
        jobs.finish(bare(ended), result())
        wait_until(lambda: jobs.get(bare(ended)) is None)
        assert not get(client, live).done  # what has not ended is not old
    jobs.close()


def test_models_of_the_server_are_listed_in_pages(client: Client) -> None:
    everything = client.models.ListModels(model_pb2.ListModelsRequest(), timeout=60).models
    found, request = [], model_pb2.ListModelsRequest(page_size=1)
    while True:
        page = client.models.ListModels(request, timeout=60)
        found += page.models
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert found == list(everything)
    assert "models/yunet" in {model.name for model in found}
    card = client.models.GetModel(model_pb2.GetModelRequest(name="models/yunet"), timeout=60).model
    assert "licence: MIT" in card.card or "licence: Apache-2.0" in card.card


def test_counters_add_up(client: Client, server: Running, jobs: JobStore) -> None:
    ends = [
        lambda job: jobs.finish(job, result()),
        lambda job: jobs.fail(job, status_pb2.Status(code=13).SerializeToString()),
        jobs.end_cancelled,
        lambda job: None,
    ]
    for index in range(9):
        job = bare(submit(client).name)
        jobs.start(job)
        ends[index % 4](job)
    with urllib.request.urlopen(f"http://{server.metrics}/metrics", timeout=60) as answer:
        text = answer.read().decode()

    def number(name: str) -> float:
        return sum(
            float(value)
            for value in re.findall(rf"^{name}(?:_total)?(?:\{{.*\}})? (\S+)$", text, re.M)
        )

    parts = [number(f"synthaug_jobs_{name}") for name in ("succeeded", "failed", "cancelled")]
    assert number("synthaug_jobs_accepted") == 9
    assert parts == [3, 2, 2]
    assert number("synthaug_jobs_queue_seconds") > 0
    assert number("synthaug_calls_in_flight") == 0
    assert number("synthaug_uploaded_bytes") == 9 * 3
    assert (
        'synthaug_calls_total{code="OK",method="/synthaug.v1.ArtifactService/StartUpload"} 9.0'
        in text
    )
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://{outside()}:{server.metrics.rpartition(':')[2]}", timeout=5)


def outside() -> str:
    """An address of this machine that is not loopback."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no other address")
        return str(probe.getsockname()[0])


def test_accepted_jobs_outlive_kill_9(launch: Callable[..., Running], tmp_path: Path) -> None:
    store = tmp_path / "killed"
    running = launch(store=store)
    accepted: list[str] = []
    with running.channel() as channel:
        client = Client(channel)
        artifact = client.upload(b"tar").name
        killer = threading.Timer(0.5, running.process.kill)
        killer.start()
        try:
            while len(accepted) < 30:
                request = augmentation_pb2.CreateAugmentJobRequest(request_id=new_id())
                request.dataset.artifacts.append(artifact)
                accepted.append(client.augmentation.CreateAugmentJob(request, timeout=30).name)
        except grpc.RpcError:
            pass
        killer.join()
    running.kill()
    running = launch(store=store)
    with running.channel() as channel:
        client = Client(channel)
        listed = client.operations.ListOperations(
            operations_pb2.ListOperationsRequest(page_size=500), timeout=60
        )
        assert accepted
        assert set(accepted) <= {one.name for one in listed.operations}


def test_a_drain_lets_watchers_go_and_says_when_to_come_again(
    launch: Callable[..., Running], tmp_path: Path
) -> None:
    running = launch("--drain-grace", "600", store=tmp_path / "drained")
    with running.channel() as channel:
        client = Client(channel)
        name = submit(client).name
        stream = client.jobs.WatchJob(job_pb2.WatchJobRequest(name=name), timeout=120)
        next(stream)
        running.terminate()
        error = refused(lambda **named: list(stream))
        assert (error.code, error.reason) == ("UNAVAILABLE", "DRAINING")
        assert error.retry is not None
    # Nobody holds it up any longer: its ten minutes of grace are not waited for.
    assert running.wait(300) == 0
