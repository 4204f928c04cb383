"""What probes said about validation images, and how sure that makes us."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from synthaug.arm import Arm

__all__ = ["Comparison", "Estimate", "Evidence", "Findings"]

Rows = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its standard error and degrees of freedom."""

    value: float
    error: float
    freedom: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The two-sided interval of Student's t at ``level``."""
        reach = float(stats.t.ppf(0.5 + level / 2, self.freedom)) * self.error
        return self.value - reach, self.value + reach

    def lower(self, level: float) -> float:
        """The one-sided lower bound: the truth lies above it in ``level`` of all cases."""
        return self.value - float(stats.t.ppf(level, self.freedom)) * self.error


@dataclasses.dataclass(frozen=True, slots=True)
class Findings:
    """What several learners found of the same arms: the mean over learners.

    A remedy is handed over for a model nobody here knows, so it should suit more than one.

    Args:
        learners: the evidence of each, at least one; images and folds may differ.
    """

    learners: tuple[Evidence, ...]

    def score(self, arm: str, classes: tuple[int, ...] | None = None) -> Estimate:
        """Mean of the learners' balanced accuracies, 0 to 1."""
        return _mean([evidence.score(arm, classes) for evidence in self.learners])

    def difference(self, arm: str, other: str) -> Estimate:
        """Mean of the learners' paired differences."""
        return _mean([evidence.difference(arm, other) for evidence in self.learners])


@dataclasses.dataclass(slots=True)
class Evidence:
    """Whether each validation image was named rightly, arm by arm and round by round.

    Every image is validated once a round, by the probe of its fold; all arms of a round
    share folds, seeds and images, so differences between arms are paired.

    Args:
        labels: int64 (M,) of the validation images.
        groups: int64 (M,).
        fold: int64 (M,), the fold each image is validated in.
        correct: arm name to bool (rounds, M).
    """

    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    fold: NDArray[np.int64]
    correct: dict[str, NDArray[np.bool_]] = dataclasses.field(default_factory=dict)

    def score(self, arm: str, classes: tuple[int, ...] | None = None) -> Estimate:
        """Mean recall of the classes (all by default): balanced accuracy, 0 to 1."""
        return self._estimate(self.correct[arm].astype(np.float64), classes, runs=1)

    def difference(self, arm: str, other: str) -> Estimate:
        """Balanced accuracy of ``arm`` less that of ``other``, paired by image."""
        values = self.correct[arm].astype(np.float64) - self.correct[other]
        return self._estimate(values, None, runs=2)

    def by_fold(self, arm: str) -> Rows:
        """Balanced accuracy of each round and fold, float64 (rounds, folds)."""
        hits = self.correct[arm]
        table = np.empty((len(hits), int(self.fold.max()) + 1))
        for fold in range(table.shape[1]):
            own = self.fold == fold
            parts = [hits[:, own & (self.labels == c)] for c in np.unique(self.labels[own])]
            table[:, fold] = np.mean([part.mean(1) for part in parts], axis=0)
        return table

    def _estimate(self, values: Rows, classes: tuple[int, ...] | None, *, runs: int) -> Estimate:
        """Mean over classes of the mean over images of ``values`` (rounds, M).

        Two sources of chance are added: which groups were photographed, within each class
        (the linearised variance of a cluster sample), and the probes' own seeds (between
        rounds, of ``runs`` probes). The second is partly inside the first already, so the
        error errs upwards.

        Source: Cochran, 1977, Sampling Techniques, section 9A (clusters of unequal size);
        Satterthwaite, 1946, for the degrees of freedom.
        """
        own = self._members(classes)
        if not own:
            return Estimate(math.nan, math.inf, 1.0)
        averaged = values.mean(0)
        spread = [_cluster_variance(averaged[mine], self.groups[mine]) for mine in own]
        # A class seen in one group says nothing about its own variance: what one group of
        # the other classes varies by stands in.
        known = [variance * count for variance, count in spread if count > 1]
        typical = float(np.mean(known)) if known else 0.25
        parts = [(v, n - 1) if n > 1 else (typical, 1) for v, n in spread]
        parts = [(v / len(own) ** 2, freedom) for v, freedom in parts]
        parts.append(self._noise(own, runs))
        total = sum(v for v, _ in parts)
        rough = sum(v**2 / freedom for v, freedom in parts)
        freedom = total**2 / rough if rough > 0 else float(len(averaged))
        value = float(np.mean([averaged[mine].mean() for mine in own]))
        return Estimate(value, math.sqrt(total), max(1.0, freedom))

    def _members(self, classes: tuple[int, ...] | None) -> list[NDArray[np.bool_]]:
        present = np.unique(self.labels).tolist()
        return [self.labels == c for c in present if classes is None or c in classes]

    def _noise(self, own: list[NDArray[np.bool_]], runs: int) -> tuple[float, int]:
        """Variance of the mean of all rounds due to seeds, pooled over arms, and its freedom."""
        scores = [
            np.mean([h[:, mine].mean(1) for mine in own], axis=0) for h in self.correct.values()
        ]
        rounds = len(scores[0])
        if rounds < 2:
            return 0.0, 1
        pooled = float(np.mean([score.var(ddof=1) for score in scores]))
        return runs * pooled / rounds, len(scores) * (rounds - 1)


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


def _mean(estimates: Sequence[Estimate]) -> Estimate:
    """Their mean; the errors are of the same images, so they are averaged like the values."""
    return Estimate(
        float(np.mean([estimate.value for estimate in estimates])),
        float(np.mean([estimate.error for estimate in estimates])),
        min(estimate.freedom for estimate in estimates),
    )


def _cluster_variance(values: Rows, groups: NDArray[np.int64]) -> tuple[float, int]:
    """Variance of the mean of ``values`` sampled by group, and the number of groups."""
    _, number = np.unique(groups, return_inverse=True)
    count = int(number.max()) + 1
    off = np.bincount(number, weights=values - values.mean(), minlength=count)
    if count == 1:
        return 0.0, 1
    return float((off**2).sum() / len(values) ** 2 * count / (count - 1)), count
