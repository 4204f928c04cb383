"""The house of docs/house.md: floors, rooms, no cycles, nothing heavy at the door."""

from __future__ import annotations

import ast
import fnmatch
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import synthaug

ROOT = Path(__file__).parents[2]
PACKAGE = Path(synthaug.__file__).parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

# Room (first name after `synthaug`) to floor; docs/house.md tells the same to people.
FLOORS = {
    "__main__": 9,
    "cli": 8,
    "__init__": 7,
    "api": 7,
    "api_faces": 7,
    "client": 7,
    "report": 6,
    "integrations": 6,
    "jobs": 5,
    "gates": 4,
    "choosing": 4,
    "textbook": 4,
    "latent": 4,
    "replacing": 4,
    "audit": 4,
    "training": 3,
    "faces": 3,
    "features": 3,
    "networks": 2,
    "objectives": 2,
    "diffaug": 2,
    "metrics": 2,
    "datasets": 1,
    "media": 1,
    "weights": 1,
    "errors": 0,
    "spelling": 0,
    "verdict": 0,
    "provenance": 0,
    "facts": 0,
    "arm": 0,
    "v1": 0,
}
# The face is one room with three doors.
FACE = {"__init__", "api", "api_faces"}
HEAVY = ("torch", "torchvision", "cv2", "albumentations", "sklearn", "scipy", "facenet_pytorch")

MODULES = {
    ".".join(("synthaug", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imported(path: Path, *, typing_too: bool) -> Iterator[tuple[int, str]]:
    """Line and full name of every module a file imports, inside functions too."""
    tree = ast.parse(path.read_text())
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for part in node.body
        for inner in ast.walk(part)
    }
    for node in ast.walk(tree):
        if node in for_types and not typing_too:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield node.lineno, full if full in MODULES else str(node.module)


def ours(path: Path, *, typing_too: bool) -> Iterator[tuple[int, str]]:
    for line, name in imported(path, typing_too=typing_too):
        if name.split(".")[0] == "synthaug":
            yield line, name


def test_every_room_has_a_floor_and_house_md_names_it() -> None:
    rooms = {room(module) for module in MODULES}
    assert rooms <= FLOORS.keys()
    rows = re.findall(r"^\| (\d) [^|]*\|([^|]*)\|", (ROOT / "docs/house.md").read_text(), re.M)
    told = {
        (re.sub(r"^synthaug/|/$|\.py$", "", name), int(floor))
        for floor, names in rows
        for name in re.findall(r"`([^`]+)`", names)
    }
    assert {(name, floor) for name, floor in told if name in rooms} == {
        (name, FLOORS[name]) for name in rooms
    }


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down(module: str) -> None:
    here = room(module)
    wrong = []
    for line, name in ours(MODULES[module], typing_too=True):
        there = room(name)
        same = there == here or {here, there} <= FACE
        if not same and FLOORS[there] >= FLOORS[here]:
            wrong.append(f"{MODULES[module]}:{line}: {here} imports {there}")
    assert not wrong


def test_no_import_cycles() -> None:
    graph = {
        module: {name for _, name in ours(path, typing_too=False)} & MODULES.keys() - {module}
        for module, path in MODULES.items()
    }
    while True:
        leaves = {module for module, needs in graph.items() if not needs}
        if not leaves:
            break
        graph = {m: needs - leaves for m, needs in graph.items() if m not in leaves}
    assert not graph, f"these import one another: {sorted(graph)}"


@pytest.mark.parametrize(
    "module", ["synthaug", "synthaug.errors", "synthaug.cli", "synthaug.client"]
)
def test_nothing_heavy_at_the_door(module: str) -> None:
    heavy = (*HEAVY, "synthaug_server")
    code = f"import sys, {module}; print(*sorted(set({heavy!r}) & sys.modules.keys()))"
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    assert found == []


def test_no_drawer_for_odds_and_ends() -> None:
    names = {path.stem for path in PACKAGE.rglob("*.py")}
    assert not names & {"utils", "util", "common", "helpers", "misc"}


def test_what_is_imported_is_declared() -> None:
    """Every third-party package the code or its tests import is in pyproject.toml."""
    project = PYPROJECT["project"]
    extras = project["optional-dependencies"]
    named = {
        "opencv-python": "cv2",
        "c2pa-python": "c2pa",
        "dlib-bin": "dlib",
        "scikit-learn": "sklearn",
        "pillow": "PIL",
        "pyyaml": "yaml",
        "scikit-image": "skimage",
        "imbalanced-learn": "imblearn",
        "protobuf": "google",
        "googleapis-common-protos": "google",
        "grpcio": "grpc",
        "grpcio-health-checking": "grpc_health",
        "grpcio-reflection": "grpc_reflection",
        "grpcio-status": "grpc_status",
    }

    def modules(*requirements: str) -> set[str]:
        names = {re.split(r"[<>=!\[; ]", text)[0] for text in requirements}
        found = {named.get(name, name.replace("-", "_")) for name in names}
        # An extra may take in another one: synthaug[server].
        inner = [part for text in requirements for part in re.findall(r"^synthaug\[(\w+)\]$", text)]
        return found.union(*(modules(*extras[part]) for part in inner))

    always = modules(*project["dependencies"])
    needed = {
        name.split(".")[0] for p in MODULES.values() for _, name in imported(p, typing_too=True)
    }
    tests = {
        name.split(".")[0]
        for path in (ROOT / "tests").rglob("*.py")
        if "benchmarks" not in path.parts
        for _, name in imported(path, typing_too=True)
    }
    ours = {path.stem for path in (ROOT / "tests").rglob("*.py")}
    known = set(sys.stdlib_module_names) | {"synthaug", "synthaug_server"}
    optional = modules(*(line for lines in extras.values() for line in lines))
    assert needed - known - always - optional == set()
    assert tests - ours - known - always - modules(*extras["test"]) == set()


def test_files_beside_the_code_are_packaged() -> None:
    patterns = PYPROJECT["tool"]["setuptools"]["package-data"]["*"]
    left_out = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "synthaug").rglob("*")
        if path.is_file()
        and path.suffix != ".py"
        and "__pycache__" not in path.parts
        and not (
            (path.parent / "__init__.py").exists()
            and any(fnmatch.fnmatch(path.name, pattern) for pattern in patterns)
        )
    ]
    assert left_out == []
