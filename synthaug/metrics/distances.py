"""Distances between two sets of feature rows: Fréchet and kernel."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthaug.errors import InputError

__all__ = ["frechet_distance", "frechet_of_products", "kid", "kid_of_products", "rows"]


def rows(values: ArrayLike, *, name: str, least: int = 2) -> NDArray[np.float64]:
    """The values as a finite float64 matrix (N, D), N at least ``least``.

    Args:
        values: feature rows, numpy or CPU torch.
        name: what a message calls them.
        least: fewest rows the caller can use.

    Raises:
        InputError: not a matrix, too few rows, or NaN or infinity in it.
    """
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.ndim != 2 or len(matrix) < least or matrix.shape[1] == 0:
        raise InputError(
            f"feature rows {name}",
            expected=f"a matrix of at least {least} rows",
            got=f"shape {matrix.shape}",
            remedy="Pass one row an image, one column a feature.",
        )
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        raise InputError(
            f"feature rows {name}",
            expected="finite numbers",
            got="NaN or infinity",
            where=f"row {int(np.argmin(finite))}",
            remedy="Look at that image: its pixels or its features are broken.",
        )
    return matrix


def pair(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both as checked matrices of one width.

    Raises:
        InputError: as `rows`, or different numbers of columns.
    """
    left, right = rows(a, name="a"), rows(b, name="b")
    if left.shape[1] != right.shape[1]:
        raise InputError(
            "feature rows",
            expected="as many columns in b as in a",
            got=f"{left.shape[1]} and {right.shape[1]}",
            remedy="Extract both with the same extractor.",
        )
    return left, right


def frechet_distance(a: ArrayLike, b: ArrayLike) -> float:
    """The Fréchet distance of the normal distributions fitted to two sets of rows.

    Exact also for fewer rows than columns: with centred rows A and B, both divided by the
    root of n - 1, the trace of the root of the product of the covariances is the sum of
    the singular values of A Bᵀ, so no d x d root is ever taken. Called FID only when the
    rows come from TensorFlow's Inception weights.

    Args:
        a: float (N, D), N at least 2.
        b: float (M, D), M at least 2.

    Returns:
        A distance of 0 or more, in squared units of the features. Biased upwards at
        small N: compare at equal N only.

    Raises:
        InputError: see `rows`.

    Example:
        >>> frechet_distance([[0.0], [2.0]], [[3.0], [5.0]])
        9.0

    Source: Dowson and Landau, "The Fréchet distance between multivariate normal
    distributions", 1982, equation 4. Differs: none, singular values for the trace.
    """
    left, right = pair(a, b)
    shift = left.mean(axis=0) - right.mean(axis=0)
    left, right = (_centred(side) for side in (left, right))
    cross = np.linalg.svd(left @ right.T, compute_uv=False).sum()
    spread = np.square(left).sum() + np.square(right).sum()
    return max(0.0, float(shift @ shift + spread - 2 * cross))


def frechet_of_products(
    aa: NDArray[np.float64], bb: NDArray[np.float64], ab: NDArray[np.float64]
) -> float:
    """Return `frechet_distance` of two sets of which only the inner products are at hand.

    Args:
        aa: float64 (N, N), products within the first set.
        bb: float64 (M, M), within the second.
        ab: float64 (N, M), between them.
    """
    n, m = len(aa) - 1, len(bb) - 1
    shift = aa.mean() + bb.mean() - 2 * ab.mean()
    spread = (aa.trace() - aa.mean() * len(aa)) / n + (bb.trace() - bb.mean() * len(bb)) / m
    centred = ab - ab.mean(axis=0) - ab.mean(axis=1, keepdims=True) + ab.mean()
    cross = np.linalg.svd(centred, compute_uv=False).sum() / np.sqrt(n * m)
    return max(0.0, float(shift + spread - 2 * cross))


def _centred(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows whose Gram matrix over columns is the covariance, at most as many as columns."""
    centred = (matrix - matrix.mean(axis=0)) / np.sqrt(len(matrix) - 1)
    if len(centred) > centred.shape[1]:
        return np.asarray(np.linalg.qr(centred, mode="r"))
    return np.asarray(centred)


def kid(a: ArrayLike, b: ArrayLike) -> tuple[float, float]:
    """The kernel inception distance of two sets of rows and the variance of that estimate.

    The squared maximum mean discrepancy under the kernel (x·y / D + 1)³, without bias:
    its mean over two samples of one distribution is 0 at any N.

    Args:
        a: float (N, D), N at least 2.
        b: float (M, D), M at least 2.

    Returns:
        The estimate (may be slightly negative) and its variance to first order.

    Raises:
        InputError: see `rows`.

    Example:
        >>> same = [[0.0], [1.0], [2.0]]
        >>> kid(same, [[5.0], [6.0], [7.0]])[0] > 1000 > 0 > kid(same, same)[0]
        True

    Source: Bińkowski et al., "Demystifying MMD GANs", ICLR 2018, section 4. Differs: one
    estimate over all rows instead of a mean over blocks; variance by Hoeffding projection.
    """
    left, right = pair(a, b)
    return kid_of_products(left @ left.T, right @ right.T, left @ right.T, left.shape[1])


def kid_of_products(
    aa: NDArray[np.float64], bb: NDArray[np.float64], ab: NDArray[np.float64], dim: int
) -> tuple[float, float]:
    """Return `kid` of two sets of which only the inner products are at hand.

    Args:
        aa: float64 (N, N), products within the first set.
        bb: float64 (M, M), within the second.
        ab: float64 (N, M), between them.
        dim: number of features.
    """
    within_a, within_b = (_off_diagonal_means(_kernel(square, dim)) for square in (aa, bb))
    cross = _kernel(ab, dim)
    value = within_a.mean() + within_b.mean() - 2 * cross.mean()
    influence_a = within_a - cross.mean(axis=1)
    influence_b = within_b - cross.mean(axis=0)
    variance = 4 * (influence_a.var(ddof=1) / len(aa) + influence_b.var(ddof=1) / len(bb))
    return float(value), float(variance)


def _kernel(products: NDArray[np.float64], dim: int) -> NDArray[np.float64]:
    base = products / dim + 1
    return base * base * base


def _off_diagonal_means(square: NDArray[np.float64]) -> NDArray[np.float64]:
    means: NDArray[np.float64] = (square.sum(axis=1) - square.diagonal()) / (len(square) - 1)
    return means
