"""Wakes whoever waits for a job: one question to the store for all of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterable, Iterator

from synthaug_server.front.stores import Stores
from synthaug_server.refusal import told_bug

__all__ = ["Watcher"]

_LOG = logging.getLogger("synthaug.jobs")
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
        mark = -1
        while self._bells:
            changed: Iterable[str] = self._bells
            try:
                # What changed before the first mark was known is seen by looking once.
                first = mark < 0
                mark, found = await self._stores.ask(self._stores.jobs.changes, mark)
                changed = self._bells if first else found
            except Exception as error:
                # The store is away for a moment: listeners look themselves and get its error.
                _LOG.error(json.dumps({"event": "no answer about changes", **told_bug(error)}))
            self._ring(changed)
            await asyncio.sleep(_EVERY)

    def _ring(self, jobs: Iterable[str]) -> None:
        for job in list(jobs):
            for bell in self._bells.get(job, ()):
                bell.set()

    def close(self) -> None:
        """The server drains: ring all bells; listeners see `closing`."""
        self.closing = True
        self._ring(self._bells)
