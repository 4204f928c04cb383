"""The first half of every training job: open, check, group, plan, split, pack."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthaug import datasets
from synthaug.errors import InputError
from synthaug.facts import ClassFacts
from synthaug.jobs.conditions import refuse_unmet

if TYPE_CHECKING:
    from synthaug.datasets import ImageSet, Packed
    from synthaug.features import Extractor
    from synthaug.training import Routine

__all__ = ["Plan", "Prepared", "packed_for", "prepare"]

FEWEST_IMAGES, FEWEST_GROUPS, FEW_IMAGES = 20, 5, 50
FEWEST_GENERATED = 10
SIZES = (16, 32, 64, 128)
_IN_MEMORY = 256 * 1024**2  # bytes of packed images kept in memory; more go to a file


@dataclasses.dataclass
class Plan:
    """What a call will do, before any time is spent on it.

    Args:
        source: name of the data.
        classes: per class what is there, what was asked for, what it gets and why.
        resolution: side of the images that will be made, pixels.
        resolution_why: the reason.
        expected_seconds: wall seconds by phase.
        warnings: what to know first.
    """

    source: str
    classes: list[ClassFacts]
    resolution: int
    resolution_why: str
    expected_seconds: dict[str, float]
    warnings: list[str]

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON-ready values."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        width = max(len(c.name) for c in self.classes)
        lines = [f"Plan for {self.source}", "", f"Resolution: {self.resolution_why}", ""]
        lines.append(
            f"{'class':<{width}}  {'files':>6}  {'groups':>6}  {'target':>6}  "
            f"{'train':>6}  {'held out':>8}  gets"
        )
        for c in self.classes:
            lines.append(
                f"{c.name:<{width}}  {c.real:>6}  {c.groups:>6}  {c.target:>6}  "
                f"{c.train:>6}  {c.heldout:>8}  {c.why}{_copies_seen(c)}"
            )
        lines += ["", "Expected time: " + _times(self.expected_seconds)]
        if self.warnings:
            lines += ["", "Warnings:", *(f"- {warning}" for warning in self.warnings)]
        return "\n".join(lines)


@dataclasses.dataclass
class Prepared:
    """Everything a training job knows before it trains.

    Args:
        images: the set, near-duplicates joined into its groups.
        plan: what will be done.
        train: int64 indices the generator may see.
        heldout: int64 indices kept apart for judging and choosing.
        fill: label to number of synthetic images, of the classes that need any.
        gan: labels the generator may fill.
    """

    images: ImageSet
    plan: Plan
    train: NDArray[np.int64]
    heldout: NDArray[np.int64]
    fill: dict[int, int]
    gan: tuple[int, ...]


def prepare(
    dataset: Any,
    target_counts: object,
    *,
    groups: Any = None,
    size: int | str = "auto",
    extractor: Extractor | None = None,
    seed: int = 0,
    seconds: Mapping[str, float] | None = None,
    skip_bad: bool = False,
    subsample: bool = False,
    attributes: Any = None,
    routine: Routine | None = None,
) -> Prepared:
    """Open, check, find near-duplicates, count, split: cheap, and everything that can be refused.

    Args:
        dataset: whatever `synthaug.datasets.open` reads.
        target_counts: see `synthaug.datasets.parse_targets`.
        groups: see `synthaug.datasets.open`.
        size: ``"auto"``, 16, 32, 64 or 128.
        extractor: eyes for near-duplicates; thumbnails alone without one.
        seed: of the split.
        seconds: expected wall seconds by phase, for the plan.
        skip_bad: leave out images that cannot be read.
        subsample: drop real images where fewer are asked for than are there.
        attributes: see `synthaug.datasets.open`.
        routine: what will be trained; decides what the data must tell. Two classes without one.

    Raises:
        InputError: anything about the call or the data that cannot be used.
    """
    images = datasets.open(
        dataset, groups, skip_bad=skip_bad, attributes=attributes, one_class=routine is not None
    )
    if routine is not None:
        refuse_unmet(images, routine)
    targets = datasets.parse_targets(
        target_counts, images.classes, images.counts(), subsample=subsample
    )
    images = _subsampled(images, targets, seed)
    resolution, why = _resolution(images, size)
    duplicates = datasets.near_duplicates(images, embed=extractor)
    images = images.with_groups(duplicates.groups)
    split = datasets.split(images.labels, images.groups, seed=seed)
    classes = [
        _plan_class(images, split, label, targets[name])
        for label, name in enumerate(images.classes)
    ]
    warnings = [*images.warnings, *_warn(classes)]
    if duplicates.joined:
        # The classes' own lines stand in the plan's table.
        warnings.append(duplicates.lines[-1])
    plan = Plan(images.name, classes, resolution, why, dict(seconds or {}), warnings)
    fill = {label: c.target - c.real for label, c in enumerate(classes) if c.target > c.real > 0}
    gan = tuple(label for label in fill if classes[label].method == "gan")
    return Prepared(images, plan, split.train, split.heldout, fill, gan)


def packed_for(prepared: Prepared, work: Path | None) -> Packed:
    """The set at working resolution: in memory where it is small, else in a file in ``work``."""
    images, resolution = prepared.images, prepared.plan.resolution
    size = len(images) * images.channels * resolution**2
    if size <= _IN_MEMORY or work is None:
        return datasets.pack(images, resolution)
    work.mkdir(parents=True, exist_ok=True)
    return datasets.pack(images, resolution, file=work / "images.pack")


def _subsampled(images: ImageSet, targets: dict[str, int], seed: int) -> ImageSet:
    rng = np.random.default_rng(seed)
    kept: list[int] = []
    for label, name in enumerate(images.classes):
        mine = np.flatnonzero(images.labels == label)
        kept += sorted(rng.permutation(mine)[: targets[name]].tolist())
    return images if len(kept) == len(images) else images.subset(sorted(kept))


def _resolution(images: ImageSet, size: int | str) -> tuple[int, str]:
    if size == "auto":
        return datasets.choose_resolution(images)
    if size not in SIZES and str(size) not in map(str, SIZES):
        raise InputError(
            "size",
            expected="auto or one of " + ", ".join(map(str, SIZES)),
            got=repr(size),
            where="argument size",
            remedy="Use auto unless you know better.",
            code="input.size",
        )
    return int(size), f"{size} px, as asked for."


def _plan_class(images: ImageSet, split: Any, label: int, target: int) -> ClassFacts:
    mine = images.labels == label
    real, groups = int(mine.sum()), len(np.unique(images.groups[mine]))
    facts = ClassFacts(
        name=images.classes[label],
        real=real,
        groups=groups,
        target=target,
        train=int(mine[split.train].sum()),
        heldout=int(mine[split.heldout].sum()),
    )
    need = target - real
    if need <= 0:
        facts.why = "nothing: it has what was asked for"
    elif real == 0:
        facts.why = "nothing: there is no image to learn from"
    elif real < FEWEST_IMAGES or groups < FEWEST_GROUPS:
        facts.method = "classical"
        few = (real, "image") if real < FEWEST_IMAGES else (groups, "group")
        facts.why = f"{need} classical: too few to judge a generator by ({_counted(*few)})"
    elif need < FEWEST_GENERATED:
        facts.method = "classical"
        facts.why = f"{need} classical: fewer than {FEWEST_GENERATED} cannot be judged as a set"
    else:
        facts.method = "gan"
        facts.why = f"{need}: GAN images as far as they pass and help, classical for the rest"
    return facts


def _warn(classes: list[ClassFacts]) -> list[str]:
    warnings = []
    for c in classes:
        what = f"class {c.name}: {_counted(c.real, 'image')} in {_counted(c.groups, 'group')}"
        if c.method == "classical" and (c.real < FEWEST_IMAGES or c.groups < FEWEST_GROUPS):
            warnings.append(
                f"{what}; below {FEWEST_IMAGES} images or {FEWEST_GROUPS} groups only "
                "classical augmentation is used, which repeats what is there"
            )
        elif c.method == "gan" and c.real <= FEW_IMAGES:
            warnings.append(
                f"{what}; with so few, gates see "
                "only large faults, and generated images rarely beat classical ones"
            )
        if c.heldout == 0 and c.target > c.real > 0:
            warnings.append(
                f"class {c.name}: all its images are in one group, so none could be held out "
                "and nothing about it can be judged"
            )
    return warnings


def _copies_seen(facts: ClassFacts) -> str:
    """What the copy gate could see of this class, for classes a generator may fill."""
    if facts.method != "gan":
        return ""
    if facts.detectable is None:
        return "; too few groups to show copying"
    return f"; copying is seen from {facts.detectable:.0%} on"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _times(seconds: Mapping[str, float]) -> str:
    if not seconds:
        return "as long as the images of the budget take; a budget in time bounds it"
    parts = [f"{name} {_clock(value)}" for name, value in seconds.items()]
    return ", ".join(parts) + f"; {_clock(sum(seconds.values()))} in all"


def _clock(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
