"""Objectives as parts: what the two players play for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from synthaug.objectives.adversarial import (
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    Relativistic,
    Wasserstein,
)
from synthaug.objectives.penalties import GradientPenalty, WeightClipping
from synthaug.textbook.part import Part
from synthaug.training import Term

__all__ = ["BATCHWISE", "PARTS"]

BATCHWISE = {
    "batchwise discriminator": (
        "the slope at one image would depend on the others (the stabilizer 'no batch norm' "
        "takes batch normalisation out of the discriminator)"
    ),
}
"""What penalties on the slope refuse."""


def _game(
    name: str,
    source: str,
    objective: Any,
    *,
    generator_weight: float = 1.0,
    penalties: tuple[Term, ...] = (),
    has: tuple[str, ...] = (),
    refuses: dict[str, str] | None = None,
    **rest: Any,
) -> Part:
    """An objective; with ``generator_weight=0`` another part must tell the generator its way."""
    return Part(
        name=name,
        source=source,
        discriminator=(Term(name, objective.discriminator), *penalties),
        generator=(Term(name, objective.generator, weight=generator_weight),),
        has=frozenset({"objective", *has}),
        refuses={"objective": "a game has one objective", **(refuses or {})},
        **rest,
    )


# "labels": the discriminator is told a number for each image. "zero means undecided": the sign
# of a logit says what it takes the image for.
_LOGISTIC = ("labels", "probabilities", "zero means undecided")


def minimax(*, generator_weight: float = 1.0) -> Part:
    """Goodfellow et al. 2014, the zero-sum game of the theory."""
    return _game(
        "minimax", "Goodfellow et al. 2014", Minimax(),
        generator_weight=generator_weight, has=_LOGISTIC,
    )  # fmt: skip


def non_saturating(*, generator_weight: float = 1.0) -> Part:
    """Goodfellow et al. 2014, the form used in practice."""
    return _game(
        "non-saturating", "Goodfellow et al. 2014", NonSaturating(),
        generator_weight=generator_weight, has=_LOGISTIC,
    )  # fmt: skip


def least_squares(*, generator_weight: float = 1.0) -> Part:
    """Mao et al. 2017: squared distances from 1 and 0."""
    return _game(
        "lsgan", "Mao et al. 2017", LeastSquares(),
        generator_weight=generator_weight, has=("labels",),
    )  # fmt: skip


def wasserstein(*, clip: float = 0.01) -> Part:
    """Arjovsky et al. 2017: RMSprop, five critic steps, every weight kept in ± ``clip``."""
    return _game(
        "wgan", "Arjovsky, Chintala, Bottou 2017", Wasserstein(),
        has=("clipped weights",),
        refuses={
            "equalized weights": "its weights are scaled after they are stored, so clipping what "
            "is stored bounds nothing",
        },
        after_discriminator=(WeightClipping(clip),),
        settings={"optimizer": "rmsprop", "learning_rates": (5e-5, 5e-5), "critic_steps": 5},
    )  # fmt: skip


def wasserstein_penalty(*, weight: float = 10.0) -> Part:
    """Gulrajani et al. 2017: the critic's slope is held at 1; ``weight`` is the paper's λ."""
    return _game(
        "wgan-gp", "Gulrajani et al. 2017", Wasserstein(),
        penalties=(Term("gradient penalty", GradientPenalty(), weight=weight),),
        has=("gradient penalty",),
        refuses=BATCHWISE,
        settings={"betas": (0.0, 0.9), "learning_rates": (1e-4, 1e-4), "critic_steps": 5},
    )  # fmt: skip


def hinge(*, generator_weight: float = 1.0) -> Part:
    """Lim and Ye 2017; Miyato et al. 2018: a margin of ± 1."""
    return _game(
        "hinge", "Lim, Ye 2017; Miyato et al. 2018", Hinge(),
        generator_weight=generator_weight, has=("zero means undecided",),
        settings={"betas": (0.0, 0.9)},
    )  # fmt: skip


def relativistic(*, generator_weight: float = 1.0) -> Part:
    """Jolicoeur-Martineau 2019, pair by pair."""
    return _game(
        "relativistic", "Jolicoeur-Martineau 2019", Relativistic(),
        generator_weight=generator_weight,
    )  # fmt: skip


PARTS: dict[str, Callable[..., Part]] = {
    "minimax": minimax,
    "non-saturating": non_saturating,
    "lsgan": least_squares,
    "wgan": wasserstein,
    "wgan-gp": wasserstein_penalty,
    "hinge": hinge,
    "relativistic": relativistic,
}
