"""What DBOS remembers, asked without loading it: it is most of an idle engine's memory."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

__all__ = ["remembers"]


def remembers(store: Path, database: str) -> bool:
    """Whether there are rows of any workflow.

    Args:
        store: folder of the store.
        database: ``postgresql://`` address; empty for SQLite in the store.

    Raises:
        OutOfResources: the database cannot be reached.
    """
    if database:
        from synthaug_server.engine.postgres_jobs import remembers_workflows

        return remembers_workflows(database)
    file = store / "dbos.db"
    if not file.exists():
        return False
    with contextlib.closing(sqlite3.connect(file, timeout=10.0)) as rows:
        try:
            return rows.execute("SELECT 1 FROM workflow_status LIMIT 1").fetchone() is not None
        except sqlite3.OperationalError:
            return False  # its tables had not been made when it was killed
