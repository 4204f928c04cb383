"""Every way synthaug can refuse or fail, with its exit code and gRPC status.

    SynthaugError
    ├── InternalError   (RuntimeError)      exit 1  INTERNAL
    ├── InputError      (ValueError)        exit 2  INVALID_ARGUMENT
    ├── GateFailed      (RuntimeError)      exit 3  FAILED_PRECONDITION
    ├── ExposedFace     (RuntimeError)      exit 4  FAILED_PRECONDITION
    ├── Stopped         (InterruptedError)  exit 5  CANCELLED
    ├── Damaged         (OSError)           exit 6  DATA_LOSS
    └── OutOfResources  (OSError)           exit 7  RESOURCE_EXHAUSTED

Each class is also the builtin a caller would catch anyway, so ``except ValueError``
keeps working around a call that used to be somebody else's code.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "Damaged",
    "ExposedFace",
    "GateFailed",
    "InputError",
    "InternalError",
    "OutOfResources",
    "Stopped",
    "SynthaugError",
]


class SynthaugError(Exception):
    """The base of every error raised on purpose; carries a code, an exit code and a status.

    Args:
        what: what was wrong, in one clause, without a full stop.
        expected: the constraint that did not hold.
        got: the offending value or shape, already formatted.
        where: file, class, frame or argument the error is about.
        remedy: one thing to do, a whole sentence.
        code: stable dotted code; defaults to the class's own.

    The text is ``<what>: expected <expected>, got <got> (<where>). <remedy>``, parts that
    are empty left out.

    Example:
        >>> str(InputError("target count", expected="at least 32", got="12", where="class fray",
        ...                remedy="Ask for more."))
        'target count: expected at least 32, got 12 (class fray). Ask for more.'
    """

    exit_code: ClassVar[int] = 1
    grpc_status: ClassVar[str] = "INTERNAL"
    default_code: ClassVar[str] = "internal"

    def __init__(
        self,
        what: str,
        *,
        expected: str = "",
        got: str = "",
        where: str = "",
        remedy: str = "",
        code: str = "",
    ) -> None:
        self.what = what
        self.expected = expected
        self.got = got
        self.where = where
        self.remedy = remedy
        self.code = code or self.default_code
        super().__init__(what)

    def __str__(self) -> str:
        clauses = [f"expected {self.expected}"] if self.expected else []
        if self.got:
            clauses.append(f"got {self.got}")
        text = self.what + (": " + ", ".join(clauses) if clauses else "")
        if self.where:
            text += f" ({self.where})"
        text = text.rstrip(".") + "."
        return f"{text} {self.remedy}".rstrip()


class InternalError(SynthaugError, RuntimeError):
    """A bug of ours; nothing was delivered."""

    exit_code = 1
    grpc_status = "INTERNAL"
    default_code = "internal"


class InputError(SynthaugError, ValueError):
    """Usage or input that cannot be used; nothing was written."""

    exit_code = 2
    grpc_status = "INVALID_ARGUMENT"
    default_code = "input"


class GateFailed(SynthaugError, RuntimeError):
    """A gate failed under ``strict``, or nothing acceptable could be made."""

    exit_code = 3
    grpc_status = "FAILED_PRECONDITION"
    default_code = "gate.failed"


class ExposedFace(SynthaugError, RuntimeError):
    """A face may be open in a written file, or the audit could not tell under ``strict``."""

    exit_code = 4
    grpc_status = "FAILED_PRECONDITION"
    default_code = "face.exposed"


class Stopped(SynthaugError, InterruptedError):
    """Interrupted by a signal, a cancel or a deadline; the same call resumes."""

    exit_code = 5
    grpc_status = "CANCELLED"
    default_code = "stopped"


class Damaged(SynthaugError, OSError):
    """Broken input; what could be read was written and is complete as far as it says."""

    exit_code = 6
    grpc_status = "DATA_LOSS"
    default_code = "input.damaged"


class OutOfResources(SynthaugError, OSError):
    """Disk, memory, queue, server or cluster not reachable."""

    exit_code = 7
    grpc_status = "RESOURCE_EXHAUSTED"
    default_code = "resources"
