"""Conditionings as parts: how class, attributes and codes reach the networks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

from torch import nn

from synthaug.networks.coded import CodedGenerator
from synthaug.objectives.conditioning import AuxiliaryClassifier
from synthaug.objectives.information import Information
from synthaug.textbook.part import Part
from synthaug.training import Shape, Term

__all__ = ["PARTS"]


def none() -> Part:
    """The class is not told to anybody."""
    return Part(name="none", has=frozenset({"unconditional"}))


def concatenation() -> Part:
    """Class and attributes beside the latent, and as further channels of the images judged."""
    return Part(
        name="concatenation",
        source="Mirza, Osindero 2014",
        options={"told": "concatenation"},
        has=frozenset({"tells"}),
    )


def projection() -> Part:
    """An inner product of features and class embedding in the discriminator."""
    return Part(
        name="projection",
        source="Miyato, Koyama 2018",
        options={"told": "projection"},
        has=frozenset({"tells"}),
    )


def attributes() -> Part:
    """Concatenation of class and attributes; a run without attributes is refused."""
    return Part(
        name="attributes",
        source="Mirza, Osindero 2014",
        options={"told": "concatenation"},
        has=frozenset({"tells", "needs attributes"}),
    )


def auxiliary_classifier(*, weight: float = 1.0) -> Part:
    """The discriminator also names classes, and the generator is held to the name."""
    term = AuxiliaryClassifier()
    return Part(
        name="auxiliary classifier",
        source="Odena, Olah, Shlens 2017",
        discriminator=(Term("class", term.discriminator, weight=weight),),
        generator=(Term("class", term.generator, weight=weight),),
        options={"told": "none", "classifier": True},
        refuses={"unconditional": "a generator that is not told the class cannot be held to it"},
    )


def information(
    *,
    categories: Sequence[int] = (10,),
    continuous: int = 2,
    weight: float = 1.0,
    continuous_weight: float = 0.1,
) -> Part:
    """Codes among the latents, and a head of the discriminator that guesses them (InfoGAN).

    Args:
        categories: number of values of each categorical code.
        continuous: number of continuous codes.
        weight: the paper's λ of the categorical codes.
        continuous_weight: of the continuous ones.
    """
    kinds = (
        (Information("categorical"), weight if categories else 0.0),
        (Information("continuous"), continuous_weight if continuous else 0.0),
    )
    terms = [(f"{term.codes} codes", term, each) for term, each in kinds if each]
    report = Term("mutual information, nats", Information("all").reported)
    return Part(
        name="information",
        source="Chen et al. 2016",
        discriminator=tuple(Term(name, t.discriminator, weight=each) for name, t, each in terms),
        generator=(*(Term(name, t.generator, weight=each) for name, t, each in terms), report),
        rebuild=functools.partial(_coded, categories=tuple(categories), continuous=continuous),
        options={"codes": sum(categories) + 2 * continuous},
    )


def _coded(
    networks: Mapping[str, nn.Module], shape: Shape, *, categories: Sequence[int], continuous: int
) -> dict[str, nn.Module]:
    """The generator with codes in front."""
    generator = networks["generator"]
    return {"generator": CodedGenerator(generator, categories=categories, continuous=continuous)}


PARTS: dict[str, Callable[..., Part]] = {
    "none": none,
    "concatenation": concatenation,
    "projection": projection,
    "attributes": attributes,
    "auxiliary classifier": auxiliary_classifier,
    "information": information,
}
