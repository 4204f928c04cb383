"""Images as gates see them: feature rows in several spaces, labels, groups, class names."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthaug.errors import InputError
from synthaug.features import Extractor, LayoutExtractor, embedded, flip_aware, pixels
from synthaug.gates.reading import Pictures, read

__all__ = ["Sample", "View", "sample"]

EMBEDDED, PIXELS = "embedded", "pixels"
_CHUNK = 256


class View(NamedTuple):
    """Feature rows of images and of their mirror images, both float32 (N, D)."""

    plain: NDArray[np.float32]
    mirrored: NDArray[np.float32]

    def take(self, indices: NDArray[np.int64]) -> View:
        """The rows at these indices."""
        return View(self.plain[indices], self.mirrored[indices])


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """Images reduced to what the gates need; extracted once, judged as often as you like.

    Args:
        spaces: views by space name; ``"embedded"`` and ``"pixels"`` when made by `sample`.
        labels: int64 (N,); label i is ``classes[i]``.
        classes: class names.
        groups: int64 (N,); equal numbers are photographs of one object, in training and
            held-out samples alike. None where every image stands alone.
        layouts: float32 (N, L) by name, rows that keep place; they sharpen the classifier of
            the label gate. Empty where the extractor has none.

    Raises:
        InputError: parts of different lengths, or labels outside the classes.
    """

    spaces: Mapping[str, View]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    groups: NDArray[np.int64] | None = None
    layouts: Mapping[str, NDArray[np.float32]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {len(rows) for view in self.spaces.values() for rows in view}
        lengths |= {len(rows) for rows in self.layouts.values()}
        lengths |= {len(self.labels)} | ({len(self.groups)} if self.groups is not None else set())
        if len(lengths) != 1 or EMBEDDED not in self.spaces:
            raise InputError(
                "sample",
                expected="the space 'embedded', and as many rows, labels and groups as images",
                got=f"spaces {list(self.spaces)} and lengths {sorted(lengths)}",
                remedy="Pass one label and one group an image.",
            )
        if len(self.labels) and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            raise InputError(
                "sample labels",
                expected=f"0 to {len(self.classes) - 1}",
                got=f"{self.labels.min()} to {self.labels.max()}",
                remedy="Pass the class names the labels count.",
            )

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: ArrayLike) -> Sample:
        """Only these images, in this order."""
        at = np.asarray(indices)
        at = np.flatnonzero(at) if at.dtype == bool else at.astype(np.int64)
        return dataclasses.replace(
            self,
            spaces={name: view.take(at) for name, view in self.spaces.items()},
            labels=self.labels[at],
            groups=None if self.groups is None else self.groups[at],
            layouts={name: rows[at] for name, rows in self.layouts.items()},
        )

    def of_class(self, name: str) -> Sample:
        """Only the images of one class; none where the class is unknown."""
        if name not in self.classes:
            return self.subset(np.empty(0, np.int64))
        return self.subset(self.labels == self.classes.index(name))

    def joined(self, other: Sample) -> Sample:
        """These images, then the other's. Classes and spaces must be the same."""
        self._refuse_other(other)
        spaces = {
            name: View(
                *(np.concatenate(rows) for rows in zip(view, other.spaces[name], strict=True))
            )
            for name, view in self.spaces.items()
        }
        groups = None
        if self.groups is not None and other.groups is not None:
            groups = np.concatenate([self.groups, other.groups])
        labels = np.concatenate([self.labels, other.labels])
        layouts = {
            name: np.concatenate([rows, other.layouts[name]])
            for name, rows in self.layouts.items()
            if name in other.layouts
        }
        return Sample(spaces, labels, self.classes, groups, layouts)

    def replaced(self, indices: ArrayLike, other: Sample) -> Sample:
        """The same sample with the images at these indices exchanged for the other's."""
        at = np.asarray(indices, np.int64)
        order = np.arange(len(self))
        order[at] = len(self) + np.arange(len(other))
        return self.joined(other).subset(order)

    def _refuse_other(self, other: Sample) -> None:
        if self.classes != other.classes or set(self.spaces) != set(other.spaces):
            raise InputError(
                "samples to join",
                expected=f"classes {self.classes} in spaces {sorted(self.spaces)}",
                got=f"{other.classes} in {sorted(other.spaces)}",
                remedy="Make both with the same classes and extractor.",
            )

    def with_classes(self, classes: tuple[str, ...]) -> Sample:
        """The same images with labels that count these class names.

        Raises:
            InputError: an image is of a class that is not among them.
        """
        used = [self.classes[i] for i in np.unique(self.labels)]
        unknown = [name for name in used if name not in classes]
        if unknown:
            raise InputError(
                "classes of the images",
                expected=f"among {', '.join(classes)}",
                got=", ".join(unknown),
                remedy="Name the class folders as those of the training images.",
            )
        index = [classes.index(name) if name in classes else 0 for name in self.classes]
        labels = np.asarray(index, np.int64)[self.labels]
        return dataclasses.replace(self, labels=labels, classes=classes)


