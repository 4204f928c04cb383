"""`open`: any source of labelled images, checked once from end to end."""

from __future__ import annotations

import dataclasses
import glob
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synthaug.datasets.attributes import attributes_of
from synthaug.datasets.convert import to_grey
from synthaug.datasets.decode import BadImage, Picture, decode
from synthaug.datasets.folder import Folder
from synthaug.datasets.grouping import group_ids, unused_groups_file
from synthaug.datasets.huggingface import HuggingFace, is_huggingface
from synthaug.datasets.image_set import ImageSet
from synthaug.datasets.limits import Limits
from synthaug.datasets.resampling import squash
from synthaug.datasets.shards import Shards, expand_braces
from synthaug.datasets.sources import (
    Arrays,
    MapDataset,
    Source,
    as_label_names,
    first_names,
    index_labels,
    numbered,
)
from synthaug.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["THUMBNAIL", "open"]

THUMBNAIL = 16
_NO_CLASS = "any"  # the class of images that have none


def open(
    source: Any,
    groups: Any = None,
    *,
    labels: Any = None,
    skip_bad: bool = False,
    limits: Limits | None = None,
    attributes: Any = None,
    one_class: bool = False,
) -> ImageSet:
    """Labelled images of any source as an `ImageSet`, every one of them decoded once.

    Args:
        source: a directory with one folder a class; a map-style dataset of (image, label);
            ``(images, labels)`` arrays, or images with ``labels=``; a Hugging Face
            ``Dataset``; WebDataset shards as one .tar path, a list, or a pattern with braces
            or stars; or an `ImageSet`.
        groups: which images belong together: one value an image, a CSV file with the columns
            ``path`` and ``group``, a callable from path to group, or a pattern for file names
            such as ``"{group}_*.jpg"``. Without it every image is its own group.
        labels: labels of arrays, (N,); for Hugging Face the name of the label column.
        skip_bad: leave out images that cannot be decoded, and say which in ``warnings``.
        limits: largest image that is decoded; `Limits()` by default.
        attributes: numbers or names each image carries beside its class: a CSV file with the
            column ``path`` and one column an attribute, or a mapping of attribute to one value
            an image.
        one_class: take one class, and a folder or array of images without any, as it is.

    Raises:
        InputError: nothing there, fewer than two classes, images that cannot be used (all are
            listed), labels outside the range, groups or attributes that miss an image.

    Example:
        >>> images = np.zeros((4, 8, 8), np.uint8)
        >>> open((images, [0, 0, 1, 1])).counts()
        {'0': 2, '1': 2}
    """
    if isinstance(source, ImageSet):
        return _reopened(source, groups, attributes)
    found = _source(source, labels, one_class)
    # Before the long pass: a wrong file is told at once.
    grouping = group_ids(groups, found)
    named = attributes_of(attributes, found) if attributes is not None else None
    allowed = limits or Limits()
    scan = _scan(found, allowed)
    _refuse_or_warn(scan, found, skip_bad)
    classes = _classes(scan, found)
    kept = np.array(scan.items, np.int64)
    paths = [found.path(item) for item in scan.items]
    images = ImageSet(
        name=found.name,
        classes=classes,
        labels=index_labels(scan.labels, classes, paths),
        groups=grouping[kept],
        mode="L" if all(scan.grey) else "RGB",
        sizes=np.array(scan.sizes, np.int32).reshape(-1, 2),
        digests=np.array(scan.digests, np.uint64),
        thumbnails=np.array(scan.thumbnails, np.uint8),
        warnings=[*found.warnings, *_remarks(scan, paths)],
        source=found,
        items=kept,
        limits=allowed,
        attributes=None if named is None else named[1][kept],
        attribute_names=() if named is None else named[0],
    )
    if not one_class:
        _refuse_few_classes(images)
    if isinstance(found, Folder) and groups is None and (hint := unused_groups_file(found.root)):
        images.warnings.append(hint)
    return images


def _reopened(source: ImageSet, groups: Any, attributes: Any) -> ImageSet:
    """A set that is open already, with what was given beside it."""
    items = _Reopened(source)
    if groups is not None:
        source = source.with_groups(group_ids(groups, items))
    if attributes is not None:
        names, values = attributes_of(attributes, items)
        source = dataclasses.replace(source, attributes=values, attribute_names=names)
    return source


def _source(source: Any, labels: Any, one_class: bool) -> Source:
    if is_huggingface(source):
        return HuggingFace(source, labels)
    if isinstance(source, str | Path):
        shards = _shard_files(str(source))
        return Shards(shards) if shards else Folder(Path(source), one_class=one_class)
    if _is_array(source) and labels is None and one_class:
        return Arrays(source, [_NO_CLASS] * len(source))
    if labels is not None:
        return Arrays(source, labels)
    if isinstance(source, list | tuple) and _are_files(source):
        return Shards([Path(file) for name in source for file in _shard_files(str(name))])
    if isinstance(source, tuple) and len(source) == 2:
        return Arrays(*source)
    if hasattr(source, "__getitem__") and hasattr(source, "__len__") and not _is_array(source):
        return MapDataset(source)
    raise InputError(
        "source",
        expected="a folder, shards, a map-style dataset, (images, labels) or a datasets.Dataset",
        got="images without labels" if _is_array(source) else type(source).__name__,
        remedy="Pass labels=." if _is_array(source) else "Convert it to one of these.",
        code="input.source",
    )


