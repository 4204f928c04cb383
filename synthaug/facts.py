"""What ``augment`` and ``compare`` did and found, as plain data: the source of every report.

Everything here is JSON-ready: numbers, strings, lists, dicts. The job fills it, the report
reads it, ``report.json`` or ``compare.json`` in an output folder is exactly it.
"""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

__all__ = [
    "ArmFacts", "AugmentFacts", "ClassFacts", "CompareFacts", "CurvePoint", "RivalFacts",
    "mean_of",
]  # fmt: skip


@dataclasses.dataclass(slots=True, kw_only=True)
class ClassFacts:
    """One class: what was there, what was asked for, what it got and why.

    Args:
        name: the class.
        real: real images.
        groups: effective number of groups among them (near-duplicates joined).
        target: images asked for, real plus synthetic.
        train: real images the generator may see.
        heldout: real images kept apart for judging.
        method: ``"none"``, ``"gan"`` or ``"classical"``: what the plan allows at most.
        gan: generated images delivered.
        classical: classically augmented images delivered.
        drawn: generated images drawn in all.
        rejected: drawn images refused, per-image gate name to count.
        detectable: smallest copied fraction the copy gate sees with 80 % power; None if unknown.
        why: one sentence saying what the class gets and why.
    """

    name: str
    real: int
    groups: int
    target: int
    train: int = 0
    heldout: int = 0
    method: str = "none"
    gan: int = 0
    classical: int = 0
    drawn: int = 0
    rejected: dict[str, int] = dataclasses.field(default_factory=dict)
    detectable: float | None = None
    why: str = ""


@dataclasses.dataclass(slots=True, kw_only=True)
class ArmFacts:
    """One remedy that was tried by cross-validation on real training data.

    Args:
        name: as printed, e.g. ``"oversampling + classical"`` or ``"GAN share 0.3"``.
        stage: ``"cnn"`` (small CNN), ``"wide"`` (linear probe on frozen features), or
            ``"final"``: the mean of both, or the small CNN where it was asked alone.
        score: mean balanced accuracy, 0 to 1. That of an arm with generated images is the best
            ordinary arm's, and added to it the paired difference on images that the generator
            has not seen.
        interval: 95 % interval of the mean.
        rare_recall: mean recall of the classes that were to be filled, 0 to 1.
        difference: paired difference of balanced accuracy to the best ordinary arm.
        difference_interval: its 95 % interval.
        gan_share: share of a filled class's draws that are generated images, 0 to 1.
        chosen: whether this is the arm handed over.
    """

    name: str
    stage: str
    score: float
    interval: tuple[float, float]
    rare_recall: float
    difference: float = 0.0
    difference_interval: tuple[float, float] = (0.0, 0.0)
    gan_share: float = 0.0
    chosen: bool = False


@dataclasses.dataclass(slots=True, kw_only=True)
class CurvePoint:
    """One look at the generator during training.

    Args:
        images_seen: real images shown to the discriminator so far.
        seconds: wall seconds of training so far.
        frechet: Fréchet distance of a small draw to held-out real images.
        score: the gates' score that chooses the checkpoint (lower is better).
        kid: kernel distance of the same draw; None where it was not measured.
    """

    images_seen: int
    seconds: float
    frechet: float
    score: float
    kid: float | None = None


