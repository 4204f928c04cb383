"""The story of one evaluation: read both sets, judge, measure, tell."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synthaug.errors import InputError
from synthaug.verdict import Status, Verdict, Verdicts

if TYPE_CHECKING:
    from synthaug.features import Extractor
    from synthaug.gates import Limits, Sample

__all__ = ["Evaluation", "evaluate"]

_COLUMNS = ("real", "synthetic", "frechet", "kid", "precision", "recall", "density", "coverage")


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What is known about synthetic images beside real ones.

    Args:
        verdicts: of the gates, on the set and on each synthetic class.
        metrics: by scope (``"set"``, ``"class:NAME"``), number name to number; None where
            there are too few images.
        space: name of the feature space the numbers belong to.
        notes: what a reader must know, such as what could not be asked.
    """

    verdicts: Verdicts
    metrics: Mapping[str, Mapping[str, float | None]]
    space: str
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether any gate failed the set or a class."""
        return self.verdicts.failed

    def to_json(self) -> str:
        """One JSON object: ``failed``, ``space``, ``notes``, ``metrics``, ``verdicts``."""
        facts = {
            "failed": self.failed,
            "space": self.space,
            "notes": list(self.notes),
            "metrics": self.metrics,
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
        }
        return json.dumps(facts, indent=1)

    def __str__(self) -> str:
        width = max(len(scope) for scope in self.metrics)
        lines = [str(self.verdicts), "", f"Numbers in the space of {self.space}:"]
        lines.append(f"{'':<{width}}  " + "  ".join(f"{name:>9}" for name in _COLUMNS))
        for scope, numbers in self.metrics.items():
            cells = "  ".join(f"{_short(numbers[name]):>9}" for name in _COLUMNS)
            lines.append(f"{scope:<{width}}  {cells}")
        return "\n".join([*lines, *(f"Note: {note}" for note in self.notes)])


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def evaluate(
    real: Any,
    synthetic: Any,
    *,
    train: Any = None,
    groups: Mapping[str, Any] | None = None,
    alpha: float = 0.05,
    seed: int = 0,
    device: str = "cpu",
    limits: Limits | None = None,
    extractor: Extractor | None = None,
) -> Evaluation:
    """The verdicts on synthetic images and the usual numbers, for any generator.

    Args:
        real: real images the generator never saw: a folder (one folder a class, or images
            only), uint8 images (N, C, H, W), ``(images, labels)`` or an ``ImageSet``.
        synthetic: images to judge, likewise; real ones are brought to their size.
        train: real images the generator was trained on, likewise; without them nobody can
            say what was copied, and half of ``real`` trains the classifier of labels.
        groups: ``{"real": ..., "train": ...}``, one value an image, equal for photographs of
            one object. Where missing, near-duplicates in folders are found and grouped.
        alpha: chance that a gate fails images as good as fresh real ones.
        seed: of every random split and permutation.
        device: torch device of the extractor.
        limits: how much worse than fresh real images is acceptable.
        extractor: feature space; `synthaug.features.embedded` on ``device`` by default.

    Raises:
        InputError: images that cannot be read, unknown classes, too few real images.

    Example:
        >>> from synthaug.features import pixels
        >>> rng = np.random.default_rng(0)
        >>> draw = lambda: rng.integers(0, 256, (24, 8, 8), dtype=np.uint8)
        >>> evaluate(draw(), draw(), train=draw(), extractor=pixels()).failed
        False
    """
    from synthaug.features import embedded
    from synthaug.gates import Judge, Sample
    from synthaug.gates.reading import read

    extractor = extractor or embedded(device)
    made = synthetic if isinstance(synthetic, Sample) else read(synthetic)
    side = None if isinstance(made, Sample) else made.side
    given = groups or {}
    notes: list[str] = []
    shown = _sample(real, extractor, side, given.get("real"), notes)
    candidates = _sample(made, extractor, side, None, notes)
    if train is None:
        left, right = _halved(shown, seed)
        notes.append("No training images were given, so nobody can say what was copied.")
    else:
        left, right = _sample(train, extractor, side, given.get("train"), notes), shown
        if given.keys() < {"real", "train"}:
            right = _apart(left, right)
    verdicts = Judge(left, right, alpha=alpha, seed=seed, limits=limits).verdicts(candidates)
    if train is None:
        verdicts = Verdicts(_unasked(v) if v.gate == "copy" else v for v in verdicts)
    candidates = candidates.with_classes(left.classes)
    return Evaluation(
        verdicts=verdicts,
        metrics=_metrics(shown.with_classes(left.classes), candidates, seed),
        space=extractor.name,
        notes=tuple(notes),
    )


def _sample(
    source: Any, extractor: Extractor, side: int | None, groups: Any, notes: list[str]
) -> Sample:
    from synthaug import datasets
    from synthaug.gates import sample

    if isinstance(source, str | Path) and groups is None and _has_classes(Path(source)):
        images = datasets.open(source)
        found = datasets.near_duplicates(images)
        if found.joined:
            notes.append(
                f"{images.name}: {found.joined:,} near-duplicates are counted with the images "
                "they resemble."
            )
        return sample(images.with_groups(found.groups), extractor=extractor, side=side)
    return sample(source, extractor=extractor, side=side, groups=groups)


def _has_classes(root: Path) -> bool:
    """Whether the folder holds two class folders or more, as `synthaug.datasets.open` needs."""
    return root.is_dir() and sum(entry.is_dir() for entry in root.iterdir()) > 1


def _apart(left: Sample, right: Sample) -> Sample:
    """The right sample with groups numbered beyond the left's: they were named separately."""
    if left.groups is None or right.groups is None:
        return right
    return dataclasses.replace(right, groups=right.groups + int(left.groups.max(initial=0)) + 1)


