"""Does it help? Every remedy for rare classes, trained on and tested on real held-out images.

    python tests/benchmarks/rare_class.py run --data ROOT --out cells.jsonl
    python tests/benchmarks/rare_class.py table cells.jsonl > docs/benchmarks/rare_class.md

`run` appends one line a cell and skips the cells that are there: stop and start it at will.
ROOT holds magnetic_tile/, steel/, traffic_signs/ and blood_cells/ (train/CLASS/NAME.jpg,
groups.csv, test/ where the source has one); digits come with scikit-learn.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
from rare_sets import SETS, RareSet, load

from synthaug.choosing import choose, effort_for
from synthaug.datasets import AugmentedDataset, split
from synthaug.datasets.classical import augment_classical_each
from synthaug.features import embedded
from synthaug.networks.probe import fit_probe, probe_logits

ARMS = ("plain", "class weights", "oversampling", "oversampling + classical", "SMOTE on pixels")
OUTCOMES = ("choice", "augment", "as stored", "GAN alone")
_LINEAR_ROWS = 4_000


@dataclasses.dataclass(frozen=True)
class Training:
    """What an arm trains on: images, how often each is drawn, the loss's class weights."""

    images: torch.Tensor
    labels: np.ndarray
    probabilities: np.ndarray
    class_weights: np.ndarray

    @classmethod
    def of(cls, images: torch.Tensor, labels: np.ndarray, weights: np.ndarray, k: int) -> Training:
        return cls(images, labels, weights / weights.sum(), np.ones(k))


def draws_of(data: RareSet) -> int:
    """Images shown to a small CNN: 20 of each training image, within bounds one can wait for."""
    return int(np.clip(20 * len(data.train), 20_000, 60_000))


# --- the arms --------------------------------------------------------------------------------


def ordinary(data: RareSet, arm: str, seed: int) -> Training:
    """The training set of an arm that needs no generator."""
    images, labels = data.images[torch.from_numpy(data.train)], data.labels[data.train]
    k = len(data.classes)
    counts = np.bincount(labels, minlength=k)
    plain, balanced = np.ones(len(labels)), 1.0 / counts[labels]
    if arm == "plain":
        return Training.of(images, labels, plain, k)
    if arm == "class weights":
        weighted = counts.sum() / (k * counts)
        return dataclasses.replace(Training.of(images, labels, plain, k), class_weights=weighted)
    if arm == "oversampling":
        return Training.of(images, labels, balanced, k)
    if arm == "oversampling + classical":
        return augmented_draws(Training.of(images, labels, balanced, k), draws_of(data), seed)
    from imblearn.over_sampling import SMOTE

    neighbours = min(5, int(counts.min()) - 1)
    flat = images.flatten(1).numpy().astype(np.float32)
    made, made_labels = SMOTE(k_neighbors=neighbours, random_state=seed).fit_resample(flat, labels)
    made = torch.from_numpy(made).round().clamp(0, 255).byte().view(-1, *images.shape[1:])
    return Training.of(made, made_labels, np.ones(len(made)), k)


def augmented_draws(training: Training, draws: int, seed: int) -> Training:
    """The same draws, each one freshly augmented, as a data loader would do it."""
    random = np.random.default_rng(seed)
    rows = random.choice(len(training.labels), draws, p=training.probabilities)
    images = training.images[torch.from_numpy(rows)]
    seeds = random.integers(2**31, size=draws).tolist()
    k = len(training.class_weights)
    fresh = Training.of(
        augment_classical_each(images, seeds), training.labels[rows], np.ones(draws), k
    )
    return dataclasses.replace(fresh, class_weights=training.class_weights)


class TrainingPart(torch.utils.data.Dataset[tuple[Any, int]]):
    """The training images of a set as a caller would hand them to `augment`."""

    def __init__(self, data: RareSet) -> None:
        self.classes = data.classes
        self._images = data.images[torch.from_numpy(data.train)]
        self._labels = data.labels[data.train]

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        from PIL import Image

        pixels = self._images[index].permute(1, 2, 0).numpy()
        return Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels), int(
            self._labels[index]
        )


