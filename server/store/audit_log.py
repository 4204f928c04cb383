"""Who did what: one JSON line an act, each holding the hash of the line before."""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

from synthaug.errors import Damaged, InputError

__all__ = ["AuditLog", "Entry", "Verified", "verify"]

_FIRST = "0" * 64
_TAIL = 1 << 16


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """Where an act stands in the log.

    Args:
        sequence: from 1.
        hash: SHA-256 over the line and, through it, over all lines before, hexadecimal.
        time: seconds since 1970.
    """

    sequence: int
    hash: str
    time: float


class AuditLog:
    """An append-only file that several processes may write to.

    An entry says who (owner and token's id), what and which resource; never a name of a file
    or person, a picture or a token.

    Args:
        folder: holds ``audit.jsonl`` and ``audit.head``, the number and hash of the last line,
            without which lines cut off at the end would not be missed.
    """

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "audit.jsonl", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._head = os.open(folder / "audit.head", os.O_RDWR | os.O_CREAT, 0o600)
        self._lock = threading.Lock()
        self._size = -1
        self._last = Entry(0, _FIRST, 0.0)

    def append(
        self, action: str, *, actor: str = "", subject: str = "", safe: bool = False, **facts: Any
    ) -> Entry:
        """Write one act down.

        Args:
            action: ``"artifact.delete"``, ``"job.create"``, ...
            actor: owner and, after a slash, the token's id.
            subject: resource name.
            safe: return only when it would survive a power cut.
            **facts: numbers and hashes that belong to it.
        """
        with self._lock:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                self._catch_up()
                now = time.time()
                number = self._last.sequence + 1
                fields: dict[str, Any] = {
                    "seq": number, "time": round(now, 3), "actor": actor,
                    "action": action, "subject": subject, "facts": facts,
                    "prev": self._last.hash,
                }  # fmt: skip
                digest = _hash(fields)
                line = json.dumps({**fields, "hash": digest}, separators=(",", ":")).encode()
                os.write(self._file, line + b"\n")
                self._size += len(line) + 1
                self._last = Entry(number, digest, now)
                os.pwrite(self._head, f"{self._last.sequence:020d} {digest}\n".encode(), 0)
                if safe:
                    os.fdatasync(self._file)
                return self._last
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _catch_up(self) -> None:
        """Know the last line, whoever wrote it; drop one that a crash cut in the middle."""
        size = os.fstat(self._file).st_size
        if size == self._size:
            return
        tail = os.pread(self._file, _TAIL, max(0, size - _TAIL))
        whole = tail[: tail.rfind(b"\n") + 1]
        if len(whole) < len(tail):
            size -= len(tail) - len(whole)
            os.ftruncate(self._file, size)
        lines = whole.splitlines()
        if lines:
            fields = json.loads(lines[-1])
            self._last = Entry(fields["seq"], fields["hash"], fields["time"])
        self._size = size

    def close(self) -> None:
        """Close both files."""
        os.close(self._file)
        os.close(self._head)


@dataclasses.dataclass(frozen=True, slots=True)
class Verified:
    """A log that holds.

    Args:
        entries: number of them.
        hash: of the last one: compare it with what you wrote down elsewhere.
    """

    entries: int
    hash: str


def verify(folder: Path, *, head: str = "") -> Verified:
    """Read the whole log and check every link.

    Args:
        folder: of the store.
        head: hash that the log must contain, from an earlier check or a receipt; else ignored.

    Raises:
        InputError: there is no log.
        Damaged: a line was changed, taken out, put in, or the end was cut off.
    """
    file = folder / "audit.jsonl"
    if not file.is_file():
        raise InputError(
            "audit log", expected="audit.jsonl", got="none", where=str(folder),
            remedy="Name the server's store with --store.",
        )  # fmt: skip
    anchor = _anchor(folder / "audit.head")
    before, number, seen, anchored = _FIRST, 0, not head, anchor[0] == 0
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            fields = _fields(line, number)
            told = fields.pop("hash", None)
            if fields.get("seq") != number or fields.get("prev") != before:
                raise _broken(number, "does not follow on the line before")
            if _hash(fields) != told:
                raise _broken(number, "was changed after it was written")
            before = str(told)
            seen = seen or before == head
            anchored = anchored or (number, before) == anchor
    if not anchored:
        raise _broken(number + 1, f"is missing: the log should have {anchor[0]} entries or more")
    if not seen:
        raise Damaged(
            "audit log", expected="the hash asked for", got="none such", code="audit.broken",
            remedy="Compare with a copy of the log.",
        )  # fmt: skip
    return Verified(number, before)


def _anchor(file: Path) -> tuple[int, str]:
    """Number and hash of the entry that was the last when the file was written."""
    raw = file.read_bytes()[:85] if file.exists() else b""
    number, _, digest = raw.partition(b" ")
    if not raw and not (file.parent / "audit.jsonl").stat().st_size:
        return 0, _FIRST
    if not number.isdigit():
        raise Damaged(
            "audit log: audit.head is not readable", code="audit.broken",
            remedy="Compare with a copy of the log.",
        )  # fmt: skip
    return int(number), digest.decode(errors="replace").strip()


def _fields(line: bytes, number: int) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except ValueError:
        raise _broken(number, "is not readable") from None
    if not isinstance(fields, dict):
        raise _broken(number, "is not readable")
    return fields


def _broken(number: int, what: str) -> Damaged:
    return Damaged(
        f"audit log: entry {number} {what}", code="audit.broken",
        remedy="Entries before it hold. Compare with a copy of the log.",
    )  # fmt: skip


def _hash(fields: dict[str, Any]) -> str:
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
