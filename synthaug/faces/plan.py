"""The plan of an anonymization: what is hidden, where and how; a file people may edit."""

from __future__ import annotations

import csv
import dataclasses
import enum
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaug.errors import InputError
from synthaug.faces.tracks import Source, Spot

__all__ = [
    "Action", "Plan", "PlannedTrack", "as_written", "read_plan", "write_boxes", "write_plan",
]  # fmt: skip

VERSION = 1


class Action(enum.StrEnum):
    """What happens to a track."""

    REPLACE = "replace"
    COVER = "cover"
    KEEP = "keep"


@dataclasses.dataclass
class PlannedTrack:
    """One face through consecutive frames, and what happens to it.

    Args:
        identity: number inside the plan.
        action: what happens.
        first: number of the first frame.
        times: presentation times in the plan's time base, one a spot.
        spots: where the face is, one a frame.
        doubts: why it may be no face, or may not be covered; in words.
        person: number of the person shown, where tracks of one person were linked.
        openness: of mouth and eyes, float32 (T, 2), as `synthaug.faces.openness` reads them;
            None where nobody looked.
    """

    identity: int
    action: Action
    first: int
    times: list[int]
    spots: list[Spot]
    doubts: list[str] = dataclasses.field(default_factory=list)
    person: int | None = None
    openness: NDArray[np.float32] | None = None


@dataclasses.dataclass
class Plan:
    """Everything that rendering needs beside the input itself.

    Args:
        input_name: file name of the input, without its folder.
        input_sha256: of the input.
        width: of its frames as stored, pixels.
        height: of its frames, pixels.
        frames: number of frames.
        time_base: seconds of a unit of presentation times.
        detectors: name to SHA-256 of the weights.
        settings: SHA-256 of what the plan was made with.
        tracks: all tracks.
        notes: what else a person should know, in words.
        between: spans of seconds, start and end, in which faces are hidden; all where empty.
    """

    input_name: str
    input_sha256: str
    width: int
    height: int
    frames: int
    time_base: Fraction
    detectors: Mapping[str, str]
    settings: str
    tracks: list[PlannedTrack]
    notes: list[str] = dataclasses.field(default_factory=list)
    between: list[tuple[float, float]] = dataclasses.field(default_factory=list)


def as_written(plan: Plan) -> Plan:
    """The plan as a file of it reads, its numbers rounded: what is drawn from both is the same."""

    def spot(each: Spot) -> Spot:
        points = np.array([_rounded(point) for point in each.points], np.float32)
        box = np.array(_rounded(each.box), np.float32)
        return dataclasses.replace(each, box=box, points=points, score=round(each.score, 4))

    def track(each: PlannedTrack) -> PlannedTrack:
        openness = each.openness
        if openness is not None:
            openness = np.array([_rounded(row, 3) for row in openness], np.float32)
        spots = [spot(one) for one in each.spots]
        return dataclasses.replace(each, spots=spots, openness=openness)

    return dataclasses.replace(plan, tracks=[track(each) for each in plan.tracks])


def _rounded(values: Iterable[Any], digits: int = 2) -> list[float]:
    return [round(float(value), digits) for value in values]


def write_plan(plan: Plan, path: Path) -> None:
    """Write a plan as JSON lines: first what it is for, then a line a track."""
    text = "".join(json.dumps(line) + "\n" for line in _lines(plan))
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text)
    temporary.replace(path)


def _lines(plan: Plan) -> Iterator[dict[str, Any]]:
    yield {
        "version": VERSION,
        "input": plan.input_name,
        "sha256": plan.input_sha256,
        "width": plan.width,
        "height": plan.height,
        "frames": plan.frames,
        "time_base": str(plan.time_base),
        "detectors": dict(plan.detectors),
        "settings": plan.settings,
        "notes": plan.notes,
        "between": [list(span) for span in plan.between],
    }
    for track in plan.tracks:
        yield {
            "track": track.identity,
            "action": track.action.value,
            "doubts": track.doubts,
            **({} if track.person is None else {"person": track.person}),
            "spots": [
                {
                    "frame": track.first + row,
                    "time": time,
                    "box": _rounded(spot.box),
                    "points": [_rounded(point) for point in spot.points],
                    "score": round(spot.score, 4),
                    "source": spot.source.value,
                    **_told(track, row),
                }
                for row, (time, spot) in enumerate(zip(track.times, track.spots, strict=True))
            ],
        }


def _told(track: PlannedTrack, row: int) -> dict[str, float]:
    if track.openness is None:
        return {}
    return dict(zip(("mouth", "eyes"), _rounded(track.openness[row], 3), strict=True))


