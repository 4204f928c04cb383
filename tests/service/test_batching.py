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
        assert all(taken.compute_seconds >= 0.005 for taken in answers)
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


def test_a_full_queue_is_refused_and_the_rest_is_answered() -> None:
    async def work() -> None:
        batcher: Batcher[int, int] = Batcher(Model(0.02), most=2, queue=4, at_once=1)
        done = await asyncio.gather(*(batcher.put(n) for n in range(20)), return_exceptions=True)
        refused = [one for one in done if isinstance(one, Refused)]
        assert refused
        assert all((one.reason, one.retry_seconds) == ("QUEUE_FULL", 0.25) for one in refused)
        assert sum(not isinstance(one, Refused) for one in done) == 20 - len(refused)
        assert (await batcher.put(7)).answer == 14
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
