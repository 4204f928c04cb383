"""Who may do what: tokens, certificates, roles and owners each refuse what they must."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.longrunning import operations_pb2
from running import Client, Running, certificates, chunks, refused, synthaug

from synthaug.v1 import artifact_pb2, augmentation_pb2, model_pb2
from synthaug_server.app import SERVICES
from synthaug_server.front.roles import OPEN, ROLES
from synthaug_server.store.access import Access
from synthaug_server.store.database import Database
from synthaug_server.store.opening import open_state

LIST = model_pb2.ListModelsRequest()


def token(store: Path, owner: str, role: str, *words: str) -> str:
    done = synthaug(
        "serve", "tokens", "add", "--owner", owner, "--role", role, "--store", str(store), *words
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    store = tmp_path_factory.mktemp("access") / "store"
    access = Access(open_state(store))
    made = {
        f"{owner}-{role}": access.add_token(owner, role)[1]
        for owner, role in (
            ("red", "viewer"), ("red", "submitter"), ("blue", "submitter"), ("house", "operator"),
        )
    }  # fmt: skip
    return {"store": str(store), **made}


@pytest.fixture(scope="module")
def guarded(tokens: dict[str, str]) -> Iterator[Running]:
    running = Running(
        Path(tokens["store"]), "--owner-jobs", "1000",
        environment={"SYNTHAUG_SERVER_WITHOUT_ENGINE": "1"},
    )  # fmt: skip
    yield running
    running.stop()


@pytest.fixture
def by(guarded: Running, tokens: dict[str, str]) -> Iterator[Callable[[str], Client]]:
    with guarded.channel() as channel:
        yield lambda name: Client(channel, tokens[name])


def job(client: Client) -> str:
    artifact = client.upload(b"tar")
    request = augmentation_pb2.CreateAugmentJobRequest(request_id=str(uuid.uuid4()))
    request.dataset.artifacts.append(artifact.name)
    return str(client.augmentation.CreateAugmentJob(request, timeout=60).name)


def test_every_method_has_a_role() -> None:
    from google.longrunning import operations_pb2 as longrunning
    from google.protobuf import descriptor_pool
    from grpc_health.v1 import health_pb2

    assert longrunning.DESCRIPTOR
    assert health_pb2.DESCRIPTOR
    pool = descriptor_pool.Default()
    methods = {
        f"/{name}/{method.name}"
        for name in (*SERVICES, "grpc.health.v1.Health")
        for method in pool.FindServiceByName(name).methods
    }
    # Older packages know no List; it needs no token where there is one.
    assert methods | {"/grpc.health.v1.Health/List"} == {
        name for name in ROLES.keys() | OPEN if "reflection" not in name
    }


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "TOKEN_MISSING"),
        ("", "TOKEN_INVALID"),
        ("Bearer", "TOKEN_INVALID"),
        ("Bearer synthaug_x", "TOKEN_INVALID"),
        ("Basic dXNlcjpwYXNz", "TOKEN_INVALID"),
        ("Bearer ' OR 1=1 --", "TOKEN_INVALID"),
    ],
)
def test_without_a_token_nothing_is_answered(
    guarded: Running, header: str | None, reason: str
) -> None:
    metadata = [] if header is None else [("authorization", header)]
    with guarded.channel() as channel:
        for method in ROLES:
            if "reflection" in method:
                continue
            error = refused(channel.unary_unary(method), b"", metadata=metadata)
            assert (error.code, error.reason) == ("UNAUTHENTICATED", reason), method


def test_health_needs_no_token(guarded: Running) -> None:
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with guarded.channel() as channel:
        asked = health_pb2.HealthCheckRequest()
        assert health_pb2_grpc.HealthStub(channel).Check(asked, timeout=30).status == 1


def test_tokens_are_hashed_at_rest(tokens: dict[str, str]) -> None:
    files = [path for path in Path(tokens["store"]).rglob("*") if path.is_file()]
    assert len(files) > 3
    for path in files:
        data = path.read_bytes()
        for name, secret in tokens.items():
            assert name == "store" or secret.encode() not in data, path
        assert path.stat().st_mode & 0o077 == 0, path
    assert Path(tokens["store"]).stat().st_mode & 0o077 == 0


def test_a_viewer_only_looks(by: Callable[[str], Client]) -> None:
    viewer = by("red-viewer")
    assert viewer.models.ListModels(LIST, timeout=30).models
    start = artifact_pb2.StartUploadRequest()
    error = refused(viewer.artifacts.StartUpload, start)
    assert (error.code, error.reason) == ("PERMISSION_DENIED", "ROLE_TOO_LOW")
    assert (error.facts["needed"], error.facts["role"]) == ("submitter", "viewer")
    order = augmentation_pb2.CreateAugmentJobRequest()
    assert refused(viewer.augmentation.CreateAugmentJob, order).code == "PERMISSION_DENIED"
    name = job(by("red-submitter"))
    cancel = operations_pb2.CancelOperationRequest(name=name)
    assert refused(viewer.operations.CancelOperation, cancel).code == "PERMISSION_DENIED"
    # It sees what belongs to its owner.
    got = viewer.operations.GetOperation(operations_pb2.GetOperationRequest(name=name), timeout=30)
    assert got.name == name


def test_what_is_somebody_elses_is_not_there(by: Callable[[str], Client]) -> None:
    red, blue = by("red-submitter"), by("blue-submitter")
    artifact, operation = red.upload(b"mine").name, job(red)
    upload = red.start(b"half").name
    get, read = artifact_pb2.GetArtifactRequest, artifact_pb2.ReadArtifactRequest
    other = augmentation_pb2.CreateAugmentJobRequest(request_id=str(uuid.uuid4()))
    other.dataset.artifacts.append(artifact)
    for call, request in (
        (blue.artifacts.GetArtifact, get(name=artifact)),
        (blue.artifacts.ReadArtifact, read(name=artifact)),
        (blue.artifacts.DeleteArtifact, artifact_pb2.DeleteArtifactRequest(name=artifact)),
        (blue.artifacts.GetUploadStatus, artifact_pb2.GetUploadStatusRequest(name=upload)),
        (blue.operations.GetOperation, operations_pb2.GetOperationRequest(name=operation)),
        (blue.operations.WaitOperation, operations_pb2.WaitOperationRequest(name=operation)),
        (blue.operations.CancelOperation, operations_pb2.CancelOperationRequest(name=operation)),
        (blue.operations.DeleteOperation, operations_pb2.DeleteOperationRequest(name=operation)),
        (blue.augmentation.CreateAugmentJob, other),
    ):
        error = refused(call, request)
        assert error.code == "NOT_FOUND"
        # The same words as for what never was.
        assert "there is no such" in error.message
    error = refused(blue.artifacts.WriteChunks, chunks(upload, b"half"))
    assert error.code == "NOT_FOUND"
    listed = blue.operations.ListOperations(operations_pb2.ListOperationsRequest(), timeout=30)
    assert operation not in {one.name for one in listed.operations}
    assert red.read(artifact) == b"mine"


def test_an_operator_ends_jobs_of_others_and_reads_nothing(by: Callable[[str], Client]) -> None:
    red, house = by("red-submitter"), by("house-operator")
    artifact, operation = red.upload(b"mine").name, job(red)
    listed = house.operations.ListOperations(
        operations_pb2.ListOperationsRequest(page_size=500), timeout=30
    )
    assert operation in {one.name for one in listed.operations}
    read = artifact_pb2.ReadArtifactRequest(name=artifact)
    assert refused(house.artifacts.ReadArtifact, read).code == "NOT_FOUND"
    cancel = operations_pb2.CancelOperationRequest(name=operation)
    house.operations.CancelOperation(cancel, timeout=30)
    get = operations_pb2.GetOperationRequest(name=operation)
    assert house.operations.GetOperation(get, timeout=30).done
    assert house.operations.GetOperation(get, timeout=30).WhichOneof("result") is None
    assert red.operations.GetOperation(get, timeout=30).error.code == 1
    house.artifacts.DeleteArtifact(artifact_pb2.DeleteArtifactRequest(name=artifact), timeout=30)
    assert refused(red.artifacts.ReadArtifact, read).code == "NOT_FOUND"


def test_a_removed_or_ended_token_is_shut_out_at_once(guarded: Running, tmp_path: Path) -> None:
    secret = token(guarded.store, "guest", "viewer")
    database = Database(guarded.store / "state.db", "")
    with guarded.channel() as channel:
        guest = Client(channel, secret)
        assert guest.models.ListModels(LIST, timeout=30).models
        listed = json.loads(
            synthaug("serve", "tokens", "ls", "--json", "--store", str(guarded.store)).stdout
        )
        entry = next(one for one in listed["entries"] if one["owner"] == "guest")
        assert secret not in json.dumps(listed)
        database.write("UPDATE grants SET expires = ? WHERE id = ?", time.time() - 1, entry["id"])
        assert refused(guest.models.ListModels, LIST).reason == "TOKEN_INVALID"
        database.write("UPDATE grants SET expires = NULL WHERE id = ?", entry["id"])
        assert guest.models.ListModels(LIST, timeout=30).models
        synthaug("serve", "tokens", "rm", entry["id"], "--store", str(guarded.store))
        assert refused(guest.models.ListModels, LIST).reason == "TOKEN_INVALID"
    database.close()
    gone = synthaug(
        "serve", "tokens", "rm", entry["id"], "--store", str(guarded.store), check=False
    )
    assert gone.returncode == 2
    assert synthaug("serve", "tokens", "add", "--owner", "A/B", "--role", "viewer", "--store",
                    str(guarded.store), check=False).returncode == 2  # fmt: skip


def test_an_owners_calls_have_a_rate(launch: Callable[..., Running]) -> None:
    running = launch("--owner-rate", "5")
    with running.channel() as channel:
        client = Client(channel)
        error = refused(lambda **named: [client.models.ListModels(LIST) for _ in range(40)])
        assert (error.code, error.reason) == ("RESOURCE_EXHAUSTED", "RATE_QUOTA")
        assert error.retry is not None
        assert 0 < error.retry <= 0.2
        time.sleep(0.3)
        assert client.models.ListModels(LIST, timeout=30).models


def secure(running: Running, folder: Path, name: str = "") -> grpc.Channel:
    ca = (folder / "ca.pem").read_bytes()
    pair: dict[str, Any] = {}
    if name:
        pair = {
            "private_key": (folder / f"{name}.key").read_bytes(),
            "certificate_chain": (folder / f"{name}.pem").read_bytes(),
        }
    credentials = grpc.ssl_channel_credentials(root_certificates=ca, **pair)
    return grpc.secure_channel(f"localhost:{running.address.rpartition(':')[2]}", credentials)


def test_tls_keeps_out_who_does_not_speak_it(
    launch: Callable[..., Running], tmp_path: Path
) -> None:
    certificates(tmp_path, "server")
    secret = token(tmp_path / "store", "red", "viewer")
    running = launch(
        "--tls-cert", str(tmp_path / "server.pem"), "--tls-key", str(tmp_path / "server.key")
    )
    with secure(running, tmp_path) as channel:
        assert Client(channel, secret).models.ListModels(LIST, timeout=30).models
        assert refused(Client(channel).models.ListModels, LIST).reason == "TOKEN_MISSING"
    with running.channel() as channel, pytest.raises(grpc.RpcError) as error:
        Client(channel, secret).models.ListModels(LIST, timeout=5)
    assert error.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    # Nobody who trusts another CA takes the server for this one.
    (tmp_path / "other").mkdir()
    certificates(tmp_path / "other", "server")
    with secure(running, tmp_path / "other") as channel, pytest.raises(grpc.RpcError) as error:
        Client(channel, secret).models.ListModels(LIST, timeout=5)
    assert error.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def test_client_certificates_stand_for_owners(
    launch: Callable[..., Running], tmp_path: Path
) -> None:
    certificates(tmp_path, "server", "pipeline", "stranger")
    (tmp_path / "other").mkdir()
    certificates(tmp_path / "other", "pipeline")
    token(tmp_path / "store", "red", "submitter", "--certificate", "pipeline")
    running = launch(
        "--tls-cert", str(tmp_path / "server.pem"), "--tls-key", str(tmp_path / "server.key"),
        "--client-ca", str(tmp_path / "ca.pem"),
    )  # fmt: skip
    with secure(running, tmp_path, "pipeline") as channel:
        assert Client(channel).upload(b"through mTLS").size_bytes == 12
        # A token that is no token is not made good by a certificate.
        assert refused(Client(channel, "x").models.ListModels, LIST).reason == "TOKEN_INVALID"
    with secure(running, tmp_path, "stranger") as channel:
        assert refused(Client(channel).models.ListModels, LIST).reason == "CERTIFICATE_UNKNOWN"
    ca = (tmp_path / "ca.pem").read_bytes()
    for name in ("", "pipeline"):
        folder = tmp_path / "other"
        pair = [
            (folder / f"{name}{ending}").read_bytes() if name else None
            for ending in (".key", ".pem")
        ]
        credentials = grpc.ssl_channel_credentials(ca, *pair)
        address = f"localhost:{running.address.rpartition(':')[2]}"
        with grpc.secure_channel(address, credentials) as channel:
            with pytest.raises(grpc.RpcError) as error:
                Client(channel).models.ListModels(LIST, timeout=5)
            assert error.value.code() in (
                grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED
            )  # fmt: skip