def sample(
    source: Any,
    *,
    extractor: Extractor | None = None,
    groups: Sequence[Any] | NDArray[Any] | None = None,
    classes: tuple[str, ...] | None = None,
    side: int | None = None,
) -> Sample:
    """Anything that holds images as a `Sample`.

    Args:
        source: a `Sample` (returned as it is), a folder (one folder a class, or images
            only), an ``ImageSet``, uint8 images (N, C, H, W) or (N, H, W[, 3]), or
            ``(images, labels)``.
        extractor: gives the space ``"embedded"``; `synthaug.features.embedded` by default.
        groups: one value an image, equal for photographs of one object, in this sample and in
            the one it is judged with.
        classes: class names, where labels are numbers.
        side: images are first made squares of this many pixels, so that photographs and
            smaller generated images are compared at one sharpness.

    Raises:
        InputError: nothing there, or not images.

    Example:
        >>> from synthaug.features import pixels
        >>> images = np.zeros((3, 8, 8), np.uint8)
        >>> len(sample((images, [0, 1, 1]), extractor=pixels()).of_class("1"))
        2
    """
    if isinstance(source, Sample):
        return source
    pictures = source if isinstance(source, Pictures) else read(source, classes=classes)
    kept = pictures.groups
    if groups is not None:
        kept = _numbered(groups)
    spaces, layouts = _extract(pictures, extractor or embedded(), side)
    return Sample(spaces, pictures.labels, pictures.classes, kept, layouts)


def _numbered(groups: Sequence[Any] | NDArray[Any]) -> NDArray[np.int64]:
    """A number for each value that is the same in every sample: its own, or of its name."""
    given = np.asarray(groups)
    if given.dtype.kind in "iu":
        return given.astype(np.int64)
    digests = (hashlib.sha256(str(value).encode()).digest() for value in given.tolist())
    return np.array([int.from_bytes(digest[:8], "big") >> 2 for digest in digests], np.int64)


def _extract(
    pictures: Pictures, extractor: Extractor, side: int | None
) -> tuple[dict[str, View], dict[str, NDArray[np.float32]]]:
    found: dict[str, list[View]] = {EMBEDDED: [], PIXELS: []}
    layouts: dict[str, list[NDArray[np.float32]]] = {}
    thumbnails = pixels()
    for start in range(0, max(len(pictures), 1), _CHUNK):
        images = pictures.squares(start, min(start + _CHUNK, len(pictures)), side)
        if isinstance(extractor, LayoutExtractor):
            rows, placed = extractor.with_layout(images)
            for name, part in placed.items():
                layouts.setdefault(name, []).append(part)
        else:
            rows = extractor(images)
        found[EMBEDDED].append(View(rows, extractor(images.flip(-1))))
        found[PIXELS].append(View(*flip_aware(thumbnails, images)))
    spaces = {
        name: View(*(np.concatenate(parts) for parts in zip(*views, strict=True)))
        for name, views in found.items()
    }
    return spaces, {name: np.concatenate(parts) for name, parts in layouts.items()}
