"""The command line as processes of their own: help, exit codes, stdout, interruption."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SYNTHAUG = [sys.executable, "-c", "from synthaug.cli import main; main()"]


def call(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SYNTHAUG, *map(str, words)], capture_output=True, text=True, timeout=300, check=False
    )


def test_help() -> None:
    done = call("--help")
    assert done.returncode == 0
    assert "synthaug demo" in done.stdout
    assert done.stderr == ""


def test_wrong_usage() -> None:
    done = call("augment", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "usage"


def test_doctor() -> None:
    done = call("doctor", "--json")
    told = json.loads(done.stdout)
    assert {check["name"] for check in told["checks"]} >= {"versions", "OpenCV", "weights"}
    assert done.returncode in {0, 2, 7}
    assert told["ok"] == (done.returncode == 0)


def test_a_reader_that_leaves_early_is_no_error() -> None:
    with subprocess.Popen(
        [*SYNTHAUG, "doctor"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode in {0, 2, 7}
