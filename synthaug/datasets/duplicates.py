"""Photographs of one thing, found and grouped, so that no split parts them.

Two kinds of evidence, each calibrated on the set itself:

*Likeness.* Every image becomes a point: its 16 x 16 thumbnail with brightness and contrast
taken out (a perceptual hash kept as numbers), and, with ``embed``, its features; both with
their correlations taken out (whitened). Around each image the distances of its 11th and 40th
neighbours tell how fast neighbours thin out, hence how many unrelated images to expect as near
as a given one. A pair is joined where that number, multiplied over the two spaces, is below
0.1, seen from both sides.

*Sequence.* Files with neighbouring names often show one thing in quick succession. If images
next to each other are far more alike than random images of their class, neighbours are joined
up to a distance at which at most 2 % of all joins and one in five of the farthest are expected
to be wrong, the random pairs being the measure. Sets in random order show no such surplus
and nothing is joined.

What this finds and misses on sets with known groups: docs/benchmarks/near_duplicates.md.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from synthaug.datasets.resampling import squash
from synthaug.datasets.sources import numbered

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from synthaug.datasets.image_set import ImageSet

    Embed = Callable[[Tensor], NDArray[np.float32]]

__all__ = ["Duplicates", "near_duplicates"]

_NEAR, _FAR = 10, 40  # neighbours between which the local density is measured
_CHANCE = 0.1  # unrelated images expected to be as near as a pair that is joined
_WRONG_JOINS = 0.02  # expected share among joined neighbours in a sequence
_PRICE = 4  # right joins that one wrong join costs
_LEAST_JOINED = 0.1  # share of neighbours joined, below which there is no sequence to speak of
_RANDOM_PAIRS = 20  # per image, for the distances of unrelated images
_BLOCK = 1 << 22  # distances held at once
_LEAST_DISTANCE = 0.01
_PAIRS = 1 << 16  # pairs whose points are held at once
_EMBED_SIDE, _EMBED_BATCH = 64, 64
_BASIS_IMAGES, _BASIS_DIMS = 4096, 256  # larger sets keep features in the sample's directions
_THUMBNAIL_DIMS, _FEATURE_DIMS = 64, 128
_PER_DIM = 10  # images needed per whitened dimension


@dataclasses.dataclass(frozen=True, slots=True)
class Duplicates:
    """Groups after near-duplicates were joined to those the set came with.

    Args:
        groups: int64 (N,), from 0.
        joined: how many groups fewer there are than before.
        groups_per_class: effective number of groups of each class.
        lines: the same for people, one sentence each.
    """

    groups: NDArray[np.int64]
    joined: int
    groups_per_class: dict[str, int]
    lines: list[str]


def near_duplicates(images: ImageSet, *, embed: Embed | None = None) -> Duplicates:
    """Groups in which near-duplicates stand together, and how many groups each class has.

    Pixel-identical images are always joined. The sequence rule is left out where the set
    already comes with groups of several images: then those say what was taken together.

    Args:
        images: the set; its groups are kept together.
        embed: features, uint8 (B, C, H, W) to float32 (B, D); finds far more than thumbnails
            alone, at the price of one pass.
    """
    edges = [_identical(images), _chained(images.groups)]
    thumbnails = _contrast_free(images.thumbnails)
    spaces = [_whitened(thumbnails, _THUMBNAIL_DIMS)]
    features = None if embed is None else _features(images, embed)
    if features is not None:
        spaces.append(_whitened(features, _FEATURE_DIMS))
    edges.append(_alike(spaces))
    before = len(np.unique(images.groups))
    if before == len(images):
        within = _class_centred(thumbnails if features is None else features, images.labels)
        dims = _THUMBNAIL_DIMS if features is None else _FEATURE_DIMS
        edges.append(_in_sequence(_whitened(within, dims), images))
    groups = _components(np.concatenate(edges), len(images))
    return _report(images, groups, before)


def _report(images: ImageSet, groups: NDArray[np.int64], before: int) -> Duplicates:
    joined = before - int(groups.max(initial=-1) + 1)
    counts = images.counts()
    per_class = {
        name: len(np.unique(groups[images.labels == label])) for label, name in enumerate(counts)
    }
    lines = [
        f"{name}: {numbered(counts[name], 'file')}, {numbered(per_class[name], 'group')}"
        for name in counts
    ]
    if joined:
        lines.append(f"near-duplicates: {joined:,} fewer groups than before they were joined")
    return Duplicates(groups, joined, per_class, lines)


def _identical(images: ImageSet) -> NDArray[np.int64]:
    """Pairs of pixel-identical images (E, 2)."""
    return _chained(np.unique(images.digests, return_inverse=True)[1])


def _chained(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pairs that hold each group together, (E, 2)."""
    order = np.argsort(groups, kind="stable")
    same = groups[order[1:]] == groups[order[:-1]]
    return np.stack([order[:-1][same], order[1:][same]], axis=1)


