"""``synthaug --server`` and ``synthaug jobs`` against a real server."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import test_client
import test_sampling
from running import Running, synthaug
from test_client import clip as clip  # the fixture
from test_client_cuts import Events, anonymizing, bare, until, without_engine  # noqa: F401

from synthaug.cli.app import run
from synthaug.v1 import anonymization_pb2
from synthaug_server.engine.sqlite_jobs import SQLiteJobs

Captured = pytest.CaptureFixture[str]


@pytest.mark.usefixtures("without_engine")
def test_jobs_are_listed_watched_cancelled_and_removed(
    launch: Callable[..., Running], tmp_path: Path, capsys: Captured
) -> None:
    from google.protobuf import any_pb2

    server, events = launch(), Events()
    jobs = ["--server", server.address, "jobs"]
    assert run([*jobs, "ls"]) == 0
    assert capsys.readouterr().out == "no jobs\n"
    (tmp_path / "clip.mp4").write_bytes(b"film")
    waiting = anonymizing(server.address, tmp_path / "clip.mp4", tmp_path / "out.mp4", events)
    until(lambda: events.name)
    assert run([*jobs, "ls", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["jobs"]
    assert (told["name"], told["kind"], told["state"]) == (events.name, "anonymize", "queued")
    assert run([*jobs, "rm", events.name]) == 2
    assert "cancel it first" in capsys.readouterr().err

    def engine() -> None:
        store = SQLiteJobs(server.store / "jobs.db")
        store.start(bare(events.name))
        packed = any_pb2.Any()
        packed.Pack(anonymization_pb2.AnonymizeResult(frames=3, plan="artifacts/p"))
        store.report(bare(events.name), warning="one eye is closed")
        store.finish(bare(events.name), packed.SerializeToString())
        store.close()

    thread = threading.Thread(target=engine)
    thread.start()
    # Without "operations/" it is the same job.
    assert run([*jobs, "watch", bare(events.name)]) == 0
    thread.join()
    shown = capsys.readouterr()
    assert shown.out == f"{events.name}: succeeded\n  plan: artifacts/p\n"
    assert "one eye is closed" in shown.err
    waiting.join(60)  # the file it names is not there
    assert run([*jobs, "cancel", events.name]) == 0
    assert capsys.readouterr().out == f"{events.name}: succeeded\n"
    assert run([*jobs, "rm", events.name]) == 0
    assert run([*jobs, "ls"]) == 0
    assert "no jobs" in capsys.readouterr().out
    assert run([*jobs, "watch", events.name]) == 2
    assert capsys.readouterr().err == (
        f"synthaug: there is no such operation, or it belongs to somebody else "
        f"({server.address}).\n"
    )


@pytest.mark.usefixtures("without_engine")
def test_a_cancelled_job_ends_its_watch_with_5(
    launch: Callable[..., Running], tmp_path: Path, capsys: Captured
) -> None:
    server, events = launch(), Events()
    (tmp_path / "clip.mp4").write_bytes(b"film")
    waiting = anonymizing(server.address, tmp_path / "clip.mp4", tmp_path / "out.mp4", events)
    until(lambda: events.name)
    assert run(["--server", server.address, "jobs", "cancel", events.name, "--json"]) == 0
    waiting.join(60)
    assert json.loads(capsys.readouterr().out)["state"] == "cancelled"
    assert run(["--server", server.address, "jobs", "watch", events.name, "--json"]) == 5
    assert json.loads(capsys.readouterr().out)["error"]["exit_code"] == 5


def test_a_class_is_drawn_by_the_server(server: Running, tmp_path: Path, capsys: Captured) -> None:
    model = test_sampling.plant(server, test_sampling.tiny(), tmp_path, "planted-for-the-cli")
    words = ["--server", server.address, "sample", model, "--class", "dark", "--out"]
    assert run([*words, str(tmp_path / "drawn"), "--count", "2", "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert [Path(file).name for file in files] == ["dark_00000.png", "dark_00001.png"]
    assert all(Path(file).is_file() for file in files)
    assert run([*words, str(tmp_path / "grid.png"), "--grid", "2x2"]) == 2
    assert "The service has no such option" in capsys.readouterr().err


@pytest.mark.slow
def test_a_clip_and_a_folder_go_through_the_command_line(
    server: Running, clip: Path, tmp_path: Path, capsys: Captured
) -> None:
    out = tmp_path / "hidden.mp4"
    done = synthaug(
        "--server", server.address, "anonymize", str(clip), "-o", str(out), "--seed", "7", "--json",
        check=False,
    )  # fmt: skip
    assert done.returncode in (0, 4), done.stderr
    (told,) = json.loads(done.stdout)["files"]
    assert told["frames"] == test_client.FRAMES
    assert out.is_file()
    assert "upload: " in done.stderr
    folder = test_client.photos(tmp_path / "photos", {"dark": 14, "light": 8})
    words = ["--server", server.address, "augment", str(folder), "--budget", "256 images"]
    assert run([*words, "--size", "16", "--out", str(tmp_path / "b")]) == 0
    assert "28 images in 2 classes" in capsys.readouterr().out
    real = test_client.photos(tmp_path / "real", {"dark": 24, "light": 24}, 1)
    words = ["--server", server.address, "evaluate", str(real), str(folder)]
    assert run([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdicts"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "photos", "--out", "g"], "train runs on this machine only"),
        (["anonymize", "plan", "a.mp4"], "anonymize plan runs on this machine only"),
        (["augment", "photos", "--out", "o", "--dry-run"], "leave out --server"),
        (["anonymize", "--camera", "0"], "leave out --server"),
        (["anonymize", "a.mp4", "--codec", "av1"], "The service has no such option"),
        (["anonymize", "a.mp4", "--smallest", "40.5"], "whole pixels"),
        (["augment", "photos", "--out", "o", "--device", "cpu"], "The service has no such option"),
        (["evaluate", "a", "b", "--neighbours", "n.png"], "The service has no such option"),
    ],
)
def test_what_a_server_does_not_do_is_refused(
    words: list[str], message: str, server: Running, capsys: Captured
) -> None:
    assert run(["--server", server.address, *words]) == 2
    assert message in capsys.readouterr().err


def test_ways_in_that_cannot_be_used_are_refused(
    server: Running, tmp_path: Path, capsys: Captured
) -> None:
    none = str(tmp_path / "none")
    for words, code, message in (
        (["--server", "nowhere", "jobs", "ls"], 2, "host:port"),
        (["--server", server.address, "--token-file", none, "jobs", "ls"], 2, "token file"),
        (["--server", server.address, "--tls-ca", none, "jobs", "ls"], 2, "TLS file"),
        (["--token-file", none, "anonymize", "a.mp4"], 2, "name the server too"),
        (["--server", "127.0.0.1:1", "jobs", "ls"], 7, "cannot be reached (127.0.0.1:1)"),
    ):
        assert run(words) == code, words
        shown = capsys.readouterr()
        assert message in shown.err
        assert shown.err.count("\n") == 1
    (tmp_path / "token").write_text("synthaug_wrong\n")
    words = ["--server", server.address, "--token-file", str(tmp_path / "token"), "jobs", "ls"]
    assert run(words) == 2
    assert "Pass a token that the server knows" in capsys.readouterr().err
