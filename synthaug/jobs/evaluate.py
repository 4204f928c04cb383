"""The story of one evaluation: read both sets, judge, measure, tell."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synthaug.errors import InputError
from synthaug.verdict import Status, Verdict, Verdicts

if TYPE_CHECKING:
    from synthaug.features import Extractor
    from synthaug.gates import Limits, Sample
    from synthaug.gates.reading import Pictures
    from synthaug.jobs.measuring import Neighbour

__all__ = ["Evaluation", "evaluate"]

_COLUMNS = (
    "n", "frechet", "kid", "precision", "recall", "density", "coverage", "spread", "inception",
)  # fmt: skip
_NEAREST = 12


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What is known about synthetic images beside real ones.

    Args:
        verdicts: of the gates, on the set and on each synthetic class.
        metrics: by scope (``"set"``, ``"class:NAME"``), number name to number; None where
            there are too few images.
        space: name of the feature space the numbers belong to.
        notes: what a reader must know, such as what could not be asked.
        nearest: the generated images closest to a training image, most suspicious first; empty
            where no training images were given.
        names: name of each image in ``nearest``, generated and training, in step with it.
    """

    verdicts: Verdicts
    metrics: Mapping[str, Mapping[str, float | None]]
    space: str
    notes: tuple[str, ...] = ()
    nearest: tuple[Neighbour, ...] = ()
    names: tuple[tuple[str, str], ...] = ()

    @property
    def failed(self) -> bool:
        """Whether any gate failed the set or a class."""
        return self.verdicts.failed

    def to_json(self) -> str:
        """One JSON object: failed, space, notes, metrics, nearest, verdicts."""
        facts = {
            "failed": self.failed,
            "space": self.space,
            "notes": list(self.notes),
            "metrics": self.metrics,
            "nearest": [
                {"synthetic": made, "training": real, **_neighbour_fields(found)}
                for found, (made, real) in zip(self.nearest, self.names, strict=True)
            ],
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
        }
        return json.dumps(facts, indent=1)

    def __str__(self) -> str:
        width = max(len(scope) for scope in (*self.metrics, _REFERENCE))
        lines = [str(self.verdicts), "", f"Numbers in the space of {self.space}:"]
        lines.append(f"{'':<{width}}  " + "  ".join(f"{name:>9}" for name in _COLUMNS))
        for scope, numbers in self.metrics.items():
            lines.append(_row(scope, numbers, "", width))
            lines.append(_row(_REFERENCE, numbers, "_real", width))
        lines += _in_words(self.metrics["set"])
        if self.nearest:
            lines += ["", *self._nearest_lines()]
        return "\n".join([*lines, *(f"Note: {note}" for note in self.notes)])

    def _nearest_lines(self) -> list[str]:
        """The table of nearest neighbours in training."""
        wide = max(9, *(len(made) for made, _ in self.names))
        long = max(22, *(len(real) for _, real in self.names))
        lines = [
            "Nearest training images; a new real image is at distance 1:",
            f"{'synthetic':<{wide}}  {'nearest training image':<{long}}  distance  "
            "real ones as close",
        ]
        for found, (made, real) in zip(self.nearest, self.names, strict=True):
            lines.append(
                f"{made:<{wide}}  {real:<{long}}  {found.relative:>8.2f}  "
                f"{found.closer_real:>17.1%}"
            )
        return lines


_REFERENCE = "  real against real"


def _row(name: str, numbers: Mapping[str, float | None], ending: str, width: int) -> str:
    cells = (numbers.get("n" if column == "n" else column + ending) for column in _COLUMNS)
    return f"{name:<{width}}  " + "  ".join(f"{_short(value):>9}" for value in cells)


def _in_words(numbers: Mapping[str, float | None]) -> list[str]:
    """What a column's name cannot say."""
    from synthaug.jobs.measuring import INCEPTION

    lines = []
    if numbers.get("inception") is not None:
        lines.append(f"inception: {INCEPTION}; not comparable with published scores.")
    if numbers.get("duplicate_threshold") is not None:
        synthetic, real = (_birthday(numbers, ending) for ending in ("", "_real"))
        lines.append(f"birthday paradox: synthetic {synthetic}; real {real}.")
    return lines


def _birthday(numbers: Mapping[str, float | None], ending: str) -> str:
    batch, support = (numbers.get(f"birthday_{name}{ending}") for name in ("batch", "support"))
    if batch is None or support is None:
        low = numbers.get(f"birthday_support_low{ending}") or 0.0
        return f"too few duplicates to size a batch, at least {low:,.0f} different images"
    return f"a duplicate in every second batch of {batch:.0f}, about {support:,.0f} images in all"


