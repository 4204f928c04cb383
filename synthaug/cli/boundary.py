"""Where exceptions become exit codes, and answers become text or JSON."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from synthaug.errors import InputError, InternalError, OutOfResources, Stopped, SynthaugError

__all__ = ["Answer", "as_synthaug_error", "deliver", "print_error"]

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EFBIG}
_NOT_ALLOWED = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENOENT,
    errno.ENAMETOOLONG,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What a command found, twice: for programs and for people.

    Args:
        fields: the JSON object.
        text: the same for people.
        exit_code: 0 unless the answer itself is a refusal.
    """

    fields: dict[str, Any]
    text: str
    exit_code: int = 0


def deliver(work: Callable[[], Answer], *, as_json: bool, debug: bool) -> int:
    """Run ``work``, print its answer or its error, and return the exit code.

    The answer goes to stdout, everything else to stderr; with ``as_json`` stdout gets
    exactly one JSON object, whatever happens and whatever a library prints meanwhile.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            answer = work()
    except (Exception, KeyboardInterrupt) as raised:
        if debug:
            traceback.print_exc()
        error = as_synthaug_error(raised)
        print_error(str(error), error.code, error.exit_code, as_json=as_json)
        return error.exit_code
    _print(json.dumps(answer.fields, indent=1) if as_json else answer.text)
    return answer.exit_code


def print_error(message: str, code: str, exit_code: int, *, as_json: bool) -> None:
    """Say on stderr what went wrong; with ``as_json`` also as the one object on stdout."""
    print(f"synthaug: {message}", file=sys.stderr)
    if as_json:
        error = {"code": code, "message": message, "exit_code": exit_code}
        _print(json.dumps({"error": error}, indent=1))


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # The reader left early (`| head`); what was asked for has been done all the same.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def as_synthaug_error(raised: BaseException) -> SynthaugError:
    """The error of the table in DESIGN that a raised exception stands for."""
    if isinstance(raised, SynthaugError):
        return raised
    if isinstance(raised, KeyboardInterrupt):
        return Stopped("interrupted", remedy="The same command resumes.")
    # torch's own OutOfMemoryError is a RuntimeError; by name, because torch is not imported here.
    if isinstance(raised, MemoryError) or type(raised).__name__ == "OutOfMemoryError":
        return OutOfResources(
            "memory ran out", remedy="Choose a smaller --size or close other programs."
        )
    if isinstance(raised, OSError) and raised.errno in _NO_ROOM:
        return OutOfResources(
            (raised.strerror or "no room left").lower(),
            where=str(raised.filename or ""),
            remedy="Make room and run the same command again.",
        )
    if isinstance(raised, OSError) and raised.errno in _NOT_ALLOWED and raised.filename:
        return InputError(
            (raised.strerror or "cannot be opened").lower(),
            where=str(raised.filename),
            remedy="Name a path this user can use.",
        )
    return _internal(raised)


def _internal(raised: BaseException) -> InternalError:
    """A bug: the same one gets the same id, on every machine."""
    frames = traceback.extract_tb(raised.__traceback__)
    ours = [frame for frame in frames if "synthaug" in Path(frame.filename).parts]
    last = (ours or list(frames))[-1:]
    place = ", ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in last)
    identity = f"{type(raised).__name__}|{place}"
    error_id = hashlib.sha256(identity.encode()).hexdigest()[:8]
    return InternalError(
        f"internal error {error_id}: {type(raised).__name__}: {raised}",
        where=place,
        remedy="Run again with --debug and report the traceback with this id.",
    )
