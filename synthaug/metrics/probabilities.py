"""Numbers of class probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from synthaug.errors import InputError
from synthaug.metrics.distances import rows

__all__ = ["inception_score"]


def inception_score(probabilities: ArrayLike) -> float:
    """The exponential of the mean divergence of each image's classes from all images' classes.

    Args:
        probabilities: float (N, K), each row non-negative with sum 1.

    Returns:
        1 (every image looks the same to the classifier) to K.

    Raises:
        InputError: rows that are no probabilities; see `rows`.

    Example:
        >>> inception_score([[1.0, 0.0], [0.0, 1.0]])
        2.0

    Source: Salimans et al., "Improved techniques for training GANs", NeurIPS 2016,
    section 4. Differs: one split.
    """
    p = rows(probabilities, name="probabilities", least=1)
    if (p < 0).any() or not np.allclose(p.sum(axis=1), 1, atol=1e-4):
        raise InputError(
            "class probabilities",
            expected="non-negative rows with sum 1",
            got=f"sums from {p.sum(axis=1).min():.3g} to {p.sum(axis=1).max():.3g}",
            remedy="Pass the softmax, not logits.",
        )
    marginal = p.mean(axis=0)
    ratio = np.where(p > 0, p / np.where(marginal > 0, marginal, 1.0), 1.0)
    score = np.exp((p * np.log(ratio)).sum(axis=1).mean())
    return float(np.clip(score, 1.0, p.shape[1]))
