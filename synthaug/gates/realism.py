"""Fidelity and diversity: generated images in the place of fresh real ones, at equal numbers."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from synthaug.gates.evidence import Limits, Pool
from synthaug.gates.sample import EMBEDDED, Sample, View
from synthaug.metrics import frechet_of_products, kid_of_products, support_of_collisions

__all__ = ["Comparison", "Realism", "compare", "drawable"]

# At most so many images a side: a hundred tell sets apart, and time grows with the square.
_MOST = 100
# Real, and generated, images that draws are taken from.
_POOL = 1000
_DRAWS_GENERATED, _FIRST_LOOK = 25, 199
_MANY_GROUPS = 20


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
    """One number of generated images beside the same number of fresh real ones.

    Args:
        value: of generated images, mean over draws.
        null: float (B,), of fresh real images.
        p_value: share of fresh real sets that are as extreme.
    """

    value: float
    null: NDArray[np.float64]
    p_value: float

    @property
    def ratio(self) -> float:
        """Value in units of the mean of the null."""
        mean = float(self.null.mean())
        return self.value / mean if mean else float("nan")


@dataclasses.dataclass(frozen=True, slots=True)
class Realism:
    """What fidelity and diversity rest on.

    Args:
        size: images a side in each comparison.
        variance: of the real images, summed over features.
        frechet: Fréchet distance to real images.
        kid: kernel distance to real images.
        recall: share of real images near generated ones.
        spread: mean distance between two images.
        crowding: distance to the nearest neighbour as a share of the mean distance.
        support: interval of the number of different images, by the birthday paradox.
    """

    size: int
    variance: float
    frechet: Comparison
    kid: Comparison
    recall: Comparison
    spread: Comparison
    crowding: Comparison
    support: tuple[float, float]

    @property
    def excess(self) -> float:
        """Fréchet distance beyond that between real images, in units of the real variance."""
        return (self.frechet.value - float(self.frechet.null.mean())) / self.variance

    @property
    def diversity(self) -> float:
        """Spread or crowding, whichever is worse, as a share of that of fresh real images."""
        return float(np.nanmin([self.spread.ratio, self.crowding.ratio, np.inf]))


def drawable(pool: Pool, generated: Sample) -> int:
    """How many images a side can be compared, classes in the generated proportion."""
    return sum(_quota(pool, generated).values())


def compare(
    pool: Pool, generated: Sample, *, draws: int, limits: Limits, rng: np.random.Generator
) -> Realism:
    """Compare generated with real images by splitting the real ones again and again.

    Each draw splits the real groups in two and takes equally many images of each class
    from both halves, A and B, and from the generated images, G. D(B, A) over the draws is
    what fresh real images give; the mean of D(G, A) is compared with it.

    Args:
        pool: real images; those of classes that were not generated are left aside.
        generated: images to compare.
        draws: splits of the real images at most; p cannot be below 1 / (draws + 1). Where
            the first 199 show that nothing can fail, they are enough.
        limits: what would be a failure.
        rng: of the splits.
    """
    quota = _quota(pool, generated)
    pool = pool.only(_thinned(pool.sample.labels, pool.groups, quota, rng))
    own = np.arange(len(generated)) if generated.groups is None else generated.groups
    kept = _thinned(generated.labels, own, quota, rng)
    generated, own = generated.subset(kept), own[kept] + pool.num_groups + len(pool)
    table = _tabulate(pool.sample.spaces[EMBEDDED], generated.spaces[EMBEDDED])
    groups = np.concatenate([_compared_groups(pool), own])
    variance = float(pool.sample.spaces[EMBEDDED].plain.var(axis=0, ddof=1).sum())
    support = _support(table.distances, groups, len(pool))
    rows: list[tuple[float, ...]] = []
    null: list[tuple[float, ...]] = []
    for draw in range(draws):
        if draw == _FIRST_LOOK:
            found = _realism(rows, null, variance, sum(quota.values()), support)
            if not _may_fail(found, limits):
                return found
        half, other = _halves(pool, quota, rng)
        null.append(_numbers(table, half, other, groups))
        if draw < _DRAWS_GENERATED:
            some = len(pool) + _some(generated, quota, len(other), rng)
            rows.append(_numbers(table, half, some, groups))
    return _realism(rows, null, variance, sum(quota.values()), support)


def _realism(
    rows: list[tuple[float, ...]],
    null: list[tuple[float, ...]],
    variance: float,
    size: int,
    support: tuple[float, float],
) -> Realism:
    values, reference = np.mean(rows, axis=0), np.array(null)
    found = [_compared(values[i], reference[:, i], larger=i < 2) for i in range(5)]
    return Realism(
        size=size,
        variance=variance,
        frechet=found[0],
        kid=found[1],
        recall=found[2],
        spread=found[3],
        crowding=found[4],
        support=support,
    )


def _compared_groups(pool: Pool) -> NDArray[np.int64]:
    """Groups whose images are not compared with each other, for spread and crowding.

    Photographs of one object are no two images. Where a class has few groups all pairs count
    all the same: a neighbour among three other groups would be farther than one among thirty,
    and real images would look less crowded than they are.
    """
    single = np.arange(len(pool)) + pool.num_groups
    many = [label for label in np.unique(pool.sample.labels) if _spread_out(pool, label)]
    return np.where(np.isin(pool.sample.labels, many), pool.groups, single)


def _spread_out(pool: Pool, label: int) -> bool:
    """Whether a class has enough groups to be compared one image a group."""
    return len(np.unique(pool.groups[pool.sample.labels == label])) >= _MANY_GROUPS


def _thinned(
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    quota: dict[int, int],
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """At most `_POOL` images of the classes wanted, as many groups as possible."""
    kept = np.zeros(len(labels), bool)
    for label, number in quota.items():
        members = np.flatnonzero(labels == label)
        most = max(2 * number, _POOL * number // sum(quota.values()))
        kept[members[_round_robin(groups[members], rng)][:most]] = True
    return kept


@dataclasses.dataclass(frozen=True, eq=False)
class _Table:
    """Inner products and mirror-blind distances of all images, real first; float64 (N, N)."""

    products: NDArray[np.float64]
    distances: NDArray[np.float64]
    dim: int


def _tabulate(real: View, made: View) -> _Table:
    plain = np.concatenate([real.plain, made.plain]).astype(np.float64)
    mirrored = np.concatenate([real.mirrored, made.mirrored]).astype(np.float64)
    products = plain @ plain.T
    own = products.diagonal()
    straight = own[:, None] + own[None, :] - 2 * products
    across = own[:, None] + np.square(mirrored).sum(axis=1)[None, :] - 2 * (plain @ mirrored.T)
    squares = np.minimum(straight, np.minimum(across, across.T))
    # Products this large carry errors of about 1e-13 of themselves: equal images are at 0.
    squares[squares < 1e-12 * (own[:, None] + own[None, :])] = 0.0
    return _Table(products, np.sqrt(squares), plain.shape[1])


def _quota(pool: Pool, generated: Sample) -> dict[int, int]:
    """Images a side of each class: what both have, thinned to `_MOST` in all."""
    made = np.bincount(generated.labels, minlength=len(generated.classes))
    real = np.bincount(pool.sample.labels, minlength=len(generated.classes)) // 2
    both = {int(c): int(min(made[c], real[c])) for c in np.flatnonzero(made)}
    total = sum(both.values())
    share = min(1.0, _MOST / total) if total else 0.0
    return {c: max(1, int(n * share)) for c, n in both.items() if n}


def _halves(
    pool: Pool, quota: dict[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of two sets of real images that share no group, equally many of each class."""
    side = rng.random(pool.num_groups)
    first: list[NDArray[np.int64]] = []
    second: list[NDArray[np.int64]] = []
    for label, size in quota.items():
        members = np.flatnonzero(pool.sample.labels == label)
        members = members[_round_robin(pool.groups[members], rng)]
        groups, counts = np.unique(pool.groups[members], return_counts=True)
        order = np.argsort(side[groups])
        middle = np.searchsorted(np.cumsum(counts[order]), len(members) / 2) + 1
        left = np.isin(pool.groups[members], groups[order[: min(middle, len(order) - 1)]])
        a, b = members[left], members[~left]
        if rng.random() < 0.5:
            a, b = b, a
        if len(order) >= _MANY_GROUPS:  # one image a group: generated ones are each their own
            size = min(size, *(len(np.unique(pool.groups[part])) for part in (a, b)))
        size = min(size, len(a), len(b))
        first.append(a[:size])
        second.append(b[:size])
    return np.concatenate(first), np.concatenate(second)


