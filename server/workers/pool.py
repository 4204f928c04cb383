"""Children that hold models: one a model and device, a warm spare, unloaded by ending them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Mapping

from synthaug_server.children import environment_for
from synthaug_server.workers.worker import Worker

__all__ = ["Pool"]

_LOG = logging.getLogger("synthaug.workers")


class Pool:
    """Workers by model; the one used longest ago gives way to a new one.

    Before anybody asks there is none, and no memory is spent. From the first question on there
    is a spare that has imported everything and holds no model: it takes the place of one that
    dies.

    Args:
        module: that children run.
        load: has a fresh worker load a model; told the worker, the model and the device.
        device: where its models run.
        most: models loaded at once.
        idle_seconds: a model nobody has asked for so long is unloaded.
        environment: more variables for the children.
    """

    def __init__(
        self,
        module: str,
        load: Callable[[Worker, str, str], Awaitable[None]],
        device: str,
        *,
        most: int = 2,
        idle_seconds: float = 600.0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._module, self._load, self._device = module, load, device
        self._most, self._idle = most, idle_seconds
        self._environment = environment or {}
        self._loaded: dict[str, Worker] = {}
        self._used: dict[str, float] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._spare: Worker | None = None
        self._tidying: asyncio.Task[None] | None = None
        self._closed = False

    async def worker(self, model: str) -> Worker:
        """A worker that holds a model, loaded now if need be.

        Raises:
            Refused: the model cannot be loaded; the worker died.
        """
        self._used[model] = time.monotonic()
        found = self._loaded.get(model)
        if found is not None and found.alive:
            return found
        async with self._locks.setdefault(model, asyncio.Lock()):
            found = self._loaded.get(model)
            if found is not None and found.alive:
                return found
            worker = self._fresh()
            try:
                await self._load(worker, model, self._device)
            except BaseException:
                await worker.close()
                raise
            finally:
                self._ready_spare()
            self._loaded[model] = worker
            await self._make_room(model)
            return worker

    def _fresh(self) -> Worker:
        spare, self._spare = self._spare, None
        return spare if spare is not None and spare.alive else self._start()

    def _start(self) -> Worker:
        environment = {**environment_for(self._device), **self._environment}
        return Worker(self._module, environment=environment, log=sys.stderr.fileno())

    def _ready_spare(self) -> None:
        if self._closed:
            return
        if self._spare is None or not self._spare.alive:
            self._spare = self._start()
        if self._tidying is None or self._tidying.done():
            self._tidying = asyncio.create_task(self._tidy())

    async def _make_room(self, keep: str) -> None:
        while len(self._loaded) > self._most:
            others = [model for model in self._loaded if model != keep]
            await self.unload(min(others, key=lambda model: self._used[model]))

    async def unload(self, model: str) -> None:
        """End the child of a model; whoever still waits for it is told that it died."""
        worker = self._loaded.pop(model, None)
        self._used.pop(model, None)
        self._locks.pop(model, None)
        if worker is not None:
            _LOG.info(json.dumps({"event": "unload", "bytes": worker.memory()}))
            await worker.close()

    async def _tidy(self) -> None:
        while self._loaded or self._spare:
            await asyncio.sleep(min(self._idle, 10.0))
            now = time.monotonic()
            for model, worker in list(self._loaded.items()):
                idle = now - self._used[model] > self._idle and not worker.waiting
                if idle or not worker.alive:
                    await self.unload(model)
            if not self._loaded and self._spare is not None:
                spare, self._spare = self._spare, None
                await spare.close()

    async def close(self) -> None:
        """End all children."""
        self._closed = True
        if self._tidying is not None:
            self._tidying.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._tidying
        for model in list(self._loaded):
            await self.unload(model)
        if self._spare is not None:
            await self._spare.close()
