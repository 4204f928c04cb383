"""What a comparison is asked for: recipes, budgets and seeds, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synthaug.errors import InputError
from synthaug.textbook import Entry, Recipe, named, recipes
from synthaug.training import Budget, Routine, parse_budget

__all__ = ["asked_for", "budgets_of", "listed", "seeds_of"]

FEWEST_SECONDS, FEWEST_IMAGES = 10, 1000


def listed(wanted: str | Sequence[str | Recipe]) -> list[str | Recipe]:
    """The recipes asked for, each once."""
    if isinstance(wanted, Recipe):
        return [wanted]
    if wanted == "all":
        return [
            entry.name for entry in recipes() if entry.data == "classes" and _needs_no_more(entry)
        ]
    if isinstance(wanted, str):
        wanted = [name.strip() for name in wanted.split(",") if name.strip()]
    return list(dict.fromkeys(wanted))


def _needs_no_more(entry: Entry) -> bool:
    """Whether labelled folders are all a recipe learns from."""
    routine = entry.make()
    return routine.attributes != "needed" and not routine.unlabelled


def asked_for(wanted: str | Sequence[str | Recipe]) -> dict[str, Routine]:
    """Routine by name, in the order asked for.

    Raises:
        InputError: none, an unknown one, one that does not learn from labelled folders, or two
            of one name.
    """
    found: dict[str, Routine] = {}
    for recipe in listed(wanted):
        routine = named(recipe, data=("classes",))
        if routine.name in found:
            raise InputError(
                "recipes", expected="each with a name of its own", got=f"{routine.name} twice",
                remedy='Give it one: Recipe(..., name="mine").', code="input.recipe",
            )  # fmt: skip
        found[routine.name] = routine
    if not found:
        raise InputError(
            "recipes", expected="at least one name", got="none", where="--recipes",
            remedy="Name some, such as --recipes rare,dcgan, or all of them with --recipes all.",
            code="input.recipe",
        )  # fmt: skip
    return found


def budgets_of(
    budget: str | float | Mapping[str, str | float], asked: Mapping[str, Routine]
) -> dict[str, Budget]:
    """The budget of each recipe, from one for all or one for each.

    Raises:
        InputError: too small, or none for some recipe.
    """
    if not isinstance(budget, Mapping):
        return dict.fromkeys(asked, _budget(budget))
    missing = [name for name in asked if name not in budget]
    if missing:
        raise InputError(
            "budget", expected="one for each recipe", got=f"none for {', '.join(missing)}",
            remedy="Add theirs, or pass one budget for all.", code="input.budget",
        )  # fmt: skip
    return {name: _budget(budget[name]) for name in asked}


def _budget(budget: str | float) -> Budget:
    amount = parse_budget(budget)
    enough = (amount.seconds or 0) >= FEWEST_SECONDS or (amount.images or 0) >= FEWEST_IMAGES
    if enough:
        return amount
    raise InputError(
        "budget of each recipe",
        expected=f"at least {FEWEST_SECONDS} s or {FEWEST_IMAGES:,} images",
        got=str(amount),
        where="--budget",
        remedy="Give minutes: what is learnt in less tells nothing about a recipe.",
        code="input.budget",
    )


def seeds_of(seeds: Sequence[int]) -> list[int]:
    """The seeds, each once.

    Raises:
        InputError: none, or negative ones.
    """
    numbers = list(dict.fromkeys(int(seed) for seed in seeds))
    if numbers and min(numbers) >= 0:
        return numbers
    raise InputError(
        "seeds", expected="at least one number, 0 or more", got=str(numbers or "none"),
        where="--seeds", remedy="Pass 0, or 0,1,2 to see how much chance does.",
    )  # fmt: skip
