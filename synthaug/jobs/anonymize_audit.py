"""The audit of an anonymized file: read it again beside its source and say what is open."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from synthaug.errors import InputError
from synthaug.training.progress import Callback, Progress, tell

if TYPE_CHECKING:
    from synthaug.audit.leaks import Leaks, Limits
    from synthaug.audit.result import AuditResult, TrackFacts
    from synthaug.faces.detections import Detector
    from synthaug.faces.plan import Plan, PlannedTrack

__all__ = ["audit"]


def audit(
    source: str | Path,
    output: str | Path,
    plan: Plan | str | Path,
    *,
    mute: bool = False,
    limits: Limits | None = None,
    detectors: Sequence[Detector] | None = None,
    callbacks: Iterable[Callback] = (),
) -> AuditResult:
    """Whether an anonymized video shows a face of its source, and what else has changed.

    Both files are decoded whole, a frame of each at a time.

    Args:
        source: the video as it was.
        output: what was written.
        plan: what was to be hidden.
        mute: whether the sound was to be left out.
        limits: what counts as open, and as too much change elsewhere.
        detectors: two of different making; the default ones where None.
        callbacks: told how many frames have been looked at.

    Raises:
        InputError: a file cannot be read, or the plan is another file's.
        Damaged: not one frame of a file can be decoded.
    """
    from synthaug.audit.faithful import Outside, file_verdicts, metadata_verdict
    from synthaug.audit.judging import doubts_of, exposure_verdicts
    from synthaug.audit.leaks import Leaks, Limits
    from synthaug.audit.pairing import Timeline, pairs
    from synthaug.audit.result import AuditResult
    from synthaug.faces.detectors import default_detectors
    from synthaug.media.clip import probe
    from synthaug.verdict import Verdicts

    source, output, limits = Path(source), Path(output), limits or Limits()
    plan = _planned(plan, source)
    before, after = probe(source), probe(output)
    detectors = tuple(detectors or default_detectors())

    timeline = Timeline()
    leaks = Leaks(plan, detectors, limits=limits)
    outside = Outside(plan, limits.psnr)
    for pair in pairs(before, after, timeline):
        leaks.look(pair)
        outside.look(pair)
        done = pair.number + 1
        tell(callbacks, Progress(phase="audit", images_seen=done, total=plan.frames, unit="frames"))

    verdicts = [
        *exposure_verdicts(leaks, timeline, outside),
        *file_verdicts(before, after, timeline, outside, mute=mute),
        metadata_verdict(before, after),
    ]
    return AuditResult(
        version=version("synthaug"),
        source=source.name,
        output=output.name,
        frames=timeline.source,
        seconds=round(float(timeline.source / before.rate), 3),
        size=(before.width, before.height),
        faces=sum(not glimpse.kept for glimpse in leaks.glimpses),
        verdicts=Verdicts(verdicts),
        doubts=doubts_of(leaks),
        tracks=[_track(track, plan, leaks) for track in plan.tracks],
        detectors={each.name: each.sha256 for each in detectors},
        area=outside.area,
        left_out=before.left_out,
        limits=dataclasses.asdict(limits),
        sheet=sorted(leaks.sheet, reverse=True),
    )


def _planned(plan: Plan | str | Path, source: Path) -> Plan:
    """The plan, read where it is a file, and made for this source."""
    from synthaug.faces.plan import read_plan
    from synthaug.weights.registry import sha256_of

    if isinstance(plan, str | Path):
        plan = read_plan(Path(plan))
    if not source.is_file():
        raise InputError("video", expected="a file", got="none", where=str(source))
    got = sha256_of(source)
    if got != plan.input_sha256:
        raise InputError(
            "plan", expected=f"one for this file ({got[:12]})", got=plan.input_sha256[:12],
            where=source.name, remedy="Plan this file, or name the one it was planned for.",
            code="input.plan",
        )  # fmt: skip
    return plan


def _track(track: PlannedTrack, plan: Plan, leaks: Leaks) -> TrackFacts:
    from synthaug.audit.result import TrackFacts

    sides = [float(np.sqrt(spot.box[2:].prod())) for spot in track.spots]
    seen = [g.likeness for g in leaks.glimpses if g.track == track.identity]
    seen = [each for each in seen if each == each]
    return TrackFacts(
        track=track.identity,
        action=track.action.value,
        first=round(float(track.times[0] * plan.time_base), 3),
        last=round(float(track.times[-1] * plan.time_base), 3),
        frames=len(track.spots),
        side=round(float(np.median(sides)), 1),
        likeness=max(seen) if seen else None,
    )
