"""What every recipe of a comparison is measured with: one judge, one draw, one grid."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synthaug import gates
from synthaug.facts import RivalFacts
from synthaug.jobs.grids import rows_of
from synthaug.jobs.measuring import measure, nearest_training
from synthaug.provenance import Provenance, latent_seed
from synthaug.training import Generator

if TYPE_CHECKING:
    from synthaug.datasets import Packed
    from synthaug.features import Extractor
    from synthaug.jobs.preparing import Prepared

__all__ = ["Bench"]

_DRAWN = 512  # images drawn of each recipe
_FEWEST_DRAWN = 200
_TRAINING = 3000  # training images that copies are looked for among
_ROWS, _COLUMNS = 10, 8
_PAIRS = 12
_GAP = 1


@dataclasses.dataclass
class Bench:
    """The same real images, labels and seeds for every recipe.

    Args:
        packed: all images.
        judge: made from training and held-out images.
        train: features of the training images.
        heldout: of the held-out ones.
        known: int64, index in ``packed`` of each training image the judge knows.
        labels: int64 (N,), labels to draw, in the held-out images' proportions.
        seeds: latent seed of each.
        eyes: the extractor.
    """

    packed: Packed
    judge: gates.Judge
    train: gates.Sample
    heldout: gates.Sample
    known: NDArray[np.int64]
    labels: NDArray[np.int64]
    seeds: list[int]
    eyes: Extractor

    @classmethod
    def of(cls, packed: Packed, prepared: Prepared, eyes: Extractor) -> Bench:
        """The bench of a prepared set; looks at every real image once."""
        rng = np.random.default_rng(0)
        known = np.sort(rng.permutation(prepared.train)[:_TRAINING])
        held = np.sort(rng.permutation(prepared.heldout)[:_DRAWN])
        train, heldout = (
            gates.sample(
                (packed.read(at), packed.labels[at]), extractor=eyes, groups=packed.groups[at],
                classes=packed.classes,
            )
            for at in (known, held)
        )  # fmt: skip
        times = math.ceil(_FEWEST_DRAWN / len(held))
        labels = np.tile(packed.labels[held], times)
        seeds = _seeds(packed.classes, labels)
        return cls(packed, gates.Judge(train, heldout), train, heldout, known, labels, seeds, eyes)

    @staticmethod
    def rows(packed: Packed) -> tuple[list[str], int]:
        """Names of the classes in the rows of a grid, and images a row."""
        return [packed.classes[label] for label in _shown(packed)], _COLUMNS

    def draw_real(self, file: Path) -> None:
        """Write the grid of real images, once: what the recipes' grids are compared with."""
        if file.exists():
            return
        rows = []
        for label in _shown(self.packed):
            mine = np.flatnonzero(self.packed.labels == label)
            rows.append(list(self.packed.read(mine[np.arange(_COLUMNS) % len(mine)])))
        rows_of(file, *rows, gap=_GAP)

    def measure(self, folder: Path, rival: RivalFacts) -> None:
        """Draw from the generator in a folder; fill in numbers, verdicts and pictures.

        Args:
            folder: with ``generator/``; receives ``grid.png`` and ``nearest.private.png``.
            rival: to fill in.
        """
        generator = Generator.load(folder / "generator")
        images = generator.sample(self._told(generator, self.labels), self.seeds)
        made = gates.sample((images, self.labels), extractor=self.eyes, classes=self.packed.classes)
        asked = ("copy", "fidelity", "diversity", "label")
        verdicts = self.judge.verdicts(made, gates=asked if rival.conditional else asked[:3])
        if not rival.conditional:  # its labels say nothing
            verdicts = verdicts.of(scope="set")
        near = nearest_training(self.judge.images(made), _PAIRS)
        self._grid(generator, folder / "grid.png")
        real = self.packed.read(self.known[[pair.nearest for pair in near]])
        rows_of(
            folder / "nearest.private.png", [images[pair.generated] for pair in near], list(real),
            gap=_GAP, origin=self._origin(generator, "nearest"),
        )  # fmt: skip
        rival.verdicts = [verdict.to_dict() for verdict in verdicts]
        rival.nearest = [pair.relative for pair in near]
        rival.numbers = measure(self.heldout, made, fresh=self.train, extractor=self.eyes)

    def _grid(self, generator: Generator, file: Path) -> None:
        """The first images of each class shown, the same seeds for every recipe."""
        rows = []
        for label in _shown(self.packed):
            labels = np.full(_COLUMNS, label)
            seeds = _seeds(self.packed.classes, labels)
            rows.append(list(generator.sample(self._told(generator, labels), seeds)))
        rows_of(file, *rows, gap=_GAP, origin=self._origin(generator, "grid"))

    def _origin(self, generator: Generator, tool: str) -> Provenance:
        """What a picture of several generated images says of the first."""
        name = self.packed.classes[self.labels[0]]
        return Provenance(
            kind="gan", class_name=name, index=0, latent_seed=self.seeds[0],
            generator=generator.sha256, recipe=str(generator.card.get("recipe", "")),
            version=version("synthaug"), tool=f"compare: {tool}",
        )  # fmt: skip

    def _told(self, generator: Generator, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Labels as a generator counts its classes; 0 where it does not know the class."""
        place = {name: at for at, name in enumerate(generator.classes)}
        return np.array([place.get(self.packed.classes[label], 0) for label in labels], np.int64)


def _shown(packed: Packed) -> list[int]:
    """Labels in the rows of a grid, spread evenly over the classes that have images."""
    present = np.unique(packed.labels)
    places = np.linspace(0, len(present) - 1, min(_ROWS, len(present)))
    return [int(present[round(place)]) for place in places]


def _seeds(classes: tuple[str, ...], labels: NDArray[np.int64]) -> list[int]:
    """Image k of a class has the same latent in every recipe."""
    drawn: Counter[int] = Counter()
    seeds = []
    for label in labels.tolist():
        seeds.append(latent_seed(0, classes[label], drawn[label]))
        drawn[label] += 1
    return seeds
