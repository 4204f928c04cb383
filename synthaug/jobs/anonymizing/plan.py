"""The story of ``synthaug anonymize plan``: a video in, what is to be hidden out."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import math
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaug.errors import Damaged, InputError
from synthaug.faces.cuts import CutFinder
from synthaug.faces.detections import Detections
from synthaug.faces.doubts import doubts_of
from synthaug.faces.lookout import Lookout
from synthaug.faces.motion import STILL, MotionFinder
from synthaug.faces.plan import (
    Action,
    Plan,
    PlannedTrack,
    as_written,
    write_boxes,
    write_plan,
)
from synthaug.faces.sights import Sight, SightFile
from synthaug.faces.tracks import Settings, Track, track
from synthaug.faces.turning import stored, upright
from synthaug.faces.zones import Zone, zone_spots
from synthaug.jobs.anonymizing.openness import read_openness
from synthaug.jobs.anonymizing.people import recognised, references
from synthaug.jobs.memory import give_back
from synthaug.media import Clip, Limits, frames, probe
from synthaug.media.editing import picture
from synthaug.training.progress import Callback, Progress, tell
from synthaug.weights.registry import sha256_of

__all__ = ["cover_small", "plan_video"]

_SYNC_SECONDS = 10.0
_AROUND = 1.0  # seconds beyond a span that are looked at too, so that tracks begin well


def plan_video(
    source: str | Path,
    out: str | Path | None = None,
    *,
    boxes: str | Path | None = None,
    keep: Sequence[str | Path] = (),
    only: Sequence[str | Path] = (),
    zones: Sequence[Zone] = (),
    between: Sequence[tuple[float, float]] = (),
    smallest: float = 0.0,
    consistent: bool = False,
    limits: Limits | None = None,
    force: bool = False,
    work: Path | None = None,
    lookout: Lookout | None = None,
    settings: Settings | None = None,
    callbacks: Iterable[Callback] = (),
) -> Plan:
    """Where the faces of a video are, in every frame, and what is to happen to each.

    Frames are read one by one and only what was found in them is kept, so memory does not
    grow with the video but for some hundred bytes a frame. What may be no face is covered,
    with the reason beside it.

    Args:
        source: the video.
        out: file to write the plan to; what was found so far lies beside it until then, and
            the same call goes on from there after a kill. None writes nothing.
        boxes: file to write every box to, as CSV.
        keep: photographs of people who stay as they are; whoever may be somebody else is
            hidden all the same, and the plan says so.
        only: photographs of the only people to hide; whoever may be one of them is hidden.
        zones: boxes that are always covered.
        between: spans of seconds since the first frame; nothing is hidden outside them.
        smallest: faces whose larger side stays below it are covered, not generated, pixels.
        consistent: link tracks that show one person, so that all get one new face; this
            tells a viewer who appears again.
        limits: what to refuse.
        force: replace what stands there, and begin anew.
        work: file that keeps what was found; it is left where it is, for another plan of the
            same video.
        lookout: what finds faces.
        settings: what a track is.
        callbacks: told of progress, in frames.

    Raises:
        InputError: not a video, beyond the limits, a photograph without one face, or a name
            that is taken.
        Damaged: not one frame can be decoded.
    """
    spans = _spans(between)
    _refuse_if_taken((out, boxes), Path(source), force=force)
    if keep and only:
        raise InputError("people", expected="either those to keep or those to hide", got="both")
    clip = probe(source, limits=limits)
    lookout, settings = lookout or Lookout(), settings or Settings()
    people = references(keep or only, hide=bool(only), lookout=lookout, linked=consistent)
    digest = sha256_of(clip.path)
    key = _digest(digest, lookout.attention, [(d.name, d.sha256) for d in lookout.detectors], spans)
    with contextlib.ExitStack() as stack:
        place = work or _place(out, stack)
        if force:
            place.unlink(missing_ok=True)
        sights = stack.enter_context(SightFile(place, key))
        notes = _look(clip, sights, lookout, spans, tuple(callbacks))
        tracks, times, found = _tracked(clip, sights, settings)
    planned = [_planned(each, times, lookout) for each in tracks]
    cover_small(planned, smallest)
    if people is not None:
        recognised(_shown(clip), planned, tracks, people, tuple(callbacks))
    planned = [part for each in planned for part in _within(each, spans, clip, times)]
    planned += [_zone(zone, times, clip) for zone in zones]
    detectors = {each.name: each.sha256 for each in lookout.detectors}
    del lookout
    give_back()  # detectors of large pictures, before a network for faces is loaded
    unread = read_openness(clip, planned, tuple(callbacks))
    notes += [unread] if unread else []
    for number, each in enumerate(planned):
        each.identity = number
        each.spots = [stored(spot, clip.rotation, (clip.width, clip.height)) for spot in each.spots]
    wishes = (settings, _hashes((*keep, *only)), bool(only), zones, smallest, consistent)
    plan = Plan(
        clip.path.name, digest, clip.width, clip.height, found, clip.time_base,
        detectors, _digest(key, *wishes), planned, notes, spans,
    )  # fmt: skip
    plan = as_written(plan)
    _write(plan, out, boxes)
    if out is not None and work is None:
        place.unlink(missing_ok=True)
    return plan


def _place(out: str | Path | None, stack: contextlib.ExitStack) -> Path:
    """Where what is found is kept: beside the plan, or in a folder that goes with the stack."""
    if out is not None:
        return Path(out).with_name(f".{Path(out).name}.sights")
    return Path(stack.enter_context(tempfile.TemporaryDirectory())) / "sights"


def _write(plan: Plan, out: str | Path | None, boxes: str | Path | None) -> None:
    if boxes is not None:
        write_boxes(plan, Path(boxes))
    if out is not None:
        write_plan(plan, Path(out))


def _planned(each: Track, times: list[int], lookout: Lookout) -> PlannedTrack:
    """What happens to a track before anybody was asked for: what is doubtful is covered."""
    doubts = doubts_of(each, [detector.name for detector in lookout.detectors])
    action = Action.COVER if doubts else Action.REPLACE
    return PlannedTrack(
        0, action, each.first, times[each.first : each.last + 1], each.spots, doubts
    )


def _refuse_if_taken(files: Sequence[str | Path | None], source: Path, *, force: bool) -> None:
    for file in files:
        if file is None or not Path(file).exists():
            continue
        if not force or (source.exists() and Path(file).samefile(source)):
            raise InputError(
                "output", expected="a new file", got="one that is there", where=str(file),
                remedy="Choose another name, or pass --force.", code="output.exists",
            )  # fmt: skip


def _look(
    clip: Clip,
    sights: SightFile,
    lookout: Lookout,
    spans: Sequence[tuple[float, float]],
    callbacks: Sequence[Callback],
) -> list[str]:
    """Fill the file of sights up to the last frame; what went wrong, in words."""
    cuts, motion = CutFinder(), MotionFinder()
    began = synced = time.monotonic()
    known, start = len(sights), None
    lookout.reset(rotation=clip.rotation)
    if known:
        lookout.restore(sights[known - 1].state)
    try:
        for index, frame in enumerate(frames(clip)):
            start = frame.pts if start is None else start
            seconds = float((frame.pts - start) * clip.time_base)
            image = upright(picture(frame), clip.rotation)
            cut, step = cuts(image), motion(image)
            if index < known:
                continue
            if _inside(seconds, spans, around=_AROUND):
                found = lookout(image, cut=cut, time=seconds, motion=step)
            else:
                found = Detections.none()
            sights.append(Sight(frame.pts, cut, found, step, lookout.state()))
            now = time.monotonic()
            if now - synced > _SYNC_SECONDS:
                sights.sync()
                synced = now
            tell(callbacks, Progress(
                phase="find faces", images_seen=index + 1, total=clip.frames, unit="frames",
                images_per_second=(index + 1 - known) / max(1e-9, now - began),
            ))  # fmt: skip
    except Damaged as error:
        if not len(sights):
            raise
        return [str(error)]
    return []


def _tracked(
    clip: Clip, sights: SightFile, settings: Settings
) -> tuple[list[Track], list[int], int]:
    """Tracks in the upright picture, every frame's time, and the number of frames."""
    found, times, cuts = [], [], []
    for sight in sights:
        found.append(sight.found)
        times.append(sight.time)
        cuts.append(sight.cut)

    @functools.lru_cache(maxsize=128)
    def motion(frame: int) -> NDArray[np.int8]:
        return sights[frame].motion if frame < len(sights) else STILL

    seconds = [float(each * clip.time_base) for each in times]
    tracks = track(found, seconds, cuts, _shown_size(clip), motion=motion, settings=settings)
    return tracks, times, len(times)


