"""The images probes are trained on: real, classically changed, generated; and their draws."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from synthaug.arm import Arm
from synthaug.datasets.classical import augment_classical_each
from synthaug.provenance import latent_seed

__all__ = ["Draws", "Material", "Pictures", "gather", "small"]

_LARGEST = 64  # pixels; probes look at no more
_MOST_VARIANTS = 16  # classical variants of one image
_UNCHANGED = 0.25  # share of an image's draws that show it as it is, in classical arms

Indices = NDArray[np.int64]


class Pictures(Protocol):
    """What is read of a packed set: `synthaug.datasets.Packed` is one."""

    labels: Indices
    groups: Indices
    classes: tuple[str, ...]

    def read(self, indices: Indices, /) -> torch.Tensor:
        """The images at the indices, uint8 (B, C, R, R)."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class Draws:
    """A training set: rows of the material, how often each is drawn, weights of the loss."""

    rows: Indices
    probabilities: NDArray[np.float64]
    class_weights: NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True)
class Material:
    """Every image a probe may see, side by side.

    Args:
        images: uint8 (M, C, R, R), R at most 64.
        labels: int64 (M,).
        groups: int64 (M,) of the real image behind a row; -1 for generated ones.
        picture: int64 (M,), the image behind a row: its number if real, below 0 if generated.
        changed: bool (M,), whether the row is a classical variant.
        counts: int64 (K,), real images of each class in the whole set: of a large class
            only a part is in the material, and this restores its weight.
        heldout: bool (M,), whether the real image behind the row was held out.
        fill: labels of the classes to be filled.
    """

    images: torch.Tensor
    labels: Indices
    groups: Indices
    picture: Indices
    changed: NDArray[np.bool_]
    counts: Indices
    heldout: NDArray[np.bool_]
    fill: tuple[int, ...]

    @property
    def originals(self) -> Indices:
        """Rows of the real images as they are."""
        return np.flatnonzero((self.picture >= 0) & ~self.changed)

    def draws(self, arm: Arm, validation: Indices) -> Draws:
        """What a probe of the arm is trained on when the rows ``validation`` are kept from it.

        Args:
            arm: the remedy.
            validation: rows of real images; neither they nor their variants are drawn.
        """
        shares = self.shares(arm)
        kept = ~np.isin(self.picture, self.picture[validation])
        allowed = kept & (~self.changed if not arm.classical else True)
        weights = np.zeros(len(self.labels))
        for label in range(len(self.counts)):
            for of_gan in (False, True):
                rows = np.flatnonzero(
                    allowed & (self.labels == label) & ((self.picture < 0) == of_gan)
                )
                share = shares[label, int(of_gan)]
                if len(rows):
                    weights[rows] = share * _even(self.picture[rows], self.changed[rows])
        rows = np.flatnonzero(weights)
        return Draws(rows, weights[rows] / weights.sum(), self.class_weights(arm))

    def shares(self, arm: Arm) -> NDArray[np.float64]:
        """Share of all draws that each class's real and generated images get, (K, 2), sum 1."""
        present = self.counts > 0
        extra = np.where(present, 1 - self.counts / self.counts.max(), 0.0)
        made = np.isin(np.arange(len(self.counts)), self.labels[self.picture < 0])
        filled = np.isin(np.arange(len(self.counts)), self.fill)
        gan = np.where(made & filled, extra * arm.gan_share, 0.0)
        if arm.sampling == "plain":
            mass = self.counts / self.counts.sum()
        else:
            mass = present / present.sum()
        return np.stack([mass * (1 - gan), mass * gan], 1)

    def class_weights(self, arm: Arm) -> NDArray[np.float64]:
        """Factor of each class in the loss, (K,): inverse to its count, or ones."""
        if not arm.class_weights:
            return np.ones(len(self.counts))
        present = (self.counts > 0).sum()
        return np.asarray(self.counts.sum() / (present * np.maximum(self.counts, 1)))