def _neighbour_fields(found: Neighbour) -> dict[str, float]:
    return {
        "distance": found.distance, "relative": found.relative, "closer_real": found.closer_real
    }  # fmt: skip


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
    neighbours: str | Path | None = None,
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
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``, of the extractor.
        limits: how much worse than fresh real images is acceptable.
        extractor: feature space; `synthaug.features.embedded` on ``device`` by default.
        neighbours: file to draw the most suspicious images into, each above the training
            image nearest to it; it shows real images. Needs ``train``.

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
    from synthaug.gates import Judge, sample
    from synthaug.jobs.fitting import device_named
    from synthaug.jobs.measuring import nearest_training

    if neighbours is not None and train is None:
        raise InputError(
            "neighbours", expected="training images to search", got="none",
            remedy="Pass the images the generator was trained on: --train DATA.",
        )  # fmt: skip
    extractor = extractor or embedded(device_named(device))
    given, notes = groups or {}, list[str]()
    made = _pictures(synthetic, None, notes, group=False)
    side = getattr(made, "side", None)
    held = _pictures(real, given.get("real"), notes)
    shown = sample(held, extractor=extractor, side=side, groups=given.get("real"))
    candidates = sample(made, extractor=extractor, side=side)
    known = None
    if train is None:
        left, right = _halved(shown, seed)
        notes.append("No training images were given, so nobody can say what was copied.")
    else:
        known = _pictures(train, given.get("train"), notes)
        left = sample(known, extractor=extractor, side=side, groups=given.get("train"))
        right = _apart(left, shown) if given.keys() < {"real", "train"} else shown
    judge = Judge(left, right, alpha=alpha, seed=seed, limits=limits)
    verdicts = judge.verdicts(candidates)
    if known is None:
        verdicts = Verdicts(_unasked(v) if v.gate == "copy" else v for v in verdicts)
    nearest = () if known is None else nearest_training(judge.images(candidates), _NEAREST)
    if known is not None and neighbours is not None:
        _draw(Path(neighbours), made, known, nearest)
    candidates, shown = (each.with_classes(left.classes) for each in (candidates, shown))
    return Evaluation(
        verdicts=verdicts,
        metrics=_metrics(shown, candidates, None if known is None else left, extractor, seed),
        space=extractor.name,
        notes=tuple(notes),
        nearest=tuple(nearest),
        names=tuple((_name(made, n.generated), _name(known, n.nearest)) for n in nearest),
    )


def _pictures(
    source: Any, groups: Any, notes: list[str], *, group: bool = True
) -> Pictures | Sample:
    """The images of a source; near-duplicates in folders of classes are put into one group."""
    from synthaug import datasets
    from synthaug.gates import Sample
    from synthaug.gates.reading import read

    if isinstance(source, Sample):
        return source
    folder = isinstance(source, str | Path) and _has_classes(Path(source))
    if not (group and folder and groups is None):
        return read(source)
    images = datasets.open(source)
    found = datasets.near_duplicates(images)
    if found.joined:
        notes.append(
            f"{images.name}: {found.joined:,} near-duplicates are counted with the images "
            "they resemble."
        )
    return read(images.with_groups(found.groups))


def _name(source: Pictures | Sample | None, index: int) -> str:
    name = getattr(source, "name", None)
    return name(index) if name else f"item {index}"


def _draw(
    file: Path, made: Pictures | Sample, known: Pictures | Sample, nearest: Sequence[Neighbour]
) -> None:
    """Generated images above their nearest training images, as one picture."""
    from synthaug.gates.reading import Pictures
    from synthaug.jobs.grids import rows_of

    if not (isinstance(made, Pictures) and isinstance(known, Pictures)):
        raise InputError(
            "neighbours", expected="images", got="features only",
            remedy="Pass folders or arrays of images to draw them.",
        )  # fmt: skip
    side = made.side or 64
    rows_of(
        file,
        [made.squares(n.generated, n.generated + 1, side)[0] for n in nearest],
        [known.squares(n.nearest, n.nearest + 1, side)[0] for n in nearest],
    )


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


def _metrics(
    real: Sample, made: Sample, train: Sample | None, extractor: Extractor, seed: int
) -> dict[str, dict[str, float | None]]:
    from synthaug.jobs.measuring import measure

    scopes = {"set": (real, made, train)}
    for label in np.unique(made.labels):
        name = made.classes[label]
        fresh = train.of_class(name) if train else None
        scopes[f"class:{name}"] = (real.of_class(name), made.of_class(name), fresh)
    if len(scopes) == 2:
        del scopes[next(reversed(scopes))]
    return {
        scope: measure(held, drawn, fresh=fresh, extractor=extractor, seed=seed)
        for scope, (held, drawn, fresh) in scopes.items()
    }
