"""What a call has begun on a server, noted beside its output: the same call goes on."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import uuid
from pathlib import Path
from typing import Any

__all__ = ["Pending", "key_of"]


class Pending:
    """Identifiers of one call, written down before they are used.

    Args:
        output: what the call will write; the note stands beside it. None: nothing is kept.
        key: of everything the call depends on; a note with another one is not followed.
        resume: go on from a note that is there.
    """

    def __init__(self, output: Path | None, key: str, *, resume: bool = True) -> None:
        self.file = None if output is None else output.with_name(f".{output.name}.job.json")
        self._key = key
        self._told: dict[str, Any] = {"key": key, "ids": {}, "job": ""}
        if self.file is not None and resume:
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                told = json.loads(self.file.read_text())
                if told["key"] == key and isinstance(told["ids"], dict):
                    self._told = {"key": key, "ids": told["ids"], "job": str(told["job"])}

    def id(self, label: str) -> str:
        """The request_id of one of the call's requests."""
        if label not in self._told["ids"]:
            self._told["ids"][label] = str(uuid.uuid4())
            self._write()
        return str(self._told["ids"][label])

    @property
    def job(self) -> str:
        """Name of the job, once it was accepted; empty before."""
        return str(self._told["job"])

    def accepted(self, name: str) -> None:
        """The server has the job, under this name."""
        self._told["job"] = name
        self._write()

    def forget(self) -> None:
        """Begin anew: what was begun is over, or gone."""
        self._told = {"key": self._key, "ids": {}, "job": ""}
        if self.file is not None:
            self.file.unlink(missing_ok=True)

    def _write(self) -> None:
        if self.file is None:
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        part = self.file.with_name(f"{self.file.name}.{os.getpid()}")
        part.write_text(json.dumps(self._told))
        part.replace(self.file)


def key_of(*facts: object) -> str:
    """A short hash of what a call depends on."""
    return hashlib.sha256(json.dumps(facts, default=str).encode()).hexdigest()[:32]
