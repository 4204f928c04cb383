"""Wakes whoever waits for a job: one question to the store for all of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from synthaug_server.front.stores import Stores

__all__ = ["Watcher"]

_EVERY = 0.05  # seconds between questions while somebody waits


class Watcher:
    """Polls the store while there are listeners.

    Args:
        stores: what is kept.
    """

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._bells: dict[str, set[asyncio.Event]] = {}
        self._task: asyncio.Task[None] | None = None
        self.closing = False

    @contextlib.contextmanager
    def listening(self, job: str) -> Iterator[asyncio.Event]:
        """A bell that rings when the job may have changed; clear it, look, then wait."""
        bell = asyncio.Event()
        if self.closing:
            bell.set()
        self._bells.setdefault(job, set()).add(bell)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._poll())
        try:
            yield bell
        finally:
            self._bells[job].discard(bell)
            if not self._bells[job]:
                del self._bells[job]

    async def _poll(self) -> None:
        mark, _ = await self._stores.ask(self._stores.jobs.changes, -1)
        # What changed before the first mark was known is seen by looking once.
        self._ring(self._bells)
        while self._bells:
            await asyncio.sleep(_EVERY)
            try:
                mark, changed = await self._stores.ask(self._stores.jobs.changes, mark)
            except Exception:
                # The store is away for a moment: listeners look themselves and get its error.
                changed = frozenset(self._bells)
            self._ring(changed)

    def _ring(self, jobs: object) -> None:
        for job in list(jobs):  # type: ignore[call-overload]
            for bell in self._bells.get(job, ()):
                bell.set()

    def close(self) -> None:
        """The server drains: ring all bells; listeners see `closing`."""
        self.closing = True
        self._ring(self._bells)
