"""Which remedy is handed over: asks the arms, adds the utility gate's verdict."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from synthaug import gates
from synthaug.arm import Arm
from synthaug.choosing import choose
from synthaug.datasets import Packed
from synthaug.facts import ArmFacts
from synthaug.features import Extractor
from synthaug.jobs.judging import Judged
from synthaug.jobs.preparing import Prepared
from synthaug.training import Budget, Callback, Progress, tell
from synthaug.verdict import Verdict

__all__ = ["Chosen", "choose_mixture"]

_SECONDS_WITHOUT_BUDGET = 60.0


@dataclasses.dataclass
class Chosen:
    """The remedy handed over, and why.

    Args:
        arm: the remedy.
        arms: all that were tried, with intervals.
        helps: ``"yes"``, ``"no difference"`` or ``"unknown"``, against the untouched set.
        why: for people.
        verdicts: of the utility gate; none where no generated image was tried.
    """

    arm: Arm
    arms: list[ArmFacts]
    helps: str
    why: str
    verdicts: list[Verdict]


def choose_mixture(
    packed: Packed,
    prepared: Prepared,
    judged: Judged,
    eyes: Extractor,
    *,
    budget: Budget,
    seed: int,
    device: str,
    work: Path | None,
    callbacks: Sequence[Callback] = (),
) -> Chosen:
    """The remedy that real training data says is best, the simplest within noise.

    Args:
        packed: all real images at working resolution.
        prepared: split and classes to fill.
        judged: generated images that passed, by class; none is allowed.
        eyes: features of the wide search.
        budget: time it may take; a fixed minute where the budget is in images.
        seed: of folds and probes.
        device: where probes train.
        work: where the number of rounds is written down, so that a resumed call does as many.
        callbacks: told of progress.
    """
    tell(callbacks, Progress(phase="choose", message="cross-validating remedies on real images"))
    seconds = _SECONDS_WITHOUT_BUDGET if budget.seconds is None else budget.seconds
    choice = choose(
        packed,
        prepared.heldout,
        {label: drawn.images for label, drawn in judged.drawn.items() if len(drawn)},
        fill=tuple(prepared.fill),
        seconds=seconds,
        rounds=_recorded(work),
        seed=seed,
        device=device,
        extractor=eyes,
    )
    _record(work, choice.rounds)
    verdicts = []
    if choice.gan_differences:
        verdict = gates.utility_verdict(
            choice.gan_differences,
            n_real=len(packed),
            n_generated=sum(len(drawn) for drawn in judged.drawn.values()),
        )
        verdicts.append(verdict)
    return Chosen(choice.arm, choice.arms, choice.helps, choice.why, verdicts)


def _recorded(work: Path | None) -> int | None:
    file = work / "rounds.json" if work else None
    return int(json.loads(file.read_text())) if file and file.exists() else None


def _record(work: Path | None, rounds: int) -> None:
    if work:
        (work / "rounds.json").write_text(json.dumps(rounds))
