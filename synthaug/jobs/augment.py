"""The story of ``synthaug augment``: read, plan, train, draw, judge, choose, write."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from synthaug import gates
from synthaug.datasets import AugmentedDataset, Packed
from synthaug.datasets.writing import refuse_if_taken
from synthaug.errors import GateFailed, InputError
from synthaug.facts import AugmentFacts
from synthaug.features import Extractor, embedded
from synthaug.jobs.choosing import Chosen, choose_mixture
from synthaug.jobs.fitting import Training, device_named, train_generator
from synthaug.jobs.judging import Judged, judge_classes, judge_for
from synthaug.jobs.mixing import fill_classes
from synthaug.jobs.preparing import Plan, Prepared, packed_for, prepare
from synthaug.jobs.work import work_folder
from synthaug.textbook import Recipe, named
from synthaug.training import Budget, Callback, Progress, Routine, parse_budget, tell
from synthaug.verdict import Status, Verdicts

__all__ = ["augment", "plan"]

ON_REJECT = ("redraw", "classical", "keep")
_TRAINING, _CHOOSING, _JUDGING = 0.60, 0.30, 0.10  # shares of a budget in time


@dataclasses.dataclass(frozen=True)
class _Order:
    """One call's arguments, checked."""

    recipe: Routine
    budget: Budget
    device: str
    seed: int
    on_reject: str
    strict: bool
    callbacks: tuple[Callback, ...]

    def share(self, part: float) -> Budget:
        if self.budget.seconds is None:
            return self.budget
        return Budget(seconds=self.budget.seconds * part)

    @property
    def expected_seconds(self) -> dict[str, float]:
        if self.budget.seconds is None:
            return {}
        shares = {"train": _TRAINING, "judge": _JUDGING, "choose": _CHOOSING}
        return {name: share * self.budget.seconds for name, share in shares.items()}


def augment(
    dataset: Any,
    target_counts: object = "balance",
    *,
    groups: Any = None,
    size: int | str = "auto",
    budget: str | float = "10min",
    recipe: str | Recipe = "rare",
    on_reject: str = "redraw",
    seed: int = 0,
    device: str = "auto",
    out: str | Path | None = None,
    resume: bool = True,
    strict: bool = False,
    callbacks: Sequence[Callback] = (),
    subsample: bool = False,
    skip_bad: bool = False,
    copy_real: bool = False,
    force: bool = False,
    command: str = "",
    render: Callable[[AugmentedDataset, Path], None] | None = None,
) -> AugmentedDataset:
    """A balanced set whose synthetic part was judged, and a report that says if it helps.

    Args:
        dataset: a folder with one folder a class, a map-style dataset of (image, label),
            (images, labels) arrays, a Hugging Face dataset, or WebDataset shards.
        target_counts: ``"balance"``, a number, ``"crack=500,other=max"``, or a mapping of
            class to number or ``"max"``; counts are real plus synthetic.
        groups: which images show one object: an array, a CSV file, a callable or a pattern
            of the file name; near-duplicates are found and grouped in any case.
        size: side of the images made, ``"auto"``, 16, 32, 64 or 128 pixels.
        budget: time for everything (``"10min"``), or images to train on (``"50k images"``).
        recipe: how the generator is trained.
        on_reject: ``"redraw"`` draws again for a refused image, ``"classical"`` fills its
            place with classical augmentation, ``"keep"`` keeps it, its verdict recorded.
        seed: of everything random; same seed, machine and thread count, same bytes.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        out: folder to write; None keeps the result in memory.
        resume: go on from an interrupted call of the same kind (needs ``out``).
        strict: raise where a gate fails the set or a class.
        callbacks: objects with ``on_progress``.
        subsample: drop real images where a target is below what is there.
        skip_bad: leave out images that cannot be read.
        copy_real: copy real images into ``out`` in place of referring to them.
        force: replace what stands at ``out``.
        command: the command line that made this call, for the report.
        render: writes the report pages into the folder being saved; the usual ones if left out.

    Returns:
        The real items, untouched and in order, then the synthetic ones.

    Raises:
        InputError: data or arguments that cannot be used; nothing is written.
        GateFailed: with ``strict``, a gate failed; nothing is written.
        Stopped: interrupted; the same call goes on where it stopped.
        OutOfResources: no room on the disk.
    """
    order = _order(recipe, budget, device, seed, on_reject, strict, callbacks)
    if out is not None:
        # Say before hours of work what saving would say after them.
        refuse_if_taken(Path(out), force)
    eyes = embedded(order.device)
    watch = _Stopwatch()
    with watch("read"):
        prepared = prepare(
            dataset,
            target_counts,
            groups=groups,
            size=size,
            extractor=eyes,
            seed=seed,
            seconds=order.expected_seconds,
            skip_bad=skip_bad,
            subsample=subsample,
        )
    facts = _first_facts(prepared, order, command)
    if out is None:
        return _augmented(prepared, order, eyes, facts, watch, None, render)
    with work_folder(Path(out), resume=resume) as work:
        result = _augmented(prepared, order, eyes, facts, watch, work, render)
        result.save(out, copy_real=copy_real, force=force)
    return result


