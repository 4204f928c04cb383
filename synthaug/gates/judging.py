"""The judge: real images once, then as many generated sets as a job draws."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaug.errors import InputError
from synthaug.features import Extractor, embedded
from synthaug.gates import telling
from synthaug.gates.copying import VoteTest, cast_votes, copied_images, vote_test
from synthaug.gates.evidence import Limits, Pool, pooled, share
from synthaug.gates.labelling import Agreement, compare_agreement, fit_classifier
from synthaug.gates.reading import read
from synthaug.gates.realism import Realism, compare, drawable
from synthaug.gates.sample import EMBEDDED, Sample, sample
from synthaug.metrics import frechet_distance, kid
from synthaug.verdict import Status, Verdict, Verdicts

__all__ = ["ImageJudgement", "Judge", "judge", "judge_images"]

GATES = ("copy", "fidelity", "diversity", "label")
_FEWEST_IMAGES, _FEWEST_GROUPS = 20, 5
_FEWEST_GENERATED = 10


@dataclasses.dataclass(frozen=True, eq=False)
class ImageJudgement:
    """What the gates say of each generated image; arrays in step with the images.

    Args:
        score: float (N,), copy score: squared votes, 0 (between images) to 18 (identical).
        distance: float (N,), embedded distance to the nearest training image.
        nearest: int64 (N,), that image, as an index of the training sample.
        copied: bool (N,), to be redrawn as a copy.
        agrees: bool (N,), called its label by the classifier; all true where none could be
            trained.
        heldout_distance: float (M,), distance of held-out images to the nearest training
            image: what "not a copy" looks like.
    """

    score: NDArray[np.float64]
    distance: NDArray[np.float64]
    nearest: NDArray[np.int64]
    copied: NDArray[np.bool_]
    agrees: NDArray[np.bool_]
    heldout_distance: NDArray[np.float64]

    @property
    def accepted(self) -> NDArray[np.bool_]:
        """Neither a copy nor a stranger to its label: bool (N,)."""
        return np.asarray(~self.copied & self.agrees)

    @property
    def copy_threshold(self) -> float | None:
        """The largest distance at which an image was called a copy; None where none was."""
        return float(self.distance[self.copied].max()) if self.copied.any() else None

    def gates(self, index: int) -> dict[str, str]:
        """The per-image verdicts of one image, as provenance keeps them."""
        return {
            "copy": str(Status.FAIL if self.copied[index] else Status.PASS),
            "label": str(Status.PASS if self.agrees[index] else Status.FAIL),
        }


class Judge:
    """Real images prepared once; generated samples are judged, filtered and scored by it.

    Args:
        train: real images the generator was trained on.
        heldout: real images it never saw, of the same classes; no group on both sides.
        alpha: chance that a gate fails the set or any class although all is well.
        seed: of every random split and permutation.
        limits: how much worse than fresh real images is acceptable.

    Raises:
        InputError: a side is empty, or a group lies on both.
    """

    def __init__(
        self,
        train: Sample,
        heldout: Sample,
        *,
        alpha: float = 0.05,
        seed: int = 0,
        limits: Limits | None = None,
    ) -> None:
        if not 0 < alpha < 1:
            raise InputError(
                "alpha", expected="between 0 and 1", got=str(alpha), remedy="Pass 0.05."
            )
        self.classes = train.classes
        self.pool = pooled(train, heldout.with_classes(train.classes))
        self.alpha, self.seed, self.limits = alpha, seed, limits or Limits()
        self._classifier = fit_classifier(train)
        self._heldout_distance: NDArray[np.float64] | None = None

    def verdicts(self, generated: Sample, *, gates: Collection[str] = GATES) -> Verdicts:
        """Each gate's verdict on the set and on every class that was generated.

        Args:
            generated: images to judge, of classes the real images have.
            gates: which to ask: ``copy``, ``fidelity``, ``diversity``, ``label``.
        """
        generated = self._aligned(generated)
        scopes = self._scopes(generated)
        found: list[Verdict] = []
        if "copy" in gates:
            found += self._copy(scopes)
        if "fidelity" in gates or "diversity" in gates:
            found += self._realism(scopes)
        if "label" in gates:
            found += self._label(scopes)
        return Verdicts(verdict for verdict in found if verdict.gate in gates)

    def images(self, generated: Sample) -> ImageJudgement:
        """The per-image gates, for a job that redraws what is refused."""
        generated = self._aligned(generated)
        votes = cast_votes(generated, self.pool)
        agrees = np.ones(len(generated), bool)
        if self._classifier is not None:
            agrees = self._classifier.agrees(generated)
        if self._heldout_distance is None:
            heldout = self.pool.only(~self.pool.in_train)
            self._heldout_distance = cast_votes(heldout.sample, self.pool).distance
        return ImageJudgement(
            score=votes.score,
            distance=votes.distance,
            nearest=votes.nearest_train,
            copied=copied_images(votes, self.pool, fdr=self.limits.copy_fdr),
            agrees=agrees,
            heldout_distance=self._heldout_distance,
        )

    def score(self, generated: Sample) -> float:
        """How far from real, lower is better: to choose among checkpoints, not to judge.

        The mean over classes of the kernel distance to real images, as a share of their
        own spread, plus the loss of label agreement against held-out real images. Unbiased
        at few images, so that small draws of rare classes count.
        """
        generated = self._aligned(generated)
        real = self.pool.sample
        distances = [
            _relative_kid(
                real.spaces[EMBEDDED].plain[real.labels == label],
                generated.spaces[EMBEDDED].plain[generated.labels == label],
            )
            for label in np.unique(generated.labels)
        ]
        loss = 0.0
        if self._classifier is not None:
            found = compare_agreement(self._classifier, self.pool, generated, alpha=self.alpha)
            loss = max(0.0, -found.difference) if found else 0.0
        return float(np.nanmean(distances)) + loss if distances else math.inf

    def frechet(self, generated: Sample) -> float:
        """The Fréchet distance of generated to held-out real images, in the embedded space."""
        heldout = self.pool.only(~self.pool.in_train).sample
        return frechet_distance(heldout.spaces[EMBEDDED].plain, generated.spaces[EMBEDDED].plain)

    def frechet_floor(self) -> float:
        """The Fréchet distance of training to held-out real images at equal numbers."""
        rows = self.pool.sample.spaces[EMBEDDED].plain
        train, heldout = rows[self.pool.in_train], rows[~self.pool.in_train]
        order = np.random.default_rng(self.seed).permutation(len(train))[: len(heldout)]
        return frechet_distance(train[order], heldout)

    def _aligned(self, generated: Sample) -> Sample:
        if not len(generated):
            raise InputError(
                "generated images", expected="at least 1", got="none", remedy="Draw some."
            )
        return generated.with_classes(self.classes)

    def _scopes(self, generated: Sample) -> dict[str, tuple[Pool, Sample]]:
        scopes = {"set": (self.pool, generated)}
        if len(np.unique(self.pool.sample.labels)) > 1:
            for label in np.unique(generated.labels):
                name = self.classes[label]
                scopes[f"class:{name}"] = (self.pool.of_class(name), generated.of_class(name))
        return scopes

    def _rng(self, scope: str, gate: str) -> np.random.Generator:
        # From the names, so that a class's verdict does not depend on which others there are.
        return np.random.default_rng([self.seed, *f"{gate} {scope}".encode()])

    def _copy(self, scopes: dict[str, tuple[Pool, Sample]]) -> list[Verdict]:
        tests: dict[str, VoteTest] = {}
        for scope, (pool, made) in scopes.items():
            if pool.in_train.any() and not pool.in_train.all() and pool.num_groups > 1:
                alpha, rng = self.alpha * share(scope, len(scopes)), self._rng(scope, "copy")
                tests[scope] = vote_test(cast_votes(made, pool), pool, alpha=alpha, rng=rng)
        return telling.copy_verdicts(scopes, tests, self.alpha)

    def _realism(self, scopes: dict[str, tuple[Pool, Sample]]) -> list[Verdict]:
        # Two numbers a gate share alpha, as do the scopes: p must be able to get below that.
        draws = int(min(1999, max(199, math.ceil(4 * len(scopes) / self.alpha))))
        found: dict[str, Realism] = {}
        for scope, (pool, made) in scopes.items():
            enough = len(pool) >= _FEWEST_IMAGES and pool.num_groups >= _FEWEST_GROUPS
            if enough and drawable(pool, made) >= _FEWEST_GENERATED:
                rng = self._rng(scope, "realism")
                found[scope] = compare(pool, made, draws=draws, limits=self.limits, rng=rng)
        return telling.realism_verdicts(scopes, found, self.alpha, self.limits)

    def _label(self, scopes: dict[str, tuple[Pool, Sample]]) -> list[Verdict]:
        found: dict[str, Agreement] = {}
        for scope, (pool, made) in scopes.items():
            if self._classifier is None or pool.in_train.all():
                continue
            agreement = compare_agreement(self._classifier, pool, made, alpha=self.alpha)
            if agreement is not None:
                found[scope] = agreement
        return telling.label_verdicts(scopes, found, self.alpha, self.limits)


def _relative_kid(real: NDArray[np.float32], made: NDArray[np.float32]) -> float:
    """Kernel distance in units of the real images' own variance under the kernel."""
    if len(real) < 2 or len(made) < 2:
        return math.nan
    rows = real.astype(np.float64)
    kernel = (rows @ rows.T / rows.shape[1] + 1) ** 3
    own = kernel.diagonal().mean()
    shared = (kernel.sum() - kernel.trace()) / (len(rows) * (len(rows) - 1))
    return kid(real, made)[0] / max(float(own - shared), 1e-9)


