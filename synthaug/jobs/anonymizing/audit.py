"""The audit of an anonymized file: read it again beside its source and say what is open."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synthaug.errors import InputError
from synthaug.training.progress import Callback, Progress, tell

if TYPE_CHECKING:
    from synthaug.audit.faithful import Outside
    from synthaug.audit.galleries import Gallery, Hide
    from synthaug.audit.identity import Identity, Sights
    from synthaug.audit.leaks import Leaks, Limits
    from synthaug.audit.pairing import Pair, Timeline
    from synthaug.audit.result import AuditResult, TrackFacts
    from synthaug.faces.detections import Detector
    from synthaug.faces.plan import Plan, PlannedTrack
    from synthaug.faces.recognisers import Recogniser
    from synthaug.verdict import Verdict

__all__ = ["audit"]


def audit(
    source: str | Path,
    output: str | Path,
    plan: Plan | str | Path,
    *,
    mute: bool = False,
    limits: Limits | None = None,
    detectors: Sequence[Detector] | None = None,
    recognisers: Sequence[Recogniser] | None = None,
    trained_with: Collection[str] = (),
    gallery: str | Path | None = None,
    hide: Hide | None = None,
    max_pixels: int | None = None,
    report: str | Path | None = None,
    render: Callable[[AuditResult, Path], None] | None = None,
    callbacks: Iterable[Callback] = (),
) -> AuditResult:
    """Whether an anonymized file shows a face of its source, and what else has changed.

    Both files are decoded whole, a frame of each at a time.

    Args:
        source: the video or picture as it was.
        output: what was written.
        plan: what was to be hidden.
        mute: whether the sound was to be left out.
        limits: what counts as open, and as too much change elsewhere.
        detectors: two of different making; the default ones where None.
        recognisers: who looks whether people can be recognised; all that are here where None.
        trained_with: SHA-256 of recognisers that a generator has learnt to deceive: they do
            not count.
        gallery: photographs of people, a folder each, among whom hidden ones are looked up.
        hide: what made the output, on a photograph; the gallery is hidden by it too. The
            package's own ladder where None.
        max_pixels: largest frame that is read; the usual one where None.
        report: folder for the page, its facts and the private sheet; none where None.
        render: what writes them.
        callbacks: told how many frames have been looked at.

    Raises:
        InputError: a file cannot be read, or the plan is another file's.
        Damaged: not one frame of a file can be decoded.
    """
    from synthaug.audit.faithful import Outside
    from synthaug.audit.galleries import read_gallery
    from synthaug.audit.identity import Sights
    from synthaug.audit.judging import doubts_of, exposure_verdicts
    from synthaug.audit.leaks import Leaks, Limits
    from synthaug.audit.pairing import Timeline
    from synthaug.audit.result import AuditResult
    from synthaug.faces.detectors import default_detectors
    from synthaug.verdict import Verdicts

    source, output, limits = Path(source), Path(output), limits or Limits()
    plan = _planned(plan, source)
    files = _Files.read(source, output, max_pixels)
    detectors = tuple(detectors or default_detectors())
    people = read_gallery(Path(gallery), detectors[0]) if gallery is not None else None
    if people is not None and hide is None:
        hide = _usual_hider()

    timeline = Timeline()
    leaks = Leaks(plan, detectors, limits=limits, rotation=files.rotation)
    outside = Outside(plan, limits.psnr)
    sights = Sights(plan)
    for pair in files.pairs(timeline):
        leaks.look(pair)
        outside.look(pair)
        sights.look(pair)
        done = pair.number + 1
        tell(callbacks, Progress(phase="audit", images_seen=done, total=plan.frames, unit="frames"))

    recognised = _recognised(plan, sights, recognisers, trained_with, people, hide)
    verdicts = [
        *exposure_verdicts(leaks, timeline, outside),
        *recognised.verdicts,
        *files.verdicts(timeline, outside, mute=mute),
    ]
    result = AuditResult(
        version=version("synthaug"),
        source=source.name,
        output=output.name,
        frames=timeline.source,
        seconds=round(files.seconds(timeline), 3),
        size=(files.before.width, files.before.height),
        faces=sum(not glimpse.kept for glimpse in leaks.glimpses),
        verdicts=Verdicts(verdicts),
        doubts=doubts_of(leaks),
        tracks=[_track(track, plan, leaks, recognised) for track in plan.tracks],
        detectors={each.name: each.sha256 for each in detectors},
        recognisers=recognised.used,
        area=outside.area,
        left_out=files.before.left_out,
        limits=dataclasses.asdict(limits),
        sheet=leaks.sheet,
    )
    if report is not None and render is not None:
        render(result, Path(report))
    return result


def _usual_hider() -> Hide:
    from synthaug.jobs.anonymizing.photograph import hider
    from synthaug.replacing.ladder import Ladder

    return hider(Ladder.usual(), secrets.token_bytes(32))


@dataclasses.dataclass(frozen=True)
class _Files:
    """Source and output: two videos, or two pictures."""

    before: Any
    after: Any
    still: bool

    @classmethod
    def read(cls, source: Path, output: Path, max_pixels: int | None) -> _Files:
        from synthaug.media import Limits, probe
        from synthaug.media.reading import probe_still
        from synthaug.media.stills import STILL_ENDINGS

        limits = Limits() if max_pixels is None else Limits(pixels=max_pixels)
        still = source.suffix.lower() in STILL_ENDINGS
        look = probe_still if still else probe
        return cls(look(source, limits=limits), look(output, limits=limits), still)

    @property
    def rotation(self) -> int:
        return 0 if self.still else int(self.before.rotation)

    def seconds(self, timeline: Timeline) -> float:
        """How long the source lasts; 0 for a single picture."""
        if not self.still:
            return float(timeline.source / self.before.rate)
        return float(timeline.last)

    def pairs(self, timeline: Timeline) -> Iterator[Pair]:
        from synthaug.audit.pairing import pairs, still_pairs

        return (still_pairs if self.still else pairs)(self.before, self.after, timeline)

    def verdicts(self, timeline: Timeline, outside: Outside, *, mute: bool) -> list[Verdict]:
        from synthaug.audit.faithful import file_verdicts, metadata_verdict, still_verdicts

        if self.still:
            return still_verdicts(self.before, self.after, timeline, outside)
        rest = file_verdicts(self.before, self.after, timeline, outside, mute=mute)
        return [*rest, metadata_verdict(self.before, self.after)]


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


@dataclasses.dataclass(frozen=True)
class _Recognised:
    """What recognisers said: verdicts, each track's likenesses, and which were asked."""

    verdicts: list[Verdict]
    seen: list[Identity]
    wrong: dict[str, str]
    used: dict[str, str]


