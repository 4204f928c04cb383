"""protos/ and the stubs made from it agree, and hold the rules of buf."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import itertools
import pkgutil
import re
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from google.longrunning.operations_pb2_grpc import OperationsServicer
from google.protobuf.descriptor import FieldDescriptor, FileDescriptor
from grpc_health.v1.health_pb2_grpc import HealthServicer

from synthaug.v1 import (
    anonymization_pb2,
    artifact_pb2,
    augmentation_pb2,
    dataset_pb2,
    job_pb2,
    media_pb2,
    model_pb2,
    quality_pb2,
    verdict_pb2,
)
from synthaug_server import app, front

ROOT = Path(__file__).parents[2]
GENERATE = ROOT / "protos" / "generate.py"
FILES: list[FileDescriptor] = [
    module.DESCRIPTOR
    for module in (
        anonymization_pb2, artifact_pb2, augmentation_pb2, dataset_pb2, job_pb2, media_pb2,
        model_pb2, quality_pb2, verdict_pb2,
    )
]  # fmt: skip


def tools() -> str | None:
    try:
        return version("grpcio-tools")
    except PackageNotFoundError:
        return None


def generate(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, GENERATE, *words], capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(tools() != "1.71.2", reason="needs grpcio-tools 1.71.2; .ci/run has it")
def test_stubs_are_those_of_the_protos() -> None:
    done = generate("--check")
    assert (done.returncode, done.stdout.strip()) == (0, "")


@pytest.mark.skipif(
    importlib.util.find_spec("buf") is None and shutil.which("buf") is None,
    reason="needs buf (pip install buf-bin); .ci/run has it",
)
def test_protos_hold_the_rules_of_buf() -> None:
    done = generate("--lint")
    assert (done.returncode, done.stdout) == (0, "")


def test_every_proto_has_stubs() -> None:
    protos = {path.stem for path in (ROOT / "protos/synthaug/v1").glob("*.proto")}
    assert protos == {Path(file.name).stem for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_everything_in_the_protos_is_told(file: FileDescriptor) -> None:
    """Each declaration stands under a comment."""
    lines = (ROOT / "protos" / file.name).read_text().splitlines()
    declares = re.compile(r"^\s*(service|message|enum|rpc|oneof) |^\s+[\w.<>, ]+ \w+ = \d+;")
    bare = [
        line
        for before, line in itertools.pairwise(lines)
        if declares.match(line) and not before.strip().startswith("//")
    ]
    assert bare == []


def test_jobs_can_be_repeated_and_tried() -> None:
    for message in (
        augmentation_pb2.CreateAugmentJobRequest,
        anonymization_pb2.CreateAnonymizeJobRequest,
        quality_pb2.EvaluateQualityRequest,
        artifact_pb2.StartUploadRequest,
    ):
        fields = message.DESCRIPTOR.fields_by_name
        assert fields["request_id"].number == 1
        assert fields["validate_only"].number == 2


def test_no_call_takes_a_path_or_an_address() -> None:
    names = {
        field.name
        for file in FILES
        for message in file.message_types_by_name.values()
        for field in message.fields
        if field.type == FieldDescriptor.TYPE_STRING
    }
    assert not [n for n in names if re.search(r"path|uri|url|file|folder|address", n)]


def servicers() -> list[type]:
    """The generated base class of each of our services."""
    modules = (
        importlib.import_module(f"synthaug.v1.{found.stem}")
        for found in sorted((ROOT / "synthaug" / "v1").glob("*_pb2_grpc.py"))
    )
    return [
        kind
        for module in modules
        for name, kind in vars(module).items()
        if name.endswith("Servicer")
    ]


@pytest.mark.parametrize(
    "base", [*servicers(), OperationsServicer, HealthServicer], ids=lambda base: base.__name__
)
def test_every_method_is_answered_by_the_front(base: type) -> None:
    """The generated methods raise NotImplementedError: none of them is ever reached."""
    for found in pkgutil.iter_modules(front.__path__, front.__name__ + "."):
        importlib.import_module(found.name)
    (ours,) = base.__subclasses__()
    assert ours.__module__.startswith("synthaug_server.front.")
    methods = {name for name, value in vars(base).items() if inspect.isfunction(value)}
    assert methods
    assert {name for name in methods if getattr(ours, name) is getattr(base, name)} == set()


def test_each_of_our_services_is_offered() -> None:
    offered = {name.rpartition(".")[2] for name in app.SERVICES if name.startswith("synthaug.v1.")}
    assert {base.__name__ for base in servicers()} == {f"{name}Servicer" for name in offered}
