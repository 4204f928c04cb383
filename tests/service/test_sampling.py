"""Images drawn at once: batched, cancelled, through the death of a worker."""

from __future__ import annotations

import concurrent.futures
import functools
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
import torch
from PIL import Image
from running import Client, Running, told

from synthaug.networks.rare import RareGenerator
from synthaug.provenance import latent_seed
from synthaug.training import Generator
from synthaug.v1 import artifact_pb2, augmentation_pb2, media_pb2, model_pb2
from synthaug_server.engine.outputs import pack
from synthaug_server.store.artifacts import Artifacts
from synthaug_server.store.audit_log import AuditLog
from synthaug_server.store.opening import open_state
from synthaug_server.store.results import Results


@functools.cache
def tiny() -> Generator:
    """An untrained generator: its images are noise, and always the same."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = RareGenerator(2, 3, 16, widths=(16, 12, 8), z_dim=8, w_dim=16)
    return Generator(network.eval(), ("dark", "light"), {"recipe": "rare"})


def plant(server: Running, generator: Generator, folder: Path, operation: str) -> str:
    """Put a generator into a store as a job that trained it would; gives its name."""
    generator.save(folder / "g")
    tar = pack(folder / "g", [f.name for f in (folder / "g").iterdir()], folder / "g.tar")
    database, audit = open_state(server.store), AuditLog(server.store)
    artifacts = Artifacts(server.store, database, audit, ttl_seconds=3600)
    kept = server.store / "uploads" / "planted"
    kept.write_bytes(tar.read_bytes())
    kind = artifact_pb2.ARTIFACT_KIND_MODEL
    blob = artifacts.adopt("local", kind, operation, "model", kept)
    return Results(database, ttl_seconds=3600).add_model(
        "local", operation,
        model_pb2.Model(
            sha256=bytes.fromhex(generator.sha256), classes=generator.classes,
            resolution=generator.resolution, channels=3, artifact=f"artifacts/{blob.id}",
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def model(server: Running, tmp_path_factory: pytest.TempPathFactory) -> str:
    return plant(server, tiny(), tmp_path_factory.mktemp("model"), "planted")


@pytest.fixture
def client(server: Running) -> Iterator[Client]:
    with server.channel() as channel:
        yield Client(channel)


def asked(model: str, **fields: object) -> augmentation_pb2.SampleImagesRequest:
    fields = {"format": media_pb2.IMAGE_FORMAT_RGB8, "class_name": "dark", **fields}
    return augmentation_pb2.SampleImagesRequest(model=model, **fields)


def pixels(image: media_pb2.Image) -> np.ndarray:
    if image.format == media_pb2.IMAGE_FORMAT_RGB8:
        return np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, 3)
    return np.asarray(Image.open(io.BytesIO(image.data)).convert("RGB"))


def expected(class_name: str, seed: int, indices: range) -> np.ndarray:
    generator = tiny()
    seeds = [latent_seed(seed, class_name, index) for index in indices]
    label = generator.classes.index(class_name)
    return generator.sample([label] * len(seeds), seeds).permute(0, 2, 3, 1).numpy()


def children(process: int) -> list[int]:
    """The processes that a process started and that still run, theirs too."""
    found = []
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *children(int(child))]
    return found


def workers(server: Running, module: str = "workers.drawing") -> list[int]:
    def runs(process: int) -> bool:
        try:
            return module in Path(f"/proc/{process}/cmdline").read_text()
        except OSError:
            return False

    return [process for process in children(server.process.pid) if runs(process)]


def close(a: np.ndarray, b: np.ndarray) -> bool:
    return bool((np.abs(a.astype(int) - b.astype(int)) <= 1).all())


def test_images_are_those_of_the_local_call_within_a_level(client: Client, model: str) -> None:
    answer = client.augmentation.SampleImages(asked(model, count=5, seed=3), timeout=120)
    local = expected("dark", 3, range(5))
    assert all(close(pixels(one.image), local[i]) for i, one in enumerate(answer.images))
    assert [one.index for one in answer.images] == list(range(5))
    assert answer.images[2].latent_seed == latent_seed(3, "dark", 2)
    assert answer.images[0].generator_sha256.hex() == tiny().sha256
    png = client.augmentation.SampleImages(
        asked(model, count=1, seed=3, format=media_pb2.IMAGE_FORMAT_PNG), timeout=120
    ).images[0]
    assert png.image.data.startswith(b"\x89PNG")
    assert b"trainedAlgorithmicMedia" in png.image.data
    assert close(pixels(png.image), local[0])


def test_a_batch_gives_each_caller_its_own(client: Client, model: str) -> None:
    def one(n: int) -> bool:
        name = ("dark", "light")[n % 2]
        answer = client.augmentation.SampleImages(
            asked(model, class_name=name, count=1 + n % 3, seed=n, first_index=n), timeout=120
        )
        local = expected(name, n, range(n, n + 1 + n % 3))
        return all(close(pixels(i.image), local[k]) for k, i in enumerate(answer.images))

    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        assert all(threads.map(one, range(32)))


def test_a_stream_is_in_order_and_resumes(client: Client, model: str) -> None:
    def stream(first: int, count: int) -> list[int]:
        request = augmentation_pb2.StreamSamplesRequest(
            model=model, class_name="light", count=count, seed=1, first_index=first,
            format=media_pb2.IMAGE_FORMAT_RGB8,
        )  # fmt: skip
        return [part.image.index for part in client.augmentation.StreamSamples(request)]

    assert stream(0, 21) == list(range(21))
    assert stream(13, 4) == [13, 14, 15, 16]


def test_cancelled_streams_leave_no_work(client: Client, server: Running, model: str) -> None:
    request = augmentation_pb2.StreamSamplesRequest(
        model=model, class_name="light", count=1_000_000, format=media_pb2.IMAGE_FORMAT_RGB8
    )
    client.augmentation.SampleImages(asked(model), timeout=120)
    for _ in range(200):
        stream = client.augmentation.StreamSamples(request)
        next(stream)
        stream.cancel()
    assert client.augmentation.SampleImages(asked(model), timeout=120).images
    assert idle(server)


def idle(server: Running) -> bool:
    """Whether the worker that was asked does nothing: what is drawn for nobody uses processor."""
    loaded = max(workers(server), key=cpu)
    time.sleep(0.5)
    used = cpu(loaded)
    time.sleep(2.0)
    return cpu(loaded) - used <= 0.05


def cpu(process: int) -> float:
    """Seconds of processor time a process has used."""
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def test_a_cancelled_member_does_not_break_its_batch(client: Client, model: str) -> None:
    local = expected("dark", 0, range(3))
    good, stop = [], threading.Event()

    def cancelling() -> None:
        while not stop.is_set():
            call = client.augmentation.SampleImages.future(asked(model, count=8), timeout=120)
            time.sleep(0.001)
            call.cancel()

    thread = threading.Thread(target=cancelling)
    thread.start()
    try:
        for _ in range(30):
            answer = client.augmentation.SampleImages(asked(model, count=3), timeout=120)
            good.append(all(close(pixels(i.image), local[k]) for k, i in enumerate(answer.images)))
    finally:
        stop.set()
        thread.join()
    assert all(good)


def test_a_deadline_ends_the_call(client: Client, server: Running, model: str) -> None:
    request = augmentation_pb2.StreamSamplesRequest(
        model=model, class_name="light", count=1_000_000, format=media_pb2.IMAGE_FORMAT_RGB8
    )
    with pytest.raises(grpc.RpcError) as error:
        for _ in client.augmentation.StreamSamples(request, timeout=1.0):
            pass
    assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert idle(server)
    assert client.augmentation.SampleImages(asked(model), timeout=120).images


_READER = """
import sys, grpc
from synthaug.v1 import augmentation_pb2, augmentation_pb2_grpc
with grpc.insecure_channel(sys.argv[1]) as channel:
    request = augmentation_pb2.StreamSamplesRequest(
        model=sys.argv[2], class_name="light", count=1_000_000
    )
    for part in augmentation_pb2_grpc.AugmentationServiceStub(channel).StreamSamples(request):
        print("reading", flush=True)
