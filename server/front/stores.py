"""All that is kept, as the servicers reach it: never from the event loop's own thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from synthaug_server.engine.job_store import JobStore
from synthaug_server.store.access import Access
from synthaug_server.store.artifacts import Artifacts
from synthaug_server.store.audit_log import AuditLog
from synthaug_server.store.results import Results

__all__ = ["Stores"]

P = ParamSpec("P")
T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Stores:
    """The stores of a server and the threads in which they are asked.

    Args:
        jobs: where jobs are kept.
        artifacts: where bytes are kept.
        results: where reports and models are kept.
        access: who may call.
        audit: what was done.
        threads: for everything that touches a disk or another server.
    """

    jobs: JobStore
    artifacts: Artifacts
    results: Results
    access: Access
    audit: AuditLog
    threads: concurrent.futures.Executor

    async def ask(self, what: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a store's method in a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, functools.partial(what, *args, **kwargs))
