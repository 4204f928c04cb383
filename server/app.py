"""One server from start to end: open, serve, drain, close."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import fcntl
import json
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
from google.longrunning import operations_pb2_grpc
from grpc_health.v1 import health_pb2_grpc

from synthaug.errors import InputError, OutOfResources
from synthaug.v1 import (
    anonymization_pb2_grpc,
    artifact_pb2_grpc,
    augmentation_pb2_grpc,
    job_pb2_grpc,
    model_pb2_grpc,
    quality_pb2_grpc,
)
from synthaug_server import allocator, assembly
from synthaug_server.front.anonymization import AnonymizationServicer
from synthaug_server.front.artifacts import ArtifactServicer
from synthaug_server.front.augmentation import AugmentationServicer
from synthaug_server.front.boundary import Boundary
from synthaug_server.front.checks import Pages
from synthaug_server.front.health import HealthServicer
from synthaug_server.front.identity import Identities, Rates
from synthaug_server.front.jobs import JobServicer, OperationsServicer
from synthaug_server.front.metrics import Metrics
from synthaug_server.front.models import Models, ModelServicer
from synthaug_server.front.quality import QualityServicer
from synthaug_server.front.spans import spans
from synthaug_server.front.stores import Stores
from synthaug_server.front.submitting import Submitter
from synthaug_server.front.sweeping import Sweeper
from synthaug_server.front.watching import Watcher
from synthaug_server.settings import Settings
from synthaug_server.store.access import Access
from synthaug_server.store.artifacts import Artifacts
from synthaug_server.store.audit_log import AuditLog
from synthaug_server.store.opening import open_state
from synthaug_server.store.results import Results

__all__ = ["Ports", "Server", "serve"]

SERVICES = (
    "synthaug.v1.AnonymizationService",
    "synthaug.v1.ArtifactService",
    "synthaug.v1.AugmentationService",
    "synthaug.v1.JobService",
    "synthaug.v1.ModelService",
    "synthaug.v1.QualityService",
    "google.longrunning.Operations",
)
_THREADS = 8
_SLACK = 1 << 20  # of a message, beside the picture in it
_LOG = logging.getLogger("synthaug.server")


@dataclasses.dataclass(frozen=True, slots=True)
class Ports:
    """Where a server listens.

    Args:
        address: host and port of the service.
        admin: the same of the admin port; empty where there is none.
        metrics: the same of Prometheus' port.
    """

    address: str
    admin: str
    metrics: str


class Server:
    """A server of some settings, not yet listening.

    Raises:
        InputError: the store cannot be used; no tokens where there must be some.
        OutOfResources: another server has the store.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        database = open_state(settings.store)
        self._lock = _locked(settings.store)
        self._database = database
        # A connection of its own: who calls is asked in the event loop and must not wait.
        self._accounts = open_state(settings.store)
        self._access = Access(self._accounts)
        self._refuse_open_door()
        audit = AuditLog(settings.store)
        self.metrics = Metrics()
        self.stores = Stores(
            jobs=assembly.job_store(settings),
            artifacts=Artifacts(settings.store, database, audit, ttl_seconds=settings.ttl_seconds),
            results=Results(database, ttl_seconds=settings.ttl_seconds),
            access=self._access,
            audit=audit,
            threads=concurrent.futures.ThreadPoolExecutor(_THREADS, "store"),
        )
        self.stores.artifacts.recover()
        self.metrics.watch(self.stores.jobs, self.stores.artifacts)
        self.compute = assembly.compute(settings, self.metrics)
        self.engine = assembly.engine(settings, self.stores, self.compute, self.metrics)
        self._servers: list[grpc.aio.Server] = []
        self._scrape: Any = None

    def _refuse_open_door(self) -> None:
        settings = self.settings
        if not settings.loopback and not settings.client_ca and not self._access.any("token"):
            raise InputError(
                f"address {settings.host}",
                expected="tokens or --client-ca, because others can reach it", got="neither",
                remedy="Add a token: synthaug serve tokens add --owner NAME --role submitter.",
            )  # fmt: skip

    async def start(self) -> Ports:
        """Listen; health says SERVING when this returns.

        Raises:
            OutOfResources: a port is taken.
        """
        settings, stores = self.settings, self.stores
        pages = Pages(_secret(settings.store))
        self.watcher = Watcher(stores)
        self.health = HealthServicer(SERVICES)
        submitter, models = Submitter(stores, settings), Models(stores)
        uploads = ArtifactServicer(stores, settings, pages, self.metrics)
        self._sessions = uploads.sessions
        sweeper = Sweeper(stores, uploads.sessions, settings)
        additions: list[tuple[Callable[..., None], object]] = [
            (artifact_pb2_grpc.add_ArtifactServiceServicer_to_server, uploads),
            (
                augmentation_pb2_grpc.add_AugmentationServiceServicer_to_server,
                AugmentationServicer(submitter, self.compute, models, settings),
            ),
            (
                anonymization_pb2_grpc.add_AnonymizationServiceServicer_to_server,
                AnonymizationServicer(submitter, self.compute, settings),
            ),
            (
                quality_pb2_grpc.add_QualityServiceServicer_to_server,
                QualityServicer(submitter, stores),
            ),
            (model_pb2_grpc.add_ModelServiceServicer_to_server, ModelServicer(models, pages)),
            (
                job_pb2_grpc.add_JobServiceServicer_to_server,
                JobServicer(stores, self.watcher),
            ),
            (
                operations_pb2_grpc.add_OperationsServicer_to_server,
                OperationsServicer(stores, self.watcher, pages, sweeper, settings),
            ),
            (health_pb2_grpc.add_HealthServicer_to_server, self.health),
        ]
        ports = await self._listen(additions)
        await self.compute.start()
        await self.engine.start()
        self._sweeping = asyncio.create_task(sweeper.run())
        stores.audit.append("server.start", address=ports.address)
        await self.health.set_all(True)
        return ports

    async def _listen(self, additions: list[tuple[Callable[..., None], object]]) -> Ports:
        settings = self.settings
        rates = Rates(settings.owner_rate)
        self._spans = spans()

        def made(certificates: bool) -> grpc.aio.Server:
            identities = Identities(
                self._access,
                loopback=settings.loopback,
                require_token=settings.require_token,
                certificates=certificates,
            )
            boundary = Boundary(
                identities,
                rates,
                self.metrics,
                self.stores.audit,
                calls=settings.calls,
                spans=self._spans,
            )
            server = grpc.aio.server(interceptors=[boundary], options=self._options())
            for add, servicer in additions:
                add(servicer, server)
            self._servers.append(server)
            return server

        server = made(settings.client_ca is not None)
        number = _bound(server, settings.address, self._credentials())
        host = settings.address.rpartition(":")[0]
        admin = metrics = ""
        if settings.admin_port is not None:
            from grpc_reflection.v1alpha import reflection

            behind = made(False)
            names = (*SERVICES, "grpc.health.v1.Health", reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, behind)
            admin = f"127.0.0.1:{_bound(behind, f'127.0.0.1:{settings.admin_port}', None)}"
        if settings.metrics_port is not None:
            try:
                self._scrape, port = self.metrics.serve(settings.metrics_port)
            except OSError as error:
                raise _taken(f"127.0.0.1:{settings.metrics_port}") from error
            metrics = f"127.0.0.1:{port}"
        for one in self._servers:
            await one.start()
        return Ports(f"{host}:{number}", admin, metrics)

    def _options(self) -> list[tuple[str, int]]:
        largest = self.settings.image_bytes + _SLACK
        return [
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", max(largest, 4 << 20)),
            ("grpc.max_send_message_length", max(largest, 4 << 20)),
            ("grpc.keepalive_time_ms", 20_000),
            ("grpc.keepalive_timeout_ms", 10_000),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
            ("grpc.http2.max_ping_strikes", 0),
        ]

    def _credentials(self) -> grpc.ServerCredentials | None:
        settings = self.settings
        if settings.tls_cert is None or settings.tls_key is None:
            return None
        return grpc.ssl_server_credentials(
            [(settings.tls_key.read_bytes(), settings.tls_cert.read_bytes())],
            root_certificates=settings.client_ca.read_bytes() if settings.client_ca else None,
            require_client_auth=settings.client_ca is not None,
        )

    async def drain(self, at_once: asyncio.Event) -> None:
        """Say NOT_SERVING, wait for the balancer, let calls end, stop.

        Args:
            at_once: set where somebody does not want to wait any longer.
        """
        settings = self.settings
        await self.health.set_all(False)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(at_once.wait(), settings.drain_wait)
        self.watcher.close()
        await self.health.end()
        await self._stop(settings.drain_grace, at_once)
        grace = 0.0 if at_once.is_set() else settings.drain_grace
        await self.engine.stop(grace)
        await self.compute.stop(grace)
        await self.close()

    async def _stop(self, grace: float, at_once: asyncio.Event) -> None:
        """Let calls end for `grace` seconds, or until somebody hurries."""
        ends = asyncio.gather(*(server.stop(grace) for server in self._servers))
        hurry = asyncio.create_task(at_once.wait())
        waited: tuple[asyncio.Future[Any], ...] = (ends, hurry)
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        # One stop after the other: of two at the same time the later one reaches into a server
        # that the earlier one has taken down, and the process dies of SIGSEGV.
        ends.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ends
        await asyncio.gather(*(server.stop(None) for server in self._servers))

    async def close(self) -> None:
        """Let go of everything."""
        self._sweeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._sweeping
        if self._scrape is not None:
            self._scrape.shutdown()
        self._sessions.close()
        self._spans.close()
        self.stores.threads.shutdown()
        self.stores.audit.append("server.stop", safe=True)
        self.stores.jobs.close()
        self.stores.audit.close()
        self._accounts.close()
        self._database.close()
        os.close(self._lock)


