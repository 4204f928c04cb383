"""Numbers of class probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthaug.errors import InputError
from synthaug.metrics.distances import rows

__all__ = ["inception_score", "inception_scores"]


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
    section 4. Differs: one split; `inception_scores` has several.
    """
    return _score(_checked(probabilities, least=1))


def inception_scores(
    probabilities: ArrayLike, *, splits: int = 10, seed: int = 0
) -> NDArray[np.float64]:
    """The Inception score of each of several equal parts, float64 (splits,).

    Its mean and standard deviation are what papers print. The score grows with the images in
    a part, so compare at equal numbers only.

    Args:
        probabilities: float (N, K), each row non-negative with sum 1, N at least ``splits``.
        splits: parts, at least 1.
        seed: of the order in which rows are dealt to parts.

    Raises:
        InputError: see `inception_score`; fewer rows than parts.

    Example:
        >>> inception_scores(np.eye(4).repeat(2, axis=0)[[0, 2, 4, 6, 1, 3, 5, 7]], splits=1)
        array([4.])

    Source: Salimans et al., "Improved techniques for training GANs", NeurIPS 2016,
    section 4. Differs: rows are dealt at random, because sets often come sorted by class;
    fewer images than the paper's 50,000.
    """
    p = _checked(probabilities, least=max(1, splits))
    if splits < 1:
        raise InputError(
            "splits", expected="at least 1", got=str(splits), remedy="Pass 1 for a single part."
        )
    order = np.random.default_rng(seed).permutation(len(p))
    return np.array([_score(p[part]) for part in np.array_split(order, splits)])


def _checked(probabilities: ArrayLike, *, least: int) -> NDArray[np.float64]:
    p = rows(probabilities, name="probabilities", least=least)
    if (p < 0).any() or not np.allclose(p.sum(axis=1), 1, atol=1e-4):
        raise InputError(
            "class probabilities",
            expected="non-negative rows with sum 1",
            got=f"sums from {p.sum(axis=1).min():.3g} to {p.sum(axis=1).max():.3g}",
            remedy="Pass the softmax, not logits.",
        )
    return p


def _score(p: NDArray[np.float64]) -> float:
    marginal = p.mean(axis=0)
    ratio = np.where(p > 0, p / np.where(marginal > 0, marginal, 1.0), 1.0)
    score = np.exp((p * np.log(ratio)).sum(axis=1).mean())
    return float(np.clip(score, 1.0, p.shape[1]))
