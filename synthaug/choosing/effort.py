"""How much a choice may cost: seconds become counts once, and counts are what is stored."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from synthaug.choosing.arms import ORDINARY
from synthaug.choosing.material import Pictures, small
from synthaug.datasets.classical import augment_classical_each
from synthaug.features import Extractor
from synthaug.networks.probe import fit_probe

__all__ = ["Effort", "effort_for"]

# Draws after which a probe changes little: so many of each image, within these bounds.
# Augmented images take the longest; a probe stopped early speaks against them wrongly.
_PASSES = 20
_FEWEST_ENOUGH, _MOST_ENOUGH = 15_000, 60_000
_LEAST_DRAWS = 1_500  # with fewer a probe has not learnt anything yet
_MOST_ROUNDS = 6
_MOST_VARIANTS = 12_000  # 150 MB at 64 px
_FINALISTS = 2  # the best arm with generated images and the best without


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """The counts of one choice; the same counts and seed give the same choice.

    Args:
        images: real images looked at, at most.
        variants: classical variants made, at most (one each is always made).
        features: images whose frozen features are computed; 0 leaves the linear probe out.
        draws: images shown to each small CNN.
        folds: validation folds.
        rounds: repetitions with other seeds of the small CNN.
    """

    images: int = 6_000
    variants: int = 6_000
    features: int = 6_000
    draws: int = _FEWEST_ENOUGH
    folds: int = 3
    rounds: int = 2

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values."""
        return dataclasses.asdict(self)


def effort_for(
    pictures: Pictures,
    extractor: Extractor,
    *,
    seconds: float,
    gan: bool = True,
    device: str = "cpu",
) -> Effort:
    """The counts that fill `seconds` on this machine, after a calibration of a second or two.

    Args:
        pictures: the images.
        extractor: of the frozen features.
        seconds: wall seconds the whole choice may take.
        gan: whether there will be generated images to try.
        device: where the small CNN trains.
    """
    some = small(pictures.read(np.arange(min(64, len(pictures.labels)))))
    classes = len(pictures.classes)
    augmenting = _seconds(lambda: augment_classical_each(some, range(len(some)))) / len(some)
    extracting = _seconds(lambda: extractor(some)) / len(some)
    labels = torch.zeros(len(some), dtype=torch.int64)
    training = _seconds(
        lambda: fit_probe(
            some, labels, num_classes=classes, probabilities=torch.ones(len(some)),
            draws=320, seed=0, device=device,
        )
    ) / 320  # fmt: skip
    variants = int(np.clip(0.1 * seconds / augmenting - len(pictures.labels), 0, _MOST_VARIANTS))
    features = int(min(0.15 * seconds / extracting, 8_000))
    enough = int(np.clip(_PASSES * len(pictures.labels), _FEWEST_ENOUGH, _MOST_ENOUGH))
    arms = len(ORDINARY) + (_FINALISTS if gan else 0)
    return _divided(0.7 * seconds / training, enough, arms, variants=variants, features=features)


def _divided(affordable: float, enough: int, arms: int, *, variants: int, features: int) -> Effort:
    """Out of all draws one can afford: those of a probe first, then folds, then rounds."""
    folds = 3 if affordable >= 3 * arms * enough else 2
    draws = int(np.clip(affordable / (folds * arms), _LEAST_DRAWS, enough))
    return Effort(
        variants=variants,
        features=features,
        draws=draws,
        folds=folds,
        rounds=int(np.clip(affordable // (draws * folds * arms), 1, _MOST_ROUNDS)),
    )


def _seconds(call: Callable[[], object]) -> float:
    call()  # the first time pays for imports and caches
    start = time.perf_counter()
    call()
    return max(1e-6, time.perf_counter() - start)
