"""The connection: calls with a token, tried again where that is safe, cancelled when it closes."""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
from google.longrunning import operations_pb2_grpc

from synthaug.client.refusals import Told, error_of, told
from synthaug.errors import InputError, Stopped
from synthaug.v1 import (
    anonymization_pb2_grpc,
    artifact_pb2_grpc,
    augmentation_pb2_grpc,
    job_pb2_grpc,
    model_pb2_grpc,
    quality_pb2_grpc,
)

__all__ = ["TLS", "Patience", "Wire"]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds between tries
_LARGEST_MESSAGE = 64 << 20
_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):(?P<port>\d{1,5})")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TLS:
    """How a connection is secured.

    Args:
        ca: PEM file of the CA that signed the server's certificate; None for the system's.
        certificate: PEM file of this client's own certificate, where the server asks for one.
        key: PEM file of its key.
    """

    ca: str | Path | None = None
    certificate: str | Path | None = None
    key: str | Path | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """As gRPC takes them.

        Raises:
            InputError: a file that cannot be read, or a certificate without its key.
        """
        if (self.certificate is None) != (self.key is None):
            raise InputError(
                "client certificate", expected="a certificate and its key", got="one of them",
                remedy="Name both files.", code="input.tls",
            )  # fmt: skip
        parts = [_pem(file) for file in (self.ca, self.key, self.certificate)]
        return grpc.ssl_channel_credentials(*parts)


def _pem(file: str | Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise InputError(
            "TLS file", expected="one that can be read", got=error.strerror or "an error",
            where=str(file), remedy="Check the path.", code="input.tls",
        ) from error  # fmt: skip


class Wire:
    """One connection to one server.

    Args:
        address: ``host:port``.
        token: sent with every call; None where the server asks for none.
        tls: how it is secured, or the CA's PEM file; None is plain text on this machine's own
            addresses and TLS with the system's CAs to any other.
        patience: seconds for which a server that is away or overloaded is tried again.

    Attributes:
        artifacts, augmentation, anonymization, quality, models, jobs, operations: the stubs.

    Raises:
        InputError: an address, token or file that cannot be used.
    """

    def __init__(
        self, address: str, token: str | None, tls: TLS | str | Path | None, patience: float
    ) -> None:
        self.address = address
        self.seconds = patience
        self.closing = threading.Event()
        self._metadata = _metadata(token)
        self._streams: set[Any] = set()
        self._lock = threading.Lock()
        options = [
            ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
            ("grpc.max_send_message_length", _LARGEST_MESSAGE),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 2_000),
        ]
        if tls is None and _is_this_machine(address):
            self._channel = grpc.insecure_channel(address, options)
        else:
            secured = tls if isinstance(tls, TLS) else TLS(ca=tls)
            self._channel = grpc.secure_channel(address, secured.credentials(), options)
        self.artifacts = artifact_pb2_grpc.ArtifactServiceStub(self._channel)
        self.augmentation = augmentation_pb2_grpc.AugmentationServiceStub(self._channel)
        self.anonymization = anonymization_pb2_grpc.AnonymizationServiceStub(self._channel)
        self.quality = quality_pb2_grpc.QualityServiceStub(self._channel)
        self.models = model_pb2_grpc.ModelServiceStub(self._channel)
        self.jobs = job_pb2_grpc.JobServiceStub(self._channel)
        self.operations = operations_pb2_grpc.OperationsStub(self._channel)

    def ask(
        self, method: Any, request: Any, *, timeout: float = 60.0, again: bool = True
    ) -> Any:  # fmt: skip
        """The answer to a call that may be made twice without harm.

        Args:
            method: of a stub; reads only, or has a request_id.
            request: its message.
            timeout: seconds for one try.
            again: try again while the server is away.

        Raises:
            SynthaugError: what the server refused with.
        """
        patience = Patience(self)
        while True:
            self._refuse_closed()
            try:
                return method(request, timeout=timeout, metadata=self._metadata)
            except grpc.RpcError as error:
                said = told(error)
            except ValueError as error:
                # What gRPC says of a channel that another thread has closed.
                if self.closing.is_set():
                    raise _closed() from error
                raise
            if not again:
                raise error_of(said, self.address)
            patience.wait(said)

    @contextlib.contextmanager
    def stream(
        self, begin: Callable[..., Any], request: Any, *, timeout: float | None = None
    ) -> Iterator[Any]:
        """A call that is cancelled when the block ends, however it ends.

        Args:
            begin: a streaming method of a stub, or ``method.future``.
            request: its message, or an iterator of them.
            timeout: seconds for all of it.

        Raises:
            grpc.RpcError: as reading from it does.
            Stopped: the connection was closed meanwhile.
        """
        with self._lock:
            self._refuse_closed()
            call = begin(request, timeout=timeout, metadata=self._metadata)
            self._streams.add(call)
        try:
            yield call
        except (grpc.RpcError, grpc.FutureCancelledError) as error:
            if self.closing.is_set():
                raise _closed() from error
            raise
        finally:
            # One that is only dropped lives on in the server.
            call.cancel()
            with self._lock:
                self._streams.discard(call)

    def _refuse_closed(self) -> None:
        if self.closing.is_set():
            raise _closed()

    def close(self) -> None:
        """Cancel what is under way and hang up."""
        self.closing.set()
        with self._lock:
            streams = list(self._streams)
        for call in streams:
            call.cancel()
        self._channel.close()


class Patience:
    """How often and how long what failed is tried again: backoff, RetryInfo, then no more.

    Args:
        wire: says for how long.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.renew()

    def renew(self) -> None:
        """It went on: what fails next has all the time again."""
        self._until: float | None = None
        self._pause = _FIRST_PAUSE

    def wait(self, said: Told, *, also: tuple[str, ...] = ()) -> None:
        """Return when it is time for the next try.

        Args:
            said: what the last try ended with.
            also: reasons or codes, beside those that always are, which trying again may mend.

        Raises:
            SynthaugError: trying again is of no use, or has been for too long.
        """
        retriable = (
            said.code == "UNAVAILABLE"
            or (said.code == "RESOURCE_EXHAUSTED" and said.retry is not None)
            or said.code in also
            or said.reason in also
        )
        now = time.monotonic()
        if self._until is None:
            self._until = now + self._wire.seconds
        pause = max(said.retry or 0.0, self._pause * random.uniform(0.5, 1.0))
        if not retriable or now + pause > self._until:
            raise error_of(said, self._wire.address)
        if self._wire.closing.wait(pause):
            raise _closed()
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)


def _closed() -> Stopped:
    return Stopped("the client is closed", remedy="Connect again; the same call goes on.")


def _metadata(token: str | None) -> tuple[tuple[str, str], ...]:
    if token is None:
        return ()
    if not token.isascii() or not token.isprintable() or " " in token or not token:
        raise InputError(
            "token", expected="one line of printing characters", got="something else",
            remedy="Pass it as synthaug serve tokens add printed it.", code="input.token",
        )  # fmt: skip
    return (("authorization", f"Bearer {token}"),)


def _is_this_machine(address: str) -> bool:
    """Whether an address is loopback.

    Raises:
        InputError: not an address.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None or int(found["port"]) > 65535:
        raise InputError(
            "server", expected="host:port", got=repr(address),
            remedy="Write it like 127.0.0.1:50051.", code="input.address",
        )  # fmt: skip
    host = found["host"].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
