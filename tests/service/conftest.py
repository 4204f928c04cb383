"""Servers for the tests: one shared by a module, or as many as a test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("grpc_health", reason="needs synthaug[server]")

from running import Client, Running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server on loopback without tokens, shared by the tests of a file."""
    running = Running(
        tmp_path_factory.mktemp("shared") / "store", "--admin-port", "0", "--metrics-port", "0",
        "--sweep-seconds", "0.2",
    )  # fmt: skip
    yield running
    running.stop()


@pytest.fixture
def client(server: Running) -> Iterator[Client]:
    """A client of it."""
    with server.channel() as channel:
        yield Client(channel)


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts servers on the test's own store, or another; stops those that still run."""
    all_running: list[Running] = []

    def start(*options: str, store: Path = tmp_path / "store", **named: object) -> Running:
        all_running.append(Running(store, *options, **named))  # type: ignore[arg-type]
        return all_running[-1]

    yield start
    for one in all_running:
        one.stop()
