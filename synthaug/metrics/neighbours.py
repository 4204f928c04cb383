"""What nearest neighbours say: closeness, precision, recall, density, coverage."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthaug.errors import InputError
from synthaug.metrics.distances import pair, rows

__all__ = [
    "density_coverage",
    "euclidean",
    "mean_pairwise_distance",
    "nearest",
    "precision_recall",
]

_CHUNK = 1024


def euclidean(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """All distances between two sets of rows, float64 (N, M).

    Both are centred first: the product form loses digits far from the origin. What
    is left of a distance between equal rows is below 1e-7 of the rows' spread.
    """
    left, right = np.asarray(a, np.float64), np.asarray(b, np.float64)
    centre = right.mean(axis=0) if len(right) else 0.0
    left, right = left - centre, right - centre
    lengths, others = np.square(left).sum(axis=1), np.square(right).sum(axis=1)
    squares = lengths[:, None] + others[None, :]
    floor = 1e-14 * squares
    squares -= 2 * (left @ right.T)
    return np.sqrt(np.where(squares > floor, squares, 0.0))


def nearest(query: ArrayLike, pool: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The distance from each query row to its nearest pool row, and which row that is.

    Args:
        query: float (N, D); done in chunks, so memory grows with M only.
        pool: float (M, D), at least one row.

    Raises:
        InputError: see `rows`.

    Example:
        >>> nearest([[0.0], [9.0]], [[1.0], [7.0]])
        (array([1., 2.]), array([0, 1]))
    """
    queries, others = rows(query, name="query", least=0), rows(pool, name="pool", least=1)
    distances = np.empty(len(queries))
    indices = np.empty(len(queries), np.int64)
    for start in range(0, len(queries), _CHUNK):
        block = euclidean(queries[start : start + _CHUNK], others)
        which = block.argmin(axis=1)
        indices[start : start + len(block)] = which
        distances[start : start + len(block)] = block[np.arange(len(block)), which]
    return distances, indices


def mean_pairwise_distance(a: ArrayLike) -> float:
    """The mean distance between two different rows: the spread of a set.

    Args:
        a: float (N, D), N at least 2.

    Raises:
        InputError: see `rows`.

    Example:
        >>> mean_pairwise_distance([[0.0], [3.0], [6.0]])
        4.0
    """
    matrix = rows(a, name="a")
    return float(euclidean(matrix, matrix).sum() / (len(matrix) * (len(matrix) - 1)))


def precision_recall(real: ArrayLike, generated: ArrayLike, *, k: int = 3) -> tuple[float, float]:
    """The share of generated rows near real ones, and of real rows near generated ones.

    Near means inside the ball around a row that reaches its k-th neighbour in its own set.

    Args:
        real: float (N, D), N above k.
        generated: float (M, D), M above k.
        k: which neighbour makes the ball.

    Raises:
        InputError: see `rows`; too few rows for k.

    Source: Kynkäänniemi et al., "Improved precision and recall metric for assessing
    generative models", NeurIPS 2019, equations 1 and 2.
    """
    a, b = _enough(real, generated, k)
    between = euclidean(a, b)
    precision = (between <= _reach(a, k)[:, None]).any(axis=0).mean()
    recall = (between <= _reach(b, k)[None, :]).any(axis=1).mean()
    return float(precision), float(recall)


def density_coverage(real: ArrayLike, generated: ArrayLike, *, k: int = 5) -> tuple[float, float]:
    """How densely generated rows lie in real balls, and the share of real balls they hit.

    Args:
        real: float (N, D), N above k.
        generated: float (M, D), M above k.
        k: which neighbour makes the ball around a real row.

    Returns:
        Density (about 1 for equal distributions, may be larger) and coverage (0 to 1).

    Raises:
        InputError: see `rows`; too few rows for k.

    Source: Naeem et al., "Reliable fidelity and diversity metrics for generative models",
    ICML 2020, equations 3 and 5.
    """
    a, b = _enough(real, generated, k)
    inside = euclidean(a, b) <= _reach(a, k)[:, None]
    return float(inside.sum(axis=0).mean() / k), float(inside.any(axis=1).mean())


def _enough(
    real: ArrayLike, generated: ArrayLike, k: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = pair(real, generated)
    if not 1 <= k < min(len(a), len(b)):
        raise InputError(
            "neighbour number k",
            expected=f"1 to {min(len(a), len(b)) - 1} for {len(a)} and {len(b)} rows",
            got=str(k),
            remedy="Pass a smaller k or more rows.",
        )
    return a, b


def _reach(matrix: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Distance from each row to its k-th neighbour, itself not counted."""
    distances = euclidean(matrix, matrix)
    np.fill_diagonal(distances, -1.0)
    reach: NDArray[np.float64] = np.partition(distances, k, axis=1)[:, k]
    return reach
