"""What somebody may have meant who mistyped a name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean"]


def did_you_mean(got: str, known: Iterable[str], *, otherwise: str, most: int = 3) -> str:
    """A remedy for a name nobody knows: the nearest known ones, or another sentence.

    Args:
        got: the name.
        known: names there are.
        otherwise: the sentence where none of them is near.
        most: names to offer.

    Example:
        >>> did_you_mean("raer", ["rare", "vae"], otherwise="Name a recipe.")
        'Did you mean rare?'
        >>> did_you_mean("xyz", ["rare", "vae"], otherwise="Name a recipe.")
        'Name a recipe.'
    """
    near = difflib.get_close_matches(got, list(known), n=most)
    return f"Did you mean {' or '.join(near)}?" if near else otherwise
