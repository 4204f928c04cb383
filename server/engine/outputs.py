"""What a job made, packed so that the same files give the same bytes."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from synthaug.v1 import verdict_pb2
from synthaug.verdict import Verdict

__all__ = ["pack", "verdict_messages"]


def pack(folder: Path, names: Iterable[str], target: Path) -> Path:
    """A tar of some entries of a folder, in order of name, without times and owners.

    Args:
        folder: holds them.
        names: entries, files or folders; those that are not there are left out.
        target: file to write, synced to disk.
    """
    part = target.with_name(f".{target.name}.part")
    with part.open("wb") as out:
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name in sorted(names):
                for file in _files(folder / name):
                    about = tarfile.TarInfo(file.relative_to(folder).as_posix())
                    about.size, about.mode = file.stat().st_size, 0o644
                    with file.open("rb") as source:
                        archive.addfile(about, source)
        out.flush()
        os.fsync(out.fileno())
    part.replace(target)
    return target


def _files(entry: Path) -> list[Path]:
    if entry.is_dir():
        return sorted(file for file in entry.rglob("*") if file.is_file())
    return [entry] if entry.is_file() else []


_STATUS = {
    "PASS": verdict_pb2.VERDICT_STATUS_PASS,
    "FAIL": verdict_pb2.VERDICT_STATUS_FAIL,
    "INCONCLUSIVE": verdict_pb2.VERDICT_STATUS_INCONCLUSIVE,
}
_OPTIONAL = ("statistic", "threshold", "p_value", "detectable")


def verdict_messages(verdicts: Sequence[Verdict]) -> list[verdict_pb2.Verdict]:
    """Verdicts as messages; numbers that could not be had are left out."""
    return [_message(verdict.to_dict()) for verdict in verdicts]


def _message(fields: dict[str, Any]) -> verdict_pb2.Verdict:
    message = verdict_pb2.Verdict(
        gate=fields["gate"], scope=fields["scope"], status=_STATUS[str(fields["status"])],
        n_real=fields["n_real"], n_generated=fields["n_generated"], null=fields["null"],
        action=fields["action"], why=fields["why"],
    )  # fmt: skip
    for name in _OPTIONAL:
        if fields[name] is not None:
            setattr(message, name, fields[name])
    interval = fields["interval"]
    if isinstance(interval, list) and None not in interval:
        message.interval.low, message.interval.high = interval
    return message