@dataclasses.dataclass(slots=True, kw_only=True)
class AugmentFacts:
    """The whole story of one call, in the order a reader wants it.

    Args:
        version: version of synthaug.
        source: name of the data (folder name, never a full path).
        command: the command line that reproduces the call; empty for in-memory data.
        chosen: name of the arm handed over.
        helps: ``"yes"``, ``"no difference"`` or ``"unknown"``: what cross-validation says
            of the chosen arm against the untouched set.
        why: sentence(s) behind the choice.
        resolution: side of the square images the generator makes, pixels.
        resolution_why: the reason printed.
        classes: one entry a class, in class order.
        arms: all remedies tried, with intervals.
        curve: looks at the generator during training.
        copy_generated: feature distances of accepted images to their nearest training image.
        copy_heldout: the same for held-out real images (what "not a copy" looks like).
        copy_threshold: distance below which an image was redrawn; None where no cut was needed.
        frechet_floor: Fréchet distance of held-out to training images at equal n.
        images_per_second: training speed.
        images_seen: real images shown to the discriminator in all.
        seconds: wall seconds per phase name.
        settings: recipe, seed, device, budget and whatever else reproduces the run.
        warnings: everything a reader must know, worst first.
    """

    version: str
    source: str
    command: str = ""
    chosen: str = ""
    helps: str = "unknown"
    why: str = ""
    resolution: int = 0
    resolution_why: str = ""
    classes: list[ClassFacts] = dataclasses.field(default_factory=list)
    arms: list[ArmFacts] = dataclasses.field(default_factory=list)
    curve: list[CurvePoint] = dataclasses.field(default_factory=list)
    copy_generated: list[float] = dataclasses.field(default_factory=list)
    copy_heldout: list[float] = dataclasses.field(default_factory=list)
    copy_threshold: float | None = None
    frechet_floor: float | None = None
    images_per_second: float | None = None
    images_seen: int = 0
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    warnings: list[str] = dataclasses.field(default_factory=list)

    def to_json(self) -> str:
        """The facts as one JSON object."""
        return json.dumps(dataclasses.asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> AugmentFacts:
        """The inverse of `to_json`."""
        fields = json.loads(text)
        fields["classes"] = [ClassFacts(**c) for c in fields["classes"]]
        fields["curve"] = [CurvePoint(**p) for p in fields["curve"]]
        arms = []
        for arm in fields["arms"]:
            for name in ("interval", "difference_interval"):
                arm[name] = tuple(arm[name])
            arms.append(ArmFacts(**arm))
        fields["arms"] = arms
        return cls(**fields)


@dataclasses.dataclass(slots=True, kw_only=True)
class RivalFacts:
    """One recipe trained once for a comparison.

    Args:
        recipe: its name.
        seed: of its training.
        folder: name of its folder inside the comparison's.
        source: the papers.
        conditional: whether the class is told to the networks.
        failed: why there is no generator; empty where there is one.
        images_seen: real images shown to the discriminator.
        steps: training steps.
        parameters: numbers the generator has learnt.
        seconds: wall seconds of training, looks included.
        images_per_second: training speed, looks left out; None where it was too short to say.
        images_per_cpu_second: the same in CPU seconds of the process.
        peak_memory: most memory the training process held, bytes; None where not known.
        base_memory: what it held before it began: Python, torch, the watch and the images.
        gpu_memory: most memory it held on the GPU, bytes; None without one.
        curve: looks at the generator during training.
        floor: Fréchet distance of real to real images at the looks' n.
        numbers: what `synthaug.evaluate` measures of the whole set, ``_real`` beside it.
        verdicts: of the gates, as `synthaug.Verdict.to_dict` gives them.
        nearest: relative distances of the images closest to a training image, closest first.
        remarks: what a reader must know of this one.
    """

    recipe: str
    seed: int = 0
    folder: str = ""
    source: str = ""
    conditional: bool = True
    failed: str = ""
    images_seen: int = 0
    steps: int = 0
    parameters: int = 0
    seconds: float = 0.0
    images_per_second: float | None = None
    images_per_cpu_second: float | None = None
    peak_memory: int | None = None
    base_memory: int | None = None
    gpu_memory: int | None = None
    curve: list[CurvePoint] = dataclasses.field(default_factory=list)
    floor: float | None = None
    numbers: dict[str, float | None] = dataclasses.field(default_factory=dict)
    verdicts: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    nearest: list[float] = dataclasses.field(default_factory=list)
    remarks: list[str] = dataclasses.field(default_factory=list)

    @property
    def collapsed(self) -> bool | None:
        """Whether the diversity gate failed the whole set; None where it could not tell."""
        told = [v["status"] for v in self.verdicts if (v["gate"], v["scope"]) == _DIVERSITY]
        return {"FAIL": True, "PASS": False}.get(told[0]) if told else None

    @property
    def collapsed_classes(self) -> list[str]:
        """Classes that the diversity gate failed."""
        return [
            v["scope"].removeprefix("class:")
            for v in self.verdicts
            if v["gate"] == "diversity" and v["status"] == "FAIL" and v["scope"] != "set"
        ]

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> RivalFacts:
        """The inverse of ``dataclasses.asdict``."""
        return cls(**{**fields, "curve": [CurvePoint(**point) for point in fields["curve"]]})


_DIVERSITY = ("diversity", "set")


def mean_of(runs: list[RivalFacts], number: str, *, missing: float = math.nan) -> float:
    """The mean of one of ``numbers`` over the runs that have it; ``missing`` where none has."""
    found = [value for run in runs if (value := run.numbers.get(number)) is not None]
    return sum(found) / len(found) if found else missing


@dataclasses.dataclass(slots=True, kw_only=True)
class CompareFacts:
    """The whole story of one comparison.

    Args:
        version: version of synthaug.
        source: name of the data (never a full path).
        command: the command line that reproduces the call; empty for in-memory data.
        budget: of each recipe, as typed.
        resolution: side of the images, pixels.
        resolution_why: the reason.
        classes: class names.
        train: real images every recipe learnt from.
        heldout: real images kept apart to compare with.
        device: ``"cpu"`` or ``"cuda"``.
        threads: CPU threads of each training process.
        shown: classes in the rows of the grids, and how many images a row has.
        rivals: one entry a recipe and seed, in the order asked for.
        warnings: everything a reader must know.
    """

    version: str
    source: str
    command: str = ""
    budget: str = ""
    resolution: int = 0
    resolution_why: str = ""
    classes: list[str] = dataclasses.field(default_factory=list)
    train: int = 0
    heldout: int = 0
    device: str = "cpu"
    threads: int = 1
    shown: tuple[list[str], int] = dataclasses.field(default_factory=lambda: ([], 0))
    rivals: list[RivalFacts] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)

    def ranked(self) -> list[list[RivalFacts]]:
        """The runs of each recipe, recipes by mean kernel distance; those without one last."""
        runs: dict[str, list[RivalFacts]] = {}
        for rival in self.rivals:
            runs.setdefault(rival.recipe, []).append(rival)
        return sorted(runs.values(), key=lambda mine: mean_of(mine, "kid", missing=math.inf))

    def to_json(self) -> str:
        """The facts as one JSON object."""
        return json.dumps(dataclasses.asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> CompareFacts:
        """The inverse of `to_json`."""
        fields = json.loads(text)
        fields["shown"] = tuple(fields["shown"])
        fields["rivals"] = [RivalFacts.from_dict(each) for each in fields["rivals"]]
        return cls(**fields)
