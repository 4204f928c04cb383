"""The story of one picture, or of an animated one: read, plan, replace, write."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import os
from collections.abc import Iterable, Sequence
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaug.errors import Damaged, InputError
from synthaug.faces.cuts import CutFinder
from synthaug.faces.people import FEWEST
from synthaug.faces.plan import Action, Plan, PlannedTrack
from synthaug.faces.tracks import Track, track
from synthaug.faces.zones import Zone, zone_spots
from synthaug.jobs.anonymizing.album import Album
from synthaug.jobs.anonymizing.people import recognised
from synthaug.jobs.anonymizing.plan import cover_small
from synthaug.jobs.anonymizing.result import Rendered
from synthaug.media.clip import Limits
from synthaug.media.marking import Mark
from synthaug.media.reading import probe_still, still_frames
from synthaug.media.signing import Signer
from synthaug.media.stills import Still, as_rgb, encoded, put
from synthaug.media.writing import check_output, unwritten
from synthaug.replacing.painter import Painter
from synthaug.training.progress import Callback
from synthaug.weights.registry import sha256_of

__all__ = ["anonymize_still"]

_STRONG = 0.8
"""Score from which one detector alone is believed."""
_LARGEST = 2_000_000_000
"""Bytes of all frames of an animated picture that are held at once."""


def anonymize_still(
    source: Path,
    output: Path,
    *,
    album: Album | None = None,
    zones: Sequence[Zone] = (),
    smallest: float = 0.0,
    force: bool = False,
    limits: Limits | None = None,
    signer: Signer | None = None,
    callbacks: Iterable[Callback] = (),
) -> tuple[Rendered, Plan]:
    """A picture file of the same kind in which every face is hidden, and its plan.

    Args:
        source: jpg, png, webp or bmp; webp and png may be animated.
        output: the file to write; appears whole or not at all.
        album: what it shares with other pictures; nothing where None.
        zones: boxes of the upright picture that are always covered.
        smallest: faces whose larger side stays below it are covered, not generated, pixels.
        force: replace what stands there.
        limits: what to refuse.
        signer: signs the file.
        callbacks: not told of single pictures.

    Raises:
        InputError: not a picture, beyond the limits, a photograph without one face, a zone
            outside the picture, or a name that is taken.
        Damaged: nothing of it can be decoded.
        OutOfResources: the disk is full.
    """
    album = album or Album()
    check_output(source, output, force=force)
    still = probe_still(source, limits=limits)
    if output.suffix.lower() != source.suffix.lower():
        raise InputError(
            "output", expected=f"a name that ends in {source.suffix}", got=output.name,
            where=str(output), code="output.name",
        )  # fmt: skip
    if int(np.prod(still.shape)) * still.frames > _LARGEST:
        raise InputError(
            "picture", expected="less than 2 GB of frames", got=f"{still.frames} frames",
            where=str(source), code="input.limit",
        )  # fmt: skip
    frames, durations, warnings = _read(still)
    times = [sum(durations[:number]) for number in range(len(frames))]
    plan = _plan(still, frames, times, album, zones=zones, smallest=smallest)
    ladder = album.ladder
    painter = Painter(plan, ladder, album.salt)
    for pixels, time in zip(frames, times, strict=True):
        for change in painter.changes(as_rgb(pixels, still.mode), time):
            put(pixels, still.mode, *change)
    used = {name for counts in painter.rungs.values() for name in counts}
    mark = Mark(
        version=version("synthaug"), generated=bool(used - {"cover"}),
        facts={"faces": len(painter.rungs), "rungs": sorted(used)},
    )  # fmt: skip
    content = encoded(still, frames, durations, mark.xmp)
    if signer is not None:
        signed = io.BytesIO()
        signer.sign(io.BytesIO(content), signed, output, mark)
        content = signed.getvalue()
    _write(output, content, mark, still)
    rendered = Rendered(
        output=output, frames=len(frames), rungs=painter.rungs, left_out=still.left_out,
        warnings=(*warnings, *ladder.said), damaged=bool(warnings),
    )  # fmt: skip
    return rendered, plan


def _read(still: Still) -> tuple[list[NDArray[Any]], list[int], list[str]]:
    frames: list[NDArray[Any]] = []
    durations: list[int] = []
    warnings: list[str] = []
    try:
        for pixels, duration, whole in still_frames(still):
            frames.append(pixels)
            durations.append(duration if still.frames == 1 else max(1, duration))
            if not whole:
                warnings.append(f"picture breaks off ({still.path}). What could be read is there")
    except Damaged as error:
        if not frames:
            raise
        warnings.append(str(error))
    if not frames:
        raise Damaged("picture", expected="pixels", got="none", where=str(still.path))
    return frames, durations, warnings


def _plan(
    still: Still,
    frames: list[NDArray[Any]],
    times: list[int],
    album: Album,
    *,
    zones: Sequence[Zone],
    smallest: float,
) -> Plan:
    """Both detectors look at every frame, and the first also enlarged."""
    cut, lookout, people = CutFinder(), album.lookout, album.people
    found, cuts = [], []
    for pixels in frames:
        image = as_rgb(pixels, still.mode)
        found.append(lookout.picture(image))
        cuts.append(cut(image))
    seconds = [time / 1000 for time in times]
    size = still.width, still.height
    tracks = track(found, seconds, cuts, size)
    planned = [_planned(number, each, times) for number, each in enumerate(tracks)]
    cover_small(planned, smallest)
    if people is not None:
        shown = (functools.partial(as_rgb, pixels, still.mode) for pixels in frames)
        recognised(
            shown, planned, tracks, people, (), fewest=min(FEWEST, len(frames)),
            number=album.met.persons,
        )  # fmt: skip
    for zone in zones:
        first, spots = zone_spots(zone, seconds, size)
        held = times[first : first + len(spots)]
        planned.append(PlannedTrack(len(planned), Action.COVER, first, held, spots))
    return Plan(
        still.path.name, sha256_of(still.path), still.width, still.height, len(frames),
        Fraction(1, 1000), {each.name: each.sha256 for each in lookout.detectors},
        hashlib.sha256(b"picture").hexdigest(), planned,
    )  # fmt: skip


def _planned(number: int, each: Track, times: list[int]) -> PlannedTrack:
    """What happens to a face: one that a single detector half believes in is covered."""
    doubts = []
    if not each.agreed and each.best < _STRONG:
        doubts.append(f"only one detector took it for a face, at best with {each.best:.2f}")
    return PlannedTrack(
        number, Action.COVER if doubts else Action.REPLACE, each.first,
        times[each.first : each.last + 1], each.spots, doubts,
    )  # fmt: skip


def _write(output: Path, content: bytes, mark: Mark, still: Still) -> None:
    part = output.with_name(f".{output.name}.part")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                file.write(content)
                if still.format == "BMP":  # no place inside: readers stop at the pixels' end
                    file.write(mark.xmp)
                file.flush()
                os.fsync(file.fileno())
            part.replace(output)
        finally:
            with contextlib.suppress(FileNotFoundError):
                part.unlink()
    except OSError as error:
        raise unwritten(error, output) from error
