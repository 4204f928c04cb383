"""The story of ``synthaug compare``: recipes trained alike on one set, measured, told."""

from __future__ import annotations

import dataclasses
import json
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from synthaug.errors import InputError
from synthaug.facts import CompareFacts, RivalFacts, mean_of
from synthaug.features import embedded
from synthaug.jobs.asking import asked_for, budgets_of, listed, seeds_of
from synthaug.jobs.conditions import refuse_unmet
from synthaug.jobs.contestants import claim, refuse_other, refuse_taken, remember, remembered
from synthaug.jobs.fitting import device_named
from synthaug.jobs.preparing import Prepared, packed_for, prepare
from synthaug.jobs.rivals import Job, train_apart
from synthaug.jobs.showing import Bench
from synthaug.textbook import Recipe
from synthaug.training import Budget, Callback, Progress, Routine, tell

if TYPE_CHECKING:
    from synthaug.datasets import Packed
    from synthaug.features import Extractor

__all__ = ["Comparison", "compare"]

_FEW_STEPS = 500

Render = Callable[[CompareFacts, Path], None]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What came of a comparison.

    Args:
        facts: everything measured.
        folder: where the pages and every recipe's generator are.
    """

    facts: CompareFacts
    folder: Path

    def to_dict(self) -> dict[str, Any]:
        """The facts as JSON-ready values, recipes best first."""
        ranked = [run for runs in self.facts.ranked() for run in runs]
        told = json.loads(dataclasses.replace(self.facts, rivals=ranked).to_json())
        for fields, run in zip(told["rivals"], ranked, strict=True):
            fields["collapsed"] = run.collapsed
        return {"out": str(self.folder), "report": str(self.folder / "compare.html"), **told}

    def __str__(self) -> str:
        names = ("recipe", "KID", "Fréchet", "recall", "images/s", "memory", "collapse", "gates")
        table = [names, *(_row(runs) for runs in self.facts.ranked())]
        widths = [max(len(row[at]) for row in table) for at in range(len(names))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in table
        ]
        for run in self.facts.rivals:
            lines += [f"Note: {run.folder}: {note}" for note in [run.failed, *run.remarks] if note]
        return "\n".join([*lines, *(f"Note: {warning}" for warning in self.facts.warnings)])


def _row(runs: list[RivalFacts]) -> tuple[str, ...]:
    def number(value: float | None, text: str = "{:.3g}") -> str:
        return "-" if value is None or value != value else text.format(value)

    done = [run for run in runs if not run.failed]
    speeds = [run.images_per_second for run in done if run.images_per_second]
    memory = [run.peak_memory for run in done if run.peak_memory]
    floor = number(mean_of(runs, "frechet_real"), " (real {:.0f})")
    return (
        runs[0].recipe,
        number(mean_of(runs, "kid")),
        number(mean_of(runs, "frechet"), "{:.0f}") + ("" if floor == "-" else floor),
        number(mean_of(runs, "recall"), "{:.2f}"),
        number(sum(speeds) / len(speeds) if speeds else None, "{:.0f}"),
        number(max(memory) / 1e6 if memory else None, "{:.0f} MB"),
        collapse_in_words(done),
        gates_in_words(done[0]) if done else "failed",
    )


def collapse_in_words(runs: Sequence[RivalFacts]) -> str:
    """Whether the diversity gate found a collapse in any run: found, not found, unknown."""
    told = {run.collapsed for run in runs}
    if True in told:
        return "found"
    if any(run.collapsed_classes for run in runs):
        return "in some classes"
    return "not found" if False in told else "unknown"


def gates_in_words(run: RivalFacts) -> str:
    """What each gate said of the whole set."""
    told = [v for v in run.verdicts if v["scope"] == "set"]
    return ", ".join(f"{v['gate']} {v['status']}" for v in told) or "not asked"


def compare(
    dataset: Any,
    recipes: str | Sequence[str | Recipe],
    *,
    budget: str | float | Mapping[str, str | float] = "5min",
    seeds: Sequence[int] = (0,),
    size: int | str = "auto",
    out: str | Path = "comparison",
    groups: Any = None,
    device: str = "auto",
    resume: bool = True,
    skip_bad: bool = False,
    callbacks: Sequence[Callback] = (),
    command: str = "",
    render: Render | None = None,
) -> Comparison:
    """Several recipes trained with the same budget and seeds on the same split, side by side.

    Each is trained in a process of its own, one after the other: its peak of memory is its own,
    and a recipe that crashes is a row that says why. Recipes that are done are not trained
    again when the call is repeated; more can be added to a folder.

    Args:
        dataset: whatever `synthaug.datasets.open` reads.
        recipes: names, as a list or ``"a,b,c"``, or ``"all"``; or `synthaug.Recipe` objects
            with names of their own.
        budget: of each recipe and seed: ``"5min"``, ``"50000 images"``; or recipe name to
            budget, where something else than time is to be equal.
        seeds: of training; every recipe is trained once with each.
        size: ``"auto"``, 16, 32, 64 or 128 pixels.
        out: folder to write, or one of an earlier call to go on with.
        groups: see `synthaug.datasets.open`.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        resume: go on with what an earlier call of the same kind left; False removes it.
        skip_bad: leave out images that cannot be read.
        callbacks: told of progress.
        command: command line of the call, for the page.
        render: writes the pages.

    Raises:
        InputError: recipes, budget or data that cannot be used; nothing is trained.
        Stopped: interrupted; the same call goes on.
    """
    asked = asked_for(recipes)
    amounts = budgets_of(budget, asked)
    numbers = seeds_of(seeds)
    chosen_device = device_named(device)
    target = Path(out)
    refuse_taken(target)
    eyes = embedded(chosen_device)
    routines = list(asked.values())
    prepared = prepare(
        dataset, "balance", groups=groups, size=size, extractor=eyes, skip_bad=skip_bad,
        routine=routines[0],
    )  # fmt: skip
    for routine in routines[1:]:
        refuse_unmet(prepared.images, routine)
    _refuse_unjudgeable(prepared)
    claim(target, resume)
    packed = packed_for(prepared, target / ".work")
    facts = _facts(prepared, packed, amounts, chosen_device)
    facts.command = command or _command(dataset, asked, budget, numbers, size, out, device)
    given = dict(zip(asked, listed(recipes), strict=True))
    contest = _Contest(
        packed, prepared, amounts, chosen_device, target, eyes, list(callbacks), facts, render
    )
    contest.check(asked, numbers)
    for seed in numbers:
        for name, routine in asked.items():
            contest.enter(name, given[name], routine, seed)
    shutil.rmtree(target / ".work", ignore_errors=True)
    return Comparison(facts, target)


@dataclasses.dataclass
class _Contest:
    """One comparison while it runs."""

    packed: Packed
    prepared: Prepared
    budgets: dict[str, Budget]
    device: str
    target: Path
    eyes: Extractor
    callbacks: list[Callback]
    facts: CompareFacts
    render: Render | None
    bench: Bench | None = None

    def check(self, asked: dict[str, Routine], seeds: Sequence[int]) -> None:
        """Refuse a folder that holds the same recipes trained otherwise, before any training."""
        for seed in seeds:
            for name, routine in asked.items():
                refuse_other(self._folder(name, seed), self._key(routine, seed))

    def enter(self, name: str, recipe: str | Recipe, routine: Routine, seed: int) -> None:
        """Train and measure one recipe, as far as that is not done, and write the pages."""
        folder = self._folder(name, seed)
        key = self._key(routine, seed)
        rival = remembered(folder)
        if rival is None or rival.failed:
            self._say(f"{name}, seed {seed}: training, {self.budgets[name]}")
            rival = self._trained(folder, name, recipe, seed)
            rival.source = rival.source or routine.source
            remember(folder, rival, key)
        if not rival.failed and not rival.numbers:
            self._say(f"{name}, seed {seed}: measuring")
            self._measure(folder, rival)
            remember(folder, rival, key)
        self.facts.rivals.append(rival)
        (self.target / "compare.json").write_text(self.facts.to_json() + "\n", encoding="utf-8")
        if self.render:
            self.render(self.facts, self.target)

    def _trained(self, folder: Path, name: str, recipe: str | Recipe, seed: int) -> RivalFacts:
        shutil.rmtree(folder / "generator", ignore_errors=True)
        job = Job(
            self.packed, self.prepared.train, self.prepared.heldout, recipe, self.budgets[name],
            folder, seed, self.device, torch.get_num_threads(),
        )  # fmt: skip
        found = train_apart(job, [_Named(name, self.callbacks)])
        found.setdefault("curve", [])
        rival = RivalFacts.from_dict({"recipe": name, "seed": seed, "folder": folder.name, **found})
        if not rival.failed:
            shutil.rmtree(folder / ".work", ignore_errors=True)
            if rival.steps < _FEW_STEPS:
                rival.remarks.append(
                    f"only {rival.steps:,} steps fitted the budget: too few to judge the recipe by"
                )
        return rival

    def _measure(self, folder: Path, rival: RivalFacts) -> None:
        self.bench = self.bench or Bench.of(self.packed, self.prepared, self.eyes)
        self.bench.draw_real(self.target / "real.private.png")
        try:
            self.bench.measure(folder, rival)
        except Exception as error:  # one that cannot be measured must not end the others
            rival.remarks.append(f"could not be measured: {type(error).__name__}: {error}")

    def _folder(self, name: str, seed: int) -> Path:
        safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
        return self.target / f"{safe}-seed{seed}"

    def _key(self, routine: Routine, seed: int) -> dict[str, Any]:
        return {
            "data": self.packed.fingerprint, "budget": str(self.budgets[routine.name]),
            "device": self.device, "seed": seed, "threads": torch.get_num_threads(),
            "recipe": routine.sha256,
        }  # fmt: skip

    def _say(self, message: str) -> None:
        tell(self.callbacks, Progress(phase="compare", message=message))


@dataclasses.dataclass
class _Named:
    """Puts the recipe's name before the phases of its training."""

    name: str
    callbacks: list[Callback]

    def on_progress(self, event: Progress) -> None:
        """Pass one message on."""
        tell(self.callbacks, dataclasses.replace(event, phase=f"{self.name}: {event.phase}"))


