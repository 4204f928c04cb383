"""Every recipe of the textbook at equal CPU seconds: the table of docs/textbook.md.

    python tests/benchmarks/textbook.py run --data ROOT --out runs/textbook --cpu-seconds 300
    python tests/benchmarks/textbook.py table --out runs/textbook > docs/textbook.md

Resumable: what is done is not done again; more recipes can be added. Each set becomes a folder
that `synthaug compare` wrote, with its page.

CPU seconds are turned into images once for each recipe, by timing steps with the process's CPU
clock, and written to budgets.json: a busy machine costs patience and changes no image. (How often
a run is looked at is a ratio of two times, taken moments apart and kept in its plan.) One
thread. Steps are timed at four places of each phase, because a growing network is cheap at first
and dear at the end. Deleting a recipe's line in budgets.json times it anew.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch

import synthaug
from synthaug.cli.progress import Progress
from synthaug.facts import CompareFacts, RivalFacts, mean_of
from synthaug.jobs.asking import listed
from synthaug.jobs.demo import write_digits
from synthaug.jobs.preparing import Prepared, packed_for, prepare
from synthaug.textbook import entry_of, named
from synthaug.training import Run, Shape, Trainer

SIZES = {"digits": 16, "traffic_signs": 32}
PLACES = (0.05, 0.35, 0.65, 0.95)
SENTENCES = Path(__file__).with_name("textbook_sentences.txt")


def source(name: str, options: argparse.Namespace) -> tuple[Path, Path | None]:
    """Where a set lies, and its groups."""
    if name == "digits":
        return write_digits(options.out / "data" / "digits"), None
    if options.data is None:
        raise SystemExit(f"{name} needs --data ROOT, the folder that holds {name}/")
    root = options.data / name
    groups = root / "groups.csv"
    return root / "train", groups if groups.exists() else None


def cpu_cost(recipe: str, packed, train: np.ndarray, seed: int = 0) -> float:
    """CPU seconds an image of the budget costs, averaged over the whole run."""
    routine = named(recipe)
    shape = Shape(len(packed.classes), packed.channels, packed.resolution)
    trainer = Trainer(Run(routine, shape, 400 * routine.batch_size, seed), packed, train)
    starts = [*trainer.phase_starts(), trainer.run.steps]
    cost = 0.0
    for phase, first, last in zip(routine.phases, starts, starts[1:], strict=False):
        for place in PLACES:
            trainer.step = min(last - 10, first + int(place * (last - first)))
            trainer.advance(trainer.step + 2)
            before, started = trainer.step, time.process_time()
            trainer.advance(trainer.step + 8)
            spent = time.process_time() - started
            cost += phase.share / len(PLACES) * spent / (trainer.step - before)
    return cost / routine.batch_size


def budgets(path: Path, wanted: list[str], seconds: float, prepared: Prepared) -> dict[str, str]:
    """Images for each recipe, timed once and written down."""
    known = json.loads(path.read_text()) if path.exists() else {}
    packed = None
    for name in wanted:
        key = f"{name} {seconds:g}"
        if key in known:
            continue
        packed = packed or packed_for(prepared, None)
        try:
            cost = cpu_cost(name, packed, prepared.train)
        except Exception as error:  # one broken recipe is a row, not the end
            print(f"{name}: cannot be timed: {error}", file=sys.stderr)
            cost = seconds / 1000
        known[key] = f"{max(1000, math.floor(seconds / cost))} images"
        print(f"{name}: {1 / cost:.0f} images a CPU second, {known[key]}", flush=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(known, indent=1) + "\n")
    return {name: known[f"{name} {seconds:g}"] for name in wanted}


def main_run(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    wanted = options.recipes or listed("all")
    for name in options.sets:
        data, groups = source(name, options)
        size = options.size or SIZES.get(name, "auto")
        prepared = prepare(data, "balance", groups=groups, size=size)
        granted = budgets(
            options.out / name / "budgets.json", wanted, options.cpu_seconds, prepared
        )
        with Progress() as progress:
            found = synthaug.compare(
                data, wanted, budget=granted, seeds=options.seeds, size=size, groups=groups,
                out=options.out / name / "comparison", device="cpu", callbacks=(progress,),
            )  # fmt: skip
        print(f"\n{name}\n{found}\n", flush=True)


HEAD = """# The textbook, recipe by recipe

What `synthaug compare` finds when every recipe that learns from class folders gets the same CPU
time: the table of its page, with a sentence written after looking at the pictures. It compares
how recipes *start*: seconds of one core are little, and a technique made for long runs (growing,
StyleGAN, unrolling) is not judged by them. Made again by:

    python tests/benchmarks/textbook.py run --data ROOT --cpu-seconds {seconds}
    python tests/benchmarks/textbook.py table > docs/textbook.md

