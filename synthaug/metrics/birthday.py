"""How many different images a generator can make, by the birthday paradox."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthaug.errors import InputError
from synthaug.metrics.distances import rows
from synthaug.metrics.neighbours import euclidean

__all__ = [
    "Birthday",
    "Support",
    "birthday_batch",
    "birthday_of_pairs",
    "birthday_support",
    "duplicate_threshold",
    "support_of_collisions",
]

_ORDERS = 400
"""Orders of the rows that `birthday_batch` tries."""


class Birthday(NamedTuple):
    """The birthday test of a generator.

    Attributes:
        batch: fewest images among which two are one image with a probability of a half; None
            where all the images at hand hold no duplicate that often.
        support: number of equally likely images of which such a batch holds a duplicate with
            probability 1/2; infinite where ``batch`` is None.
        images: images looked at.
        duplicates: pairs among them that count as one image.
    """

    batch: int | None
    support: float
    images: int
    duplicates: int


def birthday_batch(generated: ArrayLike, threshold: float, *, seed: int = 0) -> Birthday:
    """The birthday paradox test: the smallest batch that holds a near-duplicate half of the time.

    Batches are the beginnings of random orders of the rows, so one draw of N images answers
    for every batch size up to N.

    Args:
        generated: float (N, D), N at least 2, in any order.
        threshold: distance up to which two rows count as one image; `duplicate_threshold`
            takes it from real images.
        seed: of the orders.

    Returns:
        Batch, support, and what they rest on.

    Raises:
        InputError: see `rows`; a negative threshold.

    Example:
        >>> birthday_batch(np.zeros((9, 1)), 0.5)[:2]
        (2, 1.4426950408889634)

    Source: Arora, Risteski and Zhang, "Do GANs learn the distribution? Some theory and
    empirics", ICLR 2018, section 3. Differs: duplicates by feature distance in place of
    a person's eye; s (s - 1) / (2 ln 2), exact for equally likely images, in place of the
    order s².
    """
    matrix = rows(generated, name="generated")
    return birthday_of_pairs(_together(matrix, threshold), seed=seed)


def birthday_of_pairs(together: ArrayLike, *, seed: int = 0) -> Birthday:
    """`birthday_batch` where it is known already which images count as one.

    Args:
        together: bool (N, N), symmetric; the diagonal is not looked at.
        seed: of the orders.
    """
    pairs = np.triu(np.asarray(together, bool), 1)
    first, second = np.nonzero(pairs)
    if not len(first):
        return Birthday(None, math.inf, len(pairs), 0)
    rng = np.random.default_rng(seed)
    # A batch holds a duplicate from the later of a pair's two places on.
    places = (rng.permutation(len(pairs)) for _ in range(_ORDERS))
    met = [int(np.maximum(place[first], place[second]).min()) + 1 for place in places]
    batch = int(np.sort(met)[(_ORDERS - 1) // 2])
    support = batch * (batch - 1) / (2 * math.log(2))
    return Birthday(batch, support, len(pairs), len(first))


def duplicate_threshold(real: ArrayLike, groups: ArrayLike | None = None) -> float:
    """The distance up to which two images count as one, taken from different real images.

    Half of the distance that one in twenty real images has to its nearest neighbour: nearer
    than that, two photographs of different objects hardly ever are.

    Args:
        real: float (N, D), N at least 2.
        groups: int (N,), equal for photographs of one object, which are not compared.

    Raises:
        InputError: see `rows`; all rows in one group.

    Example:
        >>> duplicate_threshold([[0.0], [1.0], [3.0]])
        0.5
    """
    matrix = rows(real, name="real")
    own = np.arange(len(matrix)) if groups is None else np.asarray(groups)
    distances = np.where(own[:, None] == own[None, :], np.inf, euclidean(matrix, matrix))
    nearest = distances.min(axis=1)
    nearest = nearest[np.isfinite(nearest)]
    if not len(nearest):
        raise InputError(
            "real images", expected="at least two groups", got="one",
            remedy="Pass images of different objects.",
        )  # fmt: skip
    return float(np.quantile(nearest, 0.05)) / 2


class Support(NamedTuple):
    """How many different images a generator seems able to make.

    Attributes:
        estimate: pairs drawn for each collision seen; infinite where none was seen.
        low: lower end of the 95 % interval.
        high: upper end; infinite where none or few were seen.
        collisions: pairs closer than the threshold.
        pairs: pairs looked at.
    """

    estimate: float
    low: float
    high: float
    collisions: int
    pairs: int


def birthday_support(generated: ArrayLike, threshold: float) -> Support:
    """The size of the support by the birthday paradox: few different images collide often.

    Args:
        generated: float (N, D), N at least 2.
        threshold: distance below which two rows count as one image.

    Returns:
        The estimate with a 95 % interval that takes the collisions as a Poisson count.

    Raises:
        InputError: see `rows`; a negative threshold.

    Example:
        >>> birthday_support([[0.0], [0.1], [5.0], [5.1]], 1.0)[3:]
        (2, 6)

    Source: Arora and Zhang, "Do GANs learn the distribution?", ICLR 2018, section 3.
    Differs: counts colliding pairs of one batch instead of batches with a collision.
    """
    matrix = rows(generated, name="generated")
    collisions = int(np.triu(_together(matrix, threshold), 1).sum())
    return support_of_collisions(collisions, len(matrix) * (len(matrix) - 1) // 2)


def support_of_collisions(collisions: int, pairs: int) -> Support:
    """Return the `Support` that so many collisions among so many pairs speak for.

    Args:
        collisions: pairs that are one image, a Poisson count.
        pairs: pairs looked at.

    Example:
        >>> support_of_collisions(10, 1000).estimate
        100.0
    """
    from scipy.stats import chi2

    fewest = chi2.ppf(0.025, 2 * collisions) / 2 if collisions else 0.0
    most = chi2.ppf(0.975, 2 * collisions + 2) / 2
    estimate = pairs / collisions if collisions else np.inf
    high = pairs / fewest if fewest else np.inf
    return Support(float(estimate), float(pairs / most), float(high), collisions, pairs)


def _together(matrix: NDArray[np.float64], threshold: float) -> NDArray[np.bool_]:
    """Which pairs of rows count as one image."""
    if not threshold >= 0:
        raise InputError(
            "collision threshold",
            expected="a distance of 0 or more",
            got=str(threshold),
            remedy="Take a small quantile of distances between different real images.",
        )
    together: NDArray[np.bool_] = euclidean(matrix, matrix) <= threshold
    return together
