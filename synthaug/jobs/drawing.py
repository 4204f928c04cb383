"""Draw, judge, redraw: images of one class until enough are accepted or it is hopeless."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthaug import gates
from synthaug.features import Extractor
from synthaug.provenance import latent_seed
from synthaug.training import Generator

__all__ = ["Drawn", "draw"]

_BATCH = 128
_GIVE_UP = 4  # draws an image wanted, after which the generator is shown unable


@dataclasses.dataclass
class Drawn:
    """Accepted images of one class, in drawing order.

    Args:
        label: the class.
        images: uint8 (n, C, R, R).
        indices: draw index of each.
        seeds: latent seed of each.
        attempts: draws from the last accepted image to this one, at least 1 each.
        distance: feature distance of each to the nearest training image.
        nearest: that image, index of the training sample.
        verdicts: per-image gate results of each.
        sample: features of the accepted images.
        drawn: images drawn in all; also the next free index.
        rejected: reason to count.
        copy_threshold: largest distance at which an image was called a copy; None: none was.
    """

    label: int
    images: Tensor
    indices: list[int]
    seeds: list[int]
    attempts: list[int]
    distance: list[float]
    nearest: list[int]
    verdicts: list[dict[str, str]]
    sample: gates.Sample | None
    drawn: int
    rejected: Counter[str]
    copy_threshold: float | None = None

    def __len__(self) -> int:
        return len(self.indices)


def draw(
    generator: Generator,
    judge: gates.Judge,
    extractor: Extractor,
    label: int,
    wanted: int,
    *,
    seed: int,
    after: Drawn | None = None,
    first: int = 0,
    keep_rejected: bool = False,
) -> Drawn:
    """Images of one class that passed the per-image gates.

    Args:
        generator: to draw from.
        judge: of the run.
        extractor: the judge's eyes.
        label: class to draw.
        wanted: accepted images in all, those of ``after`` included.
        seed: of the run.
        after: earlier draws to go on from.
        first: index of the first draw where there are none.
        keep_rejected: accept everything, the verdicts saying what was found.

    Returns:
        At most ``wanted`` images; fewer where four times as many draws did not give them.
    """
    name = generator.classes[label]
    shape = (0, generator.channels, generator.resolution, generator.resolution)
    result = after or Drawn(
        label, torch.empty(shape, dtype=torch.uint8), [], [], [], [], [], [], None, first, Counter()
    )
    limit = first + _GIVE_UP * wanted
    while len(result) < wanted and result.drawn < limit:
        missing = wanted - len(result)
        n = min(_BATCH, max(16, int(1.25 * missing)), limit - result.drawn)
        seeds = [latent_seed(seed, name, result.drawn + place) for place in range(n)]
        images = generator.sample([label] * n, seeds)
        labels = np.full(n, label)
        seen = gates.sample((images, labels), extractor=extractor, classes=generator.classes)
        found = judge.images(seen)
        accepted = np.ones(n, bool) if keep_rejected else found.accepted
        chosen = np.flatnonzero(accepted)[:missing]
        result.seeds += [seeds[place] for place in chosen]
        _take(result, images, seen, found, chosen)
        # Draws after the last image needed were not looked at: they stay free for later.
        full = len(result) >= wanted
        result.drawn += int(chosen[-1]) + 1 if full else n
        looked = np.arange(n) <= chosen[-1] if full else np.ones(n, bool)
        result.rejected["copy"] += int((found.copied & ~accepted & looked).sum())
        result.rejected["label"] += int((~found.copied & ~accepted & looked).sum())
        if found.copy_threshold is not None:
            result.copy_threshold = max(result.copy_threshold or 0.0, found.copy_threshold)
    return result


def _take(
    result: Drawn, images: Tensor, seen: gates.Sample, found: gates.ImageJudgement,
    chosen: NDArray[np.int64],
) -> None:  # fmt: skip
    start = result.drawn
    last = result.indices[-1] if result.indices else start - 1
    for place in chosen.tolist():
        result.attempts.append(max(1, start + place - last))
        last = start + place
        result.indices.append(last)
        result.distance.append(float(found.distance[place]))
        result.nearest.append(int(found.nearest[place]))
        result.verdicts.append(found.gates(place))
    result.images = torch.cat([result.images, images[chosen]])
    fresh = seen.subset(chosen)
    result.sample = fresh if result.sample is None else result.sample.joined(fresh)
