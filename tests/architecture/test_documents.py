"""What the documents say is so: links lead somewhere, code compiles, options exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

import synthaug
from synthaug.cli.app import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def commands() -> dict[str, list[Any]]:
    """Parameters by command; of a group of commands its own and those of all of them."""

    def of(command: Any) -> list[Any]:
        inner = getattr(command, "commands", {}).values()
        return [*command.params, *(parameter for one in inner for parameter in of(one))]

    found = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return {name: of(command) for name, command in found.items()}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text())
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_python_in_documents_compiles(path: Path) -> None:
    for block in blocks(path.read_text(), "python"):
        ast.parse(block)


def test_the_first_thing_to_run_stands_near_the_top() -> None:
    lines = README.splitlines()
    assert lines.index("pip install . && synthaug demo") < 25


def test_commands_in_documents_exist_with_their_options() -> None:
    unknown = []
    for text in (path.read_text() for path in DOCUMENTS):
        for name, words in re.findall(r"synthaug ([a-z]+)((?: [^`\n&|]+)?)", code_of(text)):
            if name not in commands():
                unknown.append(name)
                continue
            known = {option for p in commands()[name] for option in p.opts}
            unknown += [f"{name} {o}" for o in re.findall(r"--[a-z0-9-]+", words) if o not in known]
    assert unknown == []


def test_options_named_alone_in_the_readme_exist() -> None:
    known = {
        option
        for parameters in commands().values()
        for parameter in parameters
        for option in [*parameter.opts, *parameter.secondary_opts]
    } | {"--help", "--version"}
    named = set(re.findall(r"`(--[a-z0-9-]+)", README))
    assert named <= known


def test_public_names_in_the_readme_exist() -> None:
    for name in set(re.findall(r"synthaug\.([A-Za-z_]+)\(", README)):
        assert name in synthaug.__all__, name


def test_exit_codes_in_the_readme_are_those_of_the_errors() -> None:
    import synthaug.errors

    errors = [getattr(synthaug.errors, name) for name in synthaug.errors.__all__]
    codes = {error.exit_code for error in errors}
    told = {int(code) for code in re.findall(r"^\| (\d) \|", README, re.M)}
    assert told == codes | {0}


def code_of(text: str) -> str:
    """Shell blocks and inline code of a document."""
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    return "\n".join([*blocks(text, "bash"), *inline])


def test_every_recipe_has_its_row_in_the_readme() -> None:
    rows = {tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in README.splitlines()}
    told = {row[0]: (row[1], row[3]) for row in rows if len(row) == 4}
    for entry in synthaug.recipes():
        assert told.get(entry.name) == (entry.source, entry.shows), entry.name
