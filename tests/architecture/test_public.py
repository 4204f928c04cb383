"""What a reader of the package sees: names, docstrings, annotations, sizes, examples."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import synthaug
import synthaug_server

PACKAGE = Path(synthaug.__file__).parent
GENERATED = PACKAGE / "v1"
SERVER = Path(synthaug_server.__file__).parent
FILES = sorted(
    path
    for folder in (PACKAGE, SERVER)
    for path in folder.rglob("*.py")
    if GENERATED not in path.parents
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def public(tree: ast.Module) -> Iterator[tuple[str, Function | ast.ClassDef]]:
    """The public classes, functions and methods of a module, with dotted names."""
    todo: list[tuple[str, ast.Module | ast.ClassDef]] = [("", tree)]
    while todo:
        prefix, parent = todo.pop()
        for node in parent.body:
            if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
                continue
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                todo.append((f"{prefix}{node.name}.", node))


def percentile(values: list[int], share: float) -> int:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def test_public_names_are_the_golden_ones(golden: Callable[[str, str], None]) -> None:
    """Removing or renaming a public name, or changing a signature, is a deliberate act."""
    lines = []
    for name in synthaug.__all__:
        thing = getattr(synthaug, name)
        plain = callable(thing) and not isinstance(thing, type)
        lines.append(f"{name}{inspect.signature(thing)}" if plain else name)
    golden("public_names.txt", "\n".join(lines) + "\n")


def test_unknown_names_are_refused() -> None:
    assert not hasattr(synthaug, "augmentt")


def test_dir_lists_what_is_public() -> None:
    assert set(synthaug.__all__) <= set(dir(synthaug))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE.parent)))
def test_public_things_are_told_and_annotated(path: Path) -> None:
    tree = ast.parse(path.read_text())
    missing = [] if ast.get_docstring(tree) else ["the module has no docstring"]
    for name, node in public(tree):
        overrides = any("override" in ast.unparse(d) for d in node.decorator_list)
        if not ast.get_docstring(node) and not overrides:
            missing.append(f"{name} (line {node.lineno}) has no docstring")
        if isinstance(node, Function):
            arguments = node.args
            named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            bare = [a.arg for a in named if a.annotation is None and a.arg not in {"self", "cls"}]
            if bare or node.returns is None:
                missing.append(f"{name} (line {node.lineno}) lacks annotations: {bare or 'return'}")
    assert not missing


def test_sizes_stay_livable() -> None:
    functions: dict[str, int] = {}
    files: dict[str, int] = {}
    for path in FILES:
        text = path.read_text()
        files[str(path)] = text.count("\n")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, Function):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                functions[f"{path}:{node.lineno}"] = length
    assert percentile(list(functions.values()), 0.9) < 35
    assert percentile(list(files.values()), 0.9) < 450
    longest = max(functions, key=lambda place: functions[place])
    assert functions[longest] <= 120, longest


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if ">>>" in path.read_text()],
    ids=lambda p: str(p.relative_to(PACKAGE.parent)),
)
def test_examples_in_docstrings_run(path: Path) -> None:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    name = ".".join(parts).removesuffix(".__init__")
    module = importlib.import_module(re.sub(r"^server\b", "synthaug_server", name))
    found = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert found.attempted > 0
    assert found.failed == 0
