"""Batches: what waits together is asked together, and nobody breaks another's answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from synthaug_server.refusal import Refused
from synthaug_server.workers.batching import Batcher


class Model:
    """Answers with twice the question; keeps what it was asked."""

    def __init__(self, seconds: float = 0.01) -> None:
        self.seconds = seconds
        self.batches: list[list[int]] = []

    async def __call__(self, questions: Sequence[int], _: object) -> Sequence[int]:
        self.batches.append(list(questions))
        await asyncio.sleep(self.seconds)
        if -1 in questions:
            raise ValueError("broken")
        return [question * 2 for question in questions]


def run(work: object) -> object:
    return asyncio.run(work)  # type: ignore[arg-type]


def test_questions_at_once_share_batches() -> None:
    async def work() -> None:
        model = Model()
        batcher: Batcher[int, int] = Batcher(model, most=8)
        answers = await asyncio.gather(*(batcher.put(n) for n in range(20)))
        assert [taken.answer for taken in answers] == [n * 2 for n in range(20)]
        assert len(model.batches) <= 6
        assert max(map(len, model.batches)) == 8
        await batcher.close()

    run(work())


def test_one_that_is_cancelled_leaves_the_others() -> None:
    async def work() -> None:
        model = Model(0.05)
        batcher: Batcher[int, int] = Batcher(model, at_once=1)
        tasks = [asyncio.create_task(batcher.put(n)) for n in range(6)]
        await asyncio.sleep(0.02)  # the first is being answered, the others wait
        tasks[0].cancel()
        tasks[3].cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert [getattr(one, "answer", None) for one in done] == [None, 2, 4, None, 8, 10]
        assert len(model.batches) <= 2
        await batcher.close()

    run(work())


class Gate(Model):
    """Answers nothing before it is opened."""

    def __init__(self) -> None:
        super().__init__(0.0)
        self.open = asyncio.Event()

    async def __call__(self, questions: Sequence[int], waits: object) -> Sequence[int]:
        answers = await super().__call__(questions, waits)
        await self.open.wait()
        return answers


def test_overload_is_refused_and_displaces_nobody() -> None:
    """Who is in is answered in the order of coming, however many ask meanwhile."""

    async def work() -> None:
        model, ended = Gate(), list[int]()
        batcher: Batcher[int, int] = Batcher(model, most=2, queue=4, at_once=1)

        async def ask(n: int) -> int:
            taken = await batcher.put(n)
            ended.append(n)
            return taken.answer

        first = [asyncio.create_task(ask(0))]
        while not model.batches:
            await asyncio.sleep(0)
        first += [asyncio.create_task(ask(n)) for n in range(1, 5)]
        late = await asyncio.gather(*(ask(n) for n in range(5, 40)), return_exceptions=True)
        for one in late:
            assert isinstance(one, Refused)
            assert (one.reason, one.retry_seconds) == ("QUEUE_FULL", 0.25)
        assert model.batches == [[0]]
        assert not any(task.done() for task in first)
        model.open.set()
        assert await asyncio.gather(*first) == [0, 2, 4, 6, 8]
        assert model.batches == [[0], [1, 2], [3, 4]]
        assert ended == [0, 1, 2, 3, 4]
        assert await ask(7) == 14
        await batcher.close()

    run(work())


def test_a_batch_that_fails_is_told_to_its_members_only() -> None:
    async def work() -> None:
        batcher: Batcher[int, int] = Batcher(Model(), at_once=1)
        first = asyncio.create_task(batcher.put(-1))
        await asyncio.sleep(0)
        with pytest.raises(ValueError, match="broken"):
            await first
        assert (await batcher.put(1)).answer == 2
        await batcher.close()

    run(work())


def test_a_question_larger_than_a_batch_is_asked_alone() -> None:
    async def work() -> None:
        model = Model()
        batcher: Batcher[int, int] = Batcher(model, most=4, queue=4)
        assert (await batcher.put(5, size=100)).answer == 10
        await batcher.close()

    run(work())
