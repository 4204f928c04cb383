"""Whether a classifier trained on real images calls a generated one its label."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from synthaug.gates.evidence import Pool
from synthaug.gates.sample import EMBEDDED, Sample

__all__ = ["Agreement", "Classifier", "Expert", "compare_agreement", "fit_classifier"]

_COMPONENTS = 200


@dataclasses.dataclass(frozen=True, eq=False)
class Expert:
    """Logistic regression on the leading components of one kind of feature rows.

    Args:
        mean: float (D,).
        basis: float (D, P), components scaled to unit variance.
        weights: float (P, K).
        bias: float (K,).
    """

    mean: NDArray[np.float64]
    basis: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    def log_probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Float (N, K)."""
        logits = ((rows - self.mean) @ self.basis) @ self.weights + self.bias
        logits = logits - logits.max(axis=1, keepdims=True)
        return np.asarray(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))


@dataclasses.dataclass(frozen=True, eq=False)
class Classifier:
    """A product of experts: one on the embedded rows, one on each layout.

    Args:
        experts: by name of the rows they read.
        labels: int64 (K,), the class of each column.
    """

    experts: Mapping[str, Expert]
    labels: NDArray[np.int64]

    def predict(self, sample: Sample) -> NDArray[np.int64]:
        """The class of each image, int64 (N,)."""
        rows = _rows(sample)
        asked = [e.log_probabilities(rows[n]) for n, e in self.experts.items() if n in rows]
        return np.asarray(self.labels[np.sum(asked, axis=0).argmax(axis=1)])

    def agrees(self, sample: Sample) -> NDArray[np.bool_]:
        """Whether each image is called its label, bool (N,)."""
        return np.asarray(self.predict(sample) == sample.labels)


def fit_classifier(train: Sample) -> Classifier | None:
    """The classifier of real training images; None where they are of one class only.

    Classes weigh the same however many images they have.
    """
    if len(np.unique(train.labels)) < 2:
        return None
    fitted = {name: _fit(rows, train.labels) for name, rows in _rows(train).items()}
    experts = {name: expert for name, expert in fitted.items() if expert is not None}
    return Classifier(experts, np.unique(train.labels)) if experts else None


def _rows(sample: Sample) -> dict[str, NDArray[np.float32]]:
    return {EMBEDDED: sample.spaces[EMBEDDED].plain, **sample.layouts}


def _fit(values: NDArray[np.float32], labels: NDArray[np.int64]) -> Expert | None:
    """None where all rows are equal."""
    from sklearn.linear_model import LogisticRegression

    rows = values.astype(np.float64)
    mean = rows.mean(axis=0)
    basis = _whitening(rows - mean)
    if not basis.shape[1]:
        return None
    # C: leading components carry the class, trailing ones noise of equal scale after whitening.
    model = LogisticRegression(C=0.01, class_weight="balanced", max_iter=1000)
    model.fit((rows - mean) @ basis, labels)
    weights, bias = model.coef_.T, model.intercept_
    if len(model.classes_) == 2:
        weights, bias = np.hstack([-weights, weights]) / 2, np.array([-bias[0], bias[0]]) / 2
    return Expert(mean, basis, weights, bias)


def _whitening(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """The leading components, scaled so that rows times them have unit variance."""
    n = len(centred)
    if n < centred.shape[1]:  # the smaller of the two Gram matrices
        variances, vectors = np.linalg.eigh(centred @ centred.T / n)
        vectors = centred.T @ vectors / np.sqrt(np.maximum(variances * n, 1e-30))
    else:
        variances, vectors = np.linalg.eigh(centred.T @ centred / n)
    order = np.argsort(variances)[::-1][:_COMPONENTS]
    order = order[variances[order] > 1e-9 * max(float(variances.max()), 1e-12)]
    return np.asarray(vectors[:, order] / np.sqrt(variances[order]))


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
