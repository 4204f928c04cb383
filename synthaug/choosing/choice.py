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
from synthaug.choosing.evidence import Comparison, Evidence, Findings
from synthaug.choosing.material import Material, Pictures, gather
from synthaug.choosing.telling import facts_beside, facts_of, reasons
from synthaug.choosing.trials import cnn, cut, linear, reduced, run
from synthaug.facts import ArmFacts
from synthaug.features import Extractor

__all__ = ["Choice", "choose"]

# An arm may cost this much of the balanced accuracy of the best and still count as doing
# equally well, if that is also within the noise: simplicity is worth half a point, no more.
_WORTH = 0.005
# How sure we must be that generated images help before they are handed over (one-sided).
_SURE = 0.95
_DEFAULT_SHARE = 0.3  # of generated images, where no linear probe says which is best
_WIDE_FOLDS = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """The remedy to hand over and everything that speaks for it.

    Args:
        arm: the remedy.
        arms: every arm that was tried, those of the decision first, with intervals.
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

    Ordinary arms are compared on folds of all images, by the mean of a small CNN and of a
    linear probe on frozen features: nobody knows what the set will be trained on, and two
    learners are less of a gamble than one. Arms with generated images are compared on folds
    of the held-out images only: the generator has seen none of those, so no probe is helped
    by a generated copy of what it is tested on. All other real images are on the training
    side. The linear probe says which of these arms the small CNN then sets against the best
    ordinary one; the CNN alone decides between the two, as the linear probe has spoken.

    Args:
        pictures: real images, labels and groups, e.g. `synthaug.datasets.Packed`.
        heldout: int64 indices of images the generator never saw.
        synthetic: label to uint8 (n, C, R, R) accepted generated images; may be empty.
        fill: labels of the classes that get synthetic images.
        effort: what it may cost; see `effort_for`.
        extractor: frozen features of the linear probe.
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
    small = run(material, ORDINARY, cuts, fit, rounds=effort.rounds, seed=seed)
    wide = _wide(pictures, heldout, synthetic, fill, effort, extractor, seed)
    found = Findings((small, wide.ordinary) if wide else (small,))
    best = _best(found, ORDINARY)
    arm = _simplest(found, ORDINARY, best)
    arms = facts_of(found, ORDINARY, best, fill, "final")
    if wide:
        arms += facts_of(small, ORDINARY, best, fill, "cnn")
        arms += facts_of(wide.ordinary, ORDINARY, best, fill, "wide")
    comparison = None
    unseen = cut(
        material, material.originals[material.heldout[material.originals]], effort.folds, seed=seed
    )
    if synthetic and unseen:
        rival = _rival(wide, best)
        final = run(material, (best, rival), unseen, fit, rounds=effort.rounds, seed=seed)
        comparison = _compare(final, rival, best)
        arms += facts_beside(found, final, [rival], best, fill, "final")
        if wide and wide.generated:
            arms += facts_beside(wide.ordinary, wide.generated, gan_arms(), best, fill, "wide")
        if comparison.lower > 0:
            arm = rival
    for fact in arms:
        fact.chosen = fact.stage == "final" and fact.name == arm.name
    helps = "yes" if arm.needs_gan else _helps(found, arm)
    why = reasons(arm, best, found, comparison)
    mixture = _mixture(material, arm, pictures.classes)
    return Choice(arm, arms, helps, why, mixture, comparison, effort)


@dataclasses.dataclass(frozen=True, slots=True)
class _Wide:
    """What a linear probe on frozen features says.

    Args:
        ordinary: of the ordinary arms, on folds of all images looked at.
        generated: of all arms, on folds of held-out images; None without generated images.
    """

    ordinary: Evidence
    generated: Evidence | None


def _wide(
    pictures: Pictures,
    heldout: NDArray[np.int64],
    synthetic: Mapping[int, torch.Tensor],
    fill: tuple[int, ...],
    effort: Effort,
    extractor: Extractor,
    seed: int,
) -> _Wide | None:
    """The linear probe's evidence; None where images are too many, or all of one group."""
    if effort.features < min(len(pictures.labels), effort.images) // 2:
        return None
    quarter = effort.features // 4
    material = gather(
        pictures, heldout, synthetic, fill=fill, images=2 * quarter, variants=quarter,
        generated=max(8, quarter // (2 * max(1, len(synthetic)))), seed=seed,
    )  # fmt: skip
    cuts = cut(material, material.originals, _WIDE_FOLDS, seed=seed)
    if not cuts:
        return None
    fit = linear(material, reduced(extractor(material.images), material.originals))
    ordinary = run(material, ORDINARY, cuts, fit, rounds=1, seed=seed)
    rows = material.originals[material.heldout[material.originals]]
    unseen = cut(material, rows, _WIDE_FOLDS, seed=seed) if synthetic else []
    every = (*ORDINARY, *gan_arms())
    generated = run(material, every, unseen, fit, rounds=1, seed=seed) if unseen else None
    return _Wide(ordinary, generated)


def _rival(wide: _Wide | None, best: Arm) -> Arm:
    """The arm with generated images that goes on: changed classically if the best one is."""
    alike = [arm for arm in gan_arms() if arm.classical == best.classical]
    if wide is None or wide.generated is None:
        return next(arm for arm in alike if arm.gan_share == _DEFAULT_SHARE)
    return _best(wide.generated, alike)


def _best(evidence: Evidence | Findings, arms: Sequence[Arm]) -> Arm:
    return max(arms, key=lambda arm: evidence.score(arm.name).value)


def _simplest(evidence: Evidence | Findings, arms: Sequence[Arm], best: Arm) -> Arm:
    """The first arm that is within noise of the best and costs half a point at most."""
    for arm in arms:
        loss = evidence.difference(best.name, arm.name)
        if loss.value <= min(loss.error, _WORTH):
            return arm
    return best


def _compare(final: Evidence, arm: Arm, against: Arm) -> Comparison:
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


def _helps(ordinary: Findings, arm: Arm) -> str:
    """What the evidence says of the arm against the untouched set."""
    if arm == PLAIN:
        return "no difference"
    low, high = ordinary.difference(arm.name, PLAIN.name).interval()
    if low > 0:
        return "yes"
    return "no difference" if high < 2 * _WORTH else "unknown"


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