def gather(
    pictures: Pictures,
    heldout: Indices,
    synthetic: Mapping[int, torch.Tensor],
    *,
    fill: tuple[int, ...],
    images: int,
    variants: int,
    generated: int = 1_000,
    seed: int,
) -> Material:
    """Read the material of one choice.

    Args:
        pictures: the real images.
        heldout: int64 indices the generator never saw.
        synthetic: label to uint8 (n, C, R, R), accepted generated images.
        fill: labels of the classes to be filled.
        images: real images to read at most; large classes are cut first, evenly.
        variants: classical variants to make at most; rare classes get more of each image.
        generated: generated images of one class to look at, at most.
        seed: of the cuts and the variants.
    """
    counts = np.bincount(pictures.labels, minlength=len(pictures.classes)).astype(np.int64)
    kept = _even_cut(pictures.labels, images, seed)
    real = small(pictures.read(kept))
    made = {c: small(batch[:generated]) for c, batch in sorted(synthetic.items()) if len(batch)}
    made_labels = np.repeat(np.array(list(made), np.int64), [len(b) for b in made.values()])
    base = torch.cat([real, *made.values()])
    labels = np.concatenate([pictures.labels[kept], made_labels])
    number = np.concatenate([kept, -1 - np.arange(len(made_labels))]).astype(np.int64)
    again = _repeats(pictures.labels[kept], variants)
    source = np.concatenate([again, len(kept) + np.arange(len(made_labels))])
    seeds = [latent_seed(seed, "variant", place) for place in range(len(source))]
    changed = augment_classical_each(base[torch.from_numpy(source)], seeds)
    rows = np.concatenate([np.arange(len(base)), source])
    groups = np.concatenate([pictures.groups[kept], np.full(len(made_labels), -1)])
    return Material(
        images=torch.cat([base, changed]),
        labels=labels[rows],
        groups=groups[rows].astype(np.int64),
        picture=number[rows],
        changed=np.arange(len(rows)) >= len(base),
        counts=counts,
        heldout=np.isin(number[rows], heldout),
        fill=fill,
    )


def _even_cut(labels: Indices, most: int, seed: int) -> Indices:
    """At most ``most`` indices, ascending: every class up to one and the same size."""
    sizes = np.sort(np.bincount(labels)[np.unique(labels)])
    cap = int(sizes[-1])
    for place, size in enumerate(sizes):
        left = (most - int(sizes[:place].sum())) // (len(sizes) - place)
        if left < size:
            cap = max(1, left)
            break
    random = np.random.default_rng([seed, 1])
    parts = [random.permutation(np.flatnonzero(labels == c))[:cap] for c in np.unique(labels)]
    return np.sort(np.concatenate(parts))


def _repeats(labels: Indices, variants: int) -> Indices:
    """Rows to make variants of, with repeats: about the same number for every class."""
    sizes = np.bincount(labels)
    share = variants // np.count_nonzero(sizes)
    each = np.clip(share // np.maximum(sizes, 1), 1, _MOST_VARIANTS)
    return np.repeat(np.arange(len(labels)), each[labels])


def _even(picture: Indices, changed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weights with sum 1: every picture the same, and of each the same part unchanged.

    Rare classes have more variants of a picture; drawing all alike would make a changed
    look itself a sign of a rare class.
    """
    _, number = np.unique(picture, return_inverse=True)
    variants = np.bincount(number, weights=changed)[number]
    within = np.where(changed, (1 - _UNCHANGED) / np.maximum(variants, 1), _UNCHANGED)
    within[variants == 0] = 1.0
    return np.asarray(within / (number.max() + 1))


def small(images: torch.Tensor) -> torch.Tensor:
    """Images of at most 64 px a side, by area."""
    if images.shape[-1] <= _LARGEST:
        return images
    reduced = F.interpolate(images.float(), size=(_LARGEST, _LARGEST), mode="area")
    return reduced.round_().clamp_(0, 255).byte()
