"""grpc.health.v1: what balancers and clusters ask, a status for each service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

from grpc_health.v1 import health_pb2, health_pb2_grpc

from synthaug_server.front.boundary import Call
from synthaug_server.refusal import not_found

__all__ = ["HealthServicer"]

_Status = health_pb2.HealthCheckResponse


class HealthServicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """Answers Check, List and Watch; "" stands for the whole server.

    Args:
        services: full names.
    """

    def __init__(self, services: Iterable[str]) -> None:
        self._status = dict.fromkeys(("", *services), _Status.NOT_SERVING)
        self._changed = asyncio.Condition()
        self._ending = False

    async def set_all(self, serving: bool) -> None:
        """Say of every service whether it can be used."""
        await self._set(dict.fromkeys(self._status, serving))

    async def set(self, service: str, serving: bool) -> None:
        """Say it of one service."""
        await self._set({service: serving})

    async def _set(self, serving: dict[str, bool]) -> None:
        async with self._changed:
            for name, can in serving.items():
                self._status[name] = _Status.SERVING if can else _Status.NOT_SERVING
            self._changed.notify_all()

    async def end(self) -> None:
        """Let watchers go: the server stops."""
        async with self._changed:
            self._ending = True
            self._changed.notify_all()

    async def Check(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, call: Call
    ) -> health_pb2.HealthCheckResponse:
        """One service's status now."""
        status = self._status.get(request.service)
        if status is None:
            raise not_found("service")
        return _Status(status=status)

    async def List(  # noqa: N802
        self, request: health_pb2.HealthListRequest, call: Call
    ) -> health_pb2.HealthListResponse:
        """All services' statuses now."""
        statuses = {name: _Status(status=status) for name, status in self._status.items()}
        return health_pb2.HealthListResponse(statuses=statuses)

    async def Watch(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, call: Call
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """One service's status now and whenever it changes."""
        told = None
        while not self._ending:
            async with self._changed:
                while (status := self._of(request.service)) == told and not self._ending:
                    await self._changed.wait()
            if status != told:
                told = status
                yield _Status(status=status)

    def _of(self, service: str) -> int:
        return int(self._status.get(service, _Status.SERVICE_UNKNOWN))
