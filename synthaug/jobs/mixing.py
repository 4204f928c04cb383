"""Fill the classes: GAN images as many as were chosen, classical ones for the rest."""

from __future__ import annotations

import dataclasses
from importlib.metadata import version

import numpy as np
from torch import Tensor

from synthaug.datasets import Packed
from synthaug.datasets.classical import CLASSICAL_RECIPE, augment_classical
from synthaug.features import Extractor
from synthaug.jobs.choosing import Chosen
from synthaug.jobs.drawing import Drawn, draw
from synthaug.jobs.fitting import Training
from synthaug.jobs.judging import Judged
from synthaug.jobs.preparing import Prepared
from synthaug.provenance import Provenance, latent_seed

__all__ = ["Filled", "fill_classes"]


@dataclasses.dataclass
class Filled:
    """The synthetic part of the set, in step: images, labels, kinds, provenance."""

    images: list[Tensor] = dataclasses.field(default_factory=list)
    labels: list[int] = dataclasses.field(default_factory=list)
    kinds: list[str] = dataclasses.field(default_factory=list)
    provenance: list[Provenance] = dataclasses.field(default_factory=list)

    def add(self, image: Tensor, label: int, provenance: Provenance) -> None:
        """Append one image."""
        self.images.append(image)
        self.labels.append(label)
        self.kinds.append(provenance.kind)
        self.provenance.append(provenance)


def fill_classes(
    packed: Packed,
    prepared: Prepared,
    judged: Judged,
    chosen: Chosen,
    training: Training | None,
    eyes: Extractor,
    seed: int,
) -> Filled:
    """Synthetic images for every class that needs any; the counts asked for hold exactly."""
    filled = Filled()
    for label, need in prepared.fill.items():
        facts = prepared.plan.classes[label]
        wanted = round(chosen.arm.gan_share * need) if label in judged.drawn else 0
        drawn = _drawn(judged, eyes, label, wanted, seed) if wanted else None
        facts.gan = min(wanted, len(drawn)) if drawn else 0
        facts.classical = need - facts.gan
        if drawn and training:
            _add_gan(filled, drawn, facts.gan, judged, training.generator.card["recipe"])
        _add_classical(filled, packed, prepared, label, facts.classical, seed)
        if label in judged.drawn:
            facts.why = _why(facts.gan, facts.classical, chosen)
    return filled


def _drawn(judged: Judged, eyes: Extractor, label: int, wanted: int, seed: int) -> Drawn:
    drawn = judged.drawn[label]
    if len(drawn) >= wanted or judged.generator is None or judged.real is None:
        return drawn
    return draw(judged.generator, judged.real.judge, eyes, label, wanted, seed=seed, after=drawn)


def _add_gan(filled: Filled, drawn: Drawn, count: int, judged: Judged, recipe: str) -> None:
    generator, real = judged.generator, judged.real
    if generator is None or real is None:
        return
    name, weights = generator.classes[drawn.label], generator.sha256
    for place in range(count):
        index = drawn.indices[place]
        origin = Provenance(
            kind="gan",
            class_name=name,
            index=index,
            latent_seed=int(drawn.seeds[place]),
            generator=weights,
            recipe=recipe,
            version=version("synthaug"),
            attempts=drawn.attempts[place],
            nearest_distance=round(drawn.distance[place], 4),
            nearest_name=real.names[drawn.nearest[place]],
            gates=drawn.verdicts[place],
        )
        filled.add(drawn.images[place], drawn.label, origin)


def _add_classical(
    filled: Filled, packed: Packed, prepared: Prepared, label: int, count: int, seed: int
) -> None:
    """Augmented real images, every real image used equally often."""
    name = packed.classes[label]
    mine = np.flatnonzero(packed.labels == label)
    order = np.random.default_rng((seed, label)).permutation(mine)
    for index in range(count):
        source = int(order[index % len(order)])
        own = latent_seed(seed, f"{name}\0classical", index)
        image = augment_classical(packed.read([source])[0], seed=own % 2**32)
        origin = Provenance(
            kind="classical",
            class_name=name,
            index=index,
            latent_seed=own,
            recipe=CLASSICAL_RECIPE,
            version=version("synthaug"),
            nearest_name=prepared.images.path(source),
        )
        filled.add(image, label, origin)


def _why(gan: int, classical: int, chosen: Chosen) -> str:
    if gan and classical:
        return f"{gan} GAN and {classical} classical: the mixture that did best on real data"
    if gan:
        return f"{gan} GAN images: the mixture that did best on real data"
    return f"{classical} classical: GAN images passed their gates but did not help on real data"
