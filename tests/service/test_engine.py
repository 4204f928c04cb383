"""Jobs over the socket: taken in, run by the engine, watched, their artifacts read back."""

from __future__ import annotations

import io
import tarfile
import uuid
from typing import Any

import numpy as np
from PIL import Image
from running import Client

from synthaug.v1 import dataset_pb2, job_pb2, quality_pb2


def picture(seed: int, shade: int) -> bytes:
    """A small PNG: noise around a shade."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(shade, 20, (16, 16)).clip(0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def folders(counts: dict[str, int], seed: int = 0) -> bytes:
    """A tar of class folders."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for label, (name, count) in enumerate(counts.items()):
            for index in range(count):
                data = picture(seed * 10_000 + label * 1000 + index, 60 + 90 * label)
                about = tarfile.TarInfo(f"{name}/{index:03d}.png")
                about.size = len(data)
                archive.addfile(about, io.BytesIO(data))
    return out.getvalue()


def evaluation(client: Client, count: int = 24, **named: Any) -> quality_pb2.EvaluateQualityRequest:
    """A request for a small evaluation; its sets are uploaded."""
    real, made = (client.upload(folders({"dark": count, "light": count}, n)) for n in (1, 2))
    return quality_pb2.EvaluateQualityRequest(
        request_id=str(uuid.uuid4()),
        real=dataset_pb2.Dataset(artifacts=[real.name]),
        synthetic=dataset_pb2.Dataset(artifacts=[made.name]),
        **named,
    )


def watched(client: Client, name: str, after: int = 0) -> list[job_pb2.JobEvent]:
    """All events of a job, to its end."""
    request = job_pb2.WatchJobRequest(name=name, after_sequence=after)
    return [part.event for part in client.jobs.WatchJob(request, timeout=300)]


def test_an_evaluation_is_run_watched_and_reported(client: Client) -> None:
    operation = client.quality.EvaluateQuality(evaluation(client), timeout=60)
    events = watched(client, operation.name)
    states = [event.state for event in events if event.WhichOneof("event") == "state"]
    assert states == [job_pb2.JOB_STATE_QUEUED, job_pb2.JOB_STATE_RUNNING,
                      job_pb2.JOB_STATE_SUCCEEDED], events  # fmt: skip
    assert [e.sequence for e in events] == sorted({e.sequence for e in events})
    from google.longrunning import operations_pb2

    done = client.operations.GetOperation(
        operations_pb2.GetOperationRequest(name=operation.name), timeout=60
    )
    result = quality_pb2.EvaluateResult()
    assert done.response.Unpack(result)
    report = client.quality.GetReport(
        quality_pb2.GetReportRequest(name=result.report), timeout=60
    ).report
    assert report.operation == operation.name
    assert list(report.verdicts) == list(result.verdicts)
    assert {scope.scope for scope in report.metrics} == {"set", "class:dark", "class:light"}
