"""Which implementation stands behind each interface: the one place that chooses."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from synthaug_server.engine.compute import Compute
from synthaug_server.engine.job_store import JobStore
from synthaug_server.engine.sqlite_jobs import SQLiteJobs
from synthaug_server.engine.supervising import EngineProcess
from synthaug_server.settings import Settings
from synthaug_server.workers.models import Models

if TYPE_CHECKING:
    from synthaug_server.front.metrics import Metrics
    from synthaug_server.front.stores import Stores

__all__ = ["Engine", "compute", "engine", "job_store"]


class Engine(Protocol):
    """What runs jobs: takes them from the job store, gives them to workers."""

    async def start(self) -> None:
        """Begin, with the jobs that a former process left."""
        ...

    async def stop(self, grace: float) -> None:
        """Take no more jobs; let the running ones be, they go on in the next process."""
        ...


class _Idle:
    async def start(self) -> None:
        """Nothing runs jobs."""

    async def stop(self, grace: float) -> None:
        """Nothing runs jobs."""


def job_store(settings: Settings) -> JobStore:
    """Where jobs are kept.

    Raises:
        OutOfResources: the database cannot be reached.
    """
    if settings.jobs:
        from synthaug_server.engine.postgres_jobs import PostgresJobs

        return PostgresJobs(settings.jobs)
    return SQLiteJobs(settings.store / "jobs.db")


def compute(settings: Settings, metrics: Metrics) -> Compute:
    """What draws and replaces faces at once."""
    return Models(settings, metrics)


def engine(settings: Settings, stores: Stores, compute: Compute, metrics: Metrics) -> Engine:
    """What runs jobs; nothing where another process is to do it."""
    if os.environ.get("SYNTHAUG_SERVER_WITHOUT_ENGINE"):
        return _Idle()
    return EngineProcess(settings)
