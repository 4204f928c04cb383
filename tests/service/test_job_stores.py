"""What every place that keeps jobs must hold: SQLite and a real PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import postgres

from synthaug_server.engine.job_store import JobStore, NewJob, State
from synthaug_server.engine.sqlite_jobs import SQLiteJobs
from synthaug_server.refusal import Refused

MANY = {"most_queued": 10_000, "most_of_owner": 10_000}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with postgres() as found:
        yield found


@pytest.fixture(params=["sqlite", "postgres"])
def jobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[JobStore]:
    store: JobStore
    if request.param == "sqlite":
        store = SQLiteJobs(tmp_path / "jobs.db")
    else:
        psycopg = pytest.importorskip("psycopg", reason="needs synthaug[server]")
        from synthaug_server.engine.postgres_jobs import PostgresJobs

        place = request.getfixturevalue("address")
        with psycopg.connect(place, autocommit=True) as connection:
            connection.execute("DROP SCHEMA IF EXISTS synthaug CASCADE")
        store = PostgresJobs(place)
    yield store
    store.close()


def job(name: str, owner: str = "me", body: bytes = b"\0body\xff") -> NewJob:
    return NewJob(id=name, owner=owner, kind="augment", request_id=name, body=body)


def test_from_start_to_end(jobs: JobStore) -> None:
    made = jobs.submit(job("a"), **MANY)
    assert (made.state, made.attempts, made.body) == (State.QUEUED, 0, b"\0body\xff")
    assert jobs.submit(job("a"), **MANY) == made
    assert jobs.waiting() == 1
    started = jobs.start("a")
    assert started is not None
    assert (started.state, started.attempts) == (State.RUNNING, 1)
    assert jobs.report("a", progress=b"one")
    assert jobs.report("a", progress=b"two")
    assert jobs.report("a", warning="mind")
    assert jobs.finish("a", b"result")
    assert not jobs.finish("a", b"another")
    assert not jobs.fail("a", b"error")
    done = jobs.get("a")
    assert done is not None
    assert (done.state, done.result, done.progress) == (State.SUCCEEDED, b"result", b"two")
    events = jobs.events("a", 0)
    assert [e.kind for e in events] == ["state", "state", "progress", "warning", "state"]
    assert [e.sequence for e in events] == sorted({e.sequence for e in events})
    assert jobs.events("a", events[2].sequence)[0] == events[3]
    counts = jobs.counts()["augment"]
    assert (counts.accepted, counts.succeeded, counts.failed, counts.cancelled) == (1, 1, 0, 0)
    assert jobs.start("a") is None
    assert jobs.delete("a")
    assert jobs.get("a") is None
    assert jobs.counts()["augment"].accepted == 1


def test_refusals(jobs: JobStore) -> None:
    jobs.submit(job("a"), **MANY)
    for refused, named, limits in (
        ("REQUEST_ID_REUSED", job("a", body=b"other"), MANY),
        ("QUEUE_FULL", job("b"), {"most_queued": 1, "most_of_owner": 9}),
        ("JOBS_QUOTA", job("b"), {"most_queued": 9, "most_of_owner": 1}),
    ):
        with pytest.raises(Refused) as error:
            jobs.submit(named, **limits)
        assert error.value.reason == refused
    assert jobs.get("b") is None


def test_cancelling(jobs: JobStore) -> None:
    for name in ("waits", "runs"):
        jobs.submit(job(name), **MANY)
    jobs.start("runs")
    waits, runs = jobs.request_cancel("waits"), jobs.request_cancel("runs")
    assert waits is not None
    assert runs is not None
    assert (waits.state, runs.state) == (State.CANCELLED, State.RUNNING)
    assert jobs.start("waits") is None
    assert not jobs.report("runs", progress=b"more")
    assert jobs.end_cancelled("runs")
    assert jobs.counts()["augment"].cancelled == 2
    assert jobs.request_cancel("nobody") is None


def test_given_back_is_no_attempt(jobs: JobStore) -> None:
    jobs.submit(job("a"), **MANY)
    jobs.start("a")
    jobs.give_back("a")
    back = jobs.get("a")
    assert back is not None
    assert (back.state, back.attempts) == (State.QUEUED, 0)
    assert jobs.start("a") is not None
    jobs.finish("a", b"")
    jobs.give_back("a")
    over = jobs.get("a")
    assert over is not None
    assert over.state is State.SUCCEEDED


def test_pages(jobs: JobStore) -> None:
    for n in range(7):
        jobs.submit(job(f"j{n}", owner="me" if n % 2 else "you"), **MANY)
    jobs.start("j1")
    jobs.finish("j1", b"")
    found, place = [], None
    while page := jobs.list(None, after=place, limit=3):
        found += [one.id for one in page]
        place = (page[-1].created, page[-1].id)
    assert found == [f"j{n}" for n in range(6, -1, -1)]
    assert [one.id for one in jobs.list("me", ended=False, limit=9)] == ["j5", "j3"]
    assert [one.id for one in jobs.list("me", ended=True, limit=9)] == ["j1"]


def test_no_change_is_missed_by_whoever_polls(jobs: JobStore) -> None:
    mark, _ = jobs.changes(-1)
    seen: set[str] = set()

    def submit(part: int) -> None:
        for n in range(20):
            jobs.submit(job(f"p{part}n{n}"), **MANY)

    threads = [threading.Thread(target=submit, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        mark, changed = jobs.changes(mark)
        seen |= changed
    seen |= jobs.changes(mark)[1]
    assert seen == {f"p{part}n{n}" for part in range(4) for n in range(20)}
    assert jobs.counts()["augment"].accepted == 80


def test_one_engine_a_database(address: str) -> None:
    pytest.importorskip("psycopg", reason="needs synthaug[server]")
    from synthaug_server.engine.postgres_jobs import hold

    first = hold(address)
    assert first is not None
    assert hold(address) is None
    first.close()
    again = hold(address)
    assert again is not None
    again.close()
