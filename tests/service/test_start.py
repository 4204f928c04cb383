"""How a server starts: quickly, small, without torch; or not at all, and says why."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from running import Client, Running, certificates, failing_start, refused, synthaug, told

from synthaug.v1 import model_pb2
from synthaug_server.app import SERVICES

HEAVY = ("torch", "torchvision", "cv2", "albumentations", "sklearn", "scipy", "numpy")


def test_the_front_imports_nothing_heavy() -> None:
    code = f"import sys, synthaug_server.app; print(*set({HEAVY!r}) & sys.modules.keys())"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.split() == []


def test_an_idle_server_is_small(server: Running) -> None:
    assert server.rss <= 80 << 20


def test_every_service_is_healthy(server: Running) -> None:
    with server.channel() as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", *SERVICES):
            answer = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=30)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        asked = health_pb2.HealthCheckRequest(service="nobody")
        assert refused(health.Check, asked).reason == "SERVICE_NOT_FOUND"


@pytest.mark.skipif(
    not hasattr(health_pb2, "HealthListRequest"), reason="grpcio-health-checking has no List yet"
)
def test_all_services_are_listed_with_their_health(server: Running) -> None:
    with server.channel() as channel:
        answer = health_pb2_grpc.HealthStub(channel).List(health_pb2.HealthListRequest())
    serving = health_pb2.HealthCheckResponse.SERVING
    assert {name: one.status for name, one in answer.statuses.items()} == dict.fromkeys(
        ("", *SERVICES), serving
    )


def test_reflection_is_on_the_admin_port_only(server: Running) -> None:
    from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    with server.channel(admin=True) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        answer = next(stub.ServerReflectionInfo(iter([asked]), timeout=30))
        names = {one.name for one in answer.list_services_response.service}
        assert set(SERVICES) < names
        # The same services answer there too: grpcurl needs no second address.
        assert Client(channel).models.ListModels(model_pb2.ListModelsRequest(), timeout=30).models
    with server.channel() as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        assert refused(stub.ServerReflectionInfo, iter([asked])).code == "UNIMPLEMENTED"


def test_an_unknown_method_is_told_as_such(server: Running) -> None:
    with server.channel() as channel:
        call = channel.unary_unary("/synthaug.v1.ModelService/TrainModel")
        assert refused(call, b"").reason == "METHOD_UNKNOWN"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "0.0.0.0"], "expected TLS, because others can reach it"),
        (["--host", "example.org"], "expected TLS, because others can reach it"),
        (["--host", "::"], "expected TLS, because others can reach it"),
        (["--tls-cert", "x.pem"], "Give both --tls-cert and --tls-key"),
        (["--client-ca", "x.pem"], "Give --tls-cert and --tls-key beside --client-ca"),
        (["--tls-cert", "/no/x.pem", "--tls-key", "/no/y.pem"], "no such file or directory"),
        (["--port", "70000"], "--port: expected 0 to 65535, got 70000"),
        (["--device", "gpu"], "--device: expected cpu, cuda or cuda:NUMBER, got gpu"),
        (["--ttl-seconds", "0"], "--ttl-seconds: expected above 0, got 0.0"),
        (["--jobs", "mysql://u:secret@h/d"], "expected an address that begins with postgresql://"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    tmp_path: Path, options: list[str], words: str
) -> None:
    code, said = failing_start(tmp_path / "store", *options)
    assert code == 2
    assert words in said
    assert "Traceback" not in said
    assert "secret" not in said


def test_others_need_tls_and_tokens(tmp_path: Path) -> None:
    certificates(tmp_path, "server")
    options = (
        "--host", "0.0.0.0", "--tls-cert", str(tmp_path / "server.pem"),
        "--tls-key", str(tmp_path / "server.key"),
    )  # fmt: skip
    code, said = failing_start(tmp_path / "store", *options)
    assert code == 2
    assert "expected tokens or --client-ca, because others can reach it, got neither" in said
    synthaug("serve", "tokens", "add", "--owner", "a", "--role", "viewer",
             "--store", str(tmp_path / "store"))  # fmt: skip
    running = Running(tmp_path / "store", *options)
    running.stop()


def test_one_store_has_one_server(server: Running) -> None:
    code, said = failing_start(server.store)
    assert code == 7
    assert "--store is in use" in said


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for option in ("--port", "--metrics-port", "--admin-port"):
            code, said = failing_start(tmp_path / option.strip("-"), option, port)
            assert (code, "cannot be listened on" in said) == (7, True), said


def test_the_command_line_opens_the_same_door(tmp_path: Path) -> None:
    """`synthaug serve` becomes the server process: the same pid, nothing of typer left in it."""
    code = "import sys; from synthaug.cli import main; main()"
    words = ["serve", "--port", "0", "--drain-wait", "0", "--store", str(tmp_path / "s")]
    with subprocess.Popen(
        [sys.executable, "-c", code, *words], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        with grpc.insecure_channel(address) as channel:
            assert Client(channel).models.ListModels(model_pb2.ListModelsRequest(), timeout=30)
        process.terminate()
        assert process.wait(60) == 0


def test_calls_at_once_are_limited(launch: Callable[..., Running]) -> None:
    running = launch("--calls", "2")
    with running.channel() as channel:
        health = health_pb2_grpc.HealthStub(channel)
        streams = [health.Watch(health_pb2.HealthCheckRequest()) for _ in range(2)]
        for stream in streams:
            next(stream)
        error = refused(Client(channel).models.ListModels, model_pb2.ListModelsRequest())
        assert (error.code, error.reason) == ("RESOURCE_EXHAUSTED", "TOO_MANY_CALLS")
        assert error.retry is not None
        for stream in streams:
            stream.cancel()


def test_drain_says_so_first_and_loses_nothing(launch: Callable[..., Running]) -> None:
    running = launch("--drain-wait", "2")
    with running.channel() as channel:
        health = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        running.terminate()
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        # Balancers have not noticed yet: what still comes is answered.
        assert Client(channel).models.ListModels(model_pb2.ListModelsRequest(), timeout=30)
        assert list(watch) == []
        assert running.wait() == 0
    with running.channel() as channel, pytest.raises(grpc.RpcError) as error:
        Client(channel).models.ListModels(model_pb2.ListModelsRequest(), timeout=5)
    assert error.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def test_a_second_signal_stops_at_once(launch: Callable[..., Running]) -> None:
    running = launch("--drain-wait", "600", "--drain-grace", "600")
    with running.channel() as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=60)
        next(watch)
        running.terminate()
        next(watch)
        running.terminate()
        assert running.wait() == 0


def test_errors_carry_the_callers_trace(client: Client) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    metadata = (("traceparent", f"00-{trace}-b7ad6b7169203331-01"),)
    with pytest.raises(grpc.RpcError) as error:
        client.models.GetModel(model_pb2.GetModelRequest(name="x"), metadata=metadata, timeout=30)
    assert told(error.value).facts["trace_id"] == trace
