"""What each command found, as JSON fields and as text for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthaug.cli.boundary import Answer
from synthaug.errors import GateFailed

if TYPE_CHECKING:
    from synthaug.api import Comparison, Evaluation, Plan
    from synthaug.datasets import AugmentedDataset
    from synthaug.jobs.doctor import Check
    from synthaug.jobs.train_faces import TrainedFaces
    from synthaug.training import Generator, Translator

__all__ = [
    "of_augmented",
    "of_checkup",
    "of_comparison",
    "of_demo",
    "of_evaluation",
    "of_faces",
    "of_files",
    "of_generator",
    "of_plan",
    "of_translator",
]


def of_plan(plan: Plan) -> Answer:
    """What ``augment --dry-run`` says."""
    return Answer(plan.to_dict(), str(plan))


def of_augmented(balanced: AugmentedDataset, out: Path) -> Answer:
    """What ``augment`` says at its end."""
    return Answer(
        _augmented_fields(balanced, out),
        f"{balanced.summary()}\n\nWritten to {out}; open {out / 'report.html'} first; it "
        "also says how to train on it.",
    )


def of_demo(balanced: AugmentedDataset, out: Path) -> Answer:
    """What ``demo`` says at its end: where everything is, what it means, what to do next."""
    text = (
        f"{balanced.summary()}\n\n"
        f"{out / 'digits'}\n"
        "    the imbalanced set: one folder per digit, three of them cut to 40 images\n"
        f"{out / 'balanced' / 'synthetic'}\n"
        "    the images that fill them up, each with its provenance inside\n"
        f"{out / 'balanced' / 'generator'}\n"
        "    the trained generator as safetensors, with its model card\n"
        f"{out / 'balanced' / 'report.html'}\n"
        "    what was tried, what was chosen and whether it helps: open this first\n\n"
        "Next, on your own images:\n"
        "    synthaug augment YOUR_FOLDER --target balance --out balanced --dry-run"
    )
    return Answer(_augmented_fields(balanced, out / "balanced"), text)


def of_generator(generator: Generator, out: Path) -> Answer:
    """What ``train`` says at its end."""
    fields = {
        "out": str(out),
        "classes": list(generator.classes),
        "resolution": generator.resolution,
        "sha256": generator.sha256,
    }
    text = (
        f"A generator of {len(generator.classes)} classes at {generator.resolution} px is in "
        f"{out}.\nDraw from it: synthaug sample {out} --class {generator.classes[0]} --out drawn"
    )
    return Answer(fields, text)


def of_translator(translator: Translator, out: Path) -> Answer:
    """What ``translate train`` says at its end."""
    a, b = (side.name for side in translator.sides)
    fields = {
        "out": str(out),
        "sides": [a, b],
        "directions": ["a2b"] if translator.back is None else ["a2b", "b2a"],
        "resolution": translator.resolution,
        "sha256": translator.sha256,
    }
    text = (
        f"A translation from {a} to {b} at {translator.resolution} px is in {out}.\n"
        f"Use it: synthaug translate apply {out} PICTURES --out translated"
    )
    return Answer(fields, text)


def of_faces(made: TrainedFaces) -> Answer:
    """What ``train faces`` says at its end."""
    best = min(made.curve, key=lambda point: point.score)
    fields = {
        "out": str(made.folder),
        "sha256": made.sha256,
        "photographs": made.photographs,
        "people": made.people,
        "skipped": made.skipped,
        "frechet": best.frechet,
        "kid": best.kid,
        "copies": str(made.copies.status),
    }
    text = (
        f"A face generator trained on {made.photographs:,} photographs of {made.people:,} people "
        f"is in {made.folder}.\nCopies of training faces: {made.copies.status}; "
        f"{made.copies.why}\nUse it: synthaug anonymize video.mp4 --generator {made.folder}"
    )
    return Answer(fields, text)


def of_files(paths: Sequence[Path]) -> Answer:
    """What ``sample`` says at its end: the files, one a line."""
    names = [str(path) for path in paths]
    return Answer({"files": names}, "\n".join(names))


def of_evaluation(found: Evaluation, *, strict: bool) -> Answer:
    """What ``evaluate`` says; with ``strict`` a failed gate sets exit code 3."""
    refused = strict and found.verdicts.failed
    exit_code = GateFailed.exit_code if refused else 0
    return Answer(json.loads(found.to_json()), str(found), exit_code)


def of_comparison(found: Comparison) -> Answer:
    """What ``compare`` says: the table, best first, and where the page is."""
    page = found.folder / "compare.html"
    return Answer(found.to_dict(), f"{found}\n\nWritten to {found.folder}; open {page} first.")


def of_checkup(checks: Sequence[Check]) -> Answer:
    """What ``doctor`` says; the exit code is that of the worst finding."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{check.mark:>7}  {check.name:<{width}}  {check.found}")
        if check.remedy:
            lines.append(f"{'':>7}  {'':<{width}}  {check.remedy}")
    exit_code = max(check.exit_code for check in checks)
    lines.append("\nEverything needed is here." if exit_code == 0 else "\nSee the lines above.")
    fields = {"ok": exit_code == 0, "checks": [check.to_dict() for check in checks]}
    return Answer(fields, "\n".join(lines), exit_code)


def _augmented_fields(balanced: AugmentedDataset, out: Path) -> dict[str, Any]:
    facts = balanced.report
    return {
        "out": str(out),
        "report": str(out / "report.html"),
        "chosen": facts.chosen,
        "helps": facts.helps,
        "why": facts.why,
        "counts": balanced.mixture,
        "failed": balanced.verdicts.failed,
        "verdicts": [verdict.to_dict() for verdict in balanced.verdicts],
        "warnings": facts.warnings,
    }