"""


def test_a_killed_client_ends_the_work(client: Client, server: Running, model: str) -> None:
    client.augmentation.SampleImages(asked(model), timeout=120)
    with subprocess.Popen(
        [sys.executable, "-c", _READER, server.address, model], stdout=subprocess.PIPE
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"reading\n"
        reader.kill()
    assert idle(server)
    assert client.augmentation.SampleImages(asked(model), timeout=120).images


def test_overload_is_refused_and_who_is_in_is_answered(
    launch: Callable[..., Running], tmp_path: Path
) -> None:
    """Two batches are with the worker and two wait: all others are refused, and at once."""
    server = launch("--batch-images", "8", "--batch-queue", "16")
    (tmp_path / "m").mkdir()
    model = plant(server, tiny(), tmp_path / "m", "planted")
    local = expected("dark", 0, range(8))
    with server.channel() as channel:
        client = Client(channel)

        def good(answer: augmentation_pb2.SampleImagesResponse) -> bool:
            return all(close(pixels(i.image), local[i.index]) for i in answer.images)

        ask = functools.partial(
            client.augmentation.SampleImages.future, asked(model, count=8), timeout=120
        )
        assert good(ask().result())
        loaded = max(workers(server), key=cpu)
        os.kill(loaded, signal.SIGSTOP)
        try:
            calls = [ask() for _ in range(60)]
            until(lambda: sum(call.done() for call in calls) >= 56)
            refusals = [told(call.exception()) for call in calls if call.done()]
        finally:
            os.kill(loaded, signal.SIGCONT)
        assert {(one.code, one.reason) for one in refusals} == {
            ("RESOURCE_EXHAUSTED", "QUEUE_FULL")
        }
        assert all(one.retry for one in refusals)
        answers = [call.result() for call in calls if call.code() is grpc.StatusCode.OK]
        assert len(answers) == 60 - len(refusals) > 0
        assert all(map(good, answers))
        assert good(ask().result())


def until(holds: Callable[[], bool], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_a_killed_worker_is_told_and_replaced(client: Client, server: Running, model: str) -> None:
    client.augmentation.SampleImages(asked(model), timeout=120)
    request = augmentation_pb2.StreamSamplesRequest(
        model=model, class_name="light", count=1_000_000, format=media_pb2.IMAGE_FORMAT_RGB8
    )
    stream = client.augmentation.StreamSamples(request, timeout=300)
    next(stream)
    for worker in workers(server):
        if cpu(worker) == max(map(cpu, workers(server))):
            os.kill(worker, signal.SIGKILL)
            break
    with pytest.raises(grpc.RpcError) as raised:
        list(stream)
    error = told(raised.value)
    assert (error.code, error.reason) == ("UNAVAILABLE", "WORKER_DIED")
    assert error.facts["signal"] == "SIGKILL"
    assert error.facts["trace_id"]
    assert error.retry is not None
    assert client.augmentation.SampleImages(asked(model), timeout=120).images
    assert server.process.poll() is None


def test_a_damaged_model_is_refused(client: Client, server: Running, tmp_path: Path) -> None:
    name = plant(server, tiny(), tmp_path, "damaged")
    about = client.models.GetModel(model_pb2.GetModelRequest(name=name), timeout=60).model
    file = server.store / "artifacts" / about.artifact.partition("/")[2]
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(grpc.RpcError) as raised:
        client.augmentation.SampleImages(asked(name), timeout=120)
    assert told(raised.value).code == "DATA_LOSS"


def test_memory_returns_when_a_model_makes_room(
    launch: Callable[..., Running], tmp_path: Path
) -> None:
    server = launch()
    with server.channel() as channel:
        client = Client(channel)
        for n in range(4):
            (tmp_path / str(n)).mkdir()
            name = plant(server, tiny(), tmp_path / str(n), f"planted{n}")
            client.augmentation.SampleImages(asked(name), timeout=240)
        # Two that are loaded and a spare, whatever was asked for before.
        end = time.monotonic() + 20
        while len(workers(server)) > 3 and time.monotonic() < end:
            time.sleep(0.1)
        assert len(workers(server)) == 3
        left = workers(server)
    server.stop()
    assert not [process for process in left if Path(f"/proc/{process}").exists()]
