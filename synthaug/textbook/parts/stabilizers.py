"""Penalties and stabilizers as parts."""

from __future__ import annotations

from collections.abc import Callable

from synthaug.diffaug import DiffAugment
from synthaug.objectives.penalties import R1
from synthaug.textbook.part import Part
from synthaug.training import Term

__all__ = ["PARTS"]


def r1(*, weight: float = 1.0, every: int = 8) -> Part:
    """Gradient penalty on real images; ``weight`` is the paper's γ."""
    return Part(
        name="r1",
        source="Mescheder, Geiger, Nowozin 2018",
        discriminator=(Term("r1", R1(), weight=weight, every=every),),
        refuses={
            "batchwise discriminator": "the slope at one image would depend on the others",
        },
    )


def diffaugment() -> Part:
    """The same random change for real and generated images."""
    return Part(
        name="diffaugment",
        source="Zhao, Liu, Lin, Zhu, Han 2020",
        views=(DiffAugment().view,),
    )


PARTS: dict[str, Callable[..., Part]] = {"r1": r1, "diffaugment": diffaugment}
