"""What is kept of a written video until its call has ended, so that the same call goes on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from synthaug.faces.plan import Plan, read_plan, write_plan
from synthaug.jobs.anonymizing.result import Rendered
from synthaug.weights.registry import sha256_of

__all__ = ["forget_written", "keep_written", "written"]


def keep_written(
    folder: Path, call: str, plan: Plan, made: Rendered, whole: Path
) -> tuple[Path, Path]:
    """Note in a folder of its owner's what one call has written, before it has its name.

    Args:
        folder: where.
        call: what was asked for; only the same call goes on.
        plan: what was hidden.
        made: what was written.
        whole: the file, under another name still.

    Returns:
        The files of the note.
    """
    write_plan(plan, folder / "plan.jsonl")
    facts = {
        "call": call,
        "sha256": sha256_of(whole),
        "frames": made.frames,
        "rungs": {str(number): dict(rungs) for number, rungs in made.rungs.items()},
        "left_out": list(made.left_out),
        "warnings": list(made.warnings),
        "damaged": made.damaged,
    }
    temporary = folder / "written.json.part"
    temporary.write_text(json.dumps(facts))
    return folder / "plan.jsonl", temporary.replace(folder / "written.json")


def written(folder: Path, call: str, source: Path, output: Path) -> tuple[Rendered, Plan] | None:
    """What the same call has written already; None where it has not, or a file has changed."""
    try:
        facts = json.loads((folder / "written.json").read_text())
    except (OSError, ValueError):
        return None
    if facts["call"] != call or not output.is_file() or facts["sha256"] != sha256_of(output):
        return None
    plan = read_plan(folder / "plan.jsonl")
    if plan.input_sha256 != sha256_of(source):
        return None
    made = Rendered(
        output=output,
        frames=facts["frames"],
        rungs={int(number): rungs for number, rungs in facts["rungs"].items()},
        left_out=tuple(facts["left_out"]),
        warnings=tuple(facts["warnings"]),
        damaged=facts["damaged"],
    )
    return made, plan


def forget_written(folder: Path) -> None:
    """Delete what was kept."""
    shutil.rmtree(folder, ignore_errors=True)
