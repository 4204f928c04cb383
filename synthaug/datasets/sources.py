"""What every source of labelled images offers, and the two that hold them in memory."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from synthaug.datasets.decode import BadImage
from synthaug.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Arrays",
    "Items",
    "MapDataset",
    "Source",
    "as_label_names",
    "first_names",
    "index_labels",
    "numbered",
]


class Items(Protocol):
    """Numbered things with names."""

    def __len__(self) -> int:
        """How many items there are."""

    def path(self, index: int) -> str:
        """What messages call item ``index``."""

    def location(self, index: int) -> str:
        """The longest known path of the item, ``/`` between its parts; groups files match it."""


class Source(Items, Protocol):
    """Labelled images somewhere: numbered, named, read one at a time.

    Args:
        name: short name for people, never a full path.
        classes: class names in label order; None where only the labels tell.
        warnings: what a reader of the result must know.
    """

    name: str
    classes: tuple[str, ...] | None
    warnings: list[str]

    def read(self, index: int) -> tuple[Any, Any]:
        """What `decode` takes and the label (a number or a name).

        Raises:
            BadImage: this item cannot be had.
        """

    def original(self, index: int) -> tuple[Any, Any] | None:
        """(image, label) as the user's own object gives it; None where there is none."""


class Arrays:
    """Images and labels given as arrays, tensors or lists of such.

    Args:
        images: (N, H, W), (N, H, W, C) or (N, C, H, W), or a sequence of single images.
        labels: (N,), whole numbers or names.
    """

    def __init__(self, images: Sequence[Any], labels: Sequence[Any]) -> None:
        if len(images) != len(labels):
            raise InputError(
                "labels",
                expected=f"one for each of {len(images)} images",
                got=f"{len(labels)}",
                remedy="Give both in the same order.",
                code="input.labels",
            )
        self.name = "arrays"
        self.classes: tuple[str, ...] | None = None
        self.warnings: list[str] = []
        self._images = images
        self._labels = labels

    def __len__(self) -> int:
        return len(self._images)

    def path(self, index: int) -> str:
        """``item INDEX``."""
        return f"item {index}"

    def location(self, index: int) -> str:
        """The same: arrays have no files."""
        return self.path(index)

    def read(self, index: int) -> tuple[Any, Any]:
        """The image and its label."""
        return self._images[index], self._labels[index]

    def original(self, index: int) -> tuple[Any, Any]:
        """The image and its label, untouched."""
        return self.read(index)


class MapDataset:
    """A map-style dataset whose items are (image, label), such as torchvision's.

    Args:
        dataset: has ``__len__`` and ``__getitem__``; its ``classes`` are the class names if it
            or the dataset below it has them.
    """

    def __init__(self, dataset: Any) -> None:
        self.name = type(dataset).__name__
        names = _class_names(dataset)
        self.classes = None if names is None else tuple(str(name) for name in names)
        self.warnings: list[str] = []
        self._dataset = dataset
        samples = getattr(dataset, "samples", None)  # torchvision's ImageFolder knows its files
        known = isinstance(samples, list) and len(samples) == len(dataset)
        self._files = [str(s[0]) for s in samples] if known and samples else None

    def __len__(self) -> int:
        return len(self._dataset)

    def path(self, index: int) -> str:
        """The last two parts of the file's path if the dataset knows it, else ``item INDEX``."""
        if self._files is None:
            return f"item {index}"
        return "/".join(self._files[index].replace("\\", "/").split("/")[-2:])

    def location(self, index: int) -> str:
        """The file's path if the dataset knows it."""
        if self._files is None:
            return self.path(index)
        return self._files[index].replace("\\", "/")

    def read(self, index: int) -> tuple[Any, Any]:
        """The item's image and label, checked to be a pair."""
        item = self.original(index)
        try:
            image, label = item
            return image, operator.index(label)
        except (TypeError, ValueError) as error:
            shown = type(item).__name__
            if isinstance(item, tuple | list):
                shown = f"({', '.join(type(part).__name__ for part in item)})"
            raise InputError(
                "dataset item",
                expected="(image, whole-number label)",
                got=shown,
                where=self.path(index),
                remedy="Wrap the dataset so that each item is such a pair.",
                code="input.item",
            ) from error

    def original(self, index: int) -> tuple[Any, Any]:
        """The item exactly as the dataset returns it."""
        try:
            return self._dataset[index]  # type: ignore[no-any-return]
        except Exception as error:  # somebody else's code may raise anything
            reason = f"the dataset raised {type(error).__name__}: {error}"
            raise BadImage(reason, where=self.path(index)) from error


def _class_names(dataset: Any) -> Any:
    while dataset is not None:
        names = getattr(dataset, "classes", None)
        if names is not None and not callable(names) and len(names):
            return names
        dataset = getattr(dataset, "dataset", None)  # torch.utils.data.Subset
    return None


def first_names(names: Sequence[str], most: int = 10) -> str:
    """The first names, and how many more there are.

    Example:
        >>> first_names(["a", "b", "c"], most=2)
        'a, b and 1 more'
    """
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"


def numbered(count: int, noun: str) -> str:
    """A count with its noun.

    Example:
        >>> numbered(1, "file"), numbered(1200, "file")
        ('1 file', '1,200 files')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def as_label_names(labels: list[Any]) -> tuple[str, ...] | None:
    """Sorted distinct names if every label is a name, else None."""
    if labels and all(isinstance(label, str) for label in labels):
        return tuple(sorted(set(labels)))
    return None


def index_labels(labels: list[Any], classes: tuple[str, ...], paths: list[str]) -> Any:
    """Labels (numbers or names) as int64 (N,), each checked against the classes.

    Raises:
        InputError: a label outside the range, or neither a whole number nor a known name.
    """
    numbers = np.empty(len(labels), np.int64)
    position = {name: index for index, name in enumerate(classes)}
    for item, label in enumerate(labels):
        try:
            number = position[label] if isinstance(label, str) else operator.index(label)
        except (KeyError, TypeError):
            number = -1
        if not 0 <= number < len(classes):
            raise InputError(
                "label",
                expected=f"0 to {len(classes) - 1}",
                got=repr(label.item() if hasattr(label, "item") else label),
                where=paths[item],
                remedy="Number the classes from 0 without gaps.",
                code="input.labels",
            )
        numbers[item] = number
    return numbers