def balanced_set(
    data: RareSet, seed: int, budget: str, work: Path, device: str
) -> AugmentedDataset:
    """What `augment` hands over for the training images alone."""
    import synthaug

    out = work / f"{data.name}_{seed}"
    if (out / "report.json").exists():
        return synthaug.load(out)
    groups = data.groups[data.train]
    return synthaug.augment(
        TrainingPart(data), "balance", groups=groups, budget=budget, seed=seed, out=out,
        device=device,
    )  # fmt: skip


def as_stored(made: AugmentedDataset, data: RareSet) -> Training:
    """The set drawn as its own weights say, nothing changed on the way."""
    k, side = len(data.classes), data.images.shape[-1]
    weights = made.sample_weights()
    used = np.flatnonzero(weights)
    images = torch.stack([_at(made.image(int(i)), side) for i in used])
    training = Training.of(images, made.targets[used], weights[used], k)
    return dataclasses.replace(training, class_weights=made.loss_weights())


def as_chosen(made: AugmentedDataset, data: RareSet, seed: int) -> Training:
    """The set as its `draws` hand it out: changed anew at each draw where the arm says so."""
    if not made.arm.classical:
        return as_stored(made, data)
    draws = made.draws(draws_of(data), seed=seed)
    images = torch.stack([_at(draws.image(i), data.images.shape[-1]) for i in range(len(draws))])
    training = Training.of(images, draws.targets, np.ones(len(draws)), len(data.classes))
    return dataclasses.replace(training, class_weights=made.loss_weights())


def generated_alone(made: AugmentedDataset, data: RareSet) -> Training | None:
    """Real images and, up to the largest class, nothing but the generator's, judged or not."""
    generator = made.generator
    if not hasattr(generator, "sample"):
        return None
    k, side = len(data.classes), data.images.shape[-1]
    labels = data.labels[data.train]
    counts = np.bincount(labels, minlength=k)
    wanted = np.repeat(np.arange(k), counts.max() - counts)
    drawn = torch.cat(
        [
            generator.sample(wanted[i : i + 256], list(range(i, min(i + 256, len(wanted)))))
            for i in range(0, len(wanted), 256)
        ]
    )
    images = torch.cat(
        [data.images[torch.from_numpy(data.train)], torch.stack([_at(x, side) for x in drawn])]
    )
    return Training.of(images, np.concatenate([labels, wanted]), np.ones(len(images)), k)


def _at(image: torch.Tensor, side: int) -> torch.Tensor:
    if image.shape[-1] == side and image.shape[-2] == side:
        return image
    small = torch.nn.functional.interpolate(
        image[None].float(), (side, side), mode="bilinear", antialias=True
    )
    return small[0].round().clamp(0, 255).byte()


# --- the probes ------------------------------------------------------------------------------


def cnn_hits(training: Training, data: RareSet, seed: int, device: str) -> np.ndarray:
    """Which test images a small CNN names rightly."""
    probe = fit_probe(
        training.images,
        torch.from_numpy(training.labels),
        num_classes=len(data.classes),
        probabilities=torch.from_numpy(training.probabilities),
        class_weights=torch.from_numpy(training.class_weights),
        draws=draws_of(data),
        seed=seed,
        device=device,
    )
    test = torch.from_numpy(data.test)
    return probe_logits(probe, data.images[test]).argmax(1).numpy() == data.labels[data.test]


