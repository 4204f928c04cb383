"""Semi-supervised learning as a part, and the networks it is played with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from synthaug.networks.dcgan import DCGANGenerator
from synthaug.networks.naming import NamingCritic
from synthaug.objectives.semi_supervised import SemiSupervised
from synthaug.textbook.part import Architecture, Part
from synthaug.training import Shape, Term

__all__ = ["ARCHITECTURES", "PARTS"]


def semi_supervised(*, unlabelled: str = "unlabelled", class_weight: float = 1.0) -> Part:
    """A discriminator of K + 1 classes, and a generator that matches its features.

    Args:
        unlabelled: the class whose images are taken as having no label; empty if all have one.
        class_weight: of the cross-entropy of labelled images.
    """
    term = SemiSupervised()
    return Part(
        name="semi-supervised",
        source="Salimans et al. 2016",
        discriminator=(
            Term("real or generated", term.discriminator),
            Term("class", term.classes, weight=class_weight),
        ),
        generator=(Term("feature matching", term.generator),),
        keeps=("discriminator",),
        unlabelled=unlabelled,
        needs={
            "unconditional": "most images have no label, so that no network can be told it",
            "names classes": "its classes are the discriminator's own answer",
        },
    )


def _naming(shape: Shape, options: Mapping[str, Any]) -> dict[str, nn.Module]:
    return {
        "generator": DCGANGenerator(0, shape.channels, shape.resolution),
        "discriminator": NamingCritic(shape.num_classes, shape.channels, shape.resolution),
    }


PARTS: dict[str, Callable[..., Part]] = {"semi-supervised": semi_supervised}

ARCHITECTURES = (
    Architecture(
        name="naming",
        source="Salimans et al. 2016",
        build=_naming,
        options=frozenset(),
        has=lambda _: frozenset({"features", "names classes"}),
    ),
)
