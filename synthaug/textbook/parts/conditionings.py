"""Conditionings as parts: how class and attributes reach the networks."""

from __future__ import annotations

from collections.abc import Callable

from synthaug.objectives.conditioning import AuxiliaryClassifier
from synthaug.textbook.part import Part
from synthaug.training import Term

__all__ = ["PARTS"]


def none() -> Part:
    """The class is not told to anybody."""
    return Part(name="none", has=frozenset({"unconditional"}), options={"told": "none"})


def projection() -> Part:
    """An inner product of features and class embedding in the discriminator."""
    return Part(name="projection", source="Miyato, Koyama 2018", options={"told": "projection"})


def auxiliary_classifier(*, weight: float = 1.0) -> Part:
    """The discriminator also names classes, and the generator is held to the name."""
    term = AuxiliaryClassifier()
    return Part(
        name="auxiliary classifier",
        source="Odena, Olah, Shlens 2017",
        discriminator=(Term("class", term.discriminator, weight=weight),),
        generator=(Term("class", term.generator, weight=weight),),
        options={"told": "none", "classifier": True},
    )


PARTS: dict[str, Callable[..., Part]] = {
    "none": none,
    "projection": projection,
    "auxiliary classifier": auxiliary_classifier,
}
