"""How a store is opened, by the server and by the command line beside it."""

from __future__ import annotations

from pathlib import Path

from synthaug.errors import InputError
from synthaug_server.store import access, artifacts, results
from synthaug_server.store.access import Access
from synthaug_server.store.audit_log import AuditLog
from synthaug_server.store.database import Database

__all__ = ["open_access", "open_state"]

_SCHEMA = access.SCHEMA + artifacts.SCHEMA + results.SCHEMA


def open_state(store: Path) -> Database:
    """The store's own database, made where there is none.

    Raises:
        InputError: the folder cannot be made or written to.
    """
    try:
        store.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Database(store / "state.db", _SCHEMA)
    except OSError as error:
        raise InputError(
            "--store cannot be used", got=(error.strerror or "an error").lower(),
            where=str(store), remedy="Name a folder this user can write to.",
        ) from error  # fmt: skip


def open_access(store: Path) -> tuple[Access, AuditLog]:
    """Tokens and the log, for the command line; the server may be running."""
    database = open_state(store)
    return Access(database), AuditLog(store)