def judge(
    *,
    train: Any,
    heldout: Any,
    generated: Any,
    groups: tuple[Any, Any] | None = None,
    alpha: float = 0.05,
    seed: int = 0,
    extractor: Extractor | None = None,
    limits: Limits | None = None,
) -> Verdicts:
    """The verdicts of the copy, fidelity, diversity and label gates on generated images.

    Every argument of images is a folder (one folder a class, or images only), uint8 images
    (N, C, H, W), ``(images, labels)``, an ``ImageSet``, or a `Sample`. Real images are
    brought to the size of the generated ones first.

    Args:
        train: real images the generator was trained on.
        heldout: real images it never saw.
        generated: the images to judge.
        groups: groups of train and of heldout, one value an image each.
        alpha: chance that one gate fails images as good as fresh real ones.
        seed: of every random split and permutation.
        extractor: feature space; `synthaug.features.embedded` by default.
        limits: how much worse than fresh real images is acceptable.

    Raises:
        InputError: images that cannot be read, unknown classes, a group on both sides.

    Example:
        >>> from synthaug.features import pixels
        >>> rng = np.random.default_rng(0)
        >>> draw = lambda: rng.integers(0, 256, (30, 8, 8), dtype=np.uint8)
        >>> verdicts = judge(train=draw(), heldout=draw(), generated=draw(), extractor=pixels())
        >>> verdicts.failed
        False
    """
    samples = _samples(train, heldout, generated, groups, extractor)
    return Judge(*samples[:2], alpha=alpha, seed=seed, limits=limits).verdicts(samples[2])


