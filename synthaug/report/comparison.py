"""`write_comparison`: the two pages of a comparison of recipes."""

from __future__ import annotations

import io
import itertools
import math
from collections import Counter
from pathlib import Path
from typing import Any

from PIL import Image

from synthaug.facts import CompareFacts, CurvePoint, RivalFacts, mean_of
from synthaug.report.page import environment
from synthaug.report.pictures import png_uri
from synthaug.report.privacy import cleaner
from synthaug.report.scales import LogScale, Scale

__all__ = ["render_comparison", "write_comparison"]

_INKS = 8
_PICTURES = 1_500_000  # bytes of PNG the grids may hold; base64 makes them a third more
_MARKS = {"PASS": ("good", "✓"), "FAIL": ("bad", "✕"), "INCONCLUSIVE": ("open", "?")}
_GATES = ("copy", "fidelity", "diversity", "label")
_NUMBERS = (
    ("kid", "KID"), ("frechet", "Fréchet"), ("precision", "precision"), ("recall", "recall"),
    ("density", "density"), ("coverage", "coverage"), ("spread", "spread"),
    ("inception", "Inception score"), ("birthday_batch", "birthday batch"),
    ("birthday_support", "birthday support"),
)  # fmt: skip
_SHARES = ("precision", "recall", "density", "coverage")


def write_comparison(facts: CompareFacts, folder: Path) -> None:
    """Write ``compare.html``, fit to be shared, and ``compare.private.html`` into a folder.

    Each is one file that needs no network. The first shows generated images only and names no
    real file; the second sets real images beside them.

    Args:
        facts: of the comparison.
        folder: holds the folders of the recipes with their pictures.
    """
    for name, private in (("compare.html", False), ("compare.private.html", True)):
        page = render_comparison(facts, folder, private=private)
        (folder / name).write_text(page, encoding="utf-8")


def render_comparison(facts: CompareFacts, folder: Path, *, private: bool) -> str:
    """One page as HTML; see `write_comparison`."""
    return environment().get_template("compare.html.j2").render(_view(facts, folder, private))


