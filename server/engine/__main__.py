"""The engine's process; the front starts it, tells it its settings and ends it."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from typing import Any

from synthaug_server.assembly import job_store
from synthaug_server.children import Line, confine
from synthaug_server.engine.engine import Engine, locked
from synthaug_server.engine.running import Runner, open_log
from synthaug_server.engine.supervising import settings_from
from synthaug_server.store.artifacts import Artifacts
from synthaug_server.store.audit_log import AuditLog
from synthaug_server.store.opening import open_state
from synthaug_server.store.results import Results

__all__ = ["main"]

_PATIENCE = 10.0


def main() -> None:
    """Run jobs until told to stop, or until the front is gone."""
    line = Line(socket.socket(fileno=int(sys.argv[1])))
    confine(int(sys.argv[2]), worker=False)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    heard = line.hear()
    if heard is None:
        os._exit(1)
    settings = settings_from(heard[0])
    lock = locked(settings.store, _PATIENCE)
    held = _held(settings.jobs)
    if lock is None or held is None:
        logging.error(json.dumps({"event": "engine", "error": "another one has this store"}))
        os._exit(3)
    jobs = job_store(settings)
    database, ttl = open_state(settings.store), settings.ttl_seconds
    artifacts = Artifacts(settings.store, database, AuditLog(settings.store), ttl_seconds=ttl)
    results = Results(database, ttl_seconds=ttl)
    runner = Runner(jobs, artifacts, results, settings, open_log(settings.store))
    engine = Engine(settings, jobs, runner)

    def asked(*_: Any) -> None:
        threading.Thread(target=_end, args=(engine,)).start()

    signal.signal(signal.SIGTERM, asked)
    line.say({"ready": True})
    engine.run()
    threading.Event().wait()


def _held(address: str) -> Any | None:
    """What holds a database's jobs for this process; None where another has them."""
    if not address:
        return True
    from synthaug_server.engine.postgres_jobs import hold

    until = time.monotonic() + _PATIENCE
    while (held := hold(address)) is None and time.monotonic() < until:
        time.sleep(0.1)
    return held


def _end(engine: Engine) -> None:
    engine.stop()
    # DBOS' threads are not waited for: what they have written is whole.
    os._exit(0)


if __name__ == "__main__":
    main()
