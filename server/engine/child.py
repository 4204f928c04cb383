"""The process that does one job: told by its parent, confined, gone when the job is done."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from synthaug.datasets.decode import decode_files_by
from synthaug.v1 import job_pb2
from synthaug_server.children import Line, confine
from synthaug_server.engine.duties import DUTIES, Made, Order
from synthaug_server.engine.inputs import Limits
from synthaug_server.engine.pictures import Decoder
from synthaug_server.refusal import refusal_of, status_of, told_bug

__all__ = ["main"]

_EVERY = 0.2  # seconds between messages of progress
_LOG = logging.getLogger("synthaug.worker")


def main() -> None:
    """Do the job that the first frame describes, and say how it ended."""
    line = Line(socket.socket(fileno=int(sys.argv[1])))
    alone = confine(int(sys.argv[2]))
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    heard = line.hear()
    if heard is None:
        os._exit(1)
    head, (body,) = heard
    lock = threading.Lock()

    def say(fields: dict[str, Any], *parts: bytes) -> None:
        with lock:
            line.say(fields, *parts)

    folder = Path(head["folder"])
    told = {"event": "job", "kind": head["kind"], "request": head["request"], "network": not alone}
    _LOG.info(json.dumps(told))
    decoder = Decoder()
    decode_files_by(decoder)
    try:
        order = Order(
            body=body, folder=folder,
            artifacts={name: Path(file) for name, file in head["artifacts"].items()},
            device=_device(head["device"], say), limits=Limits(head["bytes"]),
            listener=_Listener(say), warn=lambda text: say({"warning": text}),
        )  # fmt: skip
        _keep(DUTIES[head["kind"]](order), folder)
        say({"done": True})
    except BrokenPipeError:
        os._exit(1)
    except BaseException as raised:
        refused = refusal_of(raised)
        if refused.reason == "INTERNAL":
            told = {"event": "bug", **refused.facts, "request": head["request"], **told_bug(raised)}
            _LOG.error(json.dumps(told))
        say({"error": refused.reason}, status_of(refused).SerializeToString())
    decoder.close()
    # Threads of libraries that do not end keep no finished child.
    sys.stderr.flush()
    os._exit(0)


def _device(asked: str, say: Any) -> str:
    """``"cpu"`` or ``"cuda"``; the second only where it works, and said where it does not."""
    if not asked.startswith("cuda"):
        return "cpu"
    import torch

    try:
        torch.zeros(1, device="cuda")
    except (RuntimeError, AssertionError):
        say({"warning": f"{asked} cannot be used; the job runs on the CPU."})
        return "cpu"
    return "cuda"


def _keep(made: Made, folder: Path) -> None:
    """Write down what was made; the file appears once everything it names is on disk."""
    files = {}
    for label, (file, kind) in made.files.items():
        descriptor = os.open(file, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        files[label] = [file.name if file.parent == folder else str(file.relative_to(folder)), kind]
    about = {
        "files": files,
        "type": made.result.DESCRIPTOR.full_name,
        "result": made.result.SerializeToString().hex(),
        "report": None if made.report is None else made.report.SerializeToString().hex(),
        "model": None if made.model is None else made.model.SerializeToString().hex(),
    }
    part = folder / "made.part"
    with part.open("w") as out:
        json.dump(about, out)
        out.flush()
        os.fsync(out.fileno())
    part.replace(folder / "made.json")


class _Listener:
    """Sends progress on, not more often than anybody reads it."""

    def __init__(self, say: Any) -> None:
        self._say = say
        self._last = ("", -1e9)

    def on_progress(self, event: Any) -> None:
        """Take notice of one message."""
        now = time.monotonic()
        phase, then = self._last
        if event.phase == phase and now - then < _EVERY:
            return
        self._last = (event.phase, now)
        progress = job_pb2.Progress(
            phase=event.phase, done=event.images_seen, total=event.total, unit=event.unit
        )
        if event.eta_seconds is not None:
            progress.remaining.FromNanoseconds(int(max(0.0, event.eta_seconds) * 1e9))
        with contextlib.suppress(ValueError):
            self._say({"progress": True}, progress.SerializeToString())


if __name__ == "__main__":
    main()