def _view(facts: CompareFacts, folder: Path, private: bool) -> dict[str, Any]:
    clean = cleaner(private)
    ranked = facts.ranked()
    keys = {
        name: (number % _INKS, number // _INKS % 4)
        for number, name in enumerate(runs[0].recipe for runs in ranked)
    }
    done = [run for runs in ranked for run in runs if not run.failed]
    return {
        "private": private,
        "source": clean(facts.source),
        "version": facts.version,
        "headline": _headline(ranked),
        "lead": _lead(facts),
        "figures": _figures(facts, ranked),
        "warnings": clean([*facts.warnings, *_remarks(done)]),
        "rows": [_row(runs, number, clean) for number, runs in enumerate(ranked)],
        "floors": _floors(done),
        "keys": keys,
        "charts_drawn": [
            chart for chart in (_chart(done, keys, n) for n in ("frechet", "kid")) if chart
        ],
        "unit": _unit(done)[1],
        "grids": _grids(done, folder, facts.shown[1]),
        "rows_shown": facts.shown[0],
        "real": _picture(folder / "real.private.png", None) if private else None,
        "strips": _strips(done, folder) if private else [],
        "gates": [_gates(run, clean) for run in done],
        "gate_names": _GATES,
        "numbers": [_numbers(run) for run in done],
        "number_names": [title for _, title in _NUMBERS],
        "seeds": len({run.seed for run in facts.rivals}),
        "settings": _settings(facts),
        "resolution_why": clean(facts.resolution_why),
        "command": clean(facts.command),
    }


def _headline(ranked: list[list[RivalFacts]]) -> str:
    measured = [runs for runs in ranked if math.isfinite(mean_of(runs, "kid"))]
    if not measured:
        return "No recipe gave a generator that could be measured"
    best = measured[0]
    if len(measured) == 1:
        return f"{best[0].recipe} is at a kernel distance of {_short(mean_of(best, 'kid'))}"
    again = measured[1]
    gap = mean_of(again, "kid") - mean_of(best, "kid")
    errors = [mean_of(runs, "kid_error", missing=0.0) for runs in (best, again)]
    if gap < 2 * math.hypot(*errors):
        return f"{best[0].recipe} and {again[0].recipe} come equally near to the real images"
    but = ", but has collapsed" if any(run.collapsed for run in best) else ""
    return f"{best[0].recipe} comes nearest to the real images{but}"


def _lead(facts: CompareFacts) -> str:
    seeds = len({run.seed for run in facts.rivals})
    return (
        f"Each recipe learnt from the same {facts.train:,} images of {len(facts.classes)} "
        f"{'class' if len(facts.classes) == 1 else 'classes'} at {facts.resolution} px, "
        f"{facts.budget} each{f', with {seeds} seeds' if seeds > 1 else ''}, and is compared with "
        f"{facts.heldout:,} images it never saw."
    )


def _figures(facts: CompareFacts, ranked: list[list[RivalFacts]]) -> list[dict[str, str]]:
    done = [runs for runs in ranked if any(run.numbers for run in runs)]
    missing = len(ranked) - len(done)
    collapsed = [runs for runs in done if any(run.collapsed for run in runs)]
    figures = [
        {
            "name": "recipes",
            "value": str(len(ranked)),
            "note": f"{missing} without a result" if missing else "",
        },
        {"name": "budget of each", "value": facts.budget, "note": ""},
    ]
    if done:
        real = mean_of(done[0], "kid_real")
        figures.append({
            "name": "smallest KID", "value": _short(mean_of(done[0], "kid")),
            "note": f"real against real {_short(real)}" if math.isfinite(real) else "",
        })  # fmt: skip
        figures.append(
            {"name": "collapsed", "value": f"{len(collapsed)} of {len(done)}", "note": ""}
        )
    return figures


def _remarks(done: list[RivalFacts]) -> list[str]:
    """What is said of runs, alike ones together."""
    said: dict[str, list[str]] = {}
    for run in done:
        for remark in run.remarks:
            said.setdefault(remark, []).append(run.recipe)
    return [f"{', '.join(dict.fromkeys(names))}: {remark}" for remark, names in said.items()]


def _row(runs: list[RivalFacts], place: int, clean: Any) -> dict[str, Any]:
    done = [run for run in runs if not run.failed]
    speeds = [run.images_per_second for run in done if run.images_per_second]
    memory = [run.peak_memory for run in done if run.peak_memory]
    graphics = [run.gpu_memory for run in done if run.gpu_memory]
    return {
        "recipe": runs[0].recipe,
        "source": _some(runs[0].source.split("; "), 3, "; "),
        "first": place == 0
        and bool(done and done[0].numbers)
        and not any(run.collapsed for run in done),
        "failed": "" if done else clean(runs[0].failed),
        "kid": _spread(done, "kid"),
        "frechet": _spread(done, "frechet"),
        "precision": mean_of(done, "precision"),
        "recall": mean_of(done, "recall"),
        "speed": sum(speeds) / len(speeds) if speeds else None,
        "memory": _megabytes(max(memory)) if memory else "–",
        "own": _own(done),
        "graphics": _megabytes(max(graphics)) if graphics else "",
        "collapse": _collapse(done),
    }


def _spread(runs: list[RivalFacts], number: str) -> tuple[float, str]:
    """The mean, and the range over several seeds in words."""
    found = [value for run in runs if (value := run.numbers.get(number)) is not None]
    wide = f"{_short(min(found))} to {_short(max(found))}" if len(found) > 1 else ""
    return mean_of(runs, number), wide


def _collapse(runs: list[RivalFacts]) -> dict[str, str]:
    told = {run.collapsed for run in runs}
    classes = list(dict.fromkeys(name for run in runs for name in run.collapsed_classes))
    note = ""
    if classes:
        note = "in " + _some(classes, 4)
    if True in told:
        return {"tone": "bad", "text": "found", "note": note}
    if classes:
        return {"tone": "bad", "text": "some classes", "note": note}
    if False in told:
        return {"tone": "good", "text": "not found", "note": ""}
    return {"tone": "open", "text": "unknown", "note": ""}


def _some(names: list[str], most: int, between: str = ", ") -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return between.join(names[:most]) + more


def _own(runs: list[RivalFacts]) -> str:
    """What training added to what Python and torch hold anyway."""
    added = [run.peak_memory - run.base_memory for run in runs
             if run.peak_memory and run.base_memory]  # fmt: skip
    return f"{_megabytes(max(added))} by training" if added else ""


def _floors(done: list[RivalFacts]) -> dict[str, float]:
    """What real images get against real ones."""
    return {
        name: mean_of(done, f"{name}_real") for name in ("kid", "frechet", "precision", "recall")
    }


def _unit(done: list[RivalFacts]) -> tuple[float, str]:
    """Seconds or minutes, whichever reads well along the axis."""
    longest = max((point.seconds for run in done for point in run.curve), default=0.0)
    return (60.0, "minutes") if longest >= 180 else (1.0, "seconds")


def _chart(
    done: list[RivalFacts], keys: dict[str, tuple[int, int]], number: str
) -> dict[str, Any] | None:
    """Every recipe's looks over the time it had trained."""
    curves = [(run, [point for point in run.curve if _seen(point, number)]) for run in done]
    curves = [(run, points) for run, points in curves if points]
    if not curves:
        return None
    factor, unit = _unit(done)
    floors = [run.floor for run, _ in curves if run.floor] if number == "frechet" else []
    heights = [getattr(point, number) for _, points in curves for point in points]
    up = LogScale.around(heights + floors[:1])
    along = Scale.around(
        [point.seconds / factor for _, points in curves for point in points], steps=5, zero=True
    )
    met: Counter[str] = Counter()
    lines = []
    for run, points in curves:
        at = [
            (along.at(p.seconds / factor), round(100 - up.at(getattr(p, number)), 2))
            for p in points
        ]
        ink, dash = keys[run.recipe]
        lines.append({
            "ink": ink, "dash": dash, "again": met[run.recipe] > 0, "points": at,
            "segments": list(itertools.pairwise(at)),
        })  # fmt: skip
        met[run.recipe] += 1
    last = ", ".join(f"{run.recipe} {_short(getattr(p[-1], number))}" for run, p in curves)
    title = {"frechet": "Fréchet distance", "kid": "KID"}[number]
    return {
        "title": title,
        "says": f"{title} over {unit} of training; at the end: {last}.",
        "lines": lines,
        "floor": round(100 - up.at(floors[0]), 2) if floors else None,
        "x": [(along.at(tick), f"{tick:g}") for tick in along.ticks],
        "y": [(round(100 - up.at(tick), 2), f"{tick:,g}") for tick in up.ticks],
    }


def _seen(point: CurvePoint, number: str) -> bool:
    value = getattr(point, number)
    return value is not None and math.isfinite(value)


def _grids(done: list[RivalFacts], folder: Path, columns: int) -> dict[str, list[dict[str, Any]]]:
    """The grids of the first seed, and those of further ones; fewer rows where they weigh much."""
    met: Counter[str] = Counter()
    found: dict[str, list[dict[str, Any]]] = {"first": [], "more": []}
    files = [folder / run.folder / "grid.png" for run in done]
    weight = sum(file.stat().st_size for file in files if file.exists())
    share = min(1.0, _PICTURES / weight) if weight else 1.0
    for run, file in zip(done, files, strict=True):
        picture = _picture(file, (share, columns))
        if picture:
            place = "more" if met[run.recipe] else "first"
            found[place].append({**picture, "recipe": run.recipe, "seed": run.seed, "run": run})
        met[run.recipe] += 1
    return found


def _picture(file: Path, cut: tuple[float, int] | None) -> dict[str, Any] | None:
    """A PNG as data URI; cut to a share of its rows of images, given how many a row has."""
    if not file.exists():
        return None
    content = file.read_bytes()
    with Image.open(io.BytesIO(content)) as picture:
        width, height = picture.size
        if cut and cut[0] < 1:
            step = (width + 1) // cut[1]
            height = max(1, int((height + 1) // step * cut[0])) * step - 1
            stream = io.BytesIO()
            picture.crop((0, 0, width, height)).save(stream, "PNG")
            content = stream.getvalue()
    return {"uri": png_uri(content), "width": width, "height": height}


def _strips(done: list[RivalFacts], folder: Path) -> list[dict[str, Any]]:
    """The generated images nearest to training images, with those below them."""
    found = []
    for run in done:
        picture = _picture(folder / run.folder / "nearest.private.png", None)
        if picture:
            found.append({**picture, "recipe": run.recipe, "seed": run.seed,
                          "distances": [f"{value:.2f}" for value in run.nearest]})  # fmt: skip
    return found


def _gates(run: RivalFacts, clean: Any) -> dict[str, Any]:
    """What every gate said of the whole set, and how many classes it failed."""
    told = {v["gate"]: v for v in run.verdicts if v["scope"] == "set"}
    failed = Counter(
        v["gate"] for v in run.verdicts if v["scope"] != "set" and v["status"] == "FAIL"
    )
    cells = []
    for gate in _GATES:
        verdict = told.get(gate)
        tone, mark = _MARKS[verdict["status"]] if verdict else ("even", "–")
        cells.append({
            "gate": gate, "tone": tone, "mark": mark,
            "status": verdict["status"] if verdict else "not asked",
            "note": f"{failed[gate]} classes failed" if failed[gate] > 1
            else "1 class failed" if failed[gate] else "",
        })  # fmt: skip
    reasons = [
        clean(v["why"])
        for v in run.verdicts
        if v["scope"] == "set" and v["status"] != "PASS" and v["why"]
    ]
    return {"recipe": run.recipe, "seed": run.seed, "cells": cells, "reasons": reasons}


def _numbers(run: RivalFacts) -> dict[str, Any]:
    return {
        "recipe": run.recipe,
        "seed": run.seed,
        "cells": [
            (run.numbers.get(name), run.numbers.get(f"{name}_real"), name in _SHARES)
            for name, _ in _NUMBERS
        ],
    }


def _settings(facts: CompareFacts) -> list[tuple[str, str]]:
    seeds = sorted({run.seed for run in facts.rivals})
    return [
        ("budget of each", facts.budget), ("seeds", ", ".join(map(str, seeds))),
        ("device", facts.device), ("threads", str(facts.threads)),
        ("side", f"{facts.resolution} px"),
        ("memory before training", _base(facts.rivals)),
    ]  # fmt: skip


def _base(rivals: list[RivalFacts]) -> str:
    known = [run.base_memory for run in rivals if run.base_memory]
    return _megabytes(max(known)) if known else "–"


def _megabytes(value: int) -> str:
    return f"{value / 1e6:,.0f} MB" if value < 10e9 else f"{value / 1e9:,.1f} GB"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
