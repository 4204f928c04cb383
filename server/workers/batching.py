"""Questions that come at once are asked at once: one pass of a model for several callers."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import grpc

from synthaug_server.refusal import Refused

__all__ = ["Batcher", "Taken"]

Q = TypeVar("Q")
A = TypeVar("A")


@dataclasses.dataclass(frozen=True, slots=True)
class Taken(Generic[A]):
    """One answer.

    Args:
        answer: of the model.
        queue_seconds: how long the question waited.
        compute_seconds: how long its batch took.
    """

    answer: A
    queue_seconds: float
    compute_seconds: float


@dataclasses.dataclass(slots=True)
class _Member(Generic[Q, A]):
    question: Q
    size: int
    answer: asyncio.Future[Taken[A]]
    since: float


class Batcher(Generic[Q, A]):
    """Collects questions while a batch is being answered, and asks the next batch.

    A batch waits for more members only where the one before had several: alone, a caller pays
    nothing. A member that is cancelled leaves the queue, or its batch; the others never notice.

    Args:
        ask: answers a batch, one answer a question, in order; an exception as an answer is that
            member's own; raising fails the whole batch. Told the questions and, for each, a
            future that is done once nobody waits for its answer.
        most: largest size of a batch, in the unit of ``size`` of `put`.
        delay: seconds a batch waits for more members.
        queue: most size that may wait.
        at_once: batches that may be with the model at the same time.
    """

    def __init__(
        self,
        ask: Callable[[Sequence[Q], Sequence[asyncio.Future[Taken[A]]]], Awaitable[Sequence[A]]],
        *,
        most: int = 64,
        delay: float = 0.002,
        queue: int = 512,
        at_once: int = 2,
    ) -> None:
        self._ask = ask
        self._most, self._delay, self._room = most, delay, queue
        self._waiting: deque[_Member[Q, A]] = deque()
        self._size = 0
        self._last = 0
        self._free = asyncio.Semaphore(at_once)
        self._bell = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._batches: set[asyncio.Task[None]] = set()

    async def put(self, question: Q, size: int = 1) -> Taken[A]:
        """The answer to a question.

        Args:
            question: what is asked.
            size: what it counts in a batch.

        Raises:
            Refused: QUEUE_FULL; or whatever its answer is.
        """
        if self._size + size > self._room and self._waiting:
            raise Refused(
                grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL",
                "the queue is full; the same call may be tried again", retry_seconds=0.25,
            )  # fmt: skip
        loop = asyncio.get_running_loop()
        member = _Member(question, size, loop.create_future(), time.perf_counter())
        self._waiting.append(member)
        self._size += size
        self._bell.set()
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._run())
        try:
            return await member.answer
        finally:
            # Whoever was cancelled while it waited takes its place in the queue with it.
            member.answer.cancel()
            with contextlib.suppress(ValueError):
                self._waiting.remove(member)
                self._size -= size

    async def _run(self) -> None:
        while True:
            await self._free.acquire()
            while not self._waiting:
                self._bell.clear()
                await self._bell.wait()
            if self._last > 1 and len(self._waiting) < self._last:
                await asyncio.sleep(self._delay)
            batch = self._take()
            if not batch:
                self._free.release()
                continue
            self._last = len(batch)
            task = asyncio.create_task(self._answer(batch))
            self._batches.add(task)
            task.add_done_callback(self._batches.discard)

    def _take(self) -> list[_Member[Q, A]]:
        batch: list[_Member[Q, A]] = []
        size = 0
        while self._waiting and (not batch or size + self._waiting[0].size <= self._most):
            member = self._waiting.popleft()
            self._size -= member.size
            if not member.answer.done():
                batch.append(member)
                size += member.size
        return batch

    async def _answer(self, batch: list[_Member[Q, A]]) -> None:
        began = time.perf_counter()
        try:
            answers = await self._ask(
                [member.question for member in batch], [member.answer for member in batch]
            )
        except Exception as error:
            answers = [error] * len(batch)  # type: ignore[list-item]
        finally:
            self._free.release()
        spent = time.perf_counter() - began
        for member, answer in zip(batch, answers, strict=True):
            if member.answer.done():
                continue
            if isinstance(answer, Exception):
                member.answer.set_exception(answer)
            else:
                member.answer.set_result(Taken(answer, began - member.since, spent))

    async def close(self) -> None:
        """Fail whoever waits and stop."""
        tasks = [task for task in (self._task, *self._batches) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for member in self._waiting:
            member.answer.cancel()
