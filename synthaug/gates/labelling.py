"""Whether a classifier trained on real images calls a generated one its label."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from synthaug.gates.evidence import Pool
from synthaug.gates.sample import EMBEDDED, Sample

__all__ = ["Agreement", "Classifier", "compare_agreement", "fit_classifier"]

_COMPONENTS = 128


@dataclasses.dataclass(frozen=True, eq=False)
class Classifier:
    """Logistic regression on the leading components of frozen features.

    Args:
        mean: float (D,).
        basis: float (D, P), components scaled to unit variance.
        weights: float (P, K).
        bias: float (K,).
        labels: int64 (K,), the class of each column.
    """

    mean: NDArray[np.float64]
    basis: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    labels: NDArray[np.int64]

    def predict(self, sample: Sample) -> NDArray[np.int64]:
        """The class of each image, int64 (N,)."""
        rows = (sample.spaces[EMBEDDED].plain - self.mean) @ self.basis
        return np.asarray(self.labels[(rows @ self.weights + self.bias).argmax(axis=1)])

    def agrees(self, sample: Sample) -> NDArray[np.bool_]:
        """Whether each image is called its label, bool (N,)."""
        return np.asarray(self.predict(sample) == sample.labels)


def fit_classifier(train: Sample) -> Classifier | None:
    """The classifier of real training images; None where they are of one class only.

    Classes weigh the same however many images they have.
    """
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(train.labels)) < 2:
        return None
    rows = train.spaces[EMBEDDED].plain.astype(np.float64)
    mean = rows.mean(axis=0)
    _, scales, directions = np.linalg.svd(rows - mean, full_matrices=False)
    count = int(min(_COMPONENTS, (scales > 1e-6 * max(scales[0], 1e-12)).sum()))
    if not count:
        return None
    basis = directions[:count].T / (scales[:count] / math.sqrt(len(rows)))
    # C: leading components carry the class, trailing ones noise of equal scale after whitening.
    model = LogisticRegression(C=0.02, class_weight="balanced", max_iter=500)
    model.fit((rows - mean) @ basis, train.labels)
    weights, bias = model.coef_.T, model.intercept_
    if len(model.classes_) == 2:
        weights, bias = np.hstack([-weights, weights]) / 2, np.array([-bias[0], bias[0]]) / 2
    return Classifier(mean, basis, weights, bias, model.classes_.astype(np.int64))


@dataclasses.dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of generated images with their labels beside that of held-out real ones.

    Args:
        generated: share of generated images called their label.
        real: the same of held-out real images, classes in the generated proportion.
        interval: 95 % interval of generated minus real.
        p_value: of "generated images agree as often".
        detectable: smallest loss seen with 80 % power.
        num_real: held-out images asked.
    """

    generated: float
    real: float
    interval: tuple[float, float]
    p_value: float
    detectable: float
    num_real: int

    @property
    def difference(self) -> float:
        """Generated minus real."""
        return self.generated - self.real


def compare_agreement(
    classifier: Classifier, pool: Pool, generated: Sample, *, alpha: float
) -> Agreement | None:
    """Generated against held-out agreement; None where no held-out image has such a label.

    Photographs of one group count as one in the interval and in p: frames of one sign are
    right or wrong together.
    """
    from scipy.stats import hypergeom, norm

    heldout = pool.only(~pool.in_train)
    right, made = classifier.agrees(heldout.sample), classifier.agrees(generated)
    shares = np.bincount(generated.labels, minlength=len(generated.classes)) / len(generated)
    present = [c for c in np.flatnonzero(shares) if (heldout.sample.labels == c).any()]
    if not present:
        return None
    shares = shares / shares[present].sum()
    means = {c: float(right[heldout.sample.labels == c].mean()) for c in present}
    real = float(sum(shares[c] * means[c] for c in present))
    of_present = np.isin(heldout.sample.labels, present)
    groups = len(np.unique(heldout.groups[of_present]))
    generated_share, n = float(made.mean()), len(made)
    hits_real, hits = round(real * groups), int(made.sum())
    low, high = _newcombe(generated_share, n, real, groups)
    p = hypergeom.cdf(hits, n + groups, hits + hits_real, n)
    pooled = min(max((hits + hits_real) / (n + groups), 0.02), 0.98)
    effect = (norm.isf(alpha) + norm.isf(0.2)) * math.sqrt(
        pooled * (1 - pooled) * (1 / n + 1 / groups)
    )
    return Agreement(
        generated_share, real, (low, high), float(p), min(1.0, effect), int(of_present.sum())
    )


def _newcombe(a: float, n: int, b: float, m: int) -> tuple[float, float]:
    """The 95 % interval of the difference a - b of two shares.

    Source: Newcombe, "Interval estimation for the difference between independent
    proportions", Statistics in Medicine 1998, method 10.
    """
    (low_a, high_a), (low_b, high_b) = _wilson(a, n), _wilson(b, m)
    low = a - b - math.hypot(a - low_a, high_b - b)
    high = a - b + math.hypot(high_a - a, b - low_b)
    return low, high


def _wilson(share: float, n: int) -> tuple[float, float]:
    z = 1.959964
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return middle - half, middle + half