Machine: {cores} cores of a shared x86-64 server, one thread, torch {torch}; speeds are images of
the training loop a CPU second. *Diversity* is the mean distance between images, as a share of the
real images', with the diversity gate's verdict. KID and Fréchet distance use EfficientNet-Lite0.
One seed: neighbours in rank are not told apart."""


def main_table(options: argparse.Namespace) -> None:
    said = sentences()
    print(HEAD.format(
        seconds=seconds_of(options.out / options.sets[0]), cores=os.cpu_count(),
        torch=torch.__version__.split("+")[0],
    ))  # fmt: skip
    for name in options.sets:
        file = options.out / name / "comparison" / "compare.json"
        if not file.exists():
            continue
        facts = CompareFacts.from_json(file.read_text())
        print(f"\n## {name}\n\n{story(facts, seconds_of(options.out / name))}\n")
        print("| recipe | paper | KID | Fréchet - floor | diversity | images / CPU s | peak memory "
              "| in a sentence |")  # fmt: skip
        print("|---|---|---|---|---|---|---|---|")
        ranked = facts.ranked()
        for place, runs in enumerate(ranked):
            print(row(runs, said.get((name, runs[0].recipe)) or plain(runs, place, len(ranked))))


def seconds_of(folder: Path) -> str:
    """CPU seconds each recipe of a set was given, as its budgets were written down."""
    granted = {key.rsplit(" ", 1)[1] for key in json.loads((folder / "budgets.json").read_text())}
    return " or ".join(sorted(granted))


def story(facts: CompareFacts, seconds: str) -> str:
    done = [run for run in facts.rivals if run.numbers]
    floor, real = mean_of(done, "frechet_real"), mean_of(done, "kid_real")
    seeds = len({run.seed for run in facts.rivals})
    return (
        f"{facts.train:,} images of {len(facts.classes)} classes to learn from, {facts.heldout:,} "
        f"kept apart, {facts.resolution} px, {seconds} CPU seconds each on one "
        f"thread, {seeds} seed{'s' if seeds > 1 else ''}. Real images against real ones: Fréchet "
        f"{floor:.0f} (the floor), KID {real:.3f}. Nearest first, by KID."
    )


def row(runs: list[RivalFacts], sentence: str) -> str:
    done = [run for run in runs if not run.failed]
    papers = (runs[0].source or entry_of(runs[0].recipe).source).split("; ")
    more = f" and {len(papers) - 3} more" if len(papers) > 3 else ""
    source = "; ".join(papers[:3]) + more
    if not any(run.numbers for run in done):
        return f"| {runs[0].recipe} | {source} | - | - | - | - | - | {sentence} |"
    speeds = [run.images_per_cpu_second for run in done if run.images_per_cpu_second]
    memory = max(run.peak_memory or 0 for run in done) / 1e6
    gap = mean_of(done, "frechet") - mean_of(done, "frechet_real")
    return (
        f"| {runs[0].recipe} | {source} | {mean_of(done, 'kid'):.2f} | {gap:.0f} | "
        f"{diversity(done)} | {np.mean(speeds) if speeds else math.nan:.0f} | {memory:.0f} MB | "
        f"{sentence} |"
    )


def diversity(done: list[RivalFacts]) -> str:
    """The gate's share of the real images' diversity, and whether that is a collapse."""
    told = [v for run in done for v in run.verdicts
            if (v["gate"], v["scope"]) == ("diversity", "set")]  # fmt: skip
    values = [v["statistic"] for v in told if v["statistic"] is not None]
    share = f"{np.mean(values):.2f}" if values else "-"
    if any(run.collapsed for run in done):
        return f"{share}, collapsed"
    classes = {name for run in done for name in run.collapsed_classes}
    many = "es" if len(classes) > 1 else ""
    return f"{share}, {len(classes)} class{many} collapsed" if classes else share


def plain(runs: list[RivalFacts], place: int, of: int) -> str:
    """What can be said where nobody has written a sentence yet."""
    if all(run.failed for run in runs):
        return f"Gave nothing: {runs[0].failed.replace('|', '/')}"
    remarks = list(dict.fromkeys(remark for run in runs for remark in run.remarks))
    support = mean_of(runs, "birthday_support")
    told = [f"Place {place + 1} of {of}", *remarks]
    if math.isfinite(support):
        told.append(f"about {support:.0f} different images by the birthday paradox")
    return "; ".join(told) + "."


def sentences() -> dict[tuple[str, str], str]:
    """Lines of ``set / recipe: sentence``, written after looking at the pictures."""
    if not SENTENCES.exists():
        return {}
    lines = [line for line in SENTENCES.read_text().splitlines() if line and line[0] != "#"]
    pairs = (line.split(": ", 1) for line in lines)
    return {tuple(key.split(" / ", 1)): sentence for key, sentence in pairs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["run", "table"])
    parser.add_argument("--data", type=Path, help="folder that holds traffic_signs/")
    parser.add_argument("--out", type=Path, default=Path("runs/textbook"))
    parser.add_argument("--sets", nargs="+", default=["digits", "traffic_signs"])
    parser.add_argument("--recipes", nargs="+", help="all that learn from classes by default")
    parser.add_argument("--cpu-seconds", type=float, default=300.0)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--size", type=int)
    options = parser.parse_args()
    {"run": main_run, "table": main_table}[options.what](options)


if __name__ == "__main__":
    main()
