"""Named recipes: complete, runnable choices of parts."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from synthaug.errors import InputError
from synthaug.recipes.rare import rare
from synthaug.training import Recipe

__all__ = ["named", "names"]

_RECIPES: dict[str, Callable[[], Recipe]] = {"rare": rare}


def names() -> list[str]:
    """All names that `named` knows."""
    return sorted(_RECIPES)


def named(recipe: str | Recipe) -> Recipe:
    """The recipe of a name; a recipe passes through.

    Raises:
        InputError: an unknown name; the nearest are offered.
    """
    if isinstance(recipe, Recipe):
        return recipe
    if recipe in _RECIPES:
        return _RECIPES[recipe]()
    near = difflib.get_close_matches(recipe, _RECIPES, n=3) or names()
    raise InputError(
        "recipe",
        expected="one of " + ", ".join(names()),
        got=repr(recipe),
        remedy=f"Did you mean {' or '.join(near)}?",
        code="input.recipe",
    )
