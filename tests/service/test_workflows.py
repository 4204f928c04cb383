"""What DBOS does unless told otherwise, and what it does here."""

from __future__ import annotations

import contextlib
import json
import pickle
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cluster import postgres
from running import Client, Running
from test_engine import ended, get, quick, until

pytest.importorskip("dbos", reason="needs synthaug[server]")

from synthaug_server.engine import workflows
from synthaug_server.engine.workflows import JSON, RecordedError

_PROCESS = """
import os, signal, sys, threading, time
from pathlib import Path
source, store, plan, database = sys.argv[1:5]
module = {"__name__": "upgraded"}
exec(compile(Path(source).read_text(), source, "exec"), module)
log = Path(store) / "log"

def note(text):
    with log.open("a") as file:
        file.write(text + "\\n")

def work(job):
    note(f"work {job}")
    if plan == "die in work":
        os.kill(os.getpid(), signal.SIGKILL)
    if plan == "raise":
        class Odd(Exception):
            def __init__(self, a, b):
                super().__init__(threading.Lock())
        raise Odd(1, 2)
    return "made"

def publish(job):
    note(f"publish {job}")
    if plan == "die in publish":
        os.kill(os.getpid(), signal.SIGKILL)
    note(f"over {job}")
    return "over"

flows = module["Workflows"](Path(store), database, work, publish)
if plan not in ("recover", "recover and forget"):
    flows.begin("job1")
    assert not flows.begin("job1")
end = time.monotonic() + 60
while not flows.ended("job1"):
    assert time.monotonic() < end, "not ended"
    time.sleep(0.05)
if "forget" in plan:
    assert flows.over() == ["job1"]
    if plan == "die before forget":
        os.kill(os.getpid(), signal.SIGKILL)
    flows.forget(["job1"])
    flows.forget(["job1"])
    assert flows.over() == []
    assert not flows.ended("job1")
    if plan == "forget and again":
        assert flows.begin("job1")
        while not flows.ended("job1"):
            assert time.monotonic() < end, "not ended"
            time.sleep(0.05)
os._exit(0)
"""


def run(store: Path, plan: str, *, upgraded: bool = False, database: str = "") -> int:
    """A process with an engine's workflows; its exit code."""
    source = store / f"workflows_{upgraded}.py"
    text = Path(workflows.__file__).read_text()
    if upgraded:
        text = text.replace(
            "answer = do_work(job)", "first = do_work(job)\n            answer = first"
        )
        assert "first = do_work" in text
    source.write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", _PROCESS, str(source), str(store), plan, database],
        capture_output=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode in (0, -9), done.stderr.decode()[-2000:]
    return done.returncode


def log(store: Path) -> list[str]:
    return (store / "log").read_text().split("\n")[:-1]


def test_finished_steps_are_not_repeated(tmp_path: Path) -> None:
    assert run(tmp_path, "die in publish") == -9
    assert run(tmp_path, "recover") == 0
    assert log(tmp_path) == ["work job1", "publish job1", "publish job1", "over job1"]


def test_an_upgrade_finishes_what_was_begun(tmp_path: Path) -> None:
    """By default the version is a hash of the source, and a job of another is never recovered."""
    assert run(tmp_path, "die in work") == -9
    assert run(tmp_path, "recover", upgraded=True) == 0
    assert log(tmp_path) == ["work job1", "work job1", "publish job1", "over job1"]


def cells(store: Path) -> dict[str, list[object]]:
    """What stands in all tables that hold values, by column."""
    found: dict[str, list[object]] = {}
    with sqlite3.connect(store / "dbos.db") as rows:
        assert rows.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        for table in ("workflow_status", "workflow_input", "workflow_output", "operation_outputs"):
            cursor = rows.execute(f"SELECT * FROM {table}")
            for row in cursor.fetchall():
                for (name, *_), value in zip(cursor.description, row, strict=True):
                    if value is not None:
                        found.setdefault(name, []).append(value)
    return found


def mentions(store: Path, database: str, job: str) -> list[str]:
    """The tables of DBOS in which a job's id stands."""
    if not database:
        with contextlib.closing(sqlite3.connect(store / "dbos.db")) as rows:
            tables = rows.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            return [
                name for (name,) in tables
                if any(job in map(str, row) for row in rows.execute(f'SELECT * FROM "{name}"'))
            ]  # fmt: skip
    psycopg = pytest.importorskip("psycopg", reason="needs synthaug[server]")
    with psycopg.connect(database) as rows:
        tables = rows.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'dbos'"
        ).fetchall()
        return [
            name for (name,) in tables
            if any(job in map(str, row) for row in rows.execute(f'SELECT * FROM dbos."{name}"'))
        ]  # fmt: skip


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where DBOS keeps its rows: empty for the store's own file."""
    if request.param == "sqlite":
        yield ""
        return
    with postgres() as address:
        yield address


def test_rows_of_what_is_over_are_dropped(tmp_path: Path, database: str) -> None:
    assert run(tmp_path, "die before forget", database=database) == -9
    assert mentions(tmp_path, database, "job1")
    assert run(tmp_path, "recover and forget", database=database) == 0
    assert mentions(tmp_path, database, "job1") == []
    # No step was repeated for it, and the id is as good as new.
    assert log(tmp_path) == ["work job1", "publish job1", "over job1"]
    assert run(tmp_path, "forget and again", database=database) == 0
    assert log(tmp_path)[3:] == ["work job1", "publish job1", "over job1"] * 2


def test_the_engine_drops_what_a_killed_one_left(
    launch: Callable[..., Running], tmp_path: Path, database: str
) -> None:
    """Of a job that is gone from the store, though nothing is to be done; then of its own."""
    store = tmp_path / "store"
    store.mkdir()
    assert run(store, "die before forget", database=database) == -9
    server = launch(*(["--jobs", database] if database else []))
    until(lambda: mentions(store, database, "job1") == [])
    with server.channel() as channel:
        client = Client(channel)
        names = [quick(client) for _ in range(2)]
        for name in names:
            ended(client, name)
        until(lambda: not any(mentions(store, database, name[11:]) for name in names))
        # The job itself stays until somebody deletes it or its time is over.
        assert all(get(client, name)[0].done for name in names)


def test_an_error_that_cannot_be_written_ends_the_workflow(tmp_path: Path) -> None:
    """By default it is pickled, which fails, and the workflow stays PENDING for ever."""
    assert run(tmp_path, "raise") == 0
    told = cells(tmp_path)
    assert told["status"] == ["ERROR"]
    assert {json.dumps(json.loads(str(one))) for one in told["error"]} == {'{"error": "Odd"}'}


def test_rows_hold_references_and_nothing_that_could_run(tmp_path: Path) -> None:
    assert run(tmp_path, "go") == 0
    told = cells(tmp_path)
    assert set(told["serialization"]) == {"synthaug-json-1"}
    assert set(told["application_version"]) == {workflows.VERSION}
    texts = [str(one) for values in told.values() for one in values]
    values = [json.loads(text)["value"] for text in texts if text.startswith("{")]
    assert {json.dumps(value) for value in values} == {
        '{"args": ["job1"], "kwargs": {}}', '"made"', '"over"'
    }  # fmt: skip
    # A pickle in base64 begins like this.
    assert not [text for text in texts if text.startswith("gAS")]


def test_nothing_is_unpickled() -> None:
    assert isinstance(JSON().deserialize(JSON().serialize(ValueError("Jane Doe"))), RecordedError)
    assert "Jane" not in JSON().serialize(ValueError("Jane Doe"))
    with pytest.raises(ValueError):
        JSON().deserialize(pickle.dumps("x", 0).decode())
