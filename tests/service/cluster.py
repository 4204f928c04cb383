"""A PostgreSQL of the tests' own, on a free port."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


def programs() -> Path | None:
    """The folder of initdb and pg_ctl: the newest Debian has, or those on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    there = shutil.which("pg_ctl")
    return found[-1].parent if found else Path(there).parent if there else None


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The address of a fresh cluster; skips where PostgreSQL is not installed."""
    folder = programs()
    if folder is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    if os.geteuid() == 0:
        try:
            user = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    else:
        user = pwd.getpwuid(os.geteuid())

    def run(*words: str) -> None:
        subprocess.run(
            [str(folder / words[0]), *words[1:]], check=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, cwd="/", timeout=120,
            **({"user": user.pw_uid, "group": user.pw_gid} if os.geteuid() == 0 else {}),
        )  # fmt: skip

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # pytest's own folders cannot be entered by another user.
    with tempfile.TemporaryDirectory(prefix="synthaug-pg-") as place:
        os.chown(place, user.pw_uid, user.pw_gid)
        data = f"{place}/data"
        run("initdb", "-D", data, "-U", "test", "-A", "trust", "--no-sync", "-E", "UTF8")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={place}"
        run("pg_ctl", "-D", data, "-w", "-l", f"{place}/log", "-o", options, "start")
        try:
            yield f"postgresql://test@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
