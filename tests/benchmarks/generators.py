"""Is the generator good for its time? The rare recipe against two others at equal CPU seconds.

    python tests/benchmarks/generators.py run --data ROOT --out runs/generators.jsonl
    python tests/benchmarks/generators.py table --out runs/generators.jsonl

Resumable: a cell that stands in the file is not run again, and a baseline goes on from its last
one (its weights lie beside the file). One thread; CPU seconds, not wall seconds, so that a busy
machine costs patience only. `--grids FOLDER` keeps a picture a cell.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))

from baselines import Baseline
from rare_sets import load

from synthaug.datasets.resampling import squash
from synthaug.features import embedded
from synthaug.metrics import frechet_distance, kid, mean_pairwise_distance
from synthaug.networks.probe import fit_probe, probe_logits
from synthaug.textbook import named
from synthaug.training import Generator, Run, Shape, Trainer

METHODS = ("rare", "dcgan", "cgan_pd")
RESOLUTION = 32


class Real:
    """One set at 32 px: what trains, what tests, and the judges made from real images."""

    resolution = RESOLUTION
    attributes = None

    def __init__(self, name: str, root: Path, seed: int) -> None:
        cut = load(name, root, seed)
        pixels = [squash(image.permute(1, 2, 0).numpy(), RESOLUTION) for image in cut.images]
        images = torch.from_numpy(np.stack(pixels)).reshape(len(pixels), RESOLUTION, RESOLUTION, -1)
        images = images.permute(0, 3, 1, 2).contiguous()
        self.pixels, self.labels = images[cut.train], cut.labels[cut.train]
        self.test, self.test_labels = images[cut.test], cut.labels[cut.test]
        self.channels, self.classes = images.shape[1], cut.classes
        self.extractor = embedded()
        self.features = self.extractor(self.test)
        rng = np.random.default_rng(seed)
        # The floor: training images of the test set's own class proportions, at its own n.
        twins = [rng.choice(np.flatnonzero(self.labels == label)) for label in self.test_labels]
        self.floor = frechet_distance(self.extractor(self.pixels[twins]), self.features)
        counts = np.bincount(self.labels)
        self.judge = fit_probe(
            self.pixels, torch.from_numpy(self.labels), num_classes=len(self.classes),
            probabilities=torch.from_numpy((1 / counts)[self.labels]), draws=60_000, seed=seed,
        )  # fmt: skip
        self.agreement_of_real = self.agreement(self.test)

    def read(self, indices: np.ndarray) -> torch.Tensor:
        return self.pixels[indices]

    def agreement(self, images: torch.Tensor) -> float:
        """Balanced agreement of the real-data classifier with the test labels, 0 to 1."""
        called = probe_logits(self.judge, images).argmax(1).numpy()
        classes = np.unique(self.test_labels)
        return float(np.mean([(called[self.test_labels == c] == c).mean() for c in classes]))

    def measure(self, images: torch.Tensor) -> dict[str, float]:
        features = self.extractor(images)
        ratios = []
        for label in np.unique(self.test_labels):
            mine = self.test_labels == label
            if mine.sum() > 2:
                spread = mean_pairwise_distance(features[mine])
                ratios.append(spread / mean_pairwise_distance(self.features[mine]))
        return {
            "kid": kid(features, self.features)[0],
            "frechet": frechet_distance(features, self.features),
            "floor": self.floor,
            "agreement": self.agreement(images),
            "agreement_of_real": self.agreement_of_real,
            "spread": float(np.mean(ratios)),
        }


def rare(real: Real, seconds: list[float], seed: int):
    """A run of its own for each budget: the recipe anneals within its budget."""
    for budget in seconds:
        shape = Shape(len(real.classes), real.channels, RESOLUTION)

        def make(images: int, shape: Shape = shape) -> Trainer:
            run = Run(named("rare"), shape, images, seed, "cpu")
            return Trainer(run, real, np.arange(len(real.labels)))

        trainer = make(int(budget / _cpu_cost(make)))
        started = time.process_time()
        trainer.advance(trainer.run.steps)
        spent = time.process_time() - started
        generator = Generator(trainer.average, real.classes)
        seeds = np.random.default_rng(seed).integers(0, 2**60, len(real.test)).tolist()
        yield budget, spent, trainer.images_seen, generator.sample(real.test_labels, seeds)


def _cpu_cost(make) -> float:
    """CPU seconds an image over all phases (`calibrate` counts wall seconds)."""
    trainer = make(10_000)
    starts, cost = trainer.phase_starts(), 0.0
    for phase, first in zip(trainer.run.routine.phases, starts, strict=True):
        trainer.step = first
        trainer.advance(first + 4)
        started = time.process_time()
        trainer.advance(first + 36)
        cost += phase.share * (time.process_time() - started) / 32
    return cost / trainer.run.routine.batch_size


def baseline(kind: str, real: Real, seconds: list[float], seed: int, kept: Path):
    """One run for all budgets, kept at each of them: a longer one goes on from there."""
    run = Baseline(kind, real.pixels, real.labels, seed=seed)
    if kept.exists():
        run.restore(kept)
    for budget in run.run([stop for stop in seconds if stop > run.seconds]):
        yield budget, run.seconds, run.seen, run.sample(real.test_labels, seed)
        run.save(kept)


def main_run(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    done = {_cell(row) for row in _rows(options.out)}
    for seed in options.seeds:
        for name in options.sets:
            real = None
            for method in options.methods:
                left = [s for s in options.seconds if (name, method, s, seed) not in done]
                if not left:
                    continue
                real = real or Real(name, options.data, seed)
                cells = (
                    rare(real, left, seed)
                    if method == "rare"
                    else baseline(method, real, left, seed, _kept(options, name, method, seed))
                )
                for budget, spent, seen, images in cells:
                    row = {
                        "set": name, "method": method, "seconds": budget, "seed": seed,
                        "spent": spent, "images": seen, **real.measure(images),
                    }  # fmt: skip
                    with options.out.open("a") as file:
                        file.write(json.dumps(row) + "\n")
                    print(json.dumps(row), flush=True)
                    if options.grids:
                        _grid(options.grids / f"{name}-{method}-{budget:g}s.png", images, real)


def main_table(options: argparse.Namespace) -> None:
    rows = _rows(options.out)
    print("| set | CPU s | spent | generator | seeds | images / CPU s | KID "
          "| Fréchet - floor (floor) | label agreement (real) | spread |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, seconds, method in sorted({(r["set"], r["seconds"], r["method"]) for r in rows}):
        mine = [r for r in rows if (r["set"], r["seconds"], r["method"]) == (name, seconds, method)]

        def mean(key: str, mine: list[dict] = mine) -> float:
            return float(np.mean([r[key] for r in mine]))

        speed = float(np.mean([r["images"] / r["spent"] for r in mine]))
        floor = mean("floor")
        print(
            f"| {name} | {seconds:g} | {mean('spent'):.0f} | {method} | {len(mine)} "
            f"| {speed:.0f} | {mean('kid'):.2f} | {mean('frechet') - floor:.0f} ({floor:.0f}) "
            f"| {mean('agreement'):.0%} ({mean('agreement_of_real'):.0%}) | {mean('spread'):.2f} |"
        )


def _kept(options: argparse.Namespace, name: str, method: str, seed: int) -> Path:
    return options.out.with_name(f"{options.out.stem}-{name}-{method}-{seed}.pt")


def _cell(row: dict) -> tuple:
    return row["set"], row["method"], row["seconds"], row["seed"]


def _rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _grid(path: Path, images: torch.Tensor, real: Real) -> None:
    from PIL import Image

    rows = []
    for label in range(len(real.classes)):
        mine = images[real.test_labels == label]
        rows.append(torch.cat(list(mine[torch.arange(12) % len(mine)]), dim=2))
    picture = torch.cat(rows, dim=1).permute(1, 2, 0).numpy()
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture.squeeze()).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["run", "table"])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/generators.jsonl"))
    parser.add_argument("--sets", nargs="+", default=["traffic_signs", "magnetic_tile"])
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--seconds", nargs="+", type=float, default=[120.0, 600.0, 1800.0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--grids", type=Path)
    options = parser.parse_args()
    {"run": main_run, "table": main_table}[options.what](options)


if __name__ == "__main__":
    main()
