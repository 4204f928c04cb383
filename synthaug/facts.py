"""What a run of ``augment`` did and found, as plain data: the source of summary and report.

Everything here is JSON-ready: numbers, strings, lists, dicts. The job fills it, the report
reads it, ``report.json`` in an output folder is exactly it.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

__all__ = ["ArmFacts", "AugmentFacts", "ClassFacts", "CurvePoint"]


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
        stage: ``"wide"`` (frozen features, linear probe) or ``"final"`` (small CNN).
        score: mean balanced accuracy, 0 to 1.
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
    """

    images_seen: int
    seconds: float
    frechet: float
    score: float


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
