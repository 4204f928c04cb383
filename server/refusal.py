"""Every way a call can be refused: status, reason and what a client needs to go on."""

from __future__ import annotations

import re
import secrets
import traceback
from collections.abc import Mapping

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from synthaug.errors import InternalError, SynthaugError

__all__ = [
    "DOMAIN",
    "Refused",
    "invalid",
    "not_found",
    "refusal_of",
    "status_of",
    "told_bug",
    "without_paths",
]

DOMAIN = "synthaug"

# An absolute path anywhere in a text, in quotes or out of them; also a traceback's place.
_PATH = re.compile(r"(?:(?<=^)|(?<=[\s'\"(=,:;\[<]))(?:~|[A-Za-z]:)?[/\\][^\s'\"(),;<>\]]+")
_PLACE = re.compile(r"File \"?\S+\"?, line \d+(?:, in \w+)?|\b[\w/.-]+\.py(?::\d+)?(?: \w+)?")
_LONGEST = 500


class Refused(Exception):
    """A call that is not done, and all that is told about it.

    Args:
        status: gRPC status.
        reason: stable name in UPPER_SNAKE_CASE, unique in the domain "synthaug".
        message: what is wrong and what to do, for people; no paths, no values of the request.
        facts: for programs, strings to strings, such as ``committed_bytes``.
        fields: field path of the request to what is wrong with it.
        retry_seconds: when to try again; None where trying again is of no use.
    """

    def __init__(
        self,
        status: grpc.StatusCode,
        reason: str,
        message: str,
        *,
        facts: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
        retry_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.facts = dict(facts or {})
        self.fields = dict(fields or {})
        self.retry_seconds = retry_seconds


def invalid(field: str, what: str, *, reason: str = "INVALID_FIELD") -> Refused:
    """A request with one wrong field."""
    return Refused(
        grpc.StatusCode.INVALID_ARGUMENT, reason, f"{field}: {what}", fields={field: what}
    )


def not_found(what: str) -> Refused:
    """There is none, or it is somebody else's: the two look alike.

    Args:
        what: kind of thing, "artifact".
    """
    return Refused(
        grpc.StatusCode.NOT_FOUND, f"{what.upper()}_NOT_FOUND",
        f"there is no such {what}, or it belongs to somebody else",
    )  # fmt: skip


def refusal_of(raised: BaseException) -> Refused:
    """What an exception stands for; a bug gets an id that also stands in the server's log.

    Example:
        >>> from synthaug.errors import Damaged
        >>> refusal_of(Damaged("file is cut short", where="/tmp/x/clip.mp4")).message
        'file is cut short (clip.mp4).'
    """
    if isinstance(raised, Refused):
        return raised
    if isinstance(raised, SynthaugError) and not isinstance(raised, InternalError):
        return Refused(
            grpc.StatusCode[raised.grpc_status],
            re.sub(r"[^A-Z0-9]+", "_", raised.code.upper()).strip("_") or "ERROR",
            without_paths(str(raised)),
            facts={"code": raised.code},
            retry_seconds=5.0 if raised.grpc_status == "RESOURCE_EXHAUSTED" else None,
        )
    if isinstance(raised, MemoryError):
        return Refused(
            grpc.StatusCode.RESOURCE_EXHAUSTED, "MEMORY", "the server's memory ran out",
            retry_seconds=5.0,
        )  # fmt: skip
    error_id = secrets.token_hex(4)
    return Refused(
        grpc.StatusCode.INTERNAL, "INTERNAL",
        f"internal error {error_id}: nothing was delivered. Report it with this id; the server's "
        "log has the rest.",
        facts={"error_id": error_id},
    )  # fmt: skip


def told_bug(raised: BaseException) -> dict[str, object]:
    """Class and place of an exception for a log; its text may hold names of people and files."""
    frames = traceback.extract_tb(raised.__traceback__)[-8:]
    at = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
    return {"type": type(raised).__name__, "at": at}


def status_of(refused: Refused, facts: Mapping[str, str] | None = None) -> status_pb2.Status:
    """The google.rpc.Status of a refusal: ErrorInfo always, BadRequest and RetryInfo where due.

    Args:
        refused: the refusal.
        facts: more for ErrorInfo's metadata, such as the trace's id.
    """
    status = status_pb2.Status(code=refused.status.value[0], message=refused.message[:_LONGEST])
    details: list[object] = [
        error_details_pb2.ErrorInfo(
            reason=refused.reason, domain=DOMAIN, metadata={**refused.facts, **(facts or {})}
        )
    ]
    if refused.fields:
        details.append(
            error_details_pb2.BadRequest(
                field_violations=[
                    error_details_pb2.BadRequest.FieldViolation(field=name, description=what)
                    for name, what in list(refused.fields.items())[:50]
                ]
            )
        )
    if refused.retry_seconds is not None:
        delay = duration_pb2.Duration(nanos=int(refused.retry_seconds % 1 * 1e9))
        delay.seconds = int(refused.retry_seconds)
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def without_paths(text: str) -> str:
    """A message with every absolute path cut to its last part, and no place in source code.

    Example:
        >>> without_paths("cannot read '/srv/store/a b.mp4', see /var/log/x.log")
        "cannot read 'a b.mp4', see x.log"
    """
    text = _QUOTED.sub(lambda m: m[1] + re.split(r"[/\\]", m[2])[-1] + m[1], text)
    text = _PLACE.sub("", text)
    text = _PATH.sub(lambda m: re.split(r"[/\\]", m[0].rstrip("/\\."))[-1], text)
    return " ".join(text.split())[:_LONGEST]


_QUOTED = re.compile(r"(['\"])((?:~|[A-Za-z]:)?[/\\][^'\"]*)\1")