def linear_hits(training: Training, data: RareSet, seed: int, device: str) -> np.ndarray:
    """Which test images a logistic regression on frozen features names rightly."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    eyes = embedded(device)
    rows = np.arange(len(training.labels))
    if len(rows) > _LINEAR_ROWS:
        random = np.random.default_rng(seed)
        rows = random.choice(rows, _LINEAR_ROWS, replace=False)
    labels = training.labels[rows]
    weights = training.probabilities[rows] * training.class_weights[labels]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.003, max_iter=500))
    model.fit(
        eyes(training.images[torch.from_numpy(rows)]), labels,
        logisticregression__sample_weight=weights / weights.mean(),
    )  # fmt: skip
    named = model.predict(eyes(data.images[torch.from_numpy(data.test)]))
    return np.asarray(named == data.labels[data.test])


PROBES: dict[str, Callable[[Training, RareSet, int, str], np.ndarray]] = {
    "small CNN": cnn_hits,
    "frozen features": linear_hits,
}


# --- running ---------------------------------------------------------------------------------


class Cells:
    """The finished cells of a file of JSON lines; new ones are appended at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self.rows = [json.loads(line) for line in lines]

    def has(self, **key: Any) -> bool:
        return any(all(row.get(name) == value for name, value in key.items()) for row in self.rows)

    def add(self, **row: Any) -> None:
        self.rows.append(row)
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")


def run(options: argparse.Namespace) -> None:
    """Fill the file with every cell asked for."""
    cells = Cells(options.out)
    for seed in options.seeds:
        for name in options.sets:
            data = load(name, options.data, seed)
            key = {"set": name, "seed": seed}
            if not cells.has(kind="split", **key):
                cells.add(kind="split", **key, **_split_facts(data))
            for arm, training in _trainings(data, cells, options, seed):
                _fill(cells, data, arm, training, options, key)


def _split_facts(data: RareSet) -> dict[str, Any]:
    return {
        "classes": data.classes,
        "rule": data.rule,
        "rare": data.rare,
        "train": np.bincount(data.labels[data.train], minlength=len(data.classes)).tolist(),
        "labels": data.labels[data.test].tolist(),
        "groups": data.groups[data.test].tolist(),
    }


def _trainings(
    data: RareSet, cells: Cells, options: argparse.Namespace, seed: int
) -> Iterator[tuple[str, Callable[[], Training | None]]]:
    """The arms asked for, each with a function that makes its training set."""
    for arm in ARMS:
        if arm in options.arms:
            yield arm, functools.partial(ordinary, data, arm, seed)
    if "choice" in options.arms and not cells.has(kind="choice", set=data.name, seed=seed):
        cells.add(kind="choice", set=data.name, seed=seed, **choice_without(data, options, seed))
    if not {"augment", "as stored", "GAN alone"} & set(options.arms):
        return
    made = functools.cache(
        lambda: balanced_set(data, seed, options.budget, options.work, options.device)
    )
    if "augment" in options.arms:
        if not cells.has(kind="augment", set=data.name, seed=seed):
            facts = made().report
            cells.add(
                kind="augment", set=data.name, seed=seed, chosen=facts.chosen, why=facts.why,
                helps=facts.helps, seconds=facts.seconds,
            )  # fmt: skip
        yield "augment", lambda: as_chosen(made(), data, seed)
    if "as stored" in options.arms and not _copied(made(), cells, data, seed):
        yield "augment, as stored", lambda: as_stored(made(), data)
    if "GAN alone" in options.arms:
        yield "GAN alone", lambda: generated_alone(made(), data)


def _copied(made: AugmentedDataset, cells: Cells, data: RareSet, seed: int) -> bool:
    """Whether what is stored is what `augment` was measured with; then its cells stand for both."""
    if made.arm.classical:
        return False
    wanted = {"kind": "cell", "set": data.name, "seed": seed}
    for row in list(cells.rows):
        if {name: row.get(name) for name in wanted} == wanted and row["arm"] == "augment":
            same = {**row, "arm": "augment, as stored"}
            if not cells.has(**{name: value for name, value in same.items() if name != "seconds"}):
                cells.add(**same)
    return True


