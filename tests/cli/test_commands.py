"""The commands with the jobs replaced: what is parsed arrives, what comes back is printed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import synthaug
from synthaug.cli.app import app, run
from synthaug.errors import Stopped
from synthaug.verdict import Verdicts


class Plan:
    """Stands in for the plan of a run."""

    def to_dict(self) -> dict[str, Any]:
        return {"classes": []}

    def __str__(self) -> str:
        return "the plan"


class Calls(list[tuple[tuple[Any, ...], dict[str, Any]]]):
    """A function that notes its arguments, then returns or raises what it was given."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result

    def __call__(self, *args: Any, **options: Any) -> Any:
        self.append((args, options))
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


def put(monkeypatch: pytest.MonkeyPatch, name: str, result: Any) -> Calls:
    calls = Calls(result)
    monkeypatch.setitem(vars(synthaug), name, calls)
    return calls


def test_dry_run_prints_the_plan_and_starts_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    plan, augment = put(monkeypatch, "plan", Plan()), put(monkeypatch, "augment", None)
    words = ["augment", "photos", "--out", str(tmp_path / "o"), "--target", "crack=5", "--dry-run"]
    assert run([*words, "--size", "32", "--groups", "g.csv"]) == 0
    assert capsys.readouterr().out == "the plan\n"
    assert run([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"classes": []}
    assert augment == []
    args, options = plan[0]
    assert args == ("photos", "crack=5")
    assert (options["size"], options["groups"], options["device"]) == (32, "g.csv", "auto")


def test_an_interrupted_run_exits_with_5(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    put(monkeypatch, "augment", Stopped("interrupted", remedy="The same command resumes."))
    assert run(["augment", "photos", "--out", str(tmp_path / "o")]) == 5
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "synthaug: interrupted. The same command resumes.\n"


def test_sample_lists_the_files_it_wrote(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = put(monkeypatch, "sample", [Path("o/a.png"), Path("o/b.png")])
    words = ["sample", "g", "--class", "crack", "--count", "2", "--out", "o"]
    assert run([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"files": ["o/a.png", "o/b.png"]}
    assert run(words) == 0
    assert capsys.readouterr().out == "o/a.png\no/b.png\n"
    assert calls[0][1]["class_name"] == "crack"


def test_compare_hands_over_what_was_typed_and_prints_the_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Found:
        folder = Path("race")

        def to_dict(self) -> dict[str, Any]:
            return {"rivals": []}

        def __str__(self) -> str:
            return "the table"

    calls = put(monkeypatch, "compare", Found())
    words = ["compare", "photos", "--recipes", "rare,dcgan", "--seeds", "0,2", "--out", "race"]
    assert run(words) == 0
    assert capsys.readouterr().out.startswith("the table\n\nWritten to race")
    assert run([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"rivals": []}
    args, options = calls[0]
    assert args == ("photos", "rare,dcgan")
    assert (options["seeds"], options["budget"], str(options["out"])) == ([0, 2], "5min", "race")
    assert options["command"] == " ".join(["synthaug", *words])


@pytest.mark.parametrize(("strict", "exit_code"), [(True, 3), (False, 0)])
def test_a_failed_gate_is_an_exit_code_only_when_strict(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    strict: bool,
    exit_code: int,
) -> None:
    class Failed(Verdicts):
        failed = True  # type: ignore[assignment]

    class Found:
        verdicts = Failed()

        def to_json(self) -> str:
            return '{"verdicts": []}'

        def __str__(self) -> str:
            return "a table"

    put(monkeypatch, "evaluate", Found())
    words = ["evaluate", "real", "made", "--json", *(["--strict"] if strict else [])]
    assert run(words) == exit_code
    assert json.loads(capsys.readouterr().out) == {"verdicts": []}


@pytest.mark.parametrize(
    "words",
    [
        ["augment"],
        ["augment", "a", "--out", "b", "--bogus"],
        ["augment", "a", "--out", "b", "--size", "31"],
        ["sample", "g", "--class", "c", "--out", "o", "--count", "few"],
        ["transmogrify"],
    ],
)
def test_wrong_usage_exits_with_2_and_one_json_object(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, "--json"]) == 2
    printed = capsys.readouterr()
    told = json.loads(printed.out)["error"]
    assert (told["code"], told["exit_code"]) == ("usage", 2)
    assert told["message"] in printed.err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"synthaug {synthaug.__version__}\n"


@pytest.mark.parametrize("words", [[], ["--help"], ["augment", "--help"], ["doctor", "--help"]])
def test_help_is_an_answer(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("Usage: synthaug")
    assert printed.err == ""


def test_help_texts_are_the_golden_ones(golden: Callable[[str, str], None]) -> None:
    """Our words only: how they are laid out belongs to typer and changes with its version."""
    import typer.main

    lines = []
    commands = {}

    def gather(name: str, command: Any) -> None:
        inner = getattr(command, "commands", {})
        if command.params or not inner:
            commands[name] = command
        for each in inner:
            gather(f"{name} {each}".strip(), inner[each])

    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        gather(name, command)
    for name, command in commands.items():
        lines += [f"## {name}", str(command.help), str(command.epilog).removeprefix("\b\n"), ""]
        for parameter in command.params:
            names = " ".join([*parameter.opts, *parameter.secondary_opts])
            default = "" if parameter.required else f" (default {parameter.default})"
            lines.append(f"{names}{default}: {getattr(parameter, 'help', '')}")
        lines.append("")
    golden("commands.txt", "\n".join(lines))


def test_the_package_is_the_command():
    """Where the console script is not on the path, as in many containers."""
    told = subprocess.run(
        [sys.executable, "-m", "synthaug", "--version"], capture_output=True, text=True, check=True
    )
    assert synthaug.__version__ in told.stdout
