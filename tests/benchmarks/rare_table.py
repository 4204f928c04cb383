"""The cells of the rare-class benchmark as a page: figures with intervals, and the commands."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthaug.choosing.evidence import Estimate, Evidence

__all__ = ["table"]

Rows = list[dict[str, Any]]
PROBES = ("small CNN", "frozen features")
COMPARATOR = "chosen without a generator"
ORDINARY = ("plain", "class weights", "oversampling", "oversampling + classical", "SMOTE on pixels")


def table(rows: Rows, machine: str) -> str:
    """Markdown: one section a set, then what the sets say together."""
    splits = [row for row in rows if row["kind"] == "split"]
    names = list(dict.fromkeys(row["set"] for row in splits))
    parts = [_head(machine)]
    found: dict[str, dict[str, Evidence]] = {probe: {} for probe in PROBES}
    for name in names:
        parts.append(f"## {name}\n\n{_about([s for s in splits if s['set'] == name])}\n")
        for probe in PROBES:
            evidence = gathered(rows, name, probe)
            if evidence.correct:
                parts.append(_section(evidence, probe))
                found[probe][name] = evidence
        parts.append(_chosen(rows, name))
    parts += [_together(probe, found[probe]) for probe in PROBES]
    return "\n".join(part for part in parts if part)


def gathered(rows: Rows, name: str, probe: str) -> Evidence:
    """All seeds of a set side by side; arms that lack a seed are left out.

    A test image that is in the test part of several seeds keeps its group, so it counts as
    one piece of evidence.
    """
    splits = {row["seed"]: row for row in rows if row["kind"] == "split" and row["set"] == name}
    cells: dict[str, dict[int, dict[int, str]]] = {}
    for row in rows:
        if row["kind"] == "cell" and row["set"] == name and row["probe"] == probe:
            cells.setdefault(row["arm"], {}).setdefault(row["seed"], {})[row["probe_seed"]] = row[
                "hits"
            ]
    chosen = {r["seed"]: r["chosen"] for r in rows if r["kind"] == "choice" and r["set"] == name}
    if all(seed in cells.get(arm, {}) for seed, arm in chosen.items()):
        cells[COMPARATOR] = {seed: cells[arm][seed] for seed, arm in chosen.items()}
    whole = {arm: found for arm, found in cells.items() if set(found) == set(splits)}
    turns = min((len(hits) for found in whole.values() for hits in found.values()), default=0)
    correct = {
        arm: np.array(
            [[hit == "1" for seed in splits for hit in found[seed][turn]] for turn in range(turns)]
        )
        for arm, found in whole.items()
    }
    labels = [label for split in splits.values() for label in split["labels"]]
    groups = [group for split in splits.values() for group in split["groups"]]
    fold = np.repeat(np.arange(len(splits)), [len(s["labels"]) for s in splits.values()])
    return Evidence(np.array(labels), np.array(groups), fold, correct)


def _head(machine: str) -> str:
    return (
        "# Rare classes: does it help?\n\n"
        "Balanced accuracy on real held-out images, in percent, with 95 % intervals over groups\n"
        "of test images and probe seeds. Differences are paired. The best ordinary arm is the\n"
        "one with the highest mean on the test images, so the comparison favours it.\n\n"
        f"Machine: {machine or 'not named'}.\n\n"
        "```\ncd tests/benchmarks\n"
        "python rare_class.py run --data ROOT --out ../../docs/benchmarks/rare_class.jsonl\n"
        "python rare_class.py table ../../docs/benchmarks/rare_class.jsonl\n"
        "```\n"
    )


def _about(splits: Rows) -> str:
    classes = splits[0]["classes"]
    counts = "; ".join(
        f"seed {s['seed']}: "
        + ", ".join(f"{c} {n}" for c, n in zip(classes, s["train"], strict=True))
        for s in splits
    )
    return f"{splits[0]['rule'].capitalize()}. Training images by class, {counts}."


def _section(evidence: Evidence, probe: str) -> str:
    best = _best_ordinary(evidence)
    lines = [
        f"| {probe} | balanced accuracy | worst class | against {best} |",
        "|---|---|---|---|",
    ]
    for arm in evidence.correct:
        against = "" if arm == best else _points(evidence.difference(arm, best))
        lines.append(
            f"| {arm} | {_percent(evidence.score(arm))} | {100 * _worst(evidence, arm):.1f} "
            f"| {against} |"
        )
    return "\n".join(lines) + "\n"


def _chosen(rows: Rows, name: str) -> str:
    lines = []
    for row in rows:
        if row["set"] == name and row["kind"] == "choice":
            lines.append(f"- seed {row['seed']}, without a generator: {row['chosen']}")
        if row["set"] == name and row["kind"] == "augment":
            lines.append(f"- seed {row['seed']}, `augment`: {row['chosen']}. {row['why']}")
    return "\n".join(lines) + "\n" if lines else ""


def _together(probe: str, found: dict[str, Evidence]) -> str:
    """`augment` and the comparator against plain and the best ordinary arm, over the sets."""
    lines = [f"## Together ({probe})\n", "| | " + " | ".join(found) + " | mean |"]
    lines.append("|---" * (len(found) + 2) + "|")
    for arm in (COMPARATOR, "augment", "GAN alone"):
        have = {name: e for name, e in found.items() if arm in e.correct}
        if not have:
            continue
        for title, other in (
            ("the best ordinary", _best_ordinary),
            ("plain", lambda e: "plain"),
            (COMPARATOR, lambda e: COMPARATOR),
        ):
            gains = {
                name: e.difference(arm, other(e))
                for name, e in have.items()
                if other(e) in e.correct and other(e) != arm
            }
            if gains:
                cells = [_points(gains[name]) if name in gains else "" for name in found]
                lines.append(
                    f"| {arm} − {title} | " + " | ".join(cells) + f" | {_points(_mean(gains))} |"
                )
    return "\n".join(lines) + "\n"


def _mean(gains: dict[str, Estimate]) -> Estimate:
    """The mean over sets, which are independent."""
    n = len(gains)
    variances = [(gain.error / n) ** 2 for gain in gains.values()]
    rough = sum(v**2 / g.freedom for v, g in zip(variances, gains.values(), strict=True))
    total = sum(variances)
    value = sum(gain.value for gain in gains.values()) / n
    return Estimate(value, total**0.5, max(1.0, total**2 / rough) if rough else 1e9)


def _best_ordinary(evidence: Evidence) -> str:
    present = [arm for arm in ORDINARY if arm in evidence.correct]
    return max(present, key=lambda arm: evidence.score(arm).value)


def _worst(evidence: Evidence, arm: str) -> float:
    """Mean over seeds and probes of the lowest recall of any class."""
    lowest = []
    for part in np.unique(evidence.fold):
        own = evidence.fold == part
        recalls = [
            evidence.correct[arm][:, own & (evidence.labels == c)].mean(1)
            for c in np.unique(evidence.labels[own])
        ]
        lowest.append(np.min(recalls, axis=0).mean())
    return float(np.mean(lowest))


def _percent(score: Estimate) -> str:
    low, high = score.interval()
    return f"{100 * score.value:.1f} ({max(0, 100 * low):.1f} to {min(100, 100 * high):.1f})"


def _points(gain: Estimate) -> str:
    low, high = gain.interval()
    return f"{100 * gain.value:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
