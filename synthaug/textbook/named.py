"""Named recipes: what `synthaug.recipes()` lists and `--recipe NAME` runs."""

from __future__ import annotations

import difflib

from synthaug.errors import InputError
from synthaug.textbook.catalogue import ENTRIES
from synthaug.textbook.entry import Entry
from synthaug.textbook.recipe import Recipe
from synthaug.training import Routine

__all__ = ["entry_of", "named", "names", "recipes"]


def recipes() -> list[Entry]:
    """Every recipe that has a name, in the textbook's order; printing one explains it."""
    return list(ENTRIES)


def names() -> list[str]:
    """All names that `named` knows."""
    return sorted(each.name for each in ENTRIES)


def entry_of(name: str) -> Entry:
    """The entry of a name.

    Raises:
        InputError: an unknown name; the nearest are offered.
    """
    known = {each.name: each for each in ENTRIES}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=3) or names()
    raise InputError(
        "recipe",
        expected="one of " + ", ".join(names()),
        got=repr(name),
        remedy=f"Did you mean {' or '.join(near)}?",
        code="input.recipe",
    )


def named(recipe: str | Recipe | Routine) -> Routine:
    """The routine of a name or recipe; a routine passes through.

    Raises:
        InputError: an unknown name; the nearest are offered.
    """
    if isinstance(recipe, Routine):
        return recipe
    if isinstance(recipe, Recipe):
        return recipe.routine()
    return entry_of(recipe).make()