def _halved(shown: Sample, seed: int) -> tuple[Sample, Sample]:
    from synthaug.datasets import split

    groups = np.arange(len(shown)) if shown.groups is None else shown.groups
    halves = split(shown.labels, groups, heldout=0.5, seed=seed)
    if not len(halves.heldout):
        raise InputError(
            "real images",
            expected="at least two groups in some class",
            got=f"{len(shown)} images",
            remedy="Pass more real images.",
        )
    shown = dataclasses.replace(shown, groups=groups)
    return shown.subset(halves.train), shown.subset(halves.heldout)


def _unasked(verdict: Verdict) -> Verdict:
    return dataclasses.replace(
        verdict,
        status=Status.INCONCLUSIVE,
        statistic=math.nan,
        p_value=None,
        interval=None,
        detectable=None,
        action="none",
        why="the images the generator was trained on decide; pass them as train.",
    )


def _metrics(real: Sample, made: Sample, seed: int) -> dict[str, dict[str, float | None]]:
    scopes = {"set": (real, made)}
    for label in np.unique(made.labels):
        name = made.classes[label]
        scopes[f"class:{name}"] = (real.of_class(name), made.of_class(name))
    if len(scopes) == 2:
        del scopes[next(reversed(scopes))]
    return {scope: _numbers(*pair, seed) for scope, pair in scopes.items()}


def _numbers(real: Sample, made: Sample, seed: int) -> dict[str, float | None]:
    """The usual numbers at equal n: several of them change with n alone."""
    from synthaug import metrics

    numbers: dict[str, float | None] = dict.fromkeys(_COLUMNS)
    numbers |= {"real": len(real), "synthetic": len(made)}
    n = min(len(real), len(made))
    if n < 2:
        return numbers
    rng = np.random.default_rng(seed)
    a, b = (
        side.spaces["embedded"].plain[np.sort(rng.permutation(len(side))[:n])]
        for side in (real, made)
    )
    numbers["frechet"] = metrics.frechet_distance(a, b)
    numbers["kid"], variance = metrics.kid(a, b)
    numbers["kid_error"] = math.sqrt(max(variance, 0.0))
    numbers["spread"] = metrics.mean_pairwise_distance(b)
    numbers["spread_real"] = metrics.mean_pairwise_distance(a)
    if n > 5:
        numbers["precision"], numbers["recall"] = metrics.precision_recall(a, b)
        numbers["density"], numbers["coverage"] = metrics.density_coverage(a, b)
    return numbers
