"""What the local functions return, made from what a server answers."""

from __future__ import annotations

import dataclasses
import json
import math
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthaug.errors import Damaged
from synthaug.jobs.anonymizing.result import Rendered
from synthaug.v1 import anonymization_pb2, quality_pb2, verdict_pb2
from synthaug.verdict import Status, Verdict, Verdicts

if TYPE_CHECKING:
    from synthaug.audit.result import AuditResult
    from synthaug.jobs.evaluate import Evaluation

__all__ = ["audit_of", "evaluation_of", "rendered_of", "unpack", "verdicts_of"]

_OPTIONAL = ("threshold", "p_value", "detectable")
_RUNGS = {
    anonymization_pb2.REPLACEMENT_RUNG_GENERATED: "generated",
    anonymization_pb2.REPLACEMENT_RUNG_AVERAGE: "average",
    anonymization_pb2.REPLACEMENT_RUNG_COVER: "cover",
}


def verdicts_of(messages: Any) -> Verdicts:
    """Verdicts of the gates."""
    return Verdicts(_verdict(each) for each in messages)


def _verdict(told: verdict_pb2.Verdict) -> Verdict:
    numbers = {n: getattr(told, n) for n in _OPTIONAL if told.HasField(n)}
    interval = (told.interval.low, told.interval.high) if told.HasField("interval") else None
    return Verdict(
        gate=told.gate, scope=told.scope, interval=interval,
        status=Status(verdict_pb2.VerdictStatus.Name(told.status).removeprefix("VERDICT_STATUS_")),
        statistic=told.statistic if told.HasField("statistic") else math.nan,
        n_real=told.n_real, n_generated=told.n_generated, null=told.null, action=told.action,
        why=told.why, **numbers,
    )  # fmt: skip


def evaluation_of(report: quality_pb2.Report) -> Evaluation:
    """What `synthaug.evaluate` returns, but for the nearest training images: those stay there."""
    from synthaug.jobs.evaluate import Evaluation

    return Evaluation(
        verdicts=verdicts_of(report.verdicts),
        metrics={each.scope: dict(each.values) for each in report.metrics},
        space=report.space,
        notes=tuple(report.notes),
    )


def rendered_of(
    result: anonymization_pb2.AnonymizeResult, output: Path, warnings: list[str]
) -> Rendered:
    """What was written into a file."""
    return Rendered(
        output=output,
        frames=result.frames,
        rungs={
            each.track: {_RUNGS[one.rung]: one.frames for one in each.replaced}
            for each in result.each_track
        },
        left_out=tuple(result.removed_metadata),
        warnings=tuple(warnings),
        damaged=result.damaged,
    )


def audit_of(told: bytes, source: Path, output: Path) -> AuditResult:
    """What an audit found, under the names that the files have here."""
    from synthaug.audit.result import AuditResult

    found = AuditResult.from_dict(json.loads(told))
    return dataclasses.replace(found, source=source.name, output=output.name)


def unpack(archive: Path, folder: Path) -> Path:
    """A folder with what a tar of the server holds.

    Raises:
        Damaged: a tar that leads elsewhere, or cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    except tarfile.TarError as error:
        raise Damaged(
            "what the server sent", expected="a tar of files below its own folder",
            got=type(error).__name__, remedy="Check that it is a synthaug server.",
        ) from error  # fmt: skip
    return folder