def plan(
    dataset: Any,
    target_counts: object = "balance",
    *,
    groups: Any = None,
    size: int | str = "auto",
    budget: str | float = "10min",
    recipe: str | Recipe = "rare",
    seed: int = 0,
    device: str = "auto",
    subsample: bool = False,
    skip_bad: bool = False,
) -> Plan:
    """What `augment` would do with the same arguments: counts, method and reason per class.

    Raises:
        InputError: data or arguments that cannot be used.
    """
    order = _order(recipe, budget, device, seed, "redraw", False, ())
    prepared = prepare(
        dataset,
        target_counts,
        groups=groups,
        size=size,
        extractor=embedded(order.device),
        seed=seed,
        seconds=order.expected_seconds,
        skip_bad=skip_bad,
        subsample=subsample,
    )
    for label in prepared.gan:
        facts = prepared.plan.classes[label]
        facts.detectable = gates.detectable_copies(facts.train, facts.heldout, facts.real)
    return prepared.plan


def _augmented(
    prepared: Prepared,
    order: _Order,
    eyes: Extractor,
    facts: AugmentFacts,
    watch: _Stopwatch,
    work: Path | None,
    render: Callable[[AugmentedDataset, Path], None] | None,
) -> AugmentedDataset:
    """Train, draw, judge, choose, fill: from a prepared set to the delivered one."""
    packed = packed_for(prepared, work)
    training: Training | None = None
    judged = Judged({}, Verdicts())
    if prepared.gan:
        with watch("train"):
            training = train_generator(
                packed,
                prepared.train,
                prepared.heldout,
                routine=order.recipe,
                budget=order.share(_TRAINING),
                work=work,
                extractor=eyes,
                seed=order.seed,
                device=order.device,
                callbacks=order.callbacks,
            )
        with watch("judge"):
            judge = judge_for(packed, prepared, eyes, order.seed)
            judged = judge_classes(
                training,
                judge,
                eyes,
                prepared,
                seed=order.seed,
                on_reject=order.on_reject,
                callbacks=order.callbacks,
            )
    with watch("choose"):
        chosen = choose_mixture(
            packed,
            prepared,
            judged,
            eyes,
            seconds=_choosing_seconds(order, training),
            seed=order.seed,
            device=order.device,
            work=work,
            callbacks=order.callbacks,
        )
    verdicts = Verdicts([*judged.verdicts, *chosen.verdicts])
    if order.strict and verdicts.failed:
        raise _strict_failure(verdicts)
    with watch("fill"):
        tell(order.callbacks, Progress(phase="fill", message="filling the classes"))
        filled = fill_classes(packed, prepared, judged, chosen, training, eyes, order.seed)
    _last_facts(facts, prepared, packed, training, judged, chosen, watch)
    return AugmentedDataset(
        prepared.images,
        filled.images,
        filled.labels,
        filled.kinds,
        filled.provenance,
        verdicts=verdicts,
        report=facts,
        arm=chosen.arm,
        render=render,
        generator=judged.generator or (training.generator if training else None),
    )


