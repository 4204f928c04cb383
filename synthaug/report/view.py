"""What stands on the page, section by section, as plain values for the template."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from synthaug.datasets.summary import added, answer, chosen_arm, headline, untouched_arm
from synthaug.facts import ArmFacts, AugmentFacts, ClassFacts
from synthaug.report.pictures import nearest_pairs, sheets
from synthaug.report.privacy import cleaner
from synthaug.report.scales import Scale, histogram
from synthaug.verdict import Status, Verdict, Verdicts

if TYPE_CHECKING:
    from synthaug.datasets.augmented import AugmentedDataset

__all__ = ["view"]

_MANY = 24  # rows a table shows before the rest folds away
_STAGES = {
    "final": (
        "Decision",
        "the mean of the learners below decides; generated images must surely help",
    ),
    "cnn": ("Small network", "trained anew on each fold"),
    "wide": ("Linear probe", "on frozen features of a large network"),
}
_HELP_TONES = {"yes": "good", "no difference": "even"}
_TONES = {Status.PASS: "good", Status.FAIL: "bad", Status.INCONCLUSIVE: "open"}
_ORDER = {Status.FAIL: 0, Status.INCONCLUSIVE: 1, Status.PASS: 2}
_MARKS = {Status.PASS: "✓", Status.FAIL: "✕", Status.INCONCLUSIVE: "?"}


def view(dataset: AugmentedDataset, *, private: bool) -> dict[str, Any]:
    """Everything the template shows.

    Args:
        dataset: the set.
        private: whether real images and their names may appear.
    """
    clean = cleaner(private)
    facts = dataset.report
    drawn, left_out = sheets(dataset, private=private)
    return {
        "private": private,
        "source": clean(facts.source),
        "version": facts.version,
        "badge": {"text": answer(facts), "tone": _HELP_TONES.get(facts.helps, "open")},
        "headline": clean(headline(facts)),
        "added": added(facts),
        "why": clean(facts.why),
        "figures": _figures(facts, dataset.verdicts),
        "warnings": clean(list(facts.warnings)),
        "balance": _balance(dataset),
        "gan": bool((dataset.kind == "gan").any()),
        "classical": bool((dataset.kind == "classical").any()),
        "sheets": drawn,
        "sheets_left_out": left_out,
        "pairs": nearest_pairs(dataset) if private else [],
        "stages": _stages(facts),
        "distances": _distances(facts),
        "gates": _gates(dataset.verdicts, clean),
        "rejected": _rejected(facts.classes),
        "curve": _curve(facts),
        "plan": [_planned(entry, clean) for entry in facts.classes],
        "phases": _phases(facts.seconds),
        "settings": [(clean(str(k)), _shown(clean(v))) for k, v in facts.settings.items()],
        "resolution": (facts.resolution, clean(facts.resolution_why)),
        "speed": (facts.images_per_second, facts.images_seen),
        "command": clean(facts.command),
        "arm": dataset.arm,
        "many": _MANY,
    }


def _figures(facts: AugmentFacts, verdicts: Verdicts) -> list[dict[str, Any]]:
    """The few numbers a reader looks for first."""
    real = sum(entry.real for entry in facts.classes)
    made = sum(entry.gan + entry.classical for entry in facts.classes)
    figures = [{"name": "images", "before": f"{real:,}", "after": f"{real + made:,}", "note": ""}]
    chosen, plain = chosen_arm(facts), untouched_arm(facts)
    if chosen is not None:
        for name, attribute in (("balanced accuracy", "score"), ("rare recall", "rare_recall")):
            after = getattr(chosen, attribute)
            figures.append(
                {
                    "name": name,
                    "before": f"{100 * getattr(plain, attribute):.1f}" if plain else "",
                    "after": f"{100 * after:.1f} %",
                    "note": _interval(chosen) if attribute == "score" else "classes to be filled",
                }
            )
    told = Counter(verdict.status for verdict in _told(verdicts))
    if told:
        parts = [f"{told[s]} {s.lower()}" for s in _ORDER if told[s] and s is not Status.PASS]
        figures.append(
            {
                "name": "gates passed",
                "before": "",
                "after": f"{told[Status.PASS]} of {told.total()}",
                "note": ", ".join(parts),
            }
        )
    return figures


def _interval(arm: ArmFacts) -> str:
    return f"95 % interval {100 * arm.interval[0]:.1f} to {100 * arm.interval[1]:.1f}"


def _balance(dataset: AugmentedDataset) -> list[dict[str, Any]]:
    """A bar for each class: real, GAN and classical, per cent of the largest class."""
    mixture = dataset.mixture
    longest = max(sum(counts.values()) for counts in mixture.values())
    rows = []
    for name, counts in mixture.items():
        start, segments = 0.0, []
        for kind, count in counts.items():
            width = 100 * count / longest
            if count:
                segments.append((kind, round(start, 2), round(width, 2)))
            start += width
        rows.append({"name": name, "segments": segments, "after": sum(counts.values()), **counts})
    return rows


def _stages(facts: AugmentFacts) -> list[dict[str, Any]]:
    """The arms of each stage, best first, on the stage's own axis."""
    found = []
    for stage in sorted({arm.stage for arm in facts.arms}, key=list(_STAGES).index):
        arms = sorted((a for a in facts.arms if a.stage == stage), key=lambda a: -a.score)
        scale = Scale.around([100 * v for a in arms for v in (*a.interval, a.score)])
        plain = next((a for a in arms if a.name == "plain"), None)
        title, note = _STAGES[stage]
        found.append(
            {
                "title": title,
                "note": note,
                "ticks": [(scale.at(tick), f"{tick:g}") for tick in scale.ticks],
                "plain": scale.at(100 * plain.score) if plain else None,
                "rows": [_arm_row(arm, scale) for arm in arms],
            }
        )
    return found


