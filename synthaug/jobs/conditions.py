"""What a routine needs to be told, and what a data set can tell: refused before training."""

from __future__ import annotations

import dataclasses
import difflib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synthaug.errors import InputError
from synthaug.textbook import recipes

if TYPE_CHECKING:
    from synthaug.datasets import ImageSet, Packed
    from synthaug.training import Routine

__all__ = ["Conditions", "conditions_of", "refuse_unmet"]

ANY = "any"
"""The one class of a generator that is not told classes, where the data have several."""


def refuse_unmet(images: ImageSet, routine: Routine) -> None:
    """Refuse data that cannot tell what the routine's networks are to be told.

    Raises:
        InputError: one class or no labels for a conditional routine, attributes missing or
            without a place, no class of unlabelled images.
    """
    present = [name for name, count in images.counts().items() if count]
    where = f"recipe {routine.name}"
    if images.attributes is not None and routine.attributes == "refused":
        raise InputError(
            "attributes", expected="a recipe that takes them", got="one that does not",
            where=where, remedy=f"Use one of {_taking()}, or leave out --attributes.",
            code="input.attributes",
        )  # fmt: skip
    if images.attributes is None and routine.attributes == "needed":
        raise InputError(
            "attributes", expected="numbers or names beside the class", got="none", where=where,
            remedy="Pass --attributes FILE.csv, or use the recipe projection.",
            code="input.attributes",
        )  # fmt: skip
    if routine.conditional and len(present) < 2 and images.attributes is None:
        raise InputError(
            "classes", expected="at least 2 with images", got=", ".join(present) or "none",
            where=f"{images.name}, {where}",
            remedy=f"Use a recipe that is not told classes: {_untold()}.", code="input.classes",
        )  # fmt: skip
    if routine.unlabelled:
        _refuse_labels(present, routine.unlabelled, where)


def _refuse_labels(present: list[str], unlabelled: str, where: str) -> None:
    named = [name for name in present if name != unlabelled]
    if unlabelled not in present:
        near = difflib.get_close_matches(unlabelled, present, n=1)
        raise InputError(
            "classes", expected=f"one named {unlabelled}, of images without labels",
            got=", ".join(present), where=where,
            remedy=f"Did you mean --unlabelled {near[0]}?" if near
            else f"Put such images into a folder named {unlabelled}, or pass --unlabelled NAME.",
            code="input.classes",
        )  # fmt: skip
    if len(named) < 2:
        raise InputError(
            "classes", expected=f"at least 2 beside {unlabelled}", got=", ".join(named) or "none",
            where=where, remedy="Label some images of a second class.", code="input.classes",
        )  # fmt: skip


def _untold() -> str:
    made = ((each.name, each.make()) for each in recipes() if each.data == "classes")
    return ", ".join(name for name, it in made if not it.conditional and not it.unlabelled)


def _taking() -> str:
    made = ((each.name, each.make()) for each in recipes() if each.data == "classes")
    return ", ".join(name for name, it in made if it.attributes != "refused")


@dataclasses.dataclass(frozen=True)
class Conditions:
    """A packed set as a routine sees it.

    Args:
        packed: labels of unlabelled images, if any, behind those of all classes.
        named: classes that have labels, in label order.
        classes: of the generator: those that it is told, or one that stands for any.
        told: whether the generator is told classes.
    """

    packed: Packed
    named: tuple[str, ...]
    classes: tuple[str, ...]
    told: bool

    def labels(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Labels as the generator counts them: all 0 where it is not told any."""
        return labels if self.told else np.zeros_like(labels)


def conditions_of(packed: Packed, routine: Routine) -> Conditions:
    """The set as a routine sees it."""
    named = packed.classes
    if routine.unlabelled in named:
        packed, named = _unlabelled_last(packed, named.index(routine.unlabelled))
    if routine.conditional:
        return Conditions(packed, named, packed.classes, told=True)
    alone = packed.classes if len(packed.classes) == 1 else (ANY,)
    return Conditions(packed, named, alone, told=False)


def _unlabelled_last(packed: Packed, place: int) -> tuple[Packed, tuple[str, ...]]:
    """The set with the labels of one class behind all others, and the others' names."""
    view = packed.subset(np.arange(len(packed)))
    view.fingerprint = packed.fingerprint
    order = [*(label for label in range(len(packed.classes)) if label != place), place]
    view.labels = np.argsort(order)[packed.labels]
    view.classes = tuple(packed.classes[label] for label in order)
    return view, view.classes[:-1]
