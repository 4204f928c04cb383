"""The folders of a comparison: claimed, never mixed, remembered between calls."""

from __future__ import annotations

import dataclasses
import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from synthaug.errors import InputError
from synthaug.facts import RivalFacts

__all__ = ["claim", "refuse_other", "refuse_taken", "remember", "remembered"]


def refuse_taken(target: Path) -> None:
    """Refuse a folder in use that no comparison made.

    Raises:
        InputError: something else is there.
    """
    ours = (target / "call.json").exists()
    if ours or not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    raise InputError(
        "output folder", expected="a new or empty folder, or that of an earlier comparison",
        got="something else that is in use", where=str(target), remedy="Choose another.",
        code="output.exists",
    )  # fmt: skip


def claim(target: Path, resume: bool) -> None:
    """Make the folder and mark it as a comparison's; without ``resume`` empty it first.

    Raises:
        InputError: it cannot be written.
    """
    if not resume:
        shutil.rmtree(target, ignore_errors=True)
    try:
        target.mkdir(parents=True, exist_ok=True)
        (target / "call.json").write_text(json.dumps({"synthaug": version("synthaug")}) + "\n")
    except OSError as error:
        raise InputError(
            "output cannot be written", got=error.strerror or str(error), where=str(target),
            remedy="Choose a folder you may write to.", code="input.output",
        ) from error  # fmt: skip


def refuse_other(folder: Path, key: dict[str, Any]) -> None:
    """Refuse to mix with what an earlier call trained otherwise.

    Args:
        folder: of one recipe.
        key: what decides its training.

    Raises:
        InputError: the folder holds one of another key; what differs is named.
    """
    try:
        found = json.loads((folder / "facts.json").read_text("utf-8"))["key"]
    except (OSError, ValueError, KeyError):
        return  # nothing there that could be mixed
    differs = [name for name, value in key.items() if found.get(name) != value]
    if differs:
        raise InputError(
            "comparison",
            expected=f"one made with the same {' and '.join(differs)}",
            got=", ".join(f"{name} {found.get(name)}" for name in differs),
            where=str(folder),
            remedy="Choose another --out, or pass --no-resume to start anew.",
            code="output.exists",
        )


def remembered(folder: Path) -> RivalFacts | None:
    """What an earlier call left of this recipe; None where that cannot be read."""
    try:
        rival = RivalFacts.from_dict(
            json.loads((folder / "facts.json").read_text("utf-8"))["facts"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return rival if rival.failed or (folder / "generator" / "config.json").exists() else None


def remember(folder: Path, rival: RivalFacts, key: dict[str, Any]) -> None:
    """Write ``facts.json`` and ``curve.json`` of one recipe, each whole or not at all."""
    fields = dataclasses.asdict(rival)
    for name, content in (
        ("curve.json", fields["curve"]),
        ("facts.json", {"key": key, "facts": fields}),
    ):
        temporary = folder / f"{name}.writing"
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        temporary.replace(folder / name)