def _components(edges: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Group numbers (N,) in order of first appearance."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(edges), bool), (edges[:, 0], edges[:, 1])), (count, count))
    found = connected_components(graph, directed=False)[1]
    _, first, number = np.unique(found, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return rank[number].astype(np.int64)


# Points


def _contrast_free(thumbnails: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Thumbnails (N, T * T) with mean 0 and norm 1; those without contrast stay near 0."""
    flat = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)
    flat -= flat.mean(1, keepdims=True)
    one_level = float(np.sqrt(flat.shape[1]))
    norms = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(norms, one_level), np.float32)


def _features(images: ImageSet, embed: Embed) -> NDArray[np.float32]:
    """Feature rows; of large sets only the leading directions, so that memory stays small."""
    total = len(images)
    if total <= _BASIS_IMAGES:
        return _embedded(images, np.arange(total), embed)
    sample = np.random.default_rng(0).choice(total, _BASIS_IMAGES, replace=False)
    rows = _embedded(images, sample, embed)
    mean = rows.mean(0)
    basis = np.linalg.eigh((rows - mean).T @ (rows - mean))[1][:, -_BASIS_DIMS:]
    kept = np.empty((total, basis.shape[1]), np.float32)
    for start in range(0, total, _BASIS_IMAGES):
        some = np.arange(start, min(start + _BASIS_IMAGES, total))
        kept[some] = (_embedded(images, some, embed) - mean) @ basis
    return kept


def _embedded(images: ImageSet, indices: NDArray[np.int64], embed: Embed) -> NDArray[np.float32]:
    import torch

    rows = []
    for start in range(0, len(indices), _EMBED_BATCH):
        batch = indices[start : start + _EMBED_BATCH].tolist()
        squares = np.stack([squash(images.pixels(index), _EMBED_SIDE) for index in batch])
        stacked = squares[:, None] if squares.ndim == 3 else squares.transpose(0, 3, 1, 2)
        rows.append(embed(torch.from_numpy(np.ascontiguousarray(stacked))))
    return np.concatenate(rows)


def _class_centred(points: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Points less the mean of their class, so that what is left tells members apart."""
    centred = points.copy()
    for label in np.unique(labels):
        centred[labels == label] -= centred[labels == label].mean(0)
    return centred


def _whitened(points: NDArray[np.float32], most: int) -> NDArray[np.float32]:
    """Points of unit norm in the leading directions, each scaled to equal variance.

    Sets too small to tell directions apart are only centred and scaled.
    """
    centred = points - points.mean(0)
    dims = min(most, len(points) // _PER_DIM, points.shape[1])
    if dims >= _PER_DIM:
        values, vectors = np.linalg.eigh(centred.T @ centred)
        keep = values[-dims:] > values[-1] * 1e-6
        centred = (
            centred @ (vectors[:, -dims:] / np.sqrt(np.maximum(values[-dims:], 1e-12)))[:, keep]
        )
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(centred / np.maximum(norms, 1e-12), np.float32)


# Likeness


class _Space(NamedTuple):
    """Points and how crowded it is around each of them."""

    points: NDArray[np.float32]
    neighbours: NDArray[np.int64]  # (N, K)
    far: NDArray[np.float64]  # (N,), distance of the farthest neighbour kept
    dims: NDArray[np.float64]  # (N,), local dimension
    most: int  # K

    def chance(self, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float64]:
        """Log of the number of unrelated images expected this near, from the worse side."""
        distance = _distances(self.points, left, right)
        sides = [
            np.log(self.most) + self.dims[end] * np.log(distance / self.far[end])
            for end in (left, right)
        ]
        return np.asarray(np.maximum(*sides))


def _distances(
    points: NDArray[np.float32], left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Distances of pairs of unit vectors, not below what float32 resolves."""
    cosine = np.empty(len(left))
    for start in range(0, len(left), _PAIRS):
        some = slice(start, start + _PAIRS)
        cosine[some] = np.einsum("ij,ij->i", points[left[some]], points[right[some]])
    return np.asarray(np.sqrt(np.maximum(2 - 2 * cosine, _LEAST_DISTANCE**2)))


def _alike(spaces: list[NDArray[np.float32]]) -> NDArray[np.int64]:
    """Pairs (E, 2) that are nearer than chance allows, all spaces together."""
    measured = [space for space in map(_measure, spaces) if space is not None]
    if not measured:
        return np.empty((0, 2), np.int64)
    count = measured[0].most
    owners = np.repeat(np.arange(len(spaces[0])), count)
    found = [np.stack([owners, space.neighbours.ravel()], axis=1) for space in measured]
    pairs = np.unique(np.sort(np.concatenate(found), axis=1), axis=0)
    chance = sum(space.chance(pairs[:, 0], pairs[:, 1]) for space in measured)
    return np.asarray(pairs[chance < np.log(_CHANCE)])


def _measure(points: NDArray[np.float32]) -> _Space | None:
    """The neighbourhoods of a set, None if it is too small to have any.

    The number of neighbours within a distance grows with its m-th power; m comes from two
    ranks beyond the reach of most groups of near-duplicates.

    Source: Levina and Bickel, 2004, "Maximum Likelihood Estimation of Intrinsic Dimension";
    Differs: two ranks in place of the mean over all, so that near-duplicates do not count.
    """
    far = min(_FAR, len(points) // 3)
    near = far * _NEAR // _FAR
    if near < 1:
        return None
    neighbours = _nearest(points, far)
    owner = np.arange(len(points))
    outer = _distances(points, owner, neighbours[:, far - 1])
    inner = _distances(points, owner, neighbours[:, near])
    dims = np.log(far / (near + 1)) / np.log(np.maximum(outer / inner, 1 + 1e-3))
    # A cluster seen from outside lies at one distance and would pass for endless dimensions.
    dims = np.minimum(dims, min(2 * float(np.median(dims)), points.shape[1]))
    return _Space(points, neighbours, outer, dims, far)


def _nearest(points: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Indices of each point's nearest others, nearest first, (N, count); memory is bounded."""
    total = len(points)
    result = np.empty((total, count), np.int64)
    rows = max(_BLOCK // total, 1)
    for start in range(0, total, rows):
        block = points[start : start + rows] @ points.T
        block[np.arange(len(block)), np.arange(start, start + len(block))] = -np.inf
        best = np.argpartition(block, total - count, axis=1)[:, total - count :]
        order = np.argsort(-np.take_along_axis(block, best, axis=1), axis=1, kind="stable")
        result[start : start + rows] = np.take_along_axis(best, order, axis=1)
    return result


# Sequence


def _in_sequence(points: NDArray[np.float32], images: ImageSet) -> NDArray[np.int64]:
    """Neighbours in name order (E, 2) that are too alike to be strangers."""
    left, right = _neighbours_by_name(images)
    if len(left) < _FAR:
        return np.empty((0, 2), np.int64)
    distance = _distances(points, left, right)
    stranger = np.sort(_stranger_distances(points, images.labels, left))
    threshold = _threshold(np.sort(distance), stranger)
    joined = distance <= threshold
    if joined.mean() < _LEAST_JOINED:
        return np.empty((0, 2), np.int64)
    return np.stack([left[joined], right[joined]], axis=1)


def _neighbours_by_name(images: ImageSet) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each image and the next of its class, numbers in names counted as numbers."""
    names = [re.split(r"(\d+)", images.path(index)) for index in range(len(images))]
    keys = [[int(p) if at % 2 else p for at, p in enumerate(name)] for name in names]
    order = np.array(
        sorted(range(len(images)), key=lambda index: (images.labels[index], keys[index]))
    )
    same = images.labels[order[1:]] == images.labels[order[:-1]]
    return order[:-1][same], order[1:][same]


def _stranger_distances(
    points: NDArray[np.float32], labels: NDArray[np.int64], left: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Distances of the same images to random others of their class."""
    random = np.random.default_rng(0)
    owners = np.tile(left, _RANDOM_PAIRS)
    others = np.empty_like(owners)
    for label in np.unique(labels[left]):
        at = labels[owners] == label
        others[at] = random.choice(np.flatnonzero(labels == label), at.sum())
    kept = owners != others
    return _distances(points, owners[kept], others[kept])


def _threshold(distance: NDArray[np.float64], stranger: NDArray[np.float64]) -> float:
    """The distance up to which joining pays, -inf if none does; both distances ascending.

    The share of strangers among neighbours is read off beyond the strangers' median, where
    hardly any relative is left.

    Source: Storey, 2002, "A direct approach to false discovery rates", equation 4.
    """
    strangers = min(1.0, 2 * float((distance > np.median(stranger)).mean()))
    joins = np.arange(1, len(distance) + 1)
    wrong = strangers * np.searchsorted(stranger, distance, "right") / len(stranger) * len(distance)
    gain = np.where(wrong <= _WRONG_JOINS * joins, joins - (1 + _PRICE) * wrong, 0)
    best = int(np.argmax(gain))
    return float(distance[best]) if gain[best] > 0 else -np.inf