def _recognised(
    plan: Plan,
    sights: Sights,
    recognisers: Sequence[Recogniser] | None,
    trained_with: Collection[str],
    people: Gallery | None,
    hide: Hide | None,
) -> _Recognised:
    """Ask every recogniser that is here and took no part in training."""
    from synthaug.audit import identity
    from synthaug.audit.galleries import gallery_verdicts
    from synthaug.faces.recognisers import recognisers as all_here

    here = list(all_here() if recognisers is None else recognisers)
    used = [each for each in here if each.sha256 not in trained_with]
    why_none = ""
    if not used:
        why_none = (
            "the only recognisers here took part in training" if here
            else "no recogniser is here: run synthaug models get mobilefacenet, or install "
            "synthaug[dlib]"
        )  # fmt: skip
    met = identity.together(plan)
    seen = identity.identities(sights, used, met)
    wrong = {}
    for each in used:
        mine = [one for one in seen if one.recogniser == each.name]
        if reason := identity.broken(each, mine, sights, met):
            wrong[each.name] = reason
    verdicts = [
        identity.identity_verdict(seen, wrong, why_none),
        identity.control_verdict(seen, wrong, used, why_none),
    ]
    sound = [each for each in used if each.name not in wrong]
    if people is not None and sound:
        verdicts += gallery_verdicts(people, sound[0], seen, hide)
    return _Recognised(verdicts, seen, wrong, {each.name: each.sha256 for each in used})


def _track(track: PlannedTrack, plan: Plan, leaks: Leaks, recognised: _Recognised) -> TrackFacts:
    """What became of one track, as the recogniser says that comes nearest to knowing it."""
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
        **_known_by(track, recognised),
    )


def _known_by(track: PlannedTrack, recognised: _Recognised) -> dict[str, Any]:
    """Status, control, similarity and reason of a track's identity."""
    mine = [each for each in recognised.seen if each.track == track.identity]
    if not mine:
        return {"why": "kept on purpose" if track.action == "keep" else "not looked at"}
    sound = [each for each in mine if each.recogniser not in recognised.wrong]
    counted = [each for each in sound if each.known]
    if not counted:
        why = "not clear enough in the source itself" if sound else "the audit is broken"
        best = max(sound or mine, key=lambda each: each.similarity)
        status = "INCONCLUSIVE"
    else:
        best = max(counted, key=lambda each: each.similarity - each.same)
        status = "FAIL" if best.found else "PASS"
        why = "recognised" if best.found else "not recognised"
    control = round(best.control, 3) if best.control == best.control else None
    return {
        "status": status, "control": control, "similarity": round(best.similarity, 3),
        "same": best.same, "recogniser": best.recogniser, "why": why,
    }  # fmt: skip
