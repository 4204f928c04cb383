"""`write_audit`: the page about a written video, its facts, and the private contact sheet."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw

from synthaug.audit.result import SAFETY, AuditResult, Doubt, TrackFacts
from synthaug.report.page import environment
from synthaug.report.scales import Scale
from synthaug.verdict import Status, Verdict

if TYPE_CHECKING:
    from synthaug.audit.leaks import Crops

__all__ = ["render_audit", "write_audit"]

_MANY = 24  # rows a table shows before the rest folds away
_TONES = {Status.PASS: "good", Status.FAIL: "bad", Status.INCONCLUSIVE: "open"}
_MARKS = {Status.PASS: "✓", Status.FAIL: "✕", Status.INCONCLUSIVE: "?"}
_ORDER = [Status.FAIL, Status.INCONCLUSIVE, Status.PASS]
_KINDS = {
    "open": ("open", "bad"),
    "hole": ("open for a moment", "bad"),
    "perhaps a face": ("perhaps a face", "open"),
}
_CLAIMS = {
    "open": "No face is open",
    "holes": "None opens for a moment",
    "identity": "Nobody is recognised",
    "control": "The recognisers can be trusted here",
    "naive": "Nobody is found among photographs",
    "parrot": "Nor among photographs hidden in the same way",
    "frames": "Every frame is there",
    "times": "Each at its time",
    "sound": "The sound is the same",
    "size": "The size is the same",
    "rotation": "So is the rotation",
    "pixel shape": "So is the shape of pixels",
    "colour": "So are the colour tags",
    "kind": "So is the kind of file",
    "scan": "So are the fields",
    "beside": "The picture beside the faces is the same",
    "metadata": "The file does not tell on people",
}
_THINGS = {
    "frames": "the number of frames", "times": "their times", "sound": "the sound",
    "size": "the size", "rotation": "the rotation", "pixel shape": "the shape of pixels",
    "colour": "the colour tags", "kind": "the kind of file",
    "scan": "the fields", "beside": "the picture beside the faces",
    "metadata": "traces of people were left in",
}  # fmt: skip
_ACTIONS = {"replace": "replaced", "cover": "covered", "keep": "kept on purpose"}


def write_audit(result: AuditResult, folder: Path) -> None:
    """Write ``report.html`` and ``report.json``, fit to be shared, and ``worst.private.png``.

    The page shows no picture at all: places are drawn. The sheet shows the least hidden faces
    beside what became of them; only its owner may read it.

    Args:
        result: of the audit.
        folder: made where it is not there; files in it are replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.html").write_text(render_audit(result), encoding="utf-8")
    (folder / "report.json").write_text(result.to_json(), encoding="utf-8")
    sheet = folder / "worst.private.png"
    sheet.unlink(missing_ok=True)
    if result.sheet:
        # Made unreadable for others from the first byte on.
        with os.fdopen(os.open(sheet, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            _sheet(result.sheet).save(file, "PNG")


def render_audit(result: AuditResult) -> str:
    """The page as HTML; see `write_audit`."""
    return environment().get_template("audit.html.j2").render(_view(result))


def _view(result: AuditResult) -> dict[str, Any]:
    tone, badge, headline = _answer(result)
    groups = _groups(result.doubts)
    sure = [each for each in groups if each["tone"] == "bad"]
    safety = [v for v in result.verdicts if v.gate in SAFETY]
    rest = [v for v in result.verdicts if v.gate not in SAFETY]
    return {
        "version": result.version,
        "output": result.output,
        "tone": tone,
        "badge": badge,
        "headline": headline,
        "lead": _lead(result),
        "figures": _figures(result),
        "safety": [_row(v) for v in sorted(safety, key=lambda v: _ORDER.index(v.status))],
        "file": [_row(v) for v in sorted(rest, key=lambda v: _ORDER.index(v.status))],
        "faithful": result.faithful,
        "doubts": sure,
        "perhaps": [each for each in groups if each["tone"] != "bad"],
        "lanes": _lanes(result),
        "tracks": [_track(each) for each in sorted(result.tracks, key=_worst_first)],
        "size": result.size,
        "left_out": result.left_out,
        "settings": _settings(result),
        "sheet": len(result.sheet),
        "many": _MANY,
    }


def _answer(result: AuditResult) -> tuple[str, str, str]:
    """Tone, badge and headline."""
    if result.exposed:
        places = sum(_KINDS[doubt.kind][1] == "bad" for doubt in result.doubts)
        if places:
            first = next(d for d in result.doubts if _KINDS[d.kind][1] == "bad")
            when = f"{clock(first.seconds)}"
            more = " and elsewhere" if places > 1 else ""
            if result.frames == 1:
                return "bad", "do not hand it on", "A face may be open"
            return "bad", "do not hand it on", f"A face may be open at {when}{more}"
        return "bad", "do not hand it on", "Somebody can be recognised"
    if result.unsure:
        return "open", "not everything could be told", "No open face was found, but look below"
    if not result.faces:
        return "even", "no face", "There was no face to hide"
    return "good", "no open face", "No face of the source is open"


def _lead(result: AuditResult) -> str:
    hidden = sum(track.action != "keep" for track in result.tracks)
    kept = len(result.tracks) - hidden
    many = f" frame by frame: {result.frames:,} frames in {clock(result.seconds)}"
    told = (
        f"The written file was compared with its source{many if result.frames > 1 else ''}, "
        f"{hidden:,} {_plural(hidden, 'face')} hidden"
    )
    told += f", {kept} kept on purpose." if kept else "."
    if not result.faithful:
        wrong = [v.gate for v in result.verdicts if v.status is Status.FAIL]
        wrong = [_THINGS.get(gate, gate) for gate in wrong if gate not in SAFETY]
        told += f" What should have stayed has changed: {', '.join(wrong)}."
    return told


def _figures(result: AuditResult) -> list[dict[str, str]]:
    bad = sum(_KINDS[doubt.kind][1] == "bad" for doubt in result.doubts)
    seen = [track for track in result.tracks if track.status != "INCONCLUSIVE"]
    known = sum(track.status == "FAIL" for track in seen)
    hidden = sum(track.action != "keep" for track in result.tracks)
    beside = next((v for v in result.verdicts if v.gate == "beside"), None)
    figures = [
        {"name": "open sights of a face", "value": f"{bad:,} of {result.faces:,}", "note": ""},
        {
            "name": "people recognised",
            "value": f"{known} of {len(seen)}" if seen else "not known",
            "note": f"{hidden - len(seen)} not clear enough to say" if hidden > len(seen) else "",
        },
    ]
    if beside is not None:
        value = "unchanged" if beside.statistic == float("inf") else f"{beside.statistic:.1f} dB"
        if beside.statistic != beside.statistic:
            value = "not known"
        figures.append({"name": "beside the faces", "value": value, "note": "of what was there"})
    if result.area is not None:
        figures.append(
            {"name": "changed area", "value": f"{result.area:.1f} ×", "note": "the faces' boxes"}
        )
    return figures


def _row(verdict: Verdict) -> dict[str, Any]:
    return {
        "claim": _CLAIMS.get(verdict.gate, verdict.gate),
        "status": str(verdict.status),
        "tone": _TONES[verdict.status],
        "mark": _MARKS[verdict.status],
        "why": verdict.why,
    }


def _groups(doubts: Sequence[Doubt]) -> list[dict[str, Any]]:
    """Doubts of consecutive frames at one place together."""
    groups: list[list[Doubt]] = []
    order = ["open", "hole", "perhaps a face"]
    for doubt in sorted(doubts, key=lambda d: (order.index(d.kind), d.track or -1, d.frame)):
        for group in groups:
            last = group[-1]
            if (
                last.kind == doubt.kind
                and 0 <= doubt.frame - last.frame <= 2
                and last.track == doubt.track
                and _near(last, doubt)
            ):
                group.append(doubt)
                break
        else:
            groups.append([doubt])
    told = []
    for group in groups:
        text, tone = _KINDS[group[0].kind]
        likest = max(group, key=lambda doubt: doubt.likeness)
        told.append({
            "text": text, "tone": tone, "track": group[0].track, "box": likest.box,
            "when": _span(group[0].seconds, group[-1].seconds),
            "frames": _numbers(group[0].frame, group[-1].frame), "n": len(group),
            "likeness": likest.likeness, "side": round((likest.box[2] * likest.box[3]) ** 0.5),
        })  # fmt: skip
    return told


def _near(one: Doubt, other: Doubt) -> bool:
    apart = [abs(a - b) for a, b in zip(one.box[:2], other.box[:2], strict=True)]
    return max(apart) < max(one.box[2:])


def _lanes(result: AuditResult) -> dict[str, Any] | None:
    """When each face is there, and where it is open, as bars over time."""
    if not result.tracks or result.seconds <= 0:
        return None
    start = min(track.first for track in result.tracks)
    along = Scale.around([min(0.0, start), max(result.seconds, *(t.last for t in result.tracks))])
    shown = sorted(result.tracks, key=_worst_first)[:_MANY]
    each_frame = 100 * result.seconds / max(result.frames, 1) / (along.high - along.low)
    rows = []
    for track in sorted(shown, key=lambda each: (each.first, each.track)):
        mine = [d for d in result.doubts if d.track == track.track]
        marks = _marks(mine, along, each_frame)
        left, right = along.at(track.first), along.at(track.last)
        rows.append({
            "number": track.track, "left": left, "width": round(max(right - left, 0.4), 2),
            "kept": track.action == "keep", "marks": marks,
        })  # fmt: skip
    nobody = [d for d in result.doubts if d.track is None]
    if nobody:
        marks = _marks(nobody, along, each_frame)
        rows.append({"number": None, "left": 0, "width": 0, "kept": False, "marks": marks})
    return {
        "rows": rows,
        "more": len(result.tracks) - len(shown),
        "ticks": [(along.at(tick), clock(tick)) for tick in along.ticks],
    }


def _marks(
    doubts: Sequence[Doubt], along: Scale, each_frame: float
) -> list[tuple[float, float, str]]:
    """Left, width and tone of each frame with a doubt; wide enough to be seen."""
    width = round(max(each_frame * 1.1, 0.3), 2)
    return [(along.at(d.seconds), width, _KINDS[d.kind][1]) for d in doubts]


def _worst_first(track: TrackFacts) -> tuple[int, float]:
    order = ["FAIL", "INCONCLUSIVE", "PASS"]
    return order.index(track.status), -(track.likeness or 0.0)


def _track(track: TrackFacts) -> dict[str, Any]:
    status = Status(track.status)
    kept = track.action == "keep"
    bar = None
    if track.similarity is not None and track.same is not None:
        # Recognisers differ in scale: of some all faces lie above 0.8.
        scale = Scale(max(0.0, 1 - 3 * (1 - track.same)), 1.0, ())
        bar = {
            "output": scale.at(track.similarity), "same": scale.at(track.same),
            "control": None if track.control is None else scale.at(track.control),
        }  # fmt: skip
    return {
        "number": track.track,
        "when": _span(track.first, track.last),
        "action": _ACTIONS.get(track.action, track.action),
        "side": track.side,
        "likeness": track.likeness,
        "tone": "even" if kept else _TONES[status],
        "text": "kept" if kept else {"PASS": "not recognised", "FAIL": "recognised"}.get(
            track.status, "cannot say"
        ),
        "bar": bar,
        "facts": track,
        "why": track.why,
    }  # fmt: skip


def _settings(result: AuditResult) -> list[tuple[str, str]]:
    names = {
        "likeness": "open from a likeness of", "near": "a hole lies within frames",
        "smallest": "smallest face looked at, pixels", "psnr": "least PSNR beside faces, dB",
    }  # fmt: skip
    rows = [(f"detector {n}", digest[:12]) for n, digest in result.detectors.items()]
    rows += [(f"recogniser {n}", digest[:12]) for n, digest in result.recognisers.items()]
    rows += [(names.get(name, name), f"{value:g}") for name, value in result.limits.items()]
    return [*rows, ("synthaug", result.version)]


def _span(first: float, last: float) -> str:
    one, other = clock(first), clock(last)
    return one if one == other else f"{one} – {other}"


def _numbers(first: int, last: int) -> str:
    return f"frame {first:,}" if first == last else f"frames {first:,} – {last:,}"


def _plural(count: int, word: str) -> str:
    return word if count == 1 else word + "s"


def clock(seconds: float) -> str:
    """A time as a player shows it, with hundredths.

    Example:
        >>> clock(0.4), clock(75.25), clock(3700)
        ('0:00.40', '1:15.25', '1:01:40.00')
    """
    hundredths = round(seconds * 100)
    minutes, rest = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 100:02d}.{rest % 100:02d}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def _sheet(crops: Sequence[Crops]) -> Image.Image:
    """The least hidden faces, each beside what became of it, least hidden first."""
    side, gap, text, columns = 96, 10, 30, 4
    rows = -(-len(crops) // columns)
    cell = (2 * side + 2 + gap, side + text + gap)
    size = (columns * cell[0] + gap, rows * cell[1] + gap)
    sheet = Image.new("RGB", size, (250, 249, 246))
    draw = ImageDraw.Draw(sheet)
    places = itertools.product(range(rows), range(columns))
    for (row, column), each in zip(places, crops, strict=False):
        x, y = gap + column * cell[0], gap + row * cell[1]
        for number, pixels in enumerate((each.before, each.after)):
            picture = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)
            sheet.paste(picture, (x + number * (side + 2), y))
        glimpse = each.glimpse
        track = "no track" if glimpse.track is None else f"track {glimpse.track}"
        when = f"frame {glimpse.frame}, {clock(glimpse.seconds)}"
        draw.text((x, y + side + 2), when, fill=(27, 29, 34))
        draw.text(
            (x, y + side + 15), f"{track}, likeness {glimpse.likeness:.2f}", fill=(92, 97, 112)
        )
    return sheet
