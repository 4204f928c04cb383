"""The evidence told to people: facts of each arm, and reasons in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from synthaug.arm import Arm
from synthaug.choosing.evidence import Comparison, Estimate, Evidence, Findings
from synthaug.facts import ArmFacts

__all__ = ["facts_beside", "facts_of", "reasons"]


def facts_of(
    evidence: Evidence | Findings,
    arms: Sequence[Arm],
    best: Arm,
    fill: tuple[int, ...],
    stage: str,
) -> list[ArmFacts]:
    """What was found of each arm, differences to the best ordinary one."""
    return [
        _fact(
            arm,
            stage,
            evidence.score(arm.name),
            Estimate(0.0, 0.0, 1.0) if arm == best else evidence.difference(arm.name, best.name),
            evidence.score(arm.name, fill).value,
        )
        for arm in arms
    ]


def facts_beside(
    found: Evidence | Findings,
    unseen: Evidence,
    arms: Sequence[Arm],
    best: Arm,
    fill: tuple[int, ...],
    stage: str,
) -> list[ArmFacts]:
    """Arms with generated images on the axis of the ordinary ones.

    They are validated on fewer images, so their score is that of the best ordinary arm on all
    images and, added to it, the paired difference on those few.
    """
    level, rare = found.score(best.name), found.score(best.name, fill).value
    facts = []
    for arm in arms:
        gain = unseen.difference(arm.name, best.name)
        score = Estimate(
            level.value + gain.value,
            math.hypot(level.error, gain.error),
            min(level.freedom, gain.freedom),
        )
        gained = unseen.score(arm.name, fill).value - unseen.score(best.name, fill).value
        facts.append(_fact(arm, stage, score, gain, min(1.0, max(0.0, rare + gained))))
    return facts


def _fact(arm: Arm, stage: str, score: Estimate, gain: Estimate, rare: float) -> ArmFacts:
    return ArmFacts(
        name=arm.name,
        stage=stage,
        score=min(1.0, max(0.0, score.value)),
        interval=_within(score),
        rare_recall=rare,
        difference=gain.value,
        difference_interval=gain.interval(),
        gan_share=arm.gan_share,
    )


def _within(score: Estimate) -> tuple[float, float]:
    low, high = score.interval()
    return max(0.0, low), min(1.0, high)


def reasons(arm: Arm, best: Arm, ordinary: Findings, comparison: Comparison | None) -> str:
    """The reasons in sentences, in points of balanced accuracy."""
    score = 100 * ordinary.score(best.name).value
    by = " by the mean of a small CNN and a linear probe" if len(ordinary.learners) > 1 else ""
    said = [f"Of the remedies without generated images, {best.name} did best{by} ({score:.1f} %)."]
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
