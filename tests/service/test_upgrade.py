"""A package that is replaced under a queue: the new one ends what the old one took in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from running import Client, Running
from test_engine import CHILD, ENDED, below, ended, evaluation, get, quick, running, until, watched

import synthaug
import synthaug_server
from synthaug.v1 import job_pb2, quality_pb2
from synthaug_server.engine.workflows import VERSION


def newer(folder: Path) -> Path:
    """A place to import from whose server has another source in every file, and other steps."""
    place = folder / "newer"
    shutil.copytree(
        Path(synthaug_server.__file__).parent, place / "synthaug_server",
        ignore=shutil.ignore_patterns("__pycache__"),
    )  # fmt: skip
    for file in (place / "synthaug_server").rglob("*.py"):
        file.write_text(file.read_text() + "\n_NEWER = True\n")
    workflows = place / "synthaug_server" / "engine" / "workflows.py"
    text = workflows.read_text()
    assert "answer = do_work(job)" in text
    workflows.write_text(
        text.replace("answer = do_work(job)", "first = do_work(job)\n            answer = first")
    )
    return place


def test_a_new_package_ends_the_old_ones_queue(
    launch: Callable[..., Running], tmp_path: Path
) -> None:
    old = launch()
    with old.channel() as channel:
        client = Client(channel)
        first = client.quality.EvaluateQuality(evaluation(client, count=12), timeout=60).name
        names = [first, *(quick(client) for _ in range(3))]
        until(lambda: bool(running(old, CHILD)))
        left = below(old.process.pid)
    old.kill()
    until(lambda: not any(Path(f"/proc/{process}/root").exists() for process in left), 10)

    # Nothing of the working folder is imported: `-m` would put it first.
    place = newer(tmp_path)
    behind = (str(Path(synthaug.__file__).parents[1]), os.environ.get("PYTHONPATH", ""))
    path = os.pathsep.join((str(place), *filter(None, behind)))
    new = launch(environment={"PYTHONPATH": path, "PYTHONSAFEPATH": "1"})
    with new.channel() as channel:
        client = Client(channel)
        for name in names:
            _, about = ended(client, name)
            wanted = "JOB_STATE_SUCCEEDED" if name == first else "JOB_STATE_FAILED"
            assert job_pb2.JobState.Name(about.state) == wanted
            states = [e.state for e in watched(client, name) if e.WhichOneof("event") == "state"]
            assert [job_pb2.JobState.Name(state) in ENDED for state in states].count(True) == 1
        operation, about = get(client, first)
        assert about.attempts == 2  # it was running when the old package ended
        assert operation.response.Unpack(quality_pb2.EvaluateResult())
        (engine,) = running(new, "synthaug_server.engine")
        assert f"PYTHONPATH={place}" in Path(f"/proc/{engine}/environ").read_text()


def test_the_name_of_the_steps_stays() -> None:
    """Jobs of an older package are looked for under this name: it changes with their steps only."""
    assert VERSION == "synthaug-jobs-1"