def _arm_row(arm: ArmFacts, scale: Scale) -> dict[str, Any]:
    low, high = arm.interval
    return {
        "arm": arm,
        "x": scale.at(100 * arm.score),
        "low": scale.at(100 * low),
        "high": scale.at(100 * high),
        "says": f"{arm.name}: {100 * arm.score:.1f} %, {_interval(arm)}",
    }


def _distances(facts: AugmentFacts) -> dict[str, Any] | None:
    if not facts.copy_generated:
        return None
    found = histogram(facts.copy_generated, facts.copy_heldout, mark=facts.copy_threshold)
    cut = facts.copy_threshold
    return {
        "bins": list(zip(found.edges, found.edges[1:], found.upper, found.lower, strict=False)),
        "ticks": [(found.scale.at(tick), f"{tick:g}") for tick in found.scale.ticks],
        "threshold": None if cut is None else (found.scale.at(cut), cut),
        "generated": len(facts.copy_generated),
        "heldout": len(facts.copy_heldout),
    }


def _gates(verdicts: Verdicts, clean: Any) -> dict[str, Any]:
    """Verdicts about the set and the classes: what needs a look first."""
    told = sorted(_told(verdicts), key=lambda v: (v.scope != "set", _ORDER[v.status]))
    rows = [_gate_row(verdict, clean) for verdict in told]
    if len(rows) <= _MANY:
        return {"rows": rows, "more": []}
    first = [row for row in rows if row["scope"] == "whole set" or row["tone"] != "good"]
    return {"rows": first, "more": [row for row in rows if row not in first]}


def _told(verdicts: Verdicts) -> list[Verdict]:
    return [verdict for verdict in verdicts if not verdict.scope.startswith("image:")]


def _gate_row(verdict: Verdict, clean: Any) -> dict[str, Any]:
    scope = "whole set" if verdict.scope == "set" else verdict.scope.removeprefix("class:")
    return {
        "gate": verdict.gate,
        "scope": scope,
        "status": str(verdict.status),
        "tone": _TONES[verdict.status],
        "mark": _MARKS[verdict.status],
        "statistic": verdict.statistic,
        "interval": verdict.interval,
        "threshold": verdict.threshold,
        "p": verdict.p_value,
        "n": (verdict.n_real, verdict.n_generated),
        "detectable": verdict.detectable,
        "null": clean(verdict.null),
        "why": clean(verdict.why),
        "action": "" if verdict.action == "none" else clean(verdict.action),
    }


def _rejected(classes: Sequence[ClassFacts]) -> list[tuple[str, int]]:
    """Images redrawn, by the gate that refused them, most first."""
    total: Counter[str] = Counter()
    for entry in classes:
        total.update(entry.rejected)
    return [(gate, count) for gate, count in total.most_common() if count]


def _curve(facts: AugmentFacts) -> dict[str, Any] | None:
    points = [point for point in facts.curve if math.isfinite(point.frechet)]
    if not points:
        return None
    floor = facts.frechet_floor
    heights = [p.frechet for p in points] + ([floor] if floor is not None else [])
    along = Scale.around([p.images_seen for p in points], steps=4, zero=True)
    up = Scale.around(heights, steps=4, zero=True)
    best = min(points, key=lambda p: p.score if math.isfinite(p.score) else math.inf)
    at = [(along.at(p.images_seen), 100 - up.at(p.frechet)) for p in points]
    return {
        "points": at,
        "segments": list(itertools.pairwise(at)),
        "best": at[points.index(best)],
        "best_is": best,
        "last": points[-1],
        "floor": None if floor is None else (100 - up.at(floor), floor),
        "x": [(along.at(tick), _short(tick)) for tick in along.ticks],
        "y": [(100 - up.at(tick), _short(tick)) for tick in up.ticks],
    }


def _short(value: float) -> str:
    """1,500,000 as 1.5 M, so that it fits beside a tick."""
    for size, unit in ((1e6, " M"), (1e3, " k")):
        if abs(value) >= size and (unit == " M" or abs(value) >= 1e4):
            return f"{value / size:g}{unit}"
    return f"{value:,g}"


def _planned(entry: ClassFacts, clean: Any) -> dict[str, Any]:
    methods = {"gan": "GAN", "classical": "classical", "none": "–"}
    return {
        "facts": entry,
        "method": methods.get(entry.method, entry.method),
        "why": clean(entry.why),
        "rejected": sum(entry.rejected.values()),
    }


def _phases(seconds: dict[str, float]) -> list[dict[str, Any]]:
    total = sum(seconds.values()) or 1.0
    start, phases = 0.0, []
    for number, (name, spent) in enumerate(seconds.items()):
        width = 100 * spent / total
        phases.append(
            {"name": name, "text": _duration(spent), "start": round(start, 2),
             "width": round(width, 2), "ink": number % 8}
        )  # fmt: skip
        start += width
    return phases


def _duration(seconds: float) -> str:
    """Seconds in the unit a person would say.

    Example:
        >>> _duration(0.4), _duration(75), _duration(4000)
        ('0.4 s', '1 min 15 s', '1 h 06 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_shown(item) for item in value)
    return "–" if value is None else str(value)
