"""The front's side of the engine: started, begun again when it dies, ended in good order."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthaug_server.children import Line, end, ending, spawn
from synthaug_server.settings import Settings

__all__ = ["EngineProcess", "settings_fields", "settings_from"]

_AGAIN = (0.1, 0.5, 2.0, 5.0)  # seconds before it is begun again, by how often it has died
_LIVES = 30.0  # seconds after which a death counts as the first
_LOG = logging.getLogger("synthaug.engine")


def settings_fields(settings: Settings) -> dict[str, Any]:
    """Settings as JSON-ready values; they travel over a socket, since they may hold a password."""
    fields = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    return {
        name: str(value) if isinstance(value, Path) else value for name, value in fields.items()
    }


def settings_from(fields: Mapping[str, Any]) -> Settings:
    """The inverse of `settings_fields`."""
    read: dict[str, Any] = dict(fields)
    for name in ("store", "tls_cert", "tls_key", "client_ca"):
        read[name] = None if read[name] is None else Path(read[name])
    read["devices"] = tuple(read["devices"])
    return Settings(**read)


class EngineProcess:
    """An engine in a process of its own, kept alive.

    Args:
        settings: of the server.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._task: asyncio.Task[None] | None = None
        self._process: Any = None
        self._stopping = False

    async def start(self) -> None:
        """Start it; returns at once."""
        self._task = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        deaths, loop = 0, asyncio.get_running_loop()
        while True:
            began = loop.time()
            # Started from the loop's own thread, which lives as long as the server does: a child
            # ends with the thread that started it.
            process, ours = spawn("synthaug_server.engine", log=sys.stderr.fileno())
            self._process, line = process, Line(ours)
            with contextlib.suppress(BrokenPipeError):
                line.say(settings_fields(self._settings))
            try:
                await _over(process)
            finally:
                line.close()
            if self._stopping:
                return
            deaths = 0 if loop.time() - began > _LIVES else deaths + 1
            _LOG.error(json.dumps({"event": "engine died", "how": ending(process.returncode)}))
            await asyncio.sleep(_AGAIN[min(deaths, len(_AGAIN) - 1)])

    async def stop(self, grace: float) -> None:
        """End it; running jobs are given back and go on when a server is started again."""
        self._stopping = True
        if self._task is None:
            return
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(_over(self._process), max(grace, 6.0))
            end(self._process)
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


async def _over(process: Any) -> None:
    """Wait until a process has ended, without a thread that waits."""
    descriptor = _pidfd(process.pid)
    if descriptor is None:
        while process.poll() is None:
            await asyncio.sleep(0.05)
        return
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, gone.set)
    try:
        await gone.wait()
        process.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _pidfd(process: int) -> int | None:
    try:
        return os.pidfd_open(process)
    except (AttributeError, OSError):
        return None