def _shown_size(clip: Clip) -> tuple[int, int]:
    """Width and height of the frames as players show them."""
    turned = round(clip.rotation / 90) % 2
    return (clip.height, clip.width) if turned else (clip.width, clip.height)


def _shown(clip: Clip) -> Iterator[Callable[[], NDArray[np.uint8]]]:
    """The frames of a video once more; each is turned into a picture only where it is needed."""
    for frame in frames(clip):
        yield functools.partial(_seen, frame, clip.rotation)


def _seen(frame: Any, rotation: int) -> NDArray[np.uint8]:
    return upright(picture(frame), rotation)


def cover_small(planned: Sequence[PlannedTrack], smallest: float) -> None:
    """Cover faces whose larger side never gets to ``smallest`` pixels, and say so beside them."""
    for each in planned:
        largest = max(float(max(spot.box[2:])) for spot in each.spots)
        if largest < smallest:
            each.action = Action.COVER
            each.doubts.append(f"covered: at most {largest:.0f} pixels, below {smallest:g}")


def _within(
    each: PlannedTrack, spans: Sequence[tuple[float, float]], clip: Clip, times: list[int]
) -> list[PlannedTrack]:
    """The parts of a track that lie in the spans."""
    if not spans:
        return [each]
    parts: list[PlannedTrack] = []
    before = -2
    for row, moment in enumerate(each.times):
        if not _inside(float((moment - times[0]) * clip.time_base), spans):
            continue
        if row != before + 1:
            parts.append(
                dataclasses.replace(
                    each, first=each.first + row, times=[], spots=[], doubts=list(each.doubts)
                )
            )
        parts[-1].times.append(moment)
        parts[-1].spots.append(each.spots[row])
        before = row
    return parts


def _zone(zone: Zone, times: list[int], clip: Clip) -> PlannedTrack:
    """A box by hand as a track of its own."""
    seconds = [float((moment - times[0]) * clip.time_base) for moment in times]
    first, spots = zone_spots(zone, seconds, _shown_size(clip))
    return PlannedTrack(0, Action.COVER, first, times[first : first + len(spots)], spots)


def _spans(between: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    for start, stop in between:
        if not 0 <= start < stop < math.inf:
            raise InputError(
                "span", expected="a start before an end, in seconds", got=f"{start:g} to {stop:g}"
            )
    return sorted((float(start), float(stop)) for start, stop in between)


def _inside(seconds: float, spans: Sequence[tuple[float, float]], around: float = 0.0) -> bool:
    return not spans or any(a - around <= seconds <= b + around for a, b in spans)


def _hashes(files: Sequence[str | Path]) -> list[str]:
    return [sha256_of(Path(file)) for file in files]


def _digest(*parts: Any) -> str:
    """SHA-256 of what something depends on."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()
