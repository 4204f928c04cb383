"""Checkpoints: written beside, renamed into place, never unpickled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from synthaug.errors import Damaged, InputError

__all__ = ["load_checkpoint", "save_checkpoint"]


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a state (tensors, numbers, strings, dicts, lists); a kill leaves old or new, whole."""
    temporary = path.with_suffix(".writing")
    torch.save(state, temporary)
    temporary.replace(path)


def load_checkpoint(path: Path, fingerprint: str) -> dict[str, Any] | None:
    """The state saved under ``path``, or None where there is none.

    Raises:
        Damaged: the file cannot be read.
        InputError: it belongs to another run (other data, recipe, seed, budget, threads).
    """
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True)
        other = state["fingerprint"]
    except (OSError, RuntimeError, KeyError, EOFError, ValueError) as error:
        raise Damaged(
            "checkpoint cannot be read",
            where=str(path.name),
            remedy="Delete it, or pass --no-resume to start anew.",
        ) from error
    if other != fingerprint:
        raise InputError(
            "checkpoint",
            expected="one of this very call",
            got="one made with other data, settings or thread count",
            where=str(path.name),
            remedy="Repeat the first call exactly, or pass --no-resume to start anew.",
            code="input.checkpoint",
        )
    return state
