"""What a server said no with, as the error the local call would have raised."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import grpc
from google.rpc import error_details_pb2, status_pb2

from synthaug.errors import (
    Damaged,
    ExposedFace,
    GateFailed,
    InputError,
    InternalError,
    OutOfResources,
    Stopped,
    SynthaugError,
)

__all__ = ["Told", "error_of", "told"]

_DETAILS = "grpc-status-details-bin"
_NUMBERS = {code.value[0]: code.name for code in grpc.StatusCode}
_CLASSES: dict[str, type[SynthaugError]] = {
    "CANCELLED": Stopped,
    "DEADLINE_EXCEEDED": Stopped,
    "DATA_LOSS": Damaged,
    "RESOURCE_EXHAUSTED": OutOfResources,
    "UNAVAILABLE": OutOfResources,
    "ABORTED": OutOfResources,
    "INTERNAL": InternalError,
    "UNKNOWN": InternalError,
}
# Of FAILED_PRECONDITION, which has two exit codes of its own.
_REASONS: dict[str, type[SynthaugError]] = {"FACE": ExposedFace, "GATE": GateFailed}
_REMEDIES = {
    "UNAUTHENTICATED": "Pass a token that the server knows: synthaug serve tokens add makes one.",
    "PERMISSION_DENIED": "Ask the server's operator for a token with a higher role.",
    "ABORTED": "Run the same again.",
    "UNIMPLEMENTED": "Use a client as old as the server, or a newer server.",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """A status, taken apart.

    Args:
        code: name of the gRPC status.
        message: for people.
        reason: of ErrorInfo; empty where the server has not said anything.
        facts: of ErrorInfo.
        fields: field of the request to what is wrong with it, of BadRequest.
        retry: seconds after which to try again, of RetryInfo; None without one.
    """

    code: str
    message: str
    reason: str = ""
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    fields: Mapping[str, str] = dataclasses.field(default_factory=dict)
    retry: float | None = None


def told(said: grpc.RpcError | status_pb2.Status) -> Told:
    """What a call's error, or the error of a job, says."""
    if isinstance(said, status_pb2.Status):
        return _of_status(said)
    metadata = dict(said.trailing_metadata() or ())
    if _DETAILS in metadata:
        return _of_status(status_pb2.Status.FromString(metadata[_DETAILS]))
    return Told(said.code().name, said.details() or "")


def _of_status(status: status_pb2.Status) -> Told:
    info = error_details_pb2.ErrorInfo()
    bad, again = error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    retry = None
    for detail in status.details:
        for message in (info, bad):
            detail.Unpack(message)
        if detail.Unpack(again):
            retry = again.retry_delay.ToNanoseconds() / 1e9
    return Told(
        _NUMBERS.get(status.code, "UNKNOWN"), status.message, info.reason, dict(info.metadata),
        {each.field: each.description for each in bad.field_violations}, retry,
    )  # fmt: skip


def error_of(said: Told, address: str) -> SynthaugError:
    """The error of synthaug.errors that a status stands for, in one line.

    Args:
        said: what the server said, or gRPC where no server answered.
        address: of the server, for the message.

    Example:
        >>> str(error_of(Told("NOT_FOUND", "there is no such operation", "OPERATION_NOT_FOUND"),
        ...              "localhost:1"))
        'there is no such operation (localhost:1).'
    """
    if not said.reason:
        return _unanswered(said, address)
    kind = _CLASSES.get(said.code, InputError)
    if said.code == "FAILED_PRECONDITION":
        kind = _REASONS.get(said.reason.partition("_")[0], InputError)
    message = said.message
    if len(said.fields) > 1:
        message = "; ".join(f"{name}: {what}" for name, what in said.fields.items())
    code = said.facts.get("code") or f"server.{said.reason.lower()}"
    if "code" in said.facts:  # the text of an error of ours: whole, with what to do
        return kind(message, code=code)
    remedy = _REMEDIES.get(said.code, "")
    if said.retry:
        remedy = f"Try again in {max(1, round(said.retry))} s."
    return kind(message.rstrip("."), where=address, remedy=remedy, code=code)


def _unanswered(said: Told, address: str) -> SynthaugError:
    """Nothing of ours was heard: the way there is broken, or somebody else is at its end."""
    why = " ".join(said.message.split())[:300]
    lower = why.lower()
    if said.code == "CANCELLED":
        return Stopped("the call was cancelled", where=address)
    if said.code == "DEADLINE_EXCEEDED":
        return OutOfResources(
            "the server does not answer", where=address, code="server.silent",
            remedy="Check the address, and that synthaug serve runs there.",
        )  # fmt: skip
    if "ssl" in lower or "handshake" in lower or "certificate" in lower:
        return OutOfResources(
            "no secure connection", got=why, where=address, code="server.tls",
            remedy="Name the CA that signed the server's certificate: tls= (--tls-ca).",
        )  # fmt: skip
    if said.code == "UNAVAILABLE":
        return OutOfResources(
            "the server cannot be reached", where=address, code="server.unreachable",
            remedy="Check the address, that synthaug serve runs there, and whether it speaks TLS "
            "(--tls-ca).",
        )  # fmt: skip
    if said.code == "RESOURCE_EXHAUSTED":
        return OutOfResources("a message is too large", got=why, where=address)
    return InternalError(
        "the server gave an answer that is not its own", got=f"{said.code}: {why}", where=address,
        remedy="Check that synthaug serve is at this address.", code="server.foreign",
    )  # fmt: skip
