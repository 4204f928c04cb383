"""The parts recipes are made of, by name; one file a family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from synthaug.textbook.part import Architecture, Part
from synthaug.textbook.parts import (
    architectures,
    classifying,
    conditionings,
    layers,
    objectives,
    stabilizers,
)

__all__ = ["ARCHITECTURES", "PARTS", "make", "names"]

PARTS: dict[str, Callable[..., Part]] = {
    **objectives.PARTS,
    **stabilizers.PARTS,
    **conditionings.PARTS,
    **layers.PARTS,
    **classifying.PARTS,
}
"""What makes a part, by name; called without arguments it has the paper's settings."""

ARCHITECTURES: dict[str, Architecture] = {
    each.name: each for each in (*architectures.ARCHITECTURES, *classifying.ARCHITECTURES)
}


def names() -> list[str]:
    """All parts that have a name, architectures among them."""
    return sorted([*PARTS, *ARCHITECTURES])


def make(name: str, **settings: Any) -> Part:
    """The part of a name with settings of its own.

    Raises:
        KeyError: no such part.
    """
    return PARTS[name](**settings)
