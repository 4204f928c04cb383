"""Makes ``synthaug/v1/`` from the files in ``protos/``, lints them, or checks that both agree.

    pip install grpcio-tools==1.71.2 googleapis-common-protos buf-bin
    python protos/generate.py              # write synthaug/v1/
    python protos/generate.py --check      # exit 1 and a diff where synthaug/v1/ is not current
    python protos/generate.py --lint       # buf lint, rules STANDARD
    python protos/generate.py --breaking 'TAG'   # buf breaking against a tag of this repository

Stubs that grpcio-tools 1.71.2 makes load with protobuf 5.29 to 7; those of later ones do not.
"""

from __future__ import annotations

import argparse
import difflib
import importlib.resources
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROTOS = Path(__file__).resolve().parent
STUBS = PROTOS.parent / "synthaug" / "v1"
TOOLS = "1.71.2"
FRONT = (
    '"""Messages and stubs of the service, made by protos/generate.py; nothing here is edited."""\n'
)

_WORKSPACE = """version: v2
modules:
  - path: protos
    lint: {use: [STANDARD]}
    breaking: {use: [FILE]}
  - path: googleapis
    lint: {ignore: [googleapis]}
    breaking: {ignore: [googleapis]}
"""


def google_files(folder: Path) -> Path:
    """A folder with the .proto files of googleapis-common-protos under the names imports use."""
    from google.api import annotations_pb2

    source = Path(annotations_pb2.__file__).parents[1]
    for part in ("api", "longrunning", "rpc"):
        (folder / "google" / part).mkdir(parents=True)
        for file in (source / part).glob("*.proto"):
            # The package names this one file otherwise than its importers do.
            name = file.name.replace("operations_proto", "operations")
            shutil.copyfile(file, folder / "google" / part / name)
    return folder


def stubs(folder: Path) -> dict[str, str]:
    """File name to text of everything that belongs into synthaug/v1/, made inside folder."""
    from importlib.metadata import version

    from grpc_tools import protoc

    if version("grpcio-tools") != TOOLS:
        raise SystemExit(f"stubs are made with grpcio-tools {TOOLS}, not {version('grpcio-tools')}")
    made = folder / "made"
    made.mkdir()
    google = google_files(folder / "googleapis")
    builtin = importlib.resources.files("grpc_tools") / "_proto"
    files = sorted(str(file) for file in (PROTOS / "synthaug" / "v1").glob("*.proto"))
    outputs = [f"--{kind}_out={made}" for kind in ("python", "pyi", "grpc_python")]
    includes = [f"-I{path}" for path in (PROTOS, google, builtin)]
    if protoc.main(["protoc", *includes, *outputs, *files]):
        raise SystemExit("protoc failed")
    texts = {path.name: path.read_text() for path in sorted((made / "synthaug/v1").glob("*.py*"))}
    # Files without a service have no stubs worth keeping.
    kept = {n: t for n, t in texts.items() if not n.endswith("_grpc.py") or "class " in t}
    return {"__init__.py": FRONT, **kept}


def write(folder: Path) -> None:
    """Replace what stands in synthaug/v1/."""
    made = stubs(folder)
    STUBS.mkdir(exist_ok=True)
    for old in STUBS.glob("*.py*"):
        old.unlink()
    for name, text in made.items():
        (STUBS / name).write_text(text)


def check(folder: Path) -> int:
    """0 where synthaug/v1/ is what would be made now; else 1, and the difference is printed."""
    made = stubs(folder)
    there = {path.name: path.read_text() for path in sorted(STUBS.glob("*.py*"))}
    lines: list[str] = []
    for name in sorted(made.keys() | there.keys()):
        old, new = (texts.get(name, "").splitlines() for texts in (there, made))
        lines += difflib.unified_diff(old, new, f"there/{name}", f"made/{name}", lineterm="", n=1)
    print("\n".join(line[:200] for line in lines))
    return int(bool(lines))


def buf(folder: Path, *words: str) -> int:
    """Exit code of buf, run on a workspace that also holds Google's files."""
    program = shutil.which("buf", path=str(Path(sys.executable).parent)) or shutil.which("buf")
    if program is None:
        raise SystemExit("buf is missing: pip install buf-bin")
    (folder / "buf.yaml").write_text(_WORKSPACE)
    shutil.copytree(PROTOS, folder / "protos", ignore=shutil.ignore_patterns("*.py"))
    google_files(folder / "googleapis")
    return subprocess.run([program, *words], cwd=folder, check=False).returncode


def workspace_of(tag: str, repository: Path, folder: Path) -> Path:
    """The same workspace as it was at a tag."""
    folder.mkdir()
    archive = subprocess.run(
        ["git", "-C", repository, "archive", tag, "protos"], check=True, capture_output=True
    ).stdout
    subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
    (folder / "buf.yaml").write_text(_WORKSPACE)
    google_files(folder / "googleapis")
    return folder


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--check", action="store_true")
    group.add_argument("--lint", action="store_true")
    group.add_argument("--breaking", metavar="TAG")
    parser.add_argument("--repository", metavar="DIR", type=Path, default=PROTOS.parent)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.lint:
            return buf(folder, "lint")
        if asked.breaking:
            before = workspace_of(asked.breaking, asked.repository, folder / "before")
            return buf(folder, "breaking", "--against", str(before))
        if asked.check:
            return check(folder)
        write(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
