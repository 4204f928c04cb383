"""What a routine needs to be told, and what a data set can tell: refused before training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthaug.errors import InputError
from synthaug.textbook import recipes

if TYPE_CHECKING:
    from synthaug.datasets import ImageSet
    from synthaug.training import Routine

__all__ = ["refuse_unmet"]


def refuse_unmet(images: ImageSet, routine: Routine) -> None:
    """Refuse data that cannot tell what the routine's networks are to be told.

    Raises:
        InputError: one class for a conditional routine.
    """
    present = [name for name, count in images.counts().items() if count]
    where = f"recipe {routine.name}"
    if routine.conditional and len(present) < 2:
        raise InputError(
            "classes", expected="at least 2 with images", got=", ".join(present) or "none",
            where=f"{images.name}, {where}",
            remedy=f"Use a recipe that is not told classes: {_untold()}.", code="input.classes",
        )  # fmt: skip


def _untold() -> str:
    made = ((each.name, each.make()) for each in recipes() if each.data == "classes")
    free = [name for name, it in made if not it.conditional]
    return ", ".join(free) or "Recipe(conditioning='none')"
