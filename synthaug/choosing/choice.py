"""The choice among all remedies, made on real images no generator has seen."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from synthaug.arm import Arm
from synthaug.choosing.arms import ORDINARY, PLAIN, gan_arms
from synthaug.choosing.effort import Effort
from synthaug.choosing.evidence import Estimate, Evidence
from synthaug.choosing.material import Material, Pictures, gather
from synthaug.choosing.trials import cnn, cut, linear, reduced, run
from synthaug.facts import ArmFacts
from synthaug.features import Extractor

__all__ = ["Choice", "Comparison", "choose"]

# An arm may cost this much of the balanced accuracy of the best and still count as doing
# equally well, if that is also within the noise: simplicity is worth half a point, no more.
_WORTH = 0.005
# How sure we must be that generated images help before they are handed over (one-sided).
_SURE = 0.95
_DEFAULT_GAN = ("GAN share 0.3", "GAN share 0.3 + classical")


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
    """The best arm with generated images against the best without: the utility gate's evidence.

    Args:
        arm: the arm with generated images.
        against: the ordinary arm.
        differences: float64 (rounds, folds), paired differences of balanced accuracy.
        value: mean difference over all validation images, classes weighing the same.
        interval: its 95 % interval.
        lower: its one-sided 95 % lower bound.
        images: validation images behind it.
    """

    arm: Arm
    against: Arm
    differences: NDArray[np.float64]
    value: float
    interval: tuple[float, float]
    lower: float
    images: int


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """The remedy to hand over and everything that speaks for it.

    Args:
        arm: the remedy.
        arms: every arm that was tried, wide search first, with intervals.
        helps: ``"yes"``, ``"no difference"`` or ``"unknown"``, against the untouched set.
        why: sentences a person can follow.
        mixture: class name to the share of all draws its real and its generated images get.
        comparison: None where there were no generated images, or nothing to validate on.
        effort: the counts it took; the same counts and seed give the same choice.
    """

    arm: Arm
    arms: list[ArmFacts]
    helps: str
    why: str
    mixture: dict[str, dict[str, float]]
    comparison: Comparison | None
    effort: Effort


def choose(
    pictures: Pictures,
    heldout: NDArray[np.int64],
    synthetic: Mapping[int, torch.Tensor],
    *,
    fill: Sequence[int],
    effort: Effort,
    extractor: Extractor,
    seed: int = 0,
    device: str = "cpu",
) -> Choice:
    """The simplest remedy that does as well as the best, by cross-validation on real images.

    Ordinary arms are compared on folds of all images. Arms with generated images are
    compared, among themselves and with the best ordinary ones, on folds of the held-out
    images only: the generator has seen none of those, so no probe is helped by a generated
    copy of what it is tested on. All other real images are on the training side.

    Args:
        pictures: real images, labels and groups, e.g. `synthaug.datasets.Packed`.
        heldout: int64 indices of images the generator never saw.
        synthetic: label to uint8 (n, C, R, R) accepted generated images; may be empty.
        fill: labels of the classes that get synthetic images.
        effort: what it may cost; see `effort_for`.
        extractor: frozen features for the wide search.
        seed: of folds, probes and augmentation.
        device: where the small CNN trains.
    """
    fill = tuple(int(label) for label in fill)
    synthetic = {label: synthetic[label] for label in fill if len(synthetic.get(label, ()))}
    material = gather(
        pictures, heldout, synthetic, fill=fill,
        images=effort.images, variants=effort.variants, seed=seed,
    )  # fmt: skip
    cuts = cut(material, material.originals, effort.folds, seed=seed)
    if not cuts:
        return _unfounded(material, pictures.classes, effort)
    fit = cnn(material, draws=effort.draws, device=device)
    ordinary = run(material, ORDINARY, cuts, fit, rounds=effort.ordinary_rounds, seed=seed)
    best = _best(ordinary, ORDINARY)
    arm = _simplest(ordinary, ORDINARY, best)
    arms = _facts(ordinary, ORDINARY, best, fill, "final")
    comparison = None
    unseen = cut(
        material, material.originals[material.heldout[material.originals]], effort.folds, seed=seed
    )
    if synthetic and unseen:
        few, wide = _wide(pictures, heldout, synthetic, fill, effort, extractor, seed)
        last = (*dict.fromkeys((arm, best)), *few)
        final = run(material, last, unseen, fit, rounds=effort.gan_rounds, seed=seed)
        comparison = _compare(final, few, best)
        arms = wide + arms + _facts(final, few, best, fill, "final")
        if comparison.lower > 0:
            arm = comparison.arm
    for fact in arms:
        fact.chosen = fact.stage == "final" and fact.name == arm.name
    helps = "yes" if arm.needs_gan else _helps(ordinary, arm)
    why = _why(arm, best, ordinary, comparison)
    mixture = _mixture(material, arm, pictures.classes)
    return Choice(arm, arms, helps, why, mixture, comparison, effort)


def _wide(
    pictures: Pictures,
    heldout: NDArray[np.int64],
    synthetic: Mapping[int, torch.Tensor],
    fill: tuple[int, ...],
    effort: Effort,
    extractor: Extractor,
    seed: int,
) -> tuple[tuple[Arm, ...], list[ArmFacts]]:
    """The two arms with generated images that go on, and the facts of the search."""
    arms = gan_arms()
    if effort.features < min(len(pictures.labels), effort.images) // 2:
        return tuple(arm for arm in arms if arm.name in _DEFAULT_GAN), []
    quarter = effort.features // 4
    generated = max(8, quarter // (2 * len(synthetic)))
    material = gather(
        pictures, heldout, synthetic, fill=fill,
        images=2 * quarter, variants=quarter, generated=generated, seed=seed,
    )  # fmt: skip
    features = reduced(extractor(material.images), material.originals)
    rows = material.originals[material.heldout[material.originals]]
    cuts = cut(material, rows, 3, seed=seed)
    every = (*ORDINARY, *arms)
    wide = run(material, every, cuts, linear(material, features), rounds=1, seed=seed)
    order = sorted(arms, key=lambda arm: -wide.score(arm.name).value)
    # The small CNN gains more from classical changes than frozen features do: one of each.
    few = tuple(next(arm for arm in order if arm.classical == how) for how in (False, True))
    return few, _facts(wide, every, _best(wide, ORDINARY), fill, "wide")


def _best(evidence: Evidence, arms: Sequence[Arm]) -> Arm:
    return max(arms, key=lambda arm: evidence.score(arm.name).value)


def _simplest(evidence: Evidence, arms: Sequence[Arm], best: Arm) -> Arm:
    """The first arm that is within noise of the best and costs half a point at most."""
    for arm in arms:
        loss = evidence.difference(best.name, arm.name)
        if loss.value <= min(loss.error, _WORTH):
            return arm
    return best


def _compare(final: Evidence, few: Sequence[Arm], against: Arm) -> Comparison:
    arm = _simplest(final, few, _best(final, few))
    gain = final.difference(arm.name, against.name)
    return Comparison(
        arm=arm,
        against=against,
        differences=final.by_fold(arm.name) - final.by_fold(against.name),
        value=gain.value,
        interval=gain.interval(),
        lower=gain.lower(_SURE),
        images=len(final.labels),
    )


def _facts(
    evidence: Evidence, arms: Sequence[Arm], best: Arm, fill: tuple[int, ...], stage: str
) -> list[ArmFacts]:
    facts = []
    for arm in arms:
        score = evidence.score(arm.name)
        gain = evidence.difference(arm.name, best.name)
        same = arm == best
        facts.append(
            ArmFacts(
                name=arm.name,
                stage=stage,
                score=score.value,
                interval=_within(score),
                rare_recall=evidence.score(arm.name, fill).value,
                difference=gain.value,
                difference_interval=(0.0, 0.0) if same else gain.interval(),
                gan_share=arm.gan_share,
            )
        )
    return facts


def _within(score: Estimate) -> tuple[float, float]:
    low, high = score.interval()
    return max(0.0, low), min(1.0, high)


def _helps(ordinary: Evidence, arm: Arm) -> str:
    """What the evidence says of the arm against the untouched set."""
    if arm == PLAIN:
        return "no difference"
    low, high = ordinary.difference(arm.name, PLAIN.name).interval()
    if low > 0:
        return "yes"
    return "no difference" if high < 2 * _WORTH else "unknown"


def _why(arm: Arm, best: Arm, ordinary: Evidence, comparison: Comparison | None) -> str:
    """The reasons in sentences, in points of balanced accuracy."""
    score = 100 * ordinary.score(best.name).value
    said = [f"Of the remedies without generated images, {best.name} did best ({score:.1f} %)."]
    if not arm.needs_gan and arm != best:
        loss = ordinary.difference(best.name, arm.name)
        said.append(
            f"{arm.name.capitalize()} is simpler and {100 * loss.value:.1f} points behind it, "
            f"within the noise ({100 * loss.error:.1f})."
        )
    if comparison is not None:
        low, high = (100 * end for end in comparison.interval)
        found = (
            f"{comparison.arm.name} against {comparison.against.name}, on "
            f"{comparison.images} images the generator has not seen: "
            f"{100 * comparison.value:+.1f} points (95 % interval {low:+.1f} to {high:+.1f})"
        )
        said.append(
            f"{found}, so generated images are used."
            if arm.needs_gan
            else f"{found}, which does not show that generated images help: none is drawn."
        )
    return " ".join(said)


def _mixture(material: Material, arm: Arm, classes: tuple[str, ...]) -> dict[str, dict[str, float]]:
    shares = material.shares(arm)
    return {
        name: {"real": float(real), "gan": float(gan)}
        for name, (real, gan) in zip(classes, shares, strict=True)
    }


def _unfounded(material: Material, classes: tuple[str, ...], effort: Effort) -> Choice:
    """Without two groups nothing can be validated: oversampling, which needs no evidence."""
    arm = ORDINARY[2]
    return Choice(
        arm=arm,
        arms=[],
        helps="unknown",
        why="All images are one group, so no remedy could be tried on images kept apart.",
        mixture=_mixture(material, arm, classes),
        comparison=None,
        effort=effort,
    )
