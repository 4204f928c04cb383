"""The usual numbers of generated images, each beside what fresh real images get."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from synthaug import metrics
from synthaug.features import ClassExtractor, Extractor
from synthaug.gates import ImageJudgement, Sample
from synthaug.gates.sample import EMBEDDED

__all__ = ["INCEPTION", "NUMBERS", "Neighbour", "measure", "nearest_training"]

NUMBERS = (
    "frechet", "kid", "precision", "recall", "density", "coverage", "spread", "inception",
    "birthday_batch", "birthday_support",
)  # fmt: skip
"""What is measured; with ``_real`` behind it, the same of real images against real ones."""

INCEPTION = "Inception score with EfficientNet-Lite0 probabilities"
"""Its name: published scores come from another network and cannot be compared."""

_FEWEST = 10  # real images left for the real-against-real numbers, or there are none
_A_SPLIT = 50  # images a part of the Inception score, of which there are ten at most
_MOST = 1000  # images the birthday test looks at; time grows with the square

Rows = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True)
class Neighbour:
    """A generated image beside the training image nearest to it.

    Args:
        generated: which generated image.
        nearest: which training image.
        distance: between them, in the feature space, the smaller of the image's own and its
            mirror image's.
        relative: that distance over the median distance of held-out real images to their
            nearest training image; 1 is what a new real image has.
        closer_real: share of the held-out real images that lie at least as close to a
            training image.
    """

    generated: int
    nearest: int
    distance: float
    relative: float
    closer_real: float


def measure(
    real: Sample,
    made: Sample,
    *,
    fresh: Sample | None = None,
    extractor: Extractor | None = None,
    seed: int = 0,
) -> dict[str, float | None]:
    """The numbers of `NUMBERS` at equal n: several of them change with n alone.

    Args:
        real: real images that generated ones are compared with.
        made: generated images.
        fresh: other real images, for the numbers of real against real; half of ``real``
            against the other half where there are none.
        extractor: made the features; its class probabilities give the Inception score.
        seed: of every draw.

    Returns:
        Number name to number, and name + ``_real`` to that of real images; None where there
        are too few. ``real``, ``synthetic`` and ``n`` count images.
    """
    numbers: dict[str, float | None] = dict.fromkeys(
        [*NUMBERS, *(f"{name}_real" for name in NUMBERS)]
    )
    numbers |= {"real": len(real), "synthetic": len(made), "n": 0, "kid_error": None}
    rng = np.random.default_rng(seed)
    shown, fresh = _sides(real, fresh, rng)
    n = min(len(shown), len(made), len(fresh) if fresh else len(made))
    numbers["n"] = n
    if n < 2:
        return numbers
    chosen = shown.subset(np.sort(rng.permutation(len(shown))[:n]))
    a = chosen.spaces[EMBEDDED].plain
    b = made.spaces[EMBEDDED].plain[np.sort(rng.permutation(len(made))[:n])]
    numbers |= _compared(a, b)
    numbers["kid_error"] = math.sqrt(max(metrics.kid(a, b)[1], 0.0))
    if fresh:
        again = _compared(a, fresh.spaces[EMBEDDED].plain[_like(chosen, fresh, rng)])
        numbers |= {f"{name}_real": value for name, value in again.items()}
    numbers["spread"], numbers["spread_real"] = map(metrics.mean_pairwise_distance, (b, a))
    if isinstance(extractor, ClassExtractor):
        numbers |= _inception(extractor, b, a, seed)
    return numbers | _birthday(real, made, seed)


def _sides(
    real: Sample, fresh: Sample | None, rng: np.random.Generator
) -> tuple[Sample, Sample | None]:
    """What generated images are compared with, and the real images in their place, if any."""
    if fresh is not None:
        return real, fresh if len(fresh) >= _FEWEST else None
    groups = np.arange(len(real)) if real.groups is None else real.groups
    names = rng.permutation(np.unique(groups))
    first = np.isin(groups, names[: len(names) // 2])
    if min(first.sum(), (~first).sum()) < _FEWEST:
        return real, None
    return real.subset(first), real.subset(~first)


def _like(chosen: Sample, fresh: Sample, rng: np.random.Generator) -> NDArray[np.int64]:
    """As many fresh images of each class as were chosen; what a class lacks, from the others."""
    order = rng.permutation(len(fresh))
    labels = fresh.labels[order]
    wanted = np.bincount(chosen.labels, minlength=len(fresh.classes))
    found = [order[labels == label][:number] for label, number in enumerate(wanted)]
    first = np.concatenate(found)
    rest = order[~np.isin(order, first)][: len(chosen) - len(first)]
    return np.concatenate([first, rest])


def _compared(a: Rows, b: Rows) -> dict[str, float | None]:
    found: dict[str, float | None] = {
        "frechet": metrics.frechet_distance(a, b),
        "kid": metrics.kid(a, b)[0],
    }
    if min(len(a), len(b)) > 5:
        found["precision"], found["recall"] = metrics.precision_recall(a, b)
        found["density"], found["coverage"] = metrics.density_coverage(a, b)
    return found


def _inception(
    extractor: ClassExtractor, made: Rows, real: Rows, seed: int
) -> dict[str, float | None]:
    splits = min(10, max(1, len(made) // _A_SPLIT))
    told = [
        metrics.inception_scores(extractor.probabilities(rows), splits=splits, seed=seed)
        for rows in (made, real)
    ]
    return {
        "inception": float(told[0].mean()), "inception_sd": float(told[0].std()),
        "inception_real": float(told[1].mean()),
    }  # fmt: skip


def _birthday(real: Sample, made: Sample, seed: int) -> dict[str, float | None]:
    """The birthday test of both sides; real images of one object count once.

    Two images are one where they are nearer than different real images hardly ever are, to
    the network or as thumbnails: to the network alone, noise on equal images looks like variety.
    """
    groups = np.arange(len(real)) if real.groups is None else real.groups
    single = real.subset(np.unique(groups, return_index=True)[1])
    if len(single) < 2:
        return {}
    rng = np.random.default_rng(seed)
    sides = [side.subset(rng.permutation(len(side))[:_MOST]) for side in (made, single)]
    thresholds = {
        name: metrics.duplicate_threshold(view.plain) for name, view in sides[1].spaces.items()
    }
    found: dict[str, float | None] = {"duplicate_threshold": thresholds[EMBEDDED]}
    for side, ending in zip(sides, ("", "_real"), strict=True):
        together = np.zeros((len(side), len(side)), bool)
        for name, threshold in thresholds.items():
            rows = side.spaces[name].plain
            together |= metrics.euclidean(rows, rows) <= threshold
        test = metrics.birthday_of_pairs(together, seed=seed)
        pairs = test.images * (test.images - 1) // 2
        found[f"birthday_batch{ending}"] = test.batch
        found[f"birthday_support{ending}"] = test.support if test.batch else None
        found[f"birthday_support_low{ending}"] = metrics.support_of_collisions(
            test.duplicates, pairs
        ).low
    return found


def nearest_training(found: ImageJudgement, most: int = 12) -> list[Neighbour]:
    """The generated images nearest to a training image, most suspicious first.

    Args:
        found: what `synthaug.gates.Judge.images` says of them.
        most: how many at most.

    Source: the table of nearest neighbours in training that Goodfellow et al. 2014 and most
    later papers print. Differs: distances of features, in units of what real images have.
    """
    usual = max(float(np.median(found.heldout_distance)), 1e-12)
    order = np.argsort(found.distance, kind="stable")[:most]
    return [
        Neighbour(
            generated=int(at),
            nearest=int(found.nearest[at]),
            distance=float(found.distance[at]),
            relative=float(found.distance[at]) / usual,
            closer_real=float((found.heldout_distance <= found.distance[at]).mean()),
        )
        for at in order
    ]
