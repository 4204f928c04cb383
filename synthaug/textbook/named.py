"""Named recipes: what `synthaug.recipes()` lists and `--recipe NAME` runs."""

from __future__ import annotations

from collections.abc import Sequence

from synthaug.errors import InputError
from synthaug.spelling import did_you_mean
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
    raise InputError(
        "recipe",
        expected="one of " + ", ".join(names()),
        got=repr(name),
        remedy=did_you_mean(name, known, otherwise="See: synthaug recipes."),
        code="input.recipe",
    )


def named(recipe: str | Recipe | Routine, *, data: Sequence[str] = ()) -> Routine:
    """The routine of a name or recipe; a routine passes through.

    Args:
        recipe: what to train.
        data: kinds of data at hand, as in `Entry.data`; empty for whatever the recipe takes.

    Raises:
        InputError: an unknown name (the nearest are offered), or a recipe for other data.
    """
    if isinstance(recipe, Routine):
        return recipe
    if isinstance(recipe, Recipe):
        return recipe.routine()
    found = entry_of(recipe)
    if data and found.data not in data:
        raise _other_data(found, data)
    return found.make()


def _other_data(found: Entry, data: Sequence[str]) -> InputError:
    """Says which command a recipe belongs to."""
    fitting = [each.name for each in ENTRIES if each.data in data]
    commands = {
        "classes": f"synthaug train DATA --recipe {found.name}",
        "pairs": f"synthaug translate train A_DIR B_DIR --recipe {found.name}",
        "domains": f"synthaug translate train A_DIR B_DIR --recipe {found.name}",
    }
    kinds = {"classes": "class folders", "pairs": "paired pictures", "domains": "two domains"}
    return InputError(
        "recipe", expected="one of " + ", ".join(fitting),
        got=f"{found.name!r}, which learns from {kinds[found.data]}",
        remedy=f"Use: {commands[found.data]}.", code="input.recipe",
    )  # fmt: skip
