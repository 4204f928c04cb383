"""Sixteen clients for ten minutes: nothing grows, nothing is lost, nothing stays behind.

SYNTHAUG_SOAK_SECONDS makes it another time.
"""

from __future__ import annotations

import io
import os
import re
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import grpc
import numpy as np
import pytest
from google.longrunning import operations_pb2
from PIL import Image
from running import Client, Running, told
from test_engine import ENGINE, below, ended, quick, running, until, watched
from test_sampling import asked, plant, tiny, workers

from synthaug.v1 import (
    anonymization_pb2,
    artifact_pb2,
    augmentation_pb2,
    media_pb2,
    model_pb2,
)

SECONDS = float(os.environ.get("SYNTHAUG_SOAK_SECONDS", "600"))
CLIENTS = 16
MIB = 1 << 20


def grey() -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(out, "PNG")
    return out.getvalue()


class Traffic:
    """What one client does, again and again; each deed is counted once it has ended."""

    def __init__(self, server: Running, model: str, number: int) -> None:
        self.channel = server.channel()
        self.client = Client(self.channel)
        self.model, self.number = model, number
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.jobs: list[str] = []
        self.wrong: list[BaseException] = []

    def run(self, until_: float) -> None:
        deeds = [self.draw, self.leave, self.store, self.look, self.ask_nonsense]
        # Jobs and faces take a processor for a second each: a few clients are enough of them.
        deeds += [self.order] if self.number < 2 else [self.hide] if self.number < 4 else []
        turn = self.number
        try:
            while time.monotonic() < until_:
                deed = deeds[turn % len(deeds)]
                turn += 1
                try:
                    deed()
                    self.done[deed.__name__] += 1
                except grpc.RpcError as error:
                    self.refused[told(error).reason] += 1
        except BaseException as error:  # told to the test's own thread
            self.wrong.append(error)
        finally:
            self.channel.close()

    def draw(self) -> None:
        answer = self.client.augmentation.SampleImages(asked(self.model, count=4), timeout=120)
        assert len(answer.images) == 4

    def leave(self) -> None:
        request = augmentation_pb2.StreamSamplesRequest(
            model=self.model, class_name="dark", count=1_000_000,
            format=media_pb2.IMAGE_FORMAT_RGB8,
        )  # fmt: skip
        stream = self.client.augmentation.StreamSamples(request)
        for _ in range(5):
            next(stream)
        stream.cancel()

    def store(self) -> None:
        data = os.urandom(300_000)
        name = self.client.upload(data).name
        assert self.client.read(name) == data
        self.client.artifacts.DeleteArtifact(
            artifact_pb2.DeleteArtifactRequest(name=name), timeout=120
        )

    def look(self) -> None:
        self.client.models.ListModels(model_pb2.ListModelsRequest(), timeout=120)
        self.client.operations.ListOperations(
            operations_pb2.ListOperationsRequest(page_size=20), timeout=120
        )

    def ask_nonsense(self) -> None:
        with pytest.raises(grpc.RpcError) as error:
            self.client.models.GetModel(model_pb2.GetModelRequest(name="models/../x"), timeout=120)
        assert told(error.value).code == "INVALID_ARGUMENT"

    def order(self) -> None:
        name = quick(self.client)
        self.jobs.append(name)
        watched(self.client, name)

    def hide(self) -> None:
        request = anonymization_pb2.AnonymizeImageRequest(
            image=media_pb2.Image(data=grey(), format=media_pb2.IMAGE_FORMAT_PNG)
        )
        self.client.anonymization.AnonymizeImage(request, timeout=240)


def own(process: int) -> int:
    """Bytes of a process that are in no file: pages of libraries are shared with who comes by."""
    text = Path(f"/proc/{process}/status").read_text()
    return int(text.split("RssAnon:")[1].split()[0]) * 1024


def measured(server: Running) -> dict[str, int]:
    """Bytes, and open files of the front, by what it is."""
    front = server.process.pid
    found = {"front": own(front), "files": len(list(Path(f"/proc/{front}/fd").iterdir()))}
    found["engine"] = sum(map(own, running(server, ENGINE)))
    for name in ("drawing", "hiding"):
        found[name] = max(map(own, workers(server, f"workers.{name}")), default=0)
    return found


def metric(server: Running, name: str) -> float:
    with urllib.request.urlopen(f"http://{server.metrics}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    found = re.findall(rf"^{name}(?:_total)?(?:{{.*}})? (\S+)$", text, re.M)
    return sum(map(float, found))


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 900)
def test_nothing_grows(launch: Callable[..., Running], tmp_path: Path) -> None:
    server = launch("--metrics-port", "0", "--sweep-seconds", "1", "--owner-jobs", "1000")
    (tmp_path / "m").mkdir()
    model = plant(server, tiny(), tmp_path / "m", "planted")
    end = time.monotonic() + SECONDS
    all_ = [Traffic(server, model, number) for number in range(CLIENTS)]
    threads = [threading.Thread(target=one.run, args=(end,)) for one in all_]
    for thread in threads:
        thread.start()
    # Everything has been asked for often by then: what is kept on purpose is there.
    time.sleep(SECONDS / 3)
    early = measured(server)
    for thread in threads:
        thread.join(600)
    late = measured(server)
    done = sum((one.done for one in all_), Counter())
    refused = sum((one.refused for one in all_), Counter())
    print({name: [early[name], late[name]] for name in early}, dict(done), dict(refused))

    assert [one.wrong for one in all_ if one.wrong] == []
    assert set(done) == {"draw", "leave", "store", "look", "ask_nonsense", "order", "hide"}
    assert set(refused) <= {"QUEUE_FULL"}
    for name in ("front", "engine", "drawing", "hiding"):
        assert late[name] <= early[name] * 1.1 + 8 * MIB, (name, early, late)
    assert late["files"] <= early["files"] + 8
    with server.channel() as channel:
        client = Client(channel)
        for one in all_:
            assert all(ended(client, name)[0].done for name in one.jobs)
        ordered = sum(len(one.jobs) for one in all_)
        parts = ("succeeded", "failed", "cancelled")
        assert metric(server, "synthaug_jobs_accepted") == ordered
        assert sum(metric(server, f"synthaug_jobs_{part}") for part in parts) == ordered
        until(lambda: metric(server, "synthaug_calls_in_flight") == 0, 20)
    # Children of jobs and decoders are gone: the engine, workers and spares stay.
    until(lambda: len(below(server.process.pid)) <= 7, 30)
    assert '"level": "error"' not in server.errors.read_text()