def _fill(
    cells: Cells,
    data: RareSet,
    arm: str,
    training: Callable[[], Training | None],
    options: argparse.Namespace,
    key: dict[str, Any],
) -> None:
    turns = {"small CNN": range(options.probe_seeds), "frozen features": range(1)}
    missing = [
        {"probe": probe, "probe_seed": turn, "draws": draws_of(data)}
        for probe in options.probes
        for turn in turns[probe]
        if not cells.has(
            kind="cell", arm=arm, probe=probe, probe_seed=turn, draws=draws_of(data), **key
        )
    ]
    if not missing:
        return
    trained_on = training()
    if trained_on is None:
        return
    for cell in missing:
        start = time.perf_counter()
        turn = int(cell["probe_seed"])
        hits = PROBES[str(cell["probe"])](trained_on, data, turn, options.device)
        seconds = round(time.perf_counter() - start, 1)
        cells.add(
            kind="cell", **key, arm=arm, **cell, hits="".join(map(str, hits.astype(int))),
            seconds=seconds,
        )  # fmt: skip
        recall = [hits[data.labels[data.test] == c].mean() for c in range(len(data.classes))]
        print(
            f"{data.name} seed {key['seed']} {arm}, {cell['probe']} {turn}: "
            f"{100 * np.mean(recall):.1f} %, worst {100 * min(recall):.1f} % ({seconds} s)",
            flush=True,
        )


class _Train:
    """The training part as `choose` reads it."""

    def __init__(self, data: RareSet) -> None:
        self.labels, self.groups = data.labels[data.train], data.groups[data.train]
        self.classes = data.classes
        self._images = data.images[torch.from_numpy(data.train)]

    def read(self, indices: np.ndarray) -> torch.Tensor:
        return self._images[torch.from_numpy(np.asarray(indices))]


def choice_without(data: RareSet, options: argparse.Namespace, seed: int) -> dict[str, Any]:
    """The ordinary arm that training data alone would choose: the comparator."""
    part, eyes = _Train(data), embedded(options.device)
    effort = effort_for(
        part, eyes, seconds=options.choice_seconds, gan=False, device=options.device
    )
    heldout = split(part.labels, part.groups, seed=seed).heldout
    choice = choose(
        part, heldout, {}, fill=data.rare, effort=effort, extractor=eyes, seed=seed,
        device=options.device,
    )  # fmt: skip
    arms = [dataclasses.asdict(fact) for fact in choice.arms]
    print(f"{data.name} seed {seed}: training data chooses {choice.arm.name}", flush=True)
    return {"chosen": choice.arm.name, "arms": arms, "effort": effort.to_dict()}


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, dest="command")
    running = commands.add_parser("run")
    names = functools.partial(str.split, sep=",")
    running.add_argument("--data", type=Path, default=Path())
    running.add_argument("--sets", type=names, default=list(SETS))
    running.add_argument(
        "--seeds", type=lambda text: [int(s) for s in text.split(",")], default=[0, 1, 2]
    )
    running.add_argument("--arms", type=names, default=[*ARMS, *OUTCOMES])
    running.add_argument("--probes", type=names, default=list(PROBES))
    running.add_argument("--probe-seeds", type=int, default=3)
    running.add_argument("--budget", default="10min")
    running.add_argument("--choice-seconds", type=float, default=180.0)
    running.add_argument("--device", default="cpu")
    running.add_argument("--work", type=Path, default=Path("rare_class_sets"))
    running.add_argument("--out", type=Path, default=Path("rare_class.jsonl"))
    telling = commands.add_parser("table")
    telling.add_argument("cells", type=Path)
    telling.add_argument("--machine", default="")
    options = parser.parse_args()
    if options.command == "run":
        run(options)
    else:
        from rare_table import table

        print(table(Cells(options.cells).rows, options.machine))


if __name__ == "__main__":
    main()