def _order(
    recipe: str | Recipe,
    budget: str | float,
    device: str,
    seed: int,
    on_reject: str,
    strict: bool,
    callbacks: Sequence[Callback],
) -> _Order:
    if on_reject not in ON_REJECT:
        raise InputError(
            "on_reject",
            expected="one of " + ", ".join(ON_REJECT),
            got=repr(on_reject),
            remedy="Use redraw unless you know better.",
            code="input.on_reject",
        )
    routine = named(recipe, data=["classes"])
    if not routine.conditional or routine.attributes == "needed":
        raise InputError(
            "recipe",
            expected="one that is told classes and nothing else",
            got=f"{routine.name}, which is not",
            remedy="Use rare; other recipes are for synthaug train.",
            code="input.recipe",
        )
    return _Order(
        routine,
        parse_budget(budget),
        device_named(device),
        int(seed),
        on_reject,
        strict,
        tuple(callbacks),
    )


def _choosing_seconds(order: _Order, training: Training | None) -> float:
    """Its share of a budget in time; beside a budget in images, in proportion to training."""
    if order.budget.seconds is not None:
        return order.budget.seconds * _CHOOSING
    return training.fitted.seconds * _CHOOSING / _TRAINING if training else 0.0


def _strict_failure(verdicts: Verdicts) -> GateFailed:
    failed = [v for v in verdicts if v.status is Status.FAIL and not v.scope.startswith("image:")]
    named_gates = "; ".join(f"{v.gate} of {v.scope}: {v.why}" for v in failed[:3])
    return GateFailed(
        f"{len(failed)} gate{'s' if len(failed) > 1 else ''} failed",
        got=named_gates,
        remedy="Give more images or a longer budget, or leave out --strict to get the set "
        "with classical augmentation in place of what failed.",
    )


def _first_facts(prepared: Prepared, order: _Order, command: str) -> AugmentFacts:
    plan = prepared.plan
    return AugmentFacts(
        version=version("synthaug"),
        source=plan.source,
        command=command,
        resolution=plan.resolution,
        resolution_why=plan.resolution_why,
        classes=plan.classes,
        warnings=list(plan.warnings),
        settings={
            "recipe": order.recipe.name,
            "budget": str(order.budget),
            "seed": order.seed,
            "device": order.device,
            "on_reject": order.on_reject,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        },
    )


def _last_facts(
    facts: AugmentFacts,
    prepared: Prepared,
    packed: Packed,
    training: Training | None,
    judged: Judged,
    chosen: Chosen,
    watch: _Stopwatch,
) -> None:
    """Fill in what became known on the way."""
    facts.chosen, facts.helps, facts.why = chosen.arm.name, chosen.helps, chosen.why
    facts.arms = chosen.arms
    facts.warnings += judged.warnings
    facts.seconds = {name: round(value, 2) for name, value in watch.seconds.items()}
    for label, drawn in judged.drawn.items():
        facts.classes[label].drawn = drawn.drawn
        facts.classes[label].rejected = {k: v for k, v in drawn.rejected.items() if v}
    if training is not None:
        facts.curve = training.fitted.curve
        facts.frechet_floor = training.floor
        facts.images_seen = training.fitted.images_seen
        facts.images_per_second = round(
            training.fitted.images_seen / max(training.fitted.seconds, 1e-9), 1
        )
    facts.copy_generated = [d for drawn in judged.drawn.values() for d in drawn.distance]
    facts.copy_heldout = judged.heldout_distance
    facts.copy_threshold = _largest(judged.drawn.values())


def _largest(drawn: Any) -> float | None:
    thresholds = [d.copy_threshold for d in drawn if d.copy_threshold is not None]
    return max(thresholds) if thresholds else None


class _Stopwatch:
    """Wall seconds by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[phase] = time.perf_counter() - started
