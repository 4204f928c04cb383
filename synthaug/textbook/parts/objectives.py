"""Objectives as parts: what the two players play for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from synthaug.objectives.adversarial import NonSaturating, Relativistic
from synthaug.textbook.part import Part
from synthaug.training import Term

__all__ = ["PARTS"]


def _game(name: str, source: str, objective: Any, **rest: Any) -> Part:
    return Part(
        name=name,
        source=source,
        discriminator=(Term(name, objective.discriminator),),
        generator=(Term(name, objective.generator),),
        **rest,
    )


def non_saturating() -> Part:
    """Goodfellow et al. 2014, the form used in practice."""
    return _game("non-saturating", "Goodfellow et al. 2014", NonSaturating())


def relativistic() -> Part:
    """Jolicoeur-Martineau 2019, pair by pair."""
    return _game("relativistic", "Jolicoeur-Martineau 2019", Relativistic())


PARTS: dict[str, Callable[..., Part]] = {
    "non-saturating": non_saturating,
    "relativistic": relativistic,
}
