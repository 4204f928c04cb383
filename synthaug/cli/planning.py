"""The command ``synthaug anonymize plan``: what is to be hidden, for people to look at and edit."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synthaug.cli.boundary import Answer, deliver
from synthaug.cli.options import Debug, Json
from synthaug.cli.progress import Progress
from synthaug.errors import InputError

if TYPE_CHECKING:
    from synthaug.faces.plan import Plan
    from synthaug.faces.zones import Zone

__all__ = [
    "Between",
    "Consistent",
    "Keep",
    "Only",
    "Smallest",
    "Zones",
    "plan",
    "spans_of",
    "zones_of",
]

Keep = Annotated[
    list[Path] | None,
    typer.Option(
        "--keep", metavar="PHOTO",
        help="Leave this person as they are; whoever may be another is hidden. May be repeated.",
    ),
]  # fmt: skip
Only = Annotated[
    list[Path] | None,
    typer.Option(
        "--only", metavar="PHOTO",
        help="Hide this person only, and whoever may be them. May be repeated.",
    ),
]  # fmt: skip
Between = Annotated[
    list[str] | None,
    typer.Option(
        "--between", metavar="START-END",
        help="Hide faces in this span only, such as 00:10-00:25. May be repeated.",
    ),
]  # fmt: skip
Zones = Annotated[
    list[str] | None,
    typer.Option(
        "--zone", metavar="X,Y,W,H[@START-END]",
        help="Always cover this box of the picture, in pixels. May be repeated.",
    ),
]  # fmt: skip
Smallest = Annotated[
    float,
    typer.Option(
        "--smallest",
        metavar="PIXELS",
        help="Cover faces that never get as large as this, in place of drawing new ones.",
    ),
]
Consistent = Annotated[
    bool,
    typer.Option(
        "--consistent",
        help="One new face for each person throughout: viewers see who appears again.",
    ),
]


def plan(
    source: Annotated[Path, typer.Argument(metavar="VIDEO", help="The video.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE.jsonl", help="Plan to write; VIDEO.plan.jsonl."
        ),
    ] = None,
    boxes: Annotated[
        Path | None,
        typer.Option("--boxes", metavar="FILE.csv", help="Write every box as a table too."),
    ] = None,
    keep: Keep = None,
    only: Only = None,
    between: Between = None,
    zone: Zones = None,
    smallest: Smallest = 0.0,
    consistent: Consistent = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what stands there, and begin anew.")
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Find and follow every face of a video and write down what is to happen to each.

    The plan has a line for each face: change its action to replace, cover or keep, mend or
    add boxes, and render it. What may be no face is to be covered, with the reason beside it.
    """

    def work() -> Answer:
        import synthaug

        path = output or source.with_name(f"{source.name}.plan.jsonl")
        with Progress() as progress:
            made = synthaug.anonymize_plan(
                source, path, boxes=boxes, keep=keep or (), only=only or (),
                between=spans_of(between or ()), zones=zones_of(zone or ()), smallest=smallest,
                consistent=consistent, force=force, callbacks=(progress,),
            )  # fmt: skip
        return _answer(made, path)

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


def spans_of(texts: Sequence[str]) -> list[tuple[float, float]]:
    """Spans of seconds from words such as ``00:10-00:25``, ``1:02:03.5-1:03:00`` or ``10-25``."""
    return [_span(text) for text in texts]


def zones_of(texts: Sequence[str]) -> list[Zone]:
    """Zones from words such as ``10,20,300,200`` or ``10,20,300,200@00:10-00:25``."""
    from synthaug.faces.zones import Zone

    zones = []
    for text in texts:
        box, at, span = text.partition("@")
        try:
            left, top, width, height = (float(number) for number in box.split(","))
        except ValueError as error:
            raise InputError(
                "--zone", expected="X,Y,W,H in pixels, such as 10,20,300,200", got=repr(text)
            ) from error
        start, stop = _span(span) if at else (0.0, math.inf)
        zones.append(Zone(left, top, width, height, start, stop))
    return zones


def _span(text: str) -> tuple[float, float]:
    start, dash, stop = text.partition("-")
    try:
        span = _seconds(start), _seconds(stop)
    except ValueError:
        span = (0.0, 0.0)
    if not dash or span[0] >= span[1]:
        raise InputError(
            "span", expected="a start and a later end, such as 00:10-00:25", got=repr(text)
        )
    return span


def _seconds(text: str) -> float:
    """Seconds of ``h:m:s``, ``m:s`` or ``s``."""
    if not re.fullmatch(r"(\d+:){0,2}\d+(\.\d+)?", text.strip()):
        raise ValueError(text)
    total = 0.0
    for part in text.split(":"):
        total = total * 60 + float(part)
    return total


def _answer(made: Plan, path: Path) -> Answer:
    actions = Counter(track.action.value for track in made.tracks)
    doubtful = [
        {"track": track.identity, "action": track.action.value, "doubts": track.doubts}
        for track in made.tracks
        if track.doubts
    ]
    fields: dict[str, Any] = {
        "plan": str(path),
        "frames": made.frames,
        "tracks": len(made.tracks),
        "actions": dict(actions),
        "doubtful": doubtful,
        "detectors": dict(made.detectors),
        "notes": made.notes,
    }
    counts = ", ".join(f"{number} to {name}" for name, number in sorted(actions.items()))
    lines = [f"{made.frames} frames, {len(made.tracks)} faces followed: {counts or 'nothing'}"]
    lines += [
        f"track {track.identity} ({track.action.value}): {'; '.join(track.doubts)}"
        for track in made.tracks
        if track.doubts
    ]
    lines += [f"note: {note}" for note in made.notes]
    return Answer(fields, "\n".join([*lines, f"plan: {path}"]))
