"""The story of ``synthaug anonymize``: find and follow faces, replace them, write, read again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from synthaug.errors import Damaged, InputError
from synthaug.faces import default_detectors
from synthaug.faces.cuts import CutFinder
from synthaug.faces.plan import Action, Plan, PlannedTrack
from synthaug.faces.tracks import track
from synthaug.jobs.anonymize_render import render
from synthaug.jobs.anonymize_result import AnonymizedFile, AnonymizeResult
from synthaug.media import frames, probe
from synthaug.media.editing import picture
from synthaug.training.progress import Callback, Progress, tell
from synthaug.weights.registry import sha256_of

__all__ = ["anonymize"]


def anonymize(
    source: str | Path,
    output: str | Path | None = None,
    *,
    mute: bool = False,
    force: bool = False,
    callbacks: Iterable[Callback] = (),
) -> AnonymizeResult:
    """Videos in which every face is replaced and nothing else has changed.

    Args:
        source: a video.
        output: the file to write; ``NAME.anonymized.EXT`` beside the source.
        mute: leave the sound out.
        force: replace what stands there.
        callbacks: told what is being done.

    Raises:
        InputError: no such file, or a name that is taken; nothing is written.
    """
    path = Path(source)
    target = Path(output) if output is not None else _beside(path)
    if target.exists() and not force:
        raise InputError(
            "output", expected="a new file", got="one that is there", where=str(target),
            remedy="Choose another name, or pass --force.", code="output.exists",
        )  # fmt: skip
    plan = _plan(path, callbacks)
    made = render(plan, path, target, mute=mute, force=force, callbacks=callbacks)
    return AnonymizeResult((AnonymizedFile(source=path, rendered=made),))


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.stem}.anonymized{path.suffix}")


def _plan(path: Path, callbacks: Iterable[Callback]) -> Plan:
    """Every face that the cheap detector finds, followed."""
    clip, detector, cut = probe(path), default_detectors()[0], CutFinder()
    found, times, cuts = [], [], []
    try:
        for frame in frames(clip):
            image = picture(frame)
            found.append(detector(image))
            cuts.append(cut(image))
            times.append(int(frame.pts))
            tell(callbacks, Progress(phase="find", images_seen=len(times), total=clip.frames,
                                     unit="frames"))  # fmt: skip
    except Damaged:
        pass
    seconds = [float(time * clip.time_base) for time in times]
    tracks = track(found, seconds, cuts, (clip.width, clip.height))
    return Plan(
        path.name, sha256_of(path), clip.width, clip.height, len(times), clip.time_base,
        {detector.name: detector.sha256}, hashlib.sha256(b"").hexdigest(),
        [
            PlannedTrack(
                number, Action.REPLACE, each.first, times[each.first : each.last + 1], each.spots
            )
            for number, each in enumerate(tracks)
        ],
    )  # fmt: skip
