"""`Client.anonymize`: files go, the same files without their faces come back."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from synthaug.client.downloads import download, fetch
from synthaug.client.jobs import Order, Sent, carry_out, noted
from synthaug.client.pending import Pending, key_of
from synthaug.client.requests import spans_of, zones_of
from synthaug.client.results import audit_of, rendered_of
from synthaug.client.wire import Wire
from synthaug.errors import InputError, OutOfResources, Stopped, SynthaugError
from synthaug.jobs.anonymizing.inputs import AUDIT_ENDING, inputs_of, is_still
from synthaug.jobs.anonymizing.result import AnonymizedFile, AnonymizeResult
from synthaug.media.writing import check_output
from synthaug.training.progress import Callback, Progress, tell
from synthaug.v1 import anonymization_pb2, artifact_pb2

__all__ = ["Wishes", "anonymize"]

_MEDIA = artifact_pb2.ARTIFACT_KIND_MEDIA
_SENT = ("smallest", "consistent", "mute", "strict")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What one call asks for, for every file of it; named as the arguments."""

    keep: tuple[Path, ...]
    only: tuple[Path, ...]
    zones: tuple[Any, ...]
    between: tuple[tuple[float, float], ...]
    smallest: int
    consistent: bool
    mute: bool
    seed: int | None
    audit: bool
    strict: bool
    force: bool
    plan_file: Path | None
    resume: bool


def anonymize(
    wire: Wire,
    source: str | Path,
    output: str | Path | None,
    wishes: Wishes,
    callbacks: tuple[Callback, ...],
) -> AnonymizeResult:
    """See `Client.anonymize`."""
    inputs = inputs_of(source, output)
    if wishes.plan_file is not None and (len(inputs.pairs) > 1 or is_still(inputs.pairs[0][0])):
        raise InputError("plan file", expected="a single video", where=str(wishes.plan_file))
    for path in inputs.ours:
        tell(callbacks, Progress(phase="read", message=f"{path}: is anonymized already"))
    for path in inputs.others:
        tell(callbacks, Progress(phase="read", message=f"{path}: is left as it is, no picture or "
                                 "video that is read here"))  # fmt: skip
    if len(inputs.pairs) == 1:
        return AnonymizeResult((_one(wire, *inputs.pairs[0], wishes, callbacks),))
    files = []
    for number, (path, target) in enumerate(inputs.pairs, 1):
        tell(callbacks, Progress(phase="files", message=f"{number} of {len(inputs.pairs)}: {path}"))
        try:
            files.append(_one(wire, path, target, wishes, callbacks))
        except (Stopped, OutOfResources):
            raise
        except SynthaugError as error:
            files.append(AnonymizedFile(source=path, error=error))
    return AnonymizeResult(tuple(files))


def _one(
    wire: Wire, source: Path, target: Path, wishes: Wishes, callbacks: Iterable[Callback]
) -> AnonymizedFile:
    check_output(source, target, force=wishes.force)
    sent = {"media": source}
    for field in ("keep", "only"):
        sent |= {f"{field} {n}": Path(p) for n, p in enumerate(getattr(wishes, field))}
    request = anonymization_pb2.CreateAnonymizeJobRequest(
        zones=zones_of(wishes.zones, source), between=spans_of(wishes.between), seed=wishes.seed,
        skip_audit=not wishes.audit, **{name: getattr(wishes, name) for name in _SENT},
    )  # fmt: skip

    def message(names: dict[str, str]) -> Any:
        request.media = names["media"]
        for field in ("keep", "only"):
            chosen = [name for label, name in names.items() if label.startswith(f"{field} ")]
            getattr(request, field)[:] = chosen
        return request

    facts = [(str(path), _stat(path)) for path in sent.values()]
    wanted = request.SerializeToString(deterministic=True).hex()
    pending = Pending(
        target, key_of("anonymize", wire.address, facts, wanted), resume=wishes.resume
    )
    files = {label: Sent.as_it_is(_MEDIA, path) for label, path in sent.items()}
    order = Order(files, message, wire.anonymization.CreateAnonymizeJob)
    done = carry_out(wire, order, pending, callbacks)
    made = _fetched(wire, done.result, source, target, wishes, done.warnings, callbacks)
    pending.forget()
    return made


def _stat(path: Path) -> tuple[int, int]:
    try:
        about = path.stat()
    except OSError as error:
        raise InputError(
            "photograph", expected="a file", got=error.strerror or "an error", where=str(path),
            remedy="Check the path.", code="input.path",
        ) from error  # fmt: skip
    return about.st_size, about.st_mtime_ns


def _fetched(
    wire: Wire,
    result: anonymization_pb2.AnonymizeResult,
    source: Path,
    target: Path,
    wishes: Wishes,
    warnings: list[str],
    callbacks: Iterable[Callback],
) -> AnonymizedFile:
    """What the job made, here; the media file last, so that its presence says all is there."""
    note = noted(callbacks, "download")
    audit = report = None
    if result.audit:
        from synthaug.report import write_audit

        with tempfile.TemporaryDirectory(prefix="synthaug-") as place:
            told = fetch(wire, result.audit, Path(place) / "audit.json", note=note).read_bytes()
        audit, report = audit_of(told, source, target), target.with_name(target.name + AUDIT_ENDING)
        write_audit(audit, report)
    if wishes.plan_file is not None and result.plan:
        download(wire, result.plan, wishes.plan_file, force=True, note=note)
    download(wire, result.media, target, force=wishes.force, note=note)
    return AnonymizedFile(
        source=source, rendered=rendered_of(result, target, warnings), audit=audit,
        strict=wishes.strict, report=report,
    )  # fmt: skip