def _round_robin(groups: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """A random order that takes one image of every group before a second of any."""
    order = rng.permutation(len(groups))
    shuffled = groups[order]
    by_group = np.argsort(shuffled, kind="stable")
    starts = np.searchsorted(shuffled[by_group], shuffled[by_group])
    turn = np.empty(len(groups), np.int64)
    turn[by_group] = np.arange(len(groups)) - starts
    return order[np.argsort(turn, kind="stable")]


def _some(
    generated: Sample, quota: dict[int, int], size: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    chosen = [
        rng.permutation(np.flatnonzero(generated.labels == label))[:number]
        for label, number in quota.items()
    ]
    return rng.permutation(np.concatenate(chosen))[:size]


def _numbers(
    table: _Table, a: NDArray[np.int64], b: NDArray[np.int64], groups: NDArray[np.int64]
) -> tuple[float, ...]:
    """Fréchet, KID, recall, spread and crowding of images b beside a reference a."""
    cells = np.ix_(a, a), np.ix_(b, b), np.ix_(a, b)
    aa, bb, ab = (table.products[cell] for cell in cells)
    within = table.distances[cells[1]]
    other = groups[b][:, None] != groups[b][None, :]
    spread = float(within[other].mean()) if other.any() else 0.0
    nearest = np.where(other, within, np.inf).min(axis=1)
    crowding = float(np.median(nearest)) / spread if spread > 0 else 0.0
    reach = np.partition(within, min(3, len(b) - 1), axis=1)[:, min(3, len(b) - 1)]
    recall = (table.distances[cells[2]] <= reach[None, :]).any(axis=1).mean()
    return (
        frechet_of_products(aa, bb, ab),
        kid_of_products(aa, bb, ab, table.dim)[0],
        float(recall),
        spread,
        crowding if np.isfinite(crowding) else 0.0,
    )


def _may_fail(found: Realism, limits: Limits) -> bool:
    """Whether more draws could lead to a failure: a limit is passed, and p may get smaller.

    Source: Besag and Clifford, "Sequential Monte Carlo p-values", Biometrika 1991.
    """
    few = 10 / _FIRST_LOOK
    distance = min(found.frechet.p_value, found.kid.p_value)
    collapse = min(found.spread.p_value, found.crowding.p_value)
    far = found.excess > limits.fidelity and distance < few
    return far or (found.diversity < limits.diversity and collapse < few)


def _compared(value: float, null: NDArray[np.float64], *, larger: bool) -> Comparison:
    extreme = null >= value if larger else null <= value
    return Comparison(float(value), null, float((1 + extreme.sum()) / (1 + len(null))))


def _support(
    distances: NDArray[np.float64], groups: NDArray[np.int64], num_real: int
) -> tuple[float, float]:
    """Interval of the number of different images, where different is what real groups are."""
    same = groups[:num_real, None] == groups[None, :num_real]
    nearest = np.where(same, np.inf, distances[:num_real, :num_real]).min(axis=1)
    threshold = float(np.quantile(nearest, 0.05)) / 2
    upper = np.triu_indices(len(groups) - num_real, 1)
    collisions = distances[num_real:, num_real:][upper] <= threshold
    found = support_of_collisions(int(collisions.sum()), len(collisions))
    return found.low, found.high