def _refuse_unjudgeable(prepared: Prepared) -> None:
    fewest = min(len(prepared.train), len(prepared.heldout))
    if fewest < 10:
        raise InputError(
            "images", expected="at least 10 to learn from and 10 kept apart",
            got=f"{len(prepared.train)} and {len(prepared.heldout)}", where=prepared.images.name,
            remedy="Add images, or say with --groups which belong together.",
        )  # fmt: skip


def _facts(
    prepared: Prepared, packed: Packed, budgets: Mapping[str, Budget], device: str
) -> CompareFacts:
    told = sorted(budgets.values(), key=lambda budget: (budget.images or 0, budget.seconds or 0))
    least, most = str(told[0]), str(told[-1])
    return CompareFacts(
        version=version("synthaug"),
        source=prepared.plan.source,
        budget=least if least == most else f"{least} to {most}",
        resolution=packed.resolution,
        resolution_why=prepared.plan.resolution_why,
        classes=list(packed.classes),
        train=len(prepared.train),
        heldout=len(prepared.heldout),
        device=device,
        threads=torch.get_num_threads(),
        shown=Bench.rows(packed),
        warnings=list(prepared.images.warnings),
    )


def _command(
    dataset: Any, asked: dict[str, Routine], budget: Any, seeds: Sequence[int],
    size: int | str, out: str | Path, device: str,
) -> str:  # fmt: skip
    """The command line that makes the call again; empty where the data is no path."""
    if not isinstance(dataset, str | Path) or isinstance(budget, Mapping):
        return ""
    words = ["synthaug", "compare", str(dataset), "--recipes", ",".join(asked)]
    words += ["--budget", str(budget), "--seeds", ",".join(map(str, seeds))]
    words += ["--size", str(size), "--device", device, "--out", str(out)]
    return shlex.join(words)
