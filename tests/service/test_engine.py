"""Jobs that the engine runs: the local call's answer, cancelling, the death of any process."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import sqlite3
import tarfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from cluster import postgres
from google.longrunning import operations_pb2
from PIL import Image
from running import Client, Running

import synthaug
from synthaug.v1 import (
    anonymization_pb2,
    artifact_pb2,
    augmentation_pb2,
    dataset_pb2,
    job_pb2,
    quality_pb2,
)
from synthaug_server.engine.engine import locked

Film = Callable[[Path, int], Path]
ENDED = ("JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED")


def picture(seed: int, shade: int) -> bytes:
    """A small PNG: noise around a shade."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(shade, 20, (16, 16)).clip(0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def members(counts: dict[str, int], seed: int = 0) -> dict[str, bytes]:
    """Names to pictures of class folders."""
    return {
        f"{name}/{index:03d}.png": picture(seed * 10_000 + label * 1000 + index, 60 + 90 * label)
        for label, (name, count) in enumerate(counts.items())
        for index in range(count)
    }


def tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(data)
            archive.addfile(about, io.BytesIO(data))
    return out.getvalue()


def written(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def dataset(client: Client, files: dict[str, bytes]) -> dataset_pb2.Dataset:
    return dataset_pb2.Dataset(artifacts=[client.upload(tar(files)).name])


def evaluation(client: Client, count: int = 24, **named: Any) -> quality_pb2.EvaluateQualityRequest:
    """A request for a small evaluation; its sets are uploaded."""
    real, made = (dataset(client, members({"dark": count, "light": count}, n)) for n in (1, 2))
    return quality_pb2.EvaluateQualityRequest(
        request_id=str(uuid.uuid4()), real=real, synthetic=made, **named
    )


def quick(client: Client) -> str:
    """A job that a child ends within a moment: its set cannot be used."""
    request = augmentation_pb2.CreateAugmentJobRequest(request_id=str(uuid.uuid4()))
    bad = {f"a/{n}.png": b"no picture" for n in range(20)} | {"../out.png": b""}
    request.dataset.CopyFrom(dataset(client, bad))
    return str(client.augmentation.CreateAugmentJob(request, timeout=60).name)


def endless(client: Client) -> str:
    """A job that would train for an hour."""
    request = augmentation_pb2.CreateAugmentJobRequest(request_id=str(uuid.uuid4()), size=16)
    request.dataset.CopyFrom(dataset(client, members({"dark": 60, "light": 30})))
    request.budget.time.FromSeconds(3600)
    return str(client.augmentation.CreateAugmentJob(request, timeout=60).name)


def get(client: Client, name: str) -> tuple[Any, job_pb2.JobMetadata]:
    operation = client.operations.GetOperation(
        operations_pb2.GetOperationRequest(name=name), timeout=60
    )
    about = job_pb2.JobMetadata()
    assert operation.metadata.Unpack(about)
    return operation, about


def until(holds: Callable[[], bool], seconds: float = 240.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def ended(client: Client, name: str) -> tuple[Any, job_pb2.JobMetadata]:
    until(lambda: get(client, name)[0].done)
    return get(client, name)


def watched(client: Client, name: str, after: int = 0) -> list[job_pb2.JobEvent]:
    """All events of a job, to its end."""
    request = job_pb2.WatchJobRequest(name=name, after_sequence=after)
    return [part.event for part in client.jobs.WatchJob(request, timeout=300)]


def below(process: int) -> list[int]:
    """The processes that a process started and that still run, theirs too."""
    found = []
    try:
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *below(int(child))]
    except OSError:
        pass
    return found


def running(server: Running, module: str) -> list[int]:
    """Processes of a server that run a module."""

    def runs(process: int) -> bool:
        try:
            return f"\0{module}\0" in Path(f"/proc/{process}/cmdline").read_text()
        except OSError:
            return False

    return [process for process in below(server.process.pid) if runs(process)]


ENGINE, CHILD = "synthaug_server.engine", "synthaug_server.engine.child"


def kill(processes: list[int]) -> None:
    for process in processes:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue


def test_an_evaluation_is_the_local_one(client: Client, server: Running, tmp_path: Path) -> None:
    operation = client.quality.EvaluateQuality(evaluation(client, seed=5), timeout=60)
    events = watched(client, operation.name)
    states = [job_pb2.JobState.Name(e.state) for e in events if e.WhichOneof("event") == "state"]
    assert states == ["JOB_STATE_QUEUED", "JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED"], events
    assert [e.sequence for e in events] == sorted({e.sequence for e in events})
    done, about = get(client, operation.name)
    assert about.attempts == 1
    result = quality_pb2.EvaluateResult()
    assert done.response.Unpack(result)
    report = client.quality.GetReport(
        quality_pb2.GetReportRequest(name=result.report), timeout=60
    ).report
    assert report.operation == operation.name
    assert list(report.verdicts) == list(result.verdicts)
    local = synthaug.evaluate(
        written(tmp_path / "real", members({"dark": 24, "light": 24}, 1)),
        written(tmp_path / "made", members({"dark": 24, "light": 24}, 2)),
        seed=5,
    )
    assert [(v.gate, v.scope) for v in report.verdicts] == [
        (v.gate, v.scope) for v in local.verdicts
    ]
    for scope in report.metrics:
        here = {k: v for k, v in local.metrics[scope.scope].items() if v is not None}
        assert dict(scope.values) == pytest.approx(here)
    # Nothing of the job is left but what it gave; its inputs are deleted.
    assert not list((server.store / "work").iterdir())


@pytest.mark.parametrize(
    "counts",
    [{"dark": 14, "light": 8}, pytest.param({"dark": 40, "light": 24}, marks=pytest.mark.slow)],
    ids=["classical", "gan"],
)
def test_an_augmentation_gives_the_local_bytes(
    counts: dict[str, int], client: Client, server: Running, tmp_path: Path
) -> None:
    files = members(counts)
    request = augmentation_pb2.CreateAugmentJobRequest(
        request_id=str(uuid.uuid4()), dataset=dataset(client, files), size=16, seed=3
    )
    request.budget.images = 256
    request.target_counts.balance = True
    name = client.augmentation.CreateAugmentJob(request, timeout=60).name
    events = watched(client, name)
    assert [e for e in events if e.WhichOneof("event") == "progress"]
    done, _ = get(client, name)
    result = augmentation_pb2.AugmentResult()
    assert done.response.Unpack(result), done
    with tarfile.open(fileobj=io.BytesIO(client.read(result.artifact))) as archive:
        got = {m.name: archive.extractfile(m).read() for m in archive}  # type: ignore[union-attr]
    local = tmp_path / "out"
    synthaug.augment(
        written(tmp_path / "dataset", files), "balance", size=16, seed=3, budget="256 images",
        out=local,
    )  # fmt: skip
    here = {
        f.relative_to(local).as_posix(): f.read_bytes()
        for f in (local / "synthetic").rglob("*.png")
    }
    assert here
    assert {k: v for k, v in got.items() if k.startswith("synthetic/")} == here
    assert got["verdicts.json"] == (local / "verdicts.json").read_bytes()
    assert [c.class_name for c in result.classes] == ["dark", "light"]
    # No place on this machine leaves it.
    assert not [n for n, data in got.items() if str(server.store).encode() in data]
    if result.model:
        sample = augmentation_pb2.SampleImagesRequest(
            model=result.model, class_name="light", count=2
        )
        assert len(client.augmentation.SampleImages(sample, timeout=240).images) == 2


@pytest.mark.slow  # half a minute: planned, drawn and audited twice
def test_an_anonymized_clip_is_the_local_one(
    client: Client, server: Running, moving_face: Film, tmp_path: Path
) -> None:
    source = moving_face(tmp_path / "clip.mp4", 5)
    media = client.upload(source.read_bytes(), artifact_pb2.ARTIFACT_KIND_MEDIA).name
    request = anonymization_pb2.CreateAnonymizeJobRequest(
        request_id=str(uuid.uuid4()), media=media, seed=3
    )
    name = client.anonymization.CreateAnonymizeJob(request, timeout=60).name
    done, _ = ended(client, name)
    result = anonymization_pb2.AnonymizeResult()
    assert done.response.Unpack(result), done
    local = tmp_path / "local.mp4"
    synthaug.anonymize(source, local, seed=3)
    assert client.read(result.media) == local.read_bytes()
    assert (result.frames, result.tracks) == (5, 1)
    assert sum(one.faces for one in result.replaced) == 5
    assert {v.gate for v in result.verdicts} >= {"open", "identity"}
    # The salt, with which faces could be linked to people, is gone with the job's folder.
    plan = client.read(result.plan).decode()
    assert "salt" not in plan
    assert not [f for f in server.store.rglob("*") if "salt" in f.name]


def test_a_set_that_cannot_be_used_fails_the_job(client: Client, server: Running) -> None:
    operation, about = ended(client, quick(client))
    assert job_pb2.JobState.Name(about.state) == "JOB_STATE_FAILED"
    assert operation.error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert str(server.store) not in str(operation.error)
    # Its folder goes when the job has been told to have failed.
    until(lambda: not list((server.store / "work").iterdir()), 5)
    assert not list(server.store.rglob("out.png"))


def test_a_cancelled_job_stops_and_leaves_nothing(client: Client, server: Running) -> None:
    name = endless(client)
    until(lambda: get(client, name)[1].progress.phase == "train")
    assert running(server, CHILD)
    client.operations.CancelOperation(operations_pb2.CancelOperationRequest(name=name), timeout=60)
    operation, about = ended(client, name)
    assert job_pb2.JobState.Name(about.state) == "JOB_STATE_CANCELLED"
    assert operation.error.code == grpc.StatusCode.CANCELLED.value[0]
    until(lambda: not running(server, CHILD), 5)
    until(lambda: not list((server.store / "work").iterdir()), 5)
    made = client.artifacts.ListArtifacts(artifact_pb2.ListArtifactsRequest(page_size=500))
    assert not [one for one in made.artifacts if one.operation == name]


def test_a_job_that_kills_its_worker_is_not_tried_for_ever(
    launch: Callable[..., Running],
) -> None:
    server = launch()
    with server.channel() as channel:
        client = Client(channel)
        name = endless(client)
        while not get(client, name)[0].done:
            kill(running(server, CHILD))
            time.sleep(0.05)
        operation, about = get(client, name)
        assert about.attempts == 4
        told = str(operation.error)
        assert "WORKER_DIED" in told
        assert "SIGKILL" in told
        assert about.request_id in told
        warned = [e.warning for e in watched(client, name) if e.WhichOneof("event") == "warning"]
        assert len(warned) == 3
        # The engine and the server have not noticed anything.
        assert ended(client, quick(client))
        assert server.process.poll() is None


def counters(store: Path) -> dict[str, tuple[int, ...]]:
    with sqlite3.connect(store / "jobs.db") as jobs:
        rows = jobs.execute("SELECT kind, accepted, succeeded, failed, cancelled FROM counts")
        return {row[0]: tuple(row[1:]) for row in rows}


@pytest.mark.parametrize("rounds", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_no_job_is_lost_or_done_twice_whatever_is_killed(
    rounds: int, launch: Callable[..., Running]
) -> None:
    rng = random.Random(rounds)
    names: list[str] = []
    # Killed within a moment, jobs heap up over the rounds.
    room = ("--owner-jobs", "100")
    server = launch(*room)
    for round_ in range(rounds):
        with server.channel() as channel:
            client = Client(channel)
            names += [quick(client) for _ in range(3)]
            # Long enough for a child to be at work; seldom in the quick suite.
            time.sleep(rng.random() * (8 if rounds > 3 or not round_ else 0.3))
        victim = ("front", "engine", "worker", "all")[round_ % 4]
        if victim == "engine":
            kill(running(server, ENGINE))
        elif victim == "worker":
            kill(running(server, CHILD))
        else:
            others = below(server.process.pid)
            server.kill()
            if victim == "all":
                kill(others)
            # Whoever lives on ends with its parent.
            until(lambda gone=others: not any(map(alive, gone)), 10)
            server = launch(*room)
    with server.channel() as channel:
        client = Client(channel)
        for name in names:
            _, about = ended(client, name)
            assert job_pb2.JobState.Name(about.state) == "JOB_STATE_FAILED"
            events = watched(client, name)
            ends = [
                e for e in events
                if e.WhichOneof("event") == "state" and job_pb2.JobState.Name(e.state) in ENDED
            ]  # fmt: skip
            assert len(ends) == 1
            assert [e.sequence for e in events] == sorted({e.sequence for e in events})
    accepted, succeeded, failed, cancelled = counters(server.store)["augment"]
    assert accepted == len(names) == succeeded + failed + cancelled


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_running_job_goes_on_after_a_restart(launch: Callable[..., Running]) -> None:
    """Stopped in good order: given back, and not counted as an attempt."""
    server = launch("--drain-grace", "1")
    with server.channel() as channel:
        client = Client(channel)
        name = endless(client)
        until(lambda: get(client, name)[1].progress.phase == "train")
    server.stop()
    server = launch("--drain-grace", "1")
    with server.channel() as channel:
        client = Client(channel)
        until(lambda: get(client, name)[1].progress.phase == "train" and running(server, CHILD))
        assert get(client, name)[1].attempts == 1
        client.operations.CancelOperation(operations_pb2.CancelOperationRequest(name=name))
        _, about = ended(client, name)
        assert job_pb2.JobState.Name(about.state) == "JOB_STATE_CANCELLED"


def test_jobs_in_postgresql(launch: Callable[..., Running]) -> None:
    pytest.importorskip("psycopg", reason="needs synthaug[server]")
    with postgres() as address:
        server = launch("--jobs", address)
        with server.channel() as channel:
            client = Client(channel)
            names = [quick(client) for _ in range(3)]
            until(lambda: any(get(client, name)[1].attempts for name in names))
            kill(running(server, ENGINE))
            for name in names:
                _, about = ended(client, name)
                assert job_pb2.JobState.Name(about.state) == "JOB_STATE_FAILED"
        server.stop()
        assert not (server.store / "jobs.db").exists()
        # The password of the address stands in no list of processes and in no log.
        assert address not in server.errors.read_text()


def test_one_engine_a_store(tmp_path: Path) -> None:
    first = locked(tmp_path, 0.0)
    assert first is not None
    assert locked(tmp_path, 0.1) is None
    os.close(first)
    again = locked(tmp_path, 0.0)
    assert again is not None
    os.close(again)


def test_logs_hold_no_names_and_no_paths(client: Client, server: Running) -> None:
    ended(client, quick(client))
    for file in (server.store / "workers.log", server.errors):
        text = file.read_text()
        assert str(server.store) not in text
        assert "no picture" not in text
        for line in text.splitlines():
            json.loads(line)
