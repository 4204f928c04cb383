"""Judge what a generator draws, class by class, and decide which classes it may fill."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from synthaug import gates
from synthaug.datasets import Packed
from synthaug.features import Extractor
from synthaug.jobs.drawing import Drawn, draw
from synthaug.jobs.fitting import Training
from synthaug.jobs.preparing import Prepared
from synthaug.training import Callback, Generator, Progress, tell
from synthaug.verdict import Status, Verdict, Verdicts

__all__ = ["Judged", "RealSide", "judge_classes", "judge_for"]

_POOL = 192  # accepted images a class that choosing works with; more are drawn if they are used
_PER_CLASS = 150  # real images a class that is not filled; the label gate needs no more
_PER_FILLED = 600


@dataclasses.dataclass
class RealSide:
    """The judge of a run and what its training images are called."""

    judge: gates.Judge
    names: list[str]


@dataclasses.dataclass
class Judged:
    """Classes and the images that may be used for them.

    Args:
        drawn: accepted images by label, of classes that passed.
        verdicts: of the set and of every class, as judged last.
        warnings: for people.
        heldout_distance: distances of held-out images to their nearest training image.
        generator: the one the images come from; None where none was trained.
        real: the judge and its images' names; None where nothing was trained.
    """

    drawn: dict[int, Drawn]
    verdicts: Verdicts
    warnings: list[str] = dataclasses.field(default_factory=list)
    heldout_distance: list[float] = dataclasses.field(default_factory=list)
    generator: Generator | None = None
    real: RealSide | None = None


def judge_for(packed: Packed, prepared: Prepared, eyes: Extractor, seed: int) -> RealSide:
    """The judge: real images of filled classes, and enough of the others for labels."""
    rng = np.random.default_rng(seed)
    samples, names = [], []
    for indices in (prepared.train, prepared.heldout):
        kept: list[int] = []
        for label in range(len(packed.classes)):
            mine = indices[packed.labels[indices] == label]
            limit = _PER_FILLED if label in prepared.gan else _PER_CLASS
            kept += sorted(rng.permutation(mine)[:limit].tolist())
        chosen = np.asarray(kept, np.int64)
        samples.append(
            gates.sample(
                (packed.read(chosen), packed.labels[chosen]),
                extractor=eyes,
                groups=packed.groups[chosen],
                classes=packed.classes,
            )
        )
        names.append([prepared.images.path(int(i)) for i in chosen])
    return RealSide(gates.Judge(samples[0], samples[1], seed=seed), names[0])


def judge_classes(
    training: Training,
    real: RealSide,
    eyes: Extractor,
    prepared: Prepared,
    *,
    seed: int,
    on_reject: str,
    callbacks: Sequence[Callback] = (),
) -> Judged:
    """Draw and judge every class the plan allows; refuse those that fail.

    A class that fails for copying is drawn afresh, then from earlier checkpoints; one that
    fails otherwise, or still, is left to classical augmentation.
    """
    keep = on_reject == "keep"
    judged = Judged({}, Verdicts(), generator=training.generator, real=real)
    candidates = [training.generator]
    candidates += [training.with_weights(weights) for weights in training.fitted.earlier[:2]]
    for attempt, generator in enumerate([candidates[0], *candidates]):
        drawn = {}
        for label in prepared.gan:
            tell(callbacks, Progress(phase="draw", message=f"drawing {generator.classes[label]}"))
            wanted = min(_POOL, prepared.fill[label])
            first = 4 * wanted if attempt == 1 else 0
            drawn[label] = draw(
                generator,
                real.judge,
                eyes,
                label,
                wanted,
                seed=seed,
                first=first,
                keep_rejected=keep,
            )
        judged.drawn, judged.generator = drawn, generator
        judged.verdicts = _verdicts(real.judge, drawn)
        copied = judged.verdicts.of(gate="copy").failed
        if not copied or keep:
            break
        judged.warnings.append(
            "generated images sat too close to training images; "
            + ("drawn afresh" if attempt == 0 else "an earlier checkpoint was tried")
        )
    judged.heldout_distance = _heldout_distances(real.judge, judged)
    if not keep:
        _refuse(judged, prepared)
    return judged


def _verdicts(judge: gates.Judge, drawn: dict[int, Drawn]) -> Verdicts:
    samples = [d.sample for d in drawn.values() if d.sample is not None and len(d)]
    if not samples:
        return Verdicts()
    joined = samples[0]
    for sample in samples[1:]:
        joined = joined.joined(sample)
    return judge.verdicts(joined)


def _heldout_distances(judge: gates.Judge, judged: Judged) -> list[float]:
    for drawn in judged.drawn.values():
        if drawn.sample is not None and len(drawn):
            return [float(d) for d in judge.images(drawn.sample).heldout_distance]
    return []


def _refuse(judged: Judged, prepared: Prepared) -> None:
    """Drop classes that failed, and say why in the plan."""
    for label in list(judged.drawn):
        facts = prepared.plan.classes[label]
        scope = f"class:{facts.name}"
        drawn = judged.drawn[label]
        if len(drawn) < min(_POOL, prepared.fill[label]) / 4:
            judged.verdicts.extend_new([_unable(drawn, scope, facts.real)])
        failed = [v for v in judged.verdicts.of(scope=scope) if v.status is Status.FAIL]
        if not failed:
            continue
        reason = f"GAN images refused: {failed[0].gate} gate ({failed[0].why})"
        facts.why = reason
        facts.drawn = drawn.drawn
        facts.rejected = {name: count for name, count in drawn.rejected.items() if count}
        judged.warnings.append(f"class {facts.name}: {reason}")
        del judged.drawn[label]


def _unable(drawn: Drawn, scope: str, real: int) -> Verdict:
    """The generator cannot make this class: hardly anything it draws passes image by image."""
    (gate, _), *_ = drawn.rejected.most_common(1) or [("label", 0)]
    return Verdict(
        gate=gate,
        scope=scope,
        status=Status.FAIL,
        statistic=len(drawn) / max(1, drawn.drawn),
        threshold=1 / 16,
        n_real=real,
        n_generated=drawn.drawn,
        null="share of drawn images that pass the per-image gates",
        action="refuse class",
        why=f"only {len(drawn)} of {drawn.drawn} drawn images passed, most fell to this gate",
    )
