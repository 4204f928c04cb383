"""Which remedy is handed over: asks the arms, adds the utility gate's verdict."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from synthaug import gates
from synthaug.arm import Arm
from synthaug.choosing import Effort, choose, effort_for
from synthaug.datasets import Packed
from synthaug.facts import ArmFacts
from synthaug.features import Extractor
from synthaug.jobs.judging import Judged
from synthaug.jobs.preparing import Prepared
from synthaug.training import Callback, Progress, tell
from synthaug.verdict import Verdict

__all__ = ["Chosen", "choose_mixture"]

_FEWEST_SECONDS = 5.0


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
    seconds: float,
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
        eyes: features of the linear probe.
        seconds: wall seconds it may take.
        seed: of folds and probes.
        device: where probes train.
        work: where the effort is written down, so that a resumed call makes the same.
        callbacks: told of progress.
    """
    tell(callbacks, Progress(phase="choose", message="cross-validating remedies on real images"))
    synthetic = {label: drawn.images for label, drawn in judged.drawn.items() if len(drawn)}
    effort = _recorded(work)
    if effort is None:
        effort = effort_for(
            packed, eyes, seconds=max(seconds, _FEWEST_SECONDS), gan=bool(synthetic), device=device
        )
        _record(work, effort)
    choice = choose(
        packed,
        prepared.heldout,
        synthetic,
        fill=tuple(prepared.fill),
        effort=effort,
        extractor=eyes,
        seed=seed,
        device=device,
    )
    verdicts = []
    if choice.comparison is not None:
        verdict = gates.utility_verdict(
            choice.comparison.differences.reshape(-1).tolist(),
            n_real=len(packed),
            n_generated=sum(len(images) for images in synthetic.values()),
        )
        verdicts.append(verdict)
    return Chosen(choice.arm, choice.arms, choice.helps, choice.why, verdicts)


def _recorded(work: Path | None) -> Effort | None:
    file = work / "effort.json" if work else None
    if not file or not file.exists():
        return None
    fields = json.loads(file.read_text())
    # One that an earlier version wrote down is measured again.
    return Effort(**fields) if fields.keys() == Effort().to_dict().keys() else None


def _record(work: Path | None, effort: Effort) -> None:
    if work:
        (work / "effort.json").write_text(json.dumps(effort.to_dict()))
