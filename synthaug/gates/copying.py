"""Whether generated images sit on training images: the exact vote test, and one image's cut."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from synthaug.gates.evidence import Pool
from synthaug.gates.sample import EMBEDDED, Sample, View
from synthaug.metrics import euclidean

__all__ = ["VoteTest", "Votes", "cast_votes", "copied_images", "detectable_copies", "vote_test"]

_CHUNK = 512
# Beyond a twentieth of the distance to the next group one copy says no more than another;
# without the cap a single identical pair would outweigh every other image.
_LARGEST_VOTE = math.log(20)
# Two thirds of the distance to the next group: one in a hundred fresh real images is nearer.
_COPY_SCORE = math.log(1.5) ** 2
# A copy by flip, shift, crop, JPEG or brightness scores above this in 8 of 10 cases.
_TYPICAL_COPY = 1.0
_PERMUTATIONS, _AT_ONCE = 1999, 256
# Simulated power: permutations of one set, and groups from which the normal law is as good.
_SIMULATED, _LARGE = 199, 500


@dataclasses.dataclass(frozen=True, eq=False)
class Votes:
    """What each generated image says about the pool.

    Args:
        nearest: int64 (N,), pool image its strongest vote is for.
        score: float (N,), votes for it, squared and added over the spaces.
        weights: float (G,), largest vote each pool group received, squared and added.
        distance: float (N,), embedded distance to the nearest training image.
        nearest_train: int64 (N,), that image, as an index of the training sample.
    """

    nearest: NDArray[np.int64]
    score: NDArray[np.float64]
    weights: NDArray[np.float64]
    distance: NDArray[np.float64]
    nearest_train: NDArray[np.int64]


@dataclasses.dataclass(frozen=True, slots=True)
class VoteTest:
    """The vote test of one scope.

    Args:
        share: share of all weight that lies on training groups.
        expected: that share where labels do not matter.
        p_value: exact up to Monte Carlo error.
        voted: groups that received a vote.
        smallest_p: the smallest p these votes could have given.
        copied: generated images that score as copies of training images.
        detectable: copied fraction seen with 80 % power; None where none would be.
    """

    share: float
    expected: float
    p_value: float
    voted: int
    smallest_p: float
    copied: int
    detectable: float | None


def cast_votes(generated: Sample, pool: Pool) -> Votes:
    """Every generated image's vote: -log(d1 / d2), d1 to the nearest pool image, d2 to the
    nearest of another group, mirrored or not, in each space both samples have.
    """
    names = [name for name in pool.sample.spaces if name in generated.spaces]
    weights = np.zeros(pool.num_groups)
    found: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
    distance, nearest_train = np.empty(len(generated)), np.empty(len(generated), np.int64)
    for name in names:
        nearest, votes = np.empty(len(generated), np.int64), np.empty(len(generated))
        for start in range(0, len(generated), _CHUNK):
            rows = slice(start, min(start + _CHUNK, len(generated)))
            distances = _flip_aware(generated.spaces[name], rows, pool.sample.spaces[name])
            nearest[rows], votes[rows] = _votes(distances, pool.groups)
            if name == EMBEDDED:
                to_train = distances[:, pool.in_train]
                nearest_train[rows] = to_train.argmin(axis=1)
                distance[rows] = to_train.min(axis=1)
        largest = np.zeros(pool.num_groups)
        np.maximum.at(largest, pool.groups[nearest], votes)
        weights += largest**2
        found[name] = nearest, votes
    nearest, score = _strongest(found, pool.groups)
    return Votes(nearest, score, weights, distance, nearest_train)


def _flip_aware(view: View, rows: slice, pool: View) -> NDArray[np.float64]:
    plain = euclidean(view.plain[rows], pool.plain)
    return np.minimum(plain, euclidean(view.mirrored[rows], pool.plain))


def _votes(
    distances: NDArray[np.float64], groups: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    nearest = distances.argmin(axis=1)
    first = distances[np.arange(len(distances)), nearest]
    same = groups[None, :] == groups[nearest][:, None]
    second = np.where(same, np.inf, distances).min(axis=1)
    # Two groups at distance 0 are one image twice: which of them was copied nobody can say.
    ratio = np.where(second > 0, first / np.where(second > 0, second, 1.0), 1.0)
    ratio = np.where(np.isfinite(second), ratio, 1.0)
    return nearest, -np.log(np.clip(ratio, math.exp(-_LARGEST_VOTE), 1.0))


def _strongest(
    found: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]], groups: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The pool image with the strongest single vote, and the votes of all spaces for its group."""
    nearest = np.stack([entry[0] for entry in found.values()])
    votes = np.stack([entry[1] for entry in found.values()])
    columns = np.arange(nearest.shape[1])
    chosen = nearest[votes.argmax(axis=0), columns] if nearest.size else nearest[0]
    agree = groups[nearest] == groups[chosen][None, :]
    return chosen, (np.square(votes) * agree).sum(axis=0)