def _bound(server: grpc.aio.Server, address: str, tls: grpc.ServerCredentials | None) -> int:
    try:
        port = server.add_secure_port(address, tls) if tls else server.add_insecure_port(address)
    except RuntimeError as error:
        raise _taken(address) from error
    if not port:
        raise _taken(address)
    return int(port)


def _taken(address: str) -> OutOfResources:
    return OutOfResources(
        f"address {address} cannot be listened on", got="taken, or not of this machine",
        remedy="Choose another --port or --host, or end the process that has it.",
    )  # fmt: skip


def _locked(store: Path) -> int:
    """Hold the store: two servers on one would do its jobs twice."""
    lock = os.open(store / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise OutOfResources(
            "--store is in use", got="another server that runs on it", where=str(store),
            remedy="End that server, or give each its own --store.",
        ) from error  # fmt: skip
    return lock


def _secret(store: Path) -> bytes:
    """32 random bytes that stay the store's: page tokens outlive a restart."""
    file = store / "secret"
    if not file.exists():
        new = file.with_name("secret.new")
        new.touch(mode=0o600)
        new.write_bytes(secrets.token_bytes(32))
        new.replace(file)
    return file.read_bytes()


class _JSONLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """One JSON object a record."""
        text = record.getMessage()
        fields: dict[str, Any] = {
            "time": round(record.created, 3), "level": record.levelname.lower(),
            "log": record.name,
        }  # fmt: skip
        try:
            fields.update(json.loads(text))
        except (ValueError, TypeError):
            fields["event"] = text
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        return json.dumps(fields)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, drain, and return.

    Raises:
        InputError: as `Server`.
        OutOfResources: as `Server`.
    """
    allocator.tune()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JSONLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    try:
        import uvloop

        factory: Callable[[], asyncio.AbstractEventLoop] | None = uvloop.new_event_loop
    except ImportError:
        factory = None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    began = time.perf_counter()
    stop, at_once = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked() -> None:
        (at_once if stop.is_set() else stop).set()

    server = Server(settings)
    ports = await server.start()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked)
    told = [f"{name} {value}" for name, value in dataclasses.asdict(ports).items() if value]
    print(f"SERVING {', '.join(told)}", flush=True)
    _LOG.info(json.dumps({"event": "serving", "seconds": round(time.perf_counter() - began, 3)}))
    await stop.wait()
    _LOG.info(json.dumps({"event": "draining"}))
    await server.drain(at_once)
    _LOG.info(json.dumps({"event": "stopped"}))
