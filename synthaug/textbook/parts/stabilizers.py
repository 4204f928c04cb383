"""Penalties and stabilizers as parts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from torch import nn

from synthaug.diffaug import DiffAugment
from synthaug.diffaug.adaptive import AdaptiveAugment
from synthaug.networks.memory import Memory
from synthaug.objectives.balancing import (
    FeatureMatching,
    HistoricalAverage,
    InstanceNoise,
    LeCam,
    OneSidedSmoothing,
)
from synthaug.objectives.penalties import R1, R2, GradientPenalty, NoiseRegularizer, WeightPenalty
from synthaug.objectives.unrolled import Unrolled
from synthaug.textbook.part import Part
from synthaug.textbook.parts.objectives import BATCHWISE
from synthaug.training import Shape, Term

__all__ = ["PARTS"]


def r1(*, weight: float = 1.0, every: int = 8) -> Part:
    """Gradient penalty on real images; ``weight`` is the paper's γ."""
    return Part(
        name="r1",
        source="Mescheder, Geiger, Nowozin 2018",
        discriminator=(Term("r1", R1(), weight=weight, every=every),),
        refuses=BATCHWISE,
    )


def r2(*, weight: float = 1.0, every: int = 8) -> Part:
    """Gradient penalty on generated images; ``weight`` is the paper's γ."""
    return Part(
        name="r2",
        source="Mescheder, Geiger, Nowozin 2018",
        discriminator=(Term("r2", R2(), weight=weight, every=every),),
        refuses=BATCHWISE,
    )


def gradient_penalty(*, weight: float = 10.0) -> Part:
    """WGAN-GP's penalty beside another objective; ``weight`` is the paper's λ."""
    return Part(
        name="gradient penalty",
        source="Gulrajani et al. 2017",
        discriminator=(Term("gradient penalty", GradientPenalty(), weight=weight),),
        refuses={**BATCHWISE, "gradient penalty": "it has this penalty already"},
    )


def noise_regularizer(*, weight: float = 2.0) -> Part:
    """The penalty that noise on the discriminator's inputs comes to; the paper's γ."""
    return Part(
        name="noise regularizer",
        source="Roth, Lucchi, Nowozin, Hofmann 2017",
        discriminator=(Term("noise regularizer", NoiseRegularizer(), weight=weight),),
        needs={"probabilities": "its weights are probabilities (minimax, non-saturating)"},
        refuses=BATCHWISE,
    )


def weight_penalty(*, weight: float = 1e-4) -> Part:
    """Half the sum of the discriminator's squared weights, times ``weight``."""
    return Part(
        name="weight penalty",
        source="Krogh, Hertz 1991",
        discriminator=(Term("weight penalty", WeightPenalty(), weight=weight),),
        refuses={"clipped weights": "clipping bounds the weights already"},
    )


def label_smoothing(*, target: float = 0.9) -> Part:
    """Real images' target is α instead of 1; the fake target stays 0."""
    return Part(
        name="label smoothing",
        source="Salimans et al. 2016",
        discriminator=(Term("label smoothing", OneSidedSmoothing(target)),),
        needs={
            "labels": "its objective has no label to smooth (minimax, non-saturating, lsgan have)"
        },
    )


def instance_noise(*, sd: float = 0.2, until: float = 1.0) -> Part:
    """Normal noise on the discriminator's inputs that has gone at ``until`` of the run."""
    return Part(
        name="instance noise",
        source="Sønderby et al. 2017; Arjovsky, Bottou 2017",
        views=(InstanceNoise(sd, until),),
    )


def feature_matching(*, weight: float = 1.0) -> Part:
    """The generator also matches the discriminator's mean features.

    To let it replace the generator's loss, as in the paper, take an objective with
    ``generator_weight=0``.
    """
    return Part(
        name="feature matching",
        source="Salimans et al. 2016",
        generator=(Term("feature matching", FeatureMatching(), weight=weight),),
        needs={"features": "its discriminator does not tell what it saw"},
    )