def judge_images(
    *,
    train: Any,
    heldout: Any,
    generated: Any,
    groups: tuple[Any, Any] | None = None,
    extractor: Extractor | None = None,
    limits: Limits | None = None,
) -> ImageJudgement:
    """The per-image gates on generated images; arguments as `judge` takes them.

    Args:
        train: real images the generator was trained on.
        heldout: real images it never saw.
        generated: the images to judge.
        groups: groups of train and of heldout, one value an image each.
        extractor: feature space; `synthaug.features.embedded` by default.
        limits: ``copy_fdr`` is used.

    Raises:
        InputError: see `judge`.
    """
    samples = _samples(train, heldout, generated, groups, extractor)
    return Judge(*samples[:2], limits=limits).images(samples[2])


def _samples(
    train: Any,
    heldout: Any,
    generated: Any,
    groups: tuple[Any, Any] | None,
    extractor: Extractor | None,
) -> tuple[Sample, Sample, Sample]:
    first = generated if isinstance(generated, Sample) else read(generated)
    side = None if isinstance(first, Sample) else first.side
    sources = (first, train, heldout)
    if extractor is None and not all(isinstance(source, Sample) for source in sources):
        extractor = embedded()
    made, left, right = (
        source if isinstance(source, Sample) else sample(source, extractor=extractor, side=side)
        for source in sources
    )
    if groups is not None:
        left, right = _grouped(left, right, groups)
    elif not _one_source(train, heldout):
        right = _numbered_apart(left, right)
    return left, right, made


def _one_source(train: Any, heldout: Any) -> bool:
    return getattr(train, "source", None) is getattr(heldout, "source", None)


def _numbered_apart(left: Sample, right: Sample) -> Sample:
    """The right sample, its groups beyond the left's: sets opened apart both count from 0."""
    if left.groups is None or right.groups is None:
        return right
    return dataclasses.replace(right, groups=right.groups + int(left.groups.max(initial=0)) + 1)


def _grouped(left: Sample, right: Sample, groups: tuple[Any, Any]) -> tuple[Sample, Sample]:
    names = [np.asarray(list(side)).astype(str) for side in groups]
    for side, own in zip((left, right), names, strict=True):
        if own.shape != (len(side),):
            raise InputError(
                "groups",
                expected=f"one for each of {len(side)} images",
                got=f"shape {own.shape}",
                remedy="Pass groups=(of train, of heldout).",
            )
    numbers = np.unique(np.concatenate(names), return_inverse=True)[1].astype(np.int64)
    return (
        dataclasses.replace(left, groups=numbers[: len(left)]),
        dataclasses.replace(right, groups=numbers[len(left) :]),
    )
