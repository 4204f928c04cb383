"""One child that answers questions, as the front's event loop sees it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
from collections.abc import Mapping
from typing import Any

import grpc
from google.rpc import status_pb2

from synthaug_server.children import end, ending, spawn
from synthaug_server.refusal import Refused

__all__ = ["Told", "Worker", "worker_died"]

_LONGEST_HEAD = 1 << 20


class Told(Refused):
    """A refusal of a child, made whole again."""

    def __init__(self, raw: bytes, fields: Mapping[str, Any]) -> None:
        status = status_pb2.Status.FromString(raw)
        codes = {code.value[0]: code for code in grpc.StatusCode}
        super().__init__(
            codes[status.code], str(fields["reason"]), status.message,
            facts=fields.get("facts"), retry_seconds=fields.get("retry"),
        )  # fmt: skip


def worker_died(how: str, trace: str) -> Refused:
    """The answer to a question whose worker ended before it had answered."""
    return Refused(
        grpc.StatusCode.UNAVAILABLE, "WORKER_DIED",
        f"the worker ended by {how} before it had answered; the same call may be tried again",
        facts={"signal": how, "request": trace.split("-")[1] if trace.count("-") == 3 else ""},
        retry_seconds=0.5,
    )  # fmt: skip


class Worker:
    """A child and the questions it has not answered yet.

    Args:
        module: to run; see `synthaug_server.children.spawn`.
        environment: more variables.
        log: descriptor for its stderr.
    """

    def __init__(
        self, module: str, *, environment: Mapping[str, str] | None = None, log: int | None = None
    ) -> None:
        # The loop's thread lives as long as the server: the child ends with that thread.
        self.process, self._socket = spawn(module, environment=environment, log=log)
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[tuple[dict[str, Any], list[bytes]]]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._opening = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None
        self.how = ""

    @property
    def alive(self) -> bool:
        """Whether it can still answer."""
        return not self.how and self.process.poll() is None

    @property
    def waiting(self) -> int:
        """Questions it has not answered."""
        return len(self._asked)

    async def ask(
        self, head: dict[str, Any], *parts: bytes, trace: str = ""
    ) -> tuple[dict[str, Any], list[bytes]]:
        """The answer to one question; cancelling tells the child that nobody waits for it.

        Raises:
            Refused: what the child says; WORKER_DIED where it ends before.
        """
        await self._open()
        number = next(self._numbers)
        answer = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            await self._say({**head, "id": number}, *parts)
            fields, found = await answer
        except asyncio.CancelledError:
            with contextlib.suppress(OSError):
                self.drop(number)
            raise
        except (OSError, _Gone):
            raise worker_died(await self._ended(), trace) from None
        finally:
            self._asked.pop(number, None)
        if "reason" in fields:
            raise Told(found[0], fields)
        return fields, found

    def drop(self, number: int) -> None:
        """Tell the child that nobody waits for the answer to a question, or for a part of it.

        Raises:
            OSError: it is gone.
        """
        self._write({"drop": number})

    async def _open(self) -> None:
        async with self._opening:
            if self._writer is None and not self.how:
                reader, self._writer = await asyncio.open_connection(
                    sock=self._socket, limit=_LONGEST_HEAD
                )
                self._reading = asyncio.create_task(self._read(reader))

    async def _say(self, head: dict[str, Any], *parts: bytes) -> None:
        self._write(head, *parts)
        if self._writer is not None:
            await self._writer.drain()

    def _write(self, head: dict[str, Any], *parts: bytes) -> None:
        if self._writer is None or self.how:
            raise BrokenPipeError
        told = {**head, "parts": [len(part) for part in parts]}
        self._writer.writelines([json.dumps(told).encode(), b"\n", *parts])

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while text := await reader.readline():
                head = json.loads(text)
                parts = [await reader.readexactly(length) for length in head.pop("parts", ())]
                answer = self._asked.get(head.pop("id", 0))
                if answer is not None and not answer.done():
                    answer.set_result((head, parts))
        except (OSError, ValueError, asyncio.IncompleteReadError):
            pass
        # Its end of the socket goes before the process does.
        await self._ended()
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(_Gone())

    async def _ended(self) -> str:
        if not self.how:
            for _ in range(100):
                if self.process.poll() is not None:
                    break
                await asyncio.sleep(0.005)
            # One that closed its socket and lives on is of no use to anybody.
            self.how = ending(end(self.process))
        return self.how

    async def close(self) -> None:
        """End it at once, with all it has started; its memory returns."""
        code = end(self.process)
        self.how = self.how or ending(code)
        if self._writer is not None:
            self._writer.close()
        else:
            self._socket.close()
        if self._reading is not None:
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._reading

    def memory(self) -> int:
        """Resident bytes of the child; 0 once it has ended."""
        try:
            with open(f"/proc/{self.process.pid}/statm") as file:  # noqa: PTH123
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError):
            return 0


class _Gone(Exception):
    pass