def historical_averaging(*, weight: float = 1.0) -> Part:
    """Both players are drawn to the average of their own past."""
    d, g = HistoricalAverage("discriminator"), HistoricalAverage("generator")
    return Part(
        name="historical averaging",
        source="Salimans et al. 2016",
        discriminator=(Term("historical averaging", d, weight=weight),),
        generator=(Term("historical averaging", g, weight=weight),),
        after_discriminator=(d.update,),
        after_generator=(g.update,),
        networks=_history,
    )


def _history(_: Shape) -> dict[str, nn.Module]:
    return {"history": Memory(**{"generator moves": 0, "discriminator moves": 0})}


def unrolled(*, steps: int = 5, learning_rate: float = 0.1) -> Part:
    """The generator plays against the discriminator of ``steps`` virtual steps later."""

    def rewrite(against: tuple[Term, ...], terms: tuple[Term, ...]) -> tuple[Term, ...]:
        return tuple(
            dataclasses.replace(
                term, function=Unrolled(term.function, against, steps, learning_rate)
            )
            for term in terms
        )

    return Part(
        name="unrolled",
        source="Metz, Poole, Pfau, Sohl-Dickstein 2017",
        rewrite=rewrite,
        refuses={"clipped weights": "its virtual steps would leave the clipped range"},
    )


def ttur(*, generator: float = 1e-4, discriminator: float = 4e-4) -> Part:
    """Two time scales: learning rates of generator and discriminator."""
    return Part(
        name="ttur",
        source="Heusel, Ramsauer, Unterthiner, Nessler, Hochreiter 2017",
        settings={"learning_rates": (generator, discriminator)},
    )


def averaging(*, half_life: float = 0.1) -> Part:
    """The generator handed over is an exponential average; half-life as a share of the run."""
    return Part(
        name="averaging",
        source="Yazıcı, Foo, Winkler, Yap, Piliouras, Chandrasekhar 2019",
        settings={"averaging": half_life},
    )


def diffaugment() -> Part:
    """The same random change for real and generated images."""
    return Part(
        name="diffaugment",
        source="Zhao, Liu, Lin, Zhu, Han 2020",
        views=(DiffAugment().view,),
    )


def ada(*, target: float = 0.6, travel: int = 500_000) -> Part:
    """As many random changes as the discriminator's overfitting asks for."""
    augment = AdaptiveAugment(target, travel)
    return Part(
        name="ada",
        source="Karras, Aittala, Hellsten, Laine, Lehtinen, Aila 2020",
        views=(augment.view,),
        after_discriminator=(augment.adapt,),
        networks=_ada,
        needs={
            "zero means undecided": (
                "it reads the sign of the discriminator's answers, which says something with "
                "minimax, non-saturating and hinge only"
            )
        },
    )


def _ada(_: Shape) -> dict[str, nn.Module]:
    return {"ada": Memory(p=0, signs=0, seen=0)}


def lecam(*, weight: float = 0.3, decay: float = 0.99) -> Part:
    """The discriminator's answers stay near the moving averages of the other side's."""
    term = LeCam(decay)
    return Part(
        name="lecam",
        source="Tseng, Jiang, Liu, Yang, Yang 2021",
        discriminator=(Term("lecam", term, weight=weight),),
        after_discriminator=(term.update,),
        networks=_lecam,
    )


def _lecam(_: Shape) -> dict[str, nn.Module]:
    return {"lecam": Memory(real=0, fake=0)}


def no_batch_norm() -> Part:
    """The discriminator without batch normalisation, for penalties on its slope."""
    return Part(name="no batch norm", options={"batch_norm": False})


PARTS: dict[str, Callable[..., Part]] = {
    "r1": r1,
    "r2": r2,
    "gradient penalty": gradient_penalty,
    "noise regularizer": noise_regularizer,
    "weight penalty": weight_penalty,
    "label smoothing": label_smoothing,
    "instance noise": instance_noise,
    "feature matching": feature_matching,
    "historical averaging": historical_averaging,
    "unrolled": unrolled,
    "ttur": ttur,
    "averaging": averaging,
    "diffaugment": diffaugment,
    "ada": ada,
    "lecam": lecam,
    "no batch norm": no_batch_norm,
}
