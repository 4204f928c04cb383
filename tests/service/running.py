"""A server as a process of its own, and what a client sees of its answers."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import selectors
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import google_crc32c
import grpc
from google.longrunning import operations_pb2_grpc
from google.rpc import error_details_pb2, status_pb2

from synthaug.v1 import (
    anonymization_pb2_grpc,
    artifact_pb2,
    artifact_pb2_grpc,
    augmentation_pb2_grpc,
    job_pb2_grpc,
    model_pb2_grpc,
    quality_pb2_grpc,
)

COMMAND = [sys.executable, "-m", "synthaug_server"]


class Running:
    """A server process that says SERVING.

    Args:
        store: its folder.
        options: as on the command line.
        environment: more variables.
    """

    def __init__(
        self, store: Path, *options: str, environment: dict[str, str] | None = None
    ) -> None:
        self.store = store
        defaults = ["--port", "0", "--drain-wait", "0", "--owner-rate", "100000"]
        self.errors = store.with_name(store.name + ".err")
        began = time.monotonic()
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [*COMMAND, "--store", str(store), *defaults, *options],
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **(environment or {})},
                text=True,
            )
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(self.process.stdout, selectors.EVENT_READ)
            line = self.process.stdout.readline() if ready.select(120) else ""
        self.seconds = time.monotonic() - began
        if not line.startswith("SERVING "):
            self.kill()
            raise AssertionError(f"no server: {line!r} {self.errors.read_text()}")
        told = dict(part.split(" ", 1) for part in line.strip()[8:].split(", "))
        self.address, self.admin = told["address"], told.get("admin", "")
        self.metrics = told.get("metrics", "")

    def channel(self, *, admin: bool = False) -> grpc.Channel:
        """An open connection without TLS."""
        return grpc.insecure_channel(self.admin if admin else self.address)

    @property
    def rss(self) -> int:
        """Resident bytes of the process."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    @property
    def cpu_seconds(self) -> float:
        """User and system time of the process."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def terminate(self) -> None:
        """SIGTERM: drain."""
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float = 60) -> int:
        """The exit code."""
        return self.process.wait(seconds)

    def stop(self) -> None:
        """Drain and wait."""
        if self.process.poll() is None:
            self.terminate()
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.kill()
        self._close()

    def kill(self) -> None:
        """SIGKILL."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)
        self._close()

    def _close(self) -> None:
        if self.process.stdout is not None:
            self.process.stdout.close()


class Client:
    """All stubs on one channel, with a token.

    Args:
        channel: owned by the caller.
        token: sent with every call.
    """

    def __init__(self, channel: grpc.Channel, token: str = "") -> None:
        if token:
            channel = grpc.intercept_channel(channel, _Bearer(token))
        self.channel = channel
        self.artifacts = artifact_pb2_grpc.ArtifactServiceStub(channel)
        self.augmentation = augmentation_pb2_grpc.AugmentationServiceStub(channel)
        self.anonymization = anonymization_pb2_grpc.AnonymizationServiceStub(channel)
        self.quality = quality_pb2_grpc.QualityServiceStub(channel)
        self.models = model_pb2_grpc.ModelServiceStub(channel)
        self.jobs = job_pb2_grpc.JobServiceStub(channel)
        self.operations = operations_pb2_grpc.OperationsStub(channel)

    def start(self, data: bytes, kind: int = artifact_pb2.ARTIFACT_KIND_DATASET) -> Any:
        """An open upload for these bytes."""
        return self.artifacts.StartUpload(
            artifact_pb2.StartUploadRequest(
                request_id=str(uuid.uuid4()), kind=kind, size_bytes=len(data)
            ),
            timeout=60,
        ).upload

    def upload(self, data: bytes, kind: int = artifact_pb2.ARTIFACT_KIND_DATASET) -> Any:
        """A finished artifact."""
        upload = self.start(data, kind)
        return self.artifacts.WriteChunks(chunks(upload.name, data), timeout=60).artifact

    def read(self, name: str, offset: int = 0, limit: int = 0) -> bytes:
        """The bytes of an artifact, each part checked."""
        asked = artifact_pb2.ReadArtifactRequest(name=name, offset=offset, limit=limit)
        data = b""
        for part in self.artifacts.ReadArtifact(asked, timeout=60):
            assert part.offset == offset + len(data)
            assert part.crc32c == google_crc32c.value(part.data)
            data += part.data
        return data


def chunks(
    upload: str, data: bytes, *, start: int = 0, size: int = 1 << 20, finish: bool = True
) -> Iterator[artifact_pb2.WriteChunksRequest]:
    """The messages of an upload."""
    for offset in range(start, len(data), size):
        part = data[offset : offset + size]
        yield artifact_pb2.WriteChunksRequest(
            upload=upload, offset=offset, data=part, crc32c=google_crc32c.value(part)
        )
    if finish:
        yield artifact_pb2.WriteChunksRequest(
            upload=upload, finish_sha256=hashlib.sha256(data).digest()
        )


class _Bearer(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    def __init__(self, token: str) -> None:
        self._metadata = ("authorization", f"Bearer {token}")

    def _add(self, call: Any, details: Any, request: Any) -> Any:
        return call(details._replace(metadata=[*(details.metadata or ()), self._metadata]), request)

    intercept_unary_unary = intercept_unary_stream = _add
    intercept_stream_unary = intercept_stream_stream = _add


@dataclasses.dataclass(frozen=True)
class Told:
    """What an error says."""

    code: str
    reason: str
    message: str
    facts: dict[str, str]
    fields: dict[str, str]
    retry: float | None


def told(error: grpc.RpcError) -> Told:
    """The details of an error; fails where there is no ErrorInfo."""
    metadata = dict(error.trailing_metadata() or ())
    assert "grpc-status-details-bin" in metadata, (error.code(), error.details())
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    assert status.code == error.code().value[0]
    assert status.message == error.details()
    info, bad, retry = (
        error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    )  # fmt: skip
    found = [
        message.DESCRIPTOR.name
        for detail in status.details
        for message in (info, bad, retry)
        if detail.Unpack(message)
    ]
    assert found[0] == "ErrorInfo"
    assert info.domain == "synthaug"
    return Told(
        error.code().name,
        info.reason,
        status.message,
        dict(info.metadata),
        {one.field: one.description for one in bad.field_violations},
        retry.retry_delay.ToNanoseconds() / 1e9 if "RetryInfo" in found else None,
    )


def refused(call: Any, *arguments: Any, **named: Any) -> Told:
    """The error of a call that must fail; reads streams to their end."""
    try:
        answer = call(*arguments, **{"timeout": 60, **named})
        if isinstance(answer, grpc.Future) or hasattr(answer, "__next__"):
            list(answer)
    except grpc.RpcError as error:
        return told(error)
    raise AssertionError("it was not refused")


def failing_start(store: Path, *options: str) -> tuple[int, str]:
    """Exit code and words of a server that must not start."""
    done = subprocess.run(
        [*COMMAND, "--store", str(store), "--port", "0", *options],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


def synthaug(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """The command line as a process."""
    code = "import sys; from synthaug.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=check
    )


def certificates(folder: Path, *names: str) -> None:
    """A CA and certificates of these common names, each NAME.pem and NAME.key, by openssl."""

    def run(*words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

    key: Sequence[str] = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    run("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca",
        "-days", "2")  # fmt: skip
    (folder / "names.cnf").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for name in names:
        run("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-out", f"{name}.pem", "-days", "2", "-extfile",
            "names.cnf")  # fmt: skip
