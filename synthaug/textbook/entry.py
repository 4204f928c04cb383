"""A recipe people can ask for by name, and what is told about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from synthaug.textbook.recipe import Recipe
from synthaug.training import Routine

__all__ = ["Entry", "entry"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """A recipe people can ask for by name.

    Args:
        name: as typed.
        summary: what it is, in one sentence.
        source: the papers.
        when: when to use it, in one sentence.
        parts: names of what it is made of.
        shows: what the test of its property proves.
        data: ``"classes"`` (labelled folders), ``"pairs"`` or ``"domains"``.
        make: gives the routine.
    """

    name: str
    summary: str
    source: str
    when: str
    parts: tuple[str, ...]
    shows: str
    data: str = "classes"
    make: Callable[[], Routine] = dataclasses.field(repr=False)

    @property
    def command(self) -> str:
        """The command line that runs it."""
        if self.data == "classes":
            return f"synthaug train DATA --recipe {self.name} --out DIR"
        return f"synthaug translate train A_DIR B_DIR --recipe {self.name} --out DIR"

    def __str__(self) -> str:
        lines = (
            self.name, f"  {self.summary}", f"  Paper: {self.source}",
            f"  Parts: {', '.join(self.parts)}", f"  Use it {self.when}",
            f"  Command: {self.command}",
        )  # fmt: skip
        return "\n".join(lines)


def entry(recipe: Recipe, *, shows: str) -> Entry:
    """The entry of a recipe made of parts."""
    return Entry(
        name=recipe.name, summary=recipe.summary, source=recipe.source, when=recipe.when,
        parts=recipe.parts, shows=shows, make=recipe.routine,
    )  # fmt: skip
