"""The balanced set that ``augment`` hands over: real images first, synthetic ones after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from synthaug.arm import Arm
from synthaug.datasets.draws import Draws
from synthaug.datasets.items import ItemForm
from synthaug.errors import InputError
from synthaug.facts import AugmentFacts
from synthaug.provenance import Provenance
from synthaug.verdict import Verdicts

if TYPE_CHECKING:
    import datasets as huggingface

__all__ = ["AugmentedDataset", "RealImages", "SavesItself"]

KINDS = ("real", "gan", "classical")


class RealImages(Protocol):
    """What an `AugmentedDataset` needs of its real part; an `ImageSet` is one."""

    @property
    def name(self) -> str:
        """Short name for people."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """int64 (N,), index into the classes."""

    @property
    def groups(self) -> NDArray[np.int64]:
        """int64 (N,), equal where images belong together."""

    @property
    def mode(self) -> str:
        """``"L"`` or ``"RGB"``."""

    @property
    def sizes(self) -> NDArray[np.int32]:
        """int32 (N, 2), height and width."""

    def __len__(self) -> int: ...

    def path(self, index: int, /) -> str:
        """What messages call the item."""

    def file(self, index: int, /) -> Path | None:
        """The file the item is; None where there is none."""

    def image(self, index: int, /) -> torch.Tensor:
        """The image as uint8 (C, H, W)."""

    def original(self, index: int, /) -> tuple[Any, Any]:
        """The image and label as the source gave them."""


class SavesItself(Protocol):
    """A trained generator, as far as a data set cares: it can be written into a folder."""

    def save(self, directory: Path, /) -> object:
        """Write weights, configuration and model card."""


class AugmentedDataset(torch.utils.data.Dataset[tuple[Any, Any]]):
    """A map-style torch data set of real items, untouched and in order, then synthetic ones.

    Item i is (image, label) in the type the source gave: a synthetic image becomes a PIL
    image of the same mode, an array or a tensor of the same dtype and axes (floats in
    [0, 1]), resized where every real image has one size.

    Attributes:
        targets: int64 (N,), index into ``classes``.
        classes: the class names.
        kind: str (N,), ``"real"``, ``"gan"`` or ``"classical"``.
        is_synthetic: bool (N,).
        provenance: a `Provenance` for each synthetic item, None for real ones.
        verdicts: what the gates said.
        report: what the run did and found.
        generator: the trained generator; None where none was trained.
        arm: the remedy that was chosen.
        mixture: class name to its number of images of each kind.
    """

    def __init__(
        self,
        real: RealImages,
        images: Sequence[torch.Tensor],
        labels: Sequence[int] | NDArray[np.int64],
        kinds: Sequence[str],
        provenance: Sequence[Provenance],
        *,
        verdicts: Verdicts,
        report: AugmentFacts,
        generator: SavesItself | None = None,
        arm: Arm,
        render: Callable[[AugmentedDataset, Path], None] | None = None,
    ) -> None:
        """Join a real set and its synthetic images.

        Args:
            real: the real images.
            images: uint8 (C, H, W), one for each synthetic item.
            labels: index into ``real.classes`` of each.
            kinds: ``"gan"`` or ``"classical"`` of each.
            provenance: the record of each.
            verdicts: what the gates said.
            report: what the run did and found.
            generator: the trained generator, saved with the set.
            arm: the remedy that was chosen; `sample_weights` reproduces it.
            render: writes the report pages into a folder being saved.
        """
        fresh = np.asarray(labels, dtype=np.int64).reshape(-1)
        _check(len(real.classes), images, fresh, kinds, provenance)
        self.real = real
        self.images = images
        self.classes = real.classes
        self.targets: NDArray[np.int64] = np.concatenate([real.labels, fresh])
        self.kind: NDArray[np.str_] = np.array(["real"] * len(real) + list(kinds), dtype="U9")
        self.is_synthetic: NDArray[np.bool_] = self.kind != "real"
        self.provenance: list[Provenance | None] = [None] * len(real) + list(provenance)
        self.verdicts = verdicts
        self.report = report
        self.generator = generator
        self.arm = arm
        self.render = render
        self._form: ItemForm | None = None
        self._label_items: dict[int, Any] = {}

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        index = range(len(self))[index]  # negative numbers count from the end, IndexError beyond
        if index < len(self.real):
            return self.real.original(index)
        image = self.form.make(self.images[index - len(self.real)])
        return image, self.label_item(int(self.targets[index]))

    @property
    def form(self) -> ItemForm:
        """The form in which real images come and synthetic ones are handed out."""
        if self._form is None:
            one_size = bool((self.real.sizes == self.real.sizes[0]).all())
            self._form = ItemForm.of(self.real.original(0)[0], same_size=one_size)
        return self._form

    @property
    def mixture(self) -> dict[str, dict[str, int]]:
        """The number of real, GAN and classical images of each class."""
        counts = Counter(zip(self.targets.tolist(), self.kind.tolist(), strict=True))
        return {
            name: {kind: counts[label, kind] for kind in KINDS}
            for label, name in enumerate(self.classes)
        }

    def label_item(self, label: int) -> Any:
        """What the source gives as label of class ``label``: its own type and value."""
        if label not in self._label_items:
            members = np.flatnonzero(self.real.labels == label)
            first = self.real.original(int(members[0]))[1] if len(members) else label
            self._label_items[label] = first
        return self._label_items[label]

    def image(self, index: int) -> torch.Tensor:
        """Item ``index`` as uint8 (C, H, W), whatever the source's type."""
        index = range(len(self))[index]
        n = len(self.real)
        return self.real.image(index) if index < n else self.images[index - n]

    def draws(self, count: int | None = None, *, seed: int = 0) -> Draws:
        """What to train on: draws as the chosen arm makes them; see `Draws`.

        Args:
            count: draws in an epoch; the set's length by default.
            seed: of the draws.
        """
        return Draws(self, len(self) if count is None else count, seed=seed)

    def sample_weights(self, *, copies: bool = True) -> NDArray[np.float64]:
        """How often each item is drawn under the chosen arm, for ``WeightedRandomSampler``.

        A class's share of the draws is that of its real images, or with balanced sampling
        the same for every class. Of the part that goes beyond its real images, up to the
        largest class, GAN images get ``arm.gan_share``. The rest falls evenly on its real
        images; where the arm augments classically, each shares its part evenly with the
        stored classical images made from it. Where images can be changed while training,
        `draws` does it and helps more than those copies.

        Args:
            copies: whether the stored classical images are drawn.

        Returns:
            float64 (N,), sum 1.
        """
        counts = np.bincount(self.real.labels, minlength=len(self.classes))
        balanced = self.arm.sampling == "balanced"
        mass = np.where(counts > 0, 1.0 if balanced else counts, 0.0)
        mass /= mass.sum()
        extra = 1 - counts / counts.max()
        sources = self._sources(copies=copies)
        weights = np.zeros(len(self))
        for label in np.flatnonzero(counts):
            mine = self.targets == label
            gan = np.flatnonzero(mine & (self.kind == "gan"))
            share = self.arm.gan_share * extra[label] if len(gan) else 0.0
            weights[gan] = mass[label] * share / max(1, len(gan))
            rest = np.flatnonzero(mine & (sources >= 0))
            members = np.bincount(sources[rest])[sources[rest]]
            weights[rest] = mass[label] * (1 - share) / counts[label] / members
        return weights

    def loss_weights(self) -> NDArray[np.float64]:
        """The weight of each class in the loss under the chosen arm, float64 (K,).

        Inverse to the class's real images where the arm weighs classes
        (n / (classes * n_class), as scikit-learn's "balanced"), else all ones.
        """
        counts = np.bincount(self.real.labels, minlength=len(self.classes))
        if not self.arm.class_weights:
            return np.ones(len(counts))
        return np.asarray(len(self.real) / ((counts > 0).sum() * np.maximum(counts, 1)))

    def summary(self) -> str:
        """What was there, what was added, what was chosen and whether it helps, as text."""
        from synthaug.datasets.summary import summary

        return summary(self)

    def save(self, directory: str | Path, *, copy_real: bool = False, force: bool = False) -> Path:
        """Write the set into a folder; `load` gives it back.

        The folder appears whole or not at all. Real images are referred to, not copied,
        unless asked for; those that are no files (arrays, tensors) are always copied, as
        8-bit PNG, and the report says so.

        Args:
            directory: the folder; must be empty or not there yet.
            copy_real: put copies of the real images into ``real/``.
            force: replace a folder that an earlier `save` wrote.

        Returns:
            The folder.

        Raises:
            InputError: the folder is in use or cannot be written.
            OutOfResources: the disk is full.
        """
        from synthaug.datasets.writing import save

        return save(self, Path(directory), copy_real=copy_real, force=force)

    def to_imagefolder(self, directory: str | Path, *, link: bool = False) -> Path:
        """Write one folder a class, and ``provenance.csv``; see `export.to_imagefolder`."""
        from synthaug.datasets import export

        return export.to_imagefolder(self, Path(directory), link=link)

    def to_webdataset(self, target: str | Path, *, shard_size: int = 10_000) -> list[Path]:
        """Write tar shards the ``webdataset`` library reads; see `export.to_webdataset`."""
        from synthaug.datasets import export

        return export.to_webdataset(self, Path(target), shard_size=shard_size)

    def to_hf(self) -> huggingface.Dataset:
        """A Hugging Face ``Dataset``; see `export.to_hf`."""
        from synthaug.datasets import export

        return export.to_hf(self)

    def _sources(self, *, copies: bool) -> NDArray[np.int64]:
        """The real item behind each item that the arm draws; -1 for GAN and undrawn ones."""
        sources = np.full(len(self), -1)
        sources[: len(self.real)] = np.arange(len(self.real))
        if copies and self.arm.classical:
            places = {self.real.path(index): index for index in range(len(self.real))}
            for index in np.flatnonzero(self.kind == "classical"):
                record = self.provenance[index]
                name = None if record is None else record.nearest_name
                sources[index] = -1 if name is None else places.get(name, -1)
        return sources


def _check(
    classes: int,
    images: Sequence[torch.Tensor],
    labels: NDArray[np.int64],
    kinds: Sequence[str],
    provenance: Sequence[Provenance],
) -> None:
    lengths = (len(images), len(labels), len(kinds), len(provenance))
    if len(set(lengths)) > 1:
        raise InputError(
            "synthetic images", expected="as many images as labels, kinds and records",
            got=str(lengths),
        )  # fmt: skip
    if len(labels) and not (0 <= labels.min() and labels.max() < classes):
        raise InputError(
            "labels of synthetic images", expected=f"0 to {classes - 1}",
            got=f"{labels.min()} to {labels.max()}",
        )  # fmt: skip
    if unknown := set(kinds) - {"gan", "classical"}:
        raise InputError(
            "kind of a synthetic image", expected="gan or classical", got=repr(unknown.pop())
        )