def vote_test(votes: Votes, pool: Pool, *, alpha: float, rng: np.random.Generator) -> VoteTest:
    """Whether the votes favour training groups, by permuting the labels of groups.

    Labels are permuted inside the class each group mostly belongs to, as they were split.
    The weights do not know the labels, so p is exact for any number of images, any
    generator and any dependence among its images.
    """
    train, strata = _of_groups(pool)
    weights, total = votes.weights, float(votes.weights.sum())
    observed = float(weights[train].sum())
    permuted = [_permuted(weights[s], int(train[s].sum()), rng) for s in strata]
    reached = int(np.count_nonzero(np.sum(permuted, axis=0) >= observed - 1e-9 * total))
    copied = int(((votes.score >= _COPY_SCORE) & pool.in_train[votes.nearest]).sum())
    return VoteTest(
        share=observed / total if total else 0.0,
        expected=float(train.mean()),
        p_value=(1 + reached) / (1 + _PERMUTATIONS),
        voted=int((weights > 0).sum()),
        smallest_p=_all_in_train(int((weights > 0).sum()), int(train.sum()), len(train)),
        copied=copied,
        detectable=_detectable(weights, train, len(votes.score), alpha, rng),
    )


def _of_groups(pool: Pool) -> tuple[NDArray[np.bool_], list[NDArray[np.int64]]]:
    """Whether each group is of the training side, and the groups of each class."""
    train = np.zeros(pool.num_groups, bool)
    train[pool.groups[pool.in_train]] = True
    table = np.zeros((pool.num_groups, len(pool.sample.classes)), np.int64)
    np.add.at(table, (pool.groups, pool.sample.labels), 1)
    majority = table.argmax(axis=1)
    return train, [np.flatnonzero(majority == label) for label in np.unique(majority)]


def _permuted(
    weights: NDArray[np.float64], size: int, rng: np.random.Generator, count: int = _PERMUTATIONS
) -> NDArray[np.float64]:
    """Sums of so many weights drawn without replacement, again and again, float64 (count,)."""
    if size >= len(weights):
        return np.full(count, weights.sum())
    sums = [
        weights[rng.random((rows, len(weights))).argpartition(size, axis=1)[:, :size]].sum(axis=1)
        for rows in np.diff([*range(0, count, _AT_ONCE), count])
    ]
    return np.concatenate(sums)


def _all_in_train(voted: int, train: int, groups: int) -> float:
    """The chance that as many voted groups as fit are all training groups."""
    fit = min(voted, train)
    return math.comb(groups - fit, train - fit) / math.comb(groups, train) if fit else 1.0


def _detectable(
    weights: NDArray[np.float64],
    train: NDArray[np.bool_],
    drawn: int,
    alpha: float,
    rng: np.random.Generator,
) -> float | None:
    """The smallest copied fraction that 8 of 10 simulated sets with these votes show."""

    def often(copies: int) -> bool:
        return sum(_seen(weights, train, copies, alpha, rng) for _ in range(25)) >= 20

    if not drawn or not often(drawn):
        return None
    low, high = 0, drawn
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if often(middle) else (middle, high)
    return high / drawn


def _seen(
    weights: NDArray[np.float64],
    train: NDArray[np.bool_],
    copies: int,
    alpha: float,
    rng: np.random.Generator,
) -> bool:
    """Whether so many copies of random training groups, on top of fair votes, give p <= alpha."""
    # The votes at hand may hold copies already: the side with the smaller ones has fair votes.
    fair = min(weights[train], weights[~train], key=np.mean)
    held = rng.choice(fair, len(train))
    copied = np.unique(rng.choice(np.flatnonzero(train), copies))
    held[copied] = np.maximum(held[copied], _TYPICAL_COPY)
    k, n, observed = int(train.sum()), len(train), float(held[train].sum())
    if n > _LARGE:
        spread = math.sqrt(k * (n - k) / (n - 1) * float(held.var()))
        return math.erfc((observed - k * float(held.mean())) / spread / math.sqrt(2)) / 2 <= alpha
    reached = int((_permuted(held, k, rng, _SIMULATED) >= observed - 1e-9).sum())
    return (1 + reached) / (1 + _SIMULATED) <= max(alpha, 1 / (1 + _SIMULATED))


def detectable_copies(num_train: int, num_heldout: int, num_generated: int) -> float | None:
    """The copied fraction the gate would see with 80 % power, before anything is drawn.

    Args:
        num_train: groups trained on.
        num_heldout: groups held out.
        num_generated: images to be drawn.

    Returns:
        A fraction, 0 to 1; None where even copying everything would stay unseen.

    Example:
        >>> detectable_copies(3, 1, 100) is None
        True
    """
    rng = np.random.default_rng(0)
    train = np.arange(num_train + num_heldout) < num_train
    # Fair votes of real photographs are small and skewed: about exponential, squared.
    fair = np.square(rng.exponential(0.12, len(train)))
    return _detectable(fair, train, num_generated, 0.05, rng)


def copied_images(votes: Votes, pool: Pool, *, fdr: float) -> NDArray[np.bool_]:
    """Which generated images are to be redrawn as copies of training images.

    Votes for held-out images are decoys: nobody can have copied those. The cut is the
    lowest score at which their number, scaled to the training side, stays under ``fdr``
    of the images cut; never nearer the crowd than two thirds of
    the distance to the next group.

    Source: target-decoy competition, Elias and Gygi, Nature Methods 2007. Differs: a floor
    on the score in place of the one added to the decoys, so that a single copy can be cut.
    """
    target = pool.in_train[votes.nearest]
    train, _ = _of_groups(pool)
    ratio = float(train.sum()) / max(1.0, float((~train).sum()))
    order = np.argsort(-votes.score, kind="stable")
    targets, decoys = np.cumsum(target[order]), np.cumsum(~target[order])
    passing = np.flatnonzero(decoys * ratio <= fdr * np.maximum(targets, 1))
    cut = np.inf if not len(passing) else votes.score[order[passing[-1]]]
    chosen: NDArray[np.bool_] = target & (votes.score >= max(cut, _COPY_SCORE))
    return chosen