def _are_files(source: Sequence[Any]) -> bool:
    return len(source) > 0 and all(isinstance(name, str | Path) for name in source)


def _is_array(source: Any) -> bool:
    return hasattr(source, "dtype") and hasattr(source, "shape")


def _shard_files(name: str) -> list[Path]:
    if not name.endswith(".tar"):
        return []
    names = expand_braces(name)
    if any(mark in name for mark in "*?"):
        names = sorted(file for pattern in names for file in glob.glob(pattern))  # noqa: PTH207
        if not names:
            raise InputError(
                "shards",
                expected="at least one file",
                got="none",
                where=name,
                remedy="Check the pattern.",
                code="input.path",
            )
    return [Path(file) for file in names]


@dataclasses.dataclass
class _Scan:
    """What one pass over a source found; lists in step, one entry a usable image."""

    items: list[int] = dataclasses.field(default_factory=list)
    labels: list[Any] = dataclasses.field(default_factory=list)
    sizes: list[tuple[int, int]] = dataclasses.field(default_factory=list)
    grey: list[bool] = dataclasses.field(default_factory=list)
    alpha: list[bool] = dataclasses.field(default_factory=list)
    moving: list[bool] = dataclasses.field(default_factory=list)
    digests: list[int] = dataclasses.field(default_factory=list)
    thumbnails: list[np.ndarray[Any, np.dtype[np.uint8]]] = dataclasses.field(default_factory=list)
    bad: list[BadImage] = dataclasses.field(default_factory=list)

    def add(self, item: int, label: Any, picture: Picture) -> None:
        """Keep what is needed of one image; its pixels go."""
        pixels = picture.pixels
        thumbnail = squash(pixels, THUMBNAIL)
        if pixels.ndim == 3:
            thumbnail = to_grey(thumbnail)
        self.items.append(item)
        self.labels.append(label)
        self.sizes.append((pixels.shape[0], pixels.shape[1]))
        self.grey.append(pixels.ndim == 2)
        self.alpha.append(picture.had_alpha)
        self.moving.append(picture.frames > 1)
        self.digests.append(_digest(pixels))
        self.thumbnails.append(thumbnail)


def _digest(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> int:
    content = hashlib.blake2b(np.ascontiguousarray(pixels).data, digest_size=8)
    return int.from_bytes(content.digest(), "little")


def _scan(source: Source, limits: Limits) -> _Scan:
    scan = _Scan()
    for item in range(len(source)):
        try:
            raw, label = source.read(item)
            picture = decode(raw, source.path(item), limits)
        except BadImage as error:
            scan.bad.append(error)
        else:
            scan.add(item, label, picture)
    return scan


def _refuse_or_warn(scan: _Scan, source: Source, skip_bad: bool) -> None:
    bad = [f"{error.where} {error.what}" for error in scan.bad]
    total = len(source)
    if bad and not (skip_bad and scan.items):
        raise InputError(
            f"{len(bad):,} of {total:,} images",
            expected="images that can be used",
            got=first_names(bad),
            remedy="Repair them, or pass --skip-bad (skip_bad=True) to leave them out.",
            code="input.images",
        ) from scan.bad[0]
    if bad:
        source.warnings.append(f"left out: {len(bad):,} of {total:,} images: {first_names(bad)}")
    if not scan.items:
        raise InputError(
            "source",
            expected="images",
            got="none",
            where=source.name,
            remedy="Put the images into one folder a class.",
            code="input.empty",
        )


def _classes(scan: _Scan, source: Source) -> tuple[str, ...]:
    """Names from the source; else from the labels; else "0", "1", ... up to the largest label."""
    names = source.classes or as_label_names(scan.labels)
    if names is not None:
        return names
    numbers = [int(x) for x in scan.labels if not isinstance(x, str) and _is_whole(x)]
    # A class without a single image is not told from a wrong label when there are so many.
    largest = min(max(numbers, default=0), len(scan.labels) - 1)
    return tuple(str(number) for number in range(largest + 1))


def _is_whole(label: Any) -> bool:
    return hasattr(label, "__index__")


def _remarks(scan: _Scan, paths: list[str]) -> Iterable[str]:
    colour = len(scan.grey) - sum(scan.grey)
    if 0 < colour < len(scan.grey):
        yield f"{sum(scan.grey):,} grey and {colour:,} colour images: all are read as RGB"
    for flags, what in (
        (scan.alpha, "transparent parts shown on white"),
        (scan.moving, "only the first of several frames used"),
    ):
        named = [path for path, flag in zip(paths, flags, strict=True) if flag]
        if named:
            yield f"{what} in {numbered(len(named), 'image')}: {first_names(named, 3)}"


def _refuse_few_classes(images: ImageSet) -> None:
    counts = images.counts()
    empty = [name for name, count in counts.items() if count == 0]
    if len(counts) - len(empty) < 2:
        raise InputError(
            "classes",
            expected="at least 2 with images",
            got=", ".join(name for name in counts if name not in empty) or "none",
            where=images.name,
            remedy="Balancing needs a second class.",
            code="input.classes",
        )
    if empty:
        images.warnings.append(f"classes without images: {first_names(empty)}")


class _Reopened:
    """The items of an image set, named as its source names them."""

    def __init__(self, images: ImageSet) -> None:
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def path(self, index: int) -> str:
        return self._images.path(index)

    def location(self, index: int) -> str:
        return self._images.source.location(int(self._images.items[index]))
