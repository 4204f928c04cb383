"""Weights on the command line: listed, checked, and a failure that says what to do."""

from __future__ import annotations

import json

import pytest

from synthaug.cli.app import run
from synthaug.weights.registry import named


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("SYNTHAUG_WEIGHTS", str(tmp_path))
    return tmp_path


def test_ls_says_what_is_here(cache, capsys):
    (cache / named("yunet").file).write_bytes(b"x")
    assert run(["models", "ls", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["weights"]
    assert {row["name"]: row["here"] for row in rows} == {
        "yunet": True, "rfb640": False, "mobilefacenet": False, "vggface2": False,
    }  # fmt: skip
    assert run(["models", "ls"]) == 0
    assert str(cache) in capsys.readouterr().out


def test_verify_fails_on_a_wrong_file(cache, capsys):
    assert run(["models", "verify"]) == 0
    (cache / named("yunet").file).write_bytes(b"x")
    assert run(["models", "verify"]) == 6
    assert "models get yunet" in capsys.readouterr().err


def test_path_and_unknown_names(cache, capsys):
    assert run(["models", "path", "yunet"]) == 0
    assert capsys.readouterr().out.strip() == str(cache / named("yunet").file)
    assert run(["models", "get", "yunett"]) == 2
    assert "Did you mean yunet" in capsys.readouterr().err