def read_plan(path: Path) -> Plan:
    """The plan that `write_plan` wrote and a person may have edited.

    Raises:
        InputError: no plan, or one that cannot be carried out; the line is named.
    """
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("plan", expected="a text file", where=str(path)) from error
    rows = [(n, _parsed(line, n, path)) for n, line in enumerate(lines, 1) if line.strip()]
    if not rows or rows[0][1].get("version") != VERSION:
        raise _wrong(path, 1, f"a first line with version {VERSION}", "another")
    head = rows[0][1]
    try:
        plan = Plan(
            head["input"], head["sha256"], int(head["width"]), int(head["height"]),
            int(head["frames"]), Fraction(head["time_base"]), dict(head["detectors"]),
            str(head["settings"]), [], [str(note) for note in head.get("notes", ())],
            [(float(start), float(stop)) for start, stop in head.get("between", ())],
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise _wrong(path, 1, "what a plan is for", f"{type(error).__name__}: {error}") from error
    for number, row in rows[1:]:
        plan.tracks.append(_track(row, plan, number, path))
    _unlike(plan, path)
    return plan


def _parsed(line: str, number: int, path: Path) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise _wrong(path, number, "JSON", str(error)) from error
    if not isinstance(value, dict):
        raise _wrong(path, number, "a JSON object", type(value).__name__)
    return value


def _track(row: dict[str, Any], plan: Plan, number: int, path: Path) -> PlannedTrack:
    try:
        spots, times, frames = [], [], []
        for each in row["spots"]:
            frames.append(int(each["frame"]))
            times.append(int(each["time"]))
            spots.append(
                Spot(
                    np.array(each["box"], np.float32).reshape(4),
                    np.array(each["points"], np.float32).reshape(5, 2),
                    float(each["score"]),
                    Source(each["source"]),
                )
            )
        track = PlannedTrack(
            int(row["track"]), Action(row["action"]), frames[0], times, spots,
            [str(doubt) for doubt in row["doubts"]],
            int(row["person"]) if row.get("person") is not None else None, _openness(row["spots"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise _wrong(path, number, "a track", f"{type(error).__name__}: {error}") from error
    if frames != list(range(frames[0], frames[0] + len(frames))):
        raise _wrong(path, number, "one spot a frame without a gap", "a gap")
    if frames[0] < 0 or frames[-1] >= plan.frames:
        got = f"frames {frames[0]} to {frames[-1]}"
        raise _wrong(path, number, f"frames 0 to {plan.frames - 1}", got)
    for frame, spot in zip(frames, spots, strict=True):
        _inside(spot, frame, plan, number, path)
    return track


def _openness(spots: list[dict[str, Any]]) -> NDArray[np.float32] | None:
    if not all("mouth" in each and "eyes" in each for each in spots):
        return None
    values = np.array([(each["mouth"], each["eyes"]) for each in spots], np.float32)
    if not np.isfinite(values).all():
        raise ValueError("mouth or eyes are no numbers")
    return values


def _inside(spot: Spot, frame: int, plan: Plan, number: int, path: Path) -> None:
    """Refuse a box that is no box or lies outside its frame altogether."""
    left, top, width, height = (float(x) for x in spot.box)
    if not np.isfinite(spot.box).all() or width <= 0 or height <= 0:
        raise _wrong(path, number, "a box with a size", f"{spot.box.tolist()} in frame {frame}")
    if left >= plan.width or top >= plan.height or left + width <= 0 or top + height <= 0:
        raise _wrong(
            path, number, f"a box in the frame of {plan.width}x{plan.height}",
            f"{spot.box.tolist()} in frame {frame}",
        )  # fmt: skip


def _unlike(plan: Plan, path: Path) -> None:
    numbers = [track.identity for track in plan.tracks]
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    if twice:
        raise _wrong(path, 1, "a number of its own for each track", f"{twice[0]} twice")


def _wrong(path: Path, line: int, expected: str, got: str) -> InputError:
    return InputError(
        "plan", expected=expected, got=got, where=f"{path}, line {line}",
        remedy="Mend the line, or plan again.", code="input.plan",
    )  # fmt: skip


def write_boxes(plan: Plan, path: Path) -> None:
    """Write every box as CSV: frame, seconds, track, action, left, top, width, height, source."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(
        ["frame", "seconds", "track", "action", "left", "top", "width", "height", "source"]
    )
    for track in plan.tracks:
        for row, (time, spot) in enumerate(zip(track.times, track.spots, strict=True)):
            seconds = f"{float(time * plan.time_base):.6f}"
            box = [f"{float(x):.2f}" for x in spot.box]
            table.writerow(
                [track.first + row, seconds, track.identity, track.action.value, *box, spot.source]
            )
    path.write_text(text.getvalue())
