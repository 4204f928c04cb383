"""Image sets as they travel: one tar of class folders, or shards, and a table of groups."""

from __future__ import annotations

import abc
import contextlib
import csv
import functools
import glob
import io
import json
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthaug.client.jobs import Sent
from synthaug.client.requests import here_only
from synthaug.datasets.folder import Folder
from synthaug.datasets.grouping import group_ids
from synthaug.datasets.shards import Shards, expand_braces
from synthaug.errors import InputError
from synthaug.v1 import artifact_pb2, dataset_pb2

if TYPE_CHECKING:
    from synthaug.datasets import AugmentedDataset, ImageSet

__all__ = ["Images", "images_of"]

_DATASET = artifact_pb2.ARTIFACT_KIND_DATASET
_TARS = (".tar", ".tar.gz", ".tgz")


class Images(abc.ABC):
    """An image set of this machine, to be sent.

    Args:
        label: what the request calls it.
    """

    def __init__(self, label: str) -> None:
        self.label = label

    @abc.abstractmethod
    def files(self) -> dict[str, Sent]:
        """What is to be uploaded, by label."""

    @abc.abstractmethod
    def facts(self) -> list[Any]:
        """What tells this set from another: where it can be, without reading it."""

    @abc.abstractmethod
    def counts(self) -> dict[str, int]:
        """Images of each class, class order."""

    @abc.abstractmethod
    def made(self, folder: Path, read_generator: Any) -> AugmentedDataset:
        """The set in a folder that the server saved, its real part the one that was sent."""

    @abc.abstractmethod
    def _rows(self, groups: Any) -> list[tuple[str, int]] | None:
        """What the server calls each image, and its group; None where each is its own."""

    def message(self, names: dict[str, str]) -> dataset_pb2.Dataset:
        """The set in a request, once it is uploaded."""
        return dataset_pb2.Dataset(artifacts=[names[label] for label in self.files()])

    def groups(self, groups: Any) -> dict[str, Sent]:
        """A table of groups to be uploaded, where there are any.

        Args:
            groups: as `synthaug.augment` takes them.

        Raises:
            InputError: groups that miss an image.
        """
        rows = self._rows(groups)
        if rows is None:
            return {}
        kind = artifact_pb2.ARTIFACT_KIND_TABLE
        return {f"{self.label} groups": Sent(kind, functools.partial(_table, rows))}


class _Files(Images):
    """Images in class folders, or images only: sent as they are, in one tar."""

    def __init__(self, label: str, folder: Folder) -> None:
        super().__init__(label)
        self._folder = folder
        self._names = [folder.path(index) for index in range(len(folder))]

    def files(self) -> dict[str, Sent]:
        return {self.label: Sent(_DATASET, self._packed)}

    def facts(self) -> list[Any]:
        return [_stat(self._folder.root / name) for name in self._names]

    def counts(self) -> dict[str, int]:
        classes = self._folder.classes or ()
        counts = dict.fromkeys(classes, 0)
        for index in range(len(self._folder)):
            counts[classes[self._folder.read(index)[1]]] += 1
        return counts

    def made(self, folder: Path, read_generator: Any) -> AugmentedDataset:
        from synthaug.datasets import load

        return load(folder, real_root=self._folder.root, read_generator=read_generator)

    def _rows(self, groups: Any) -> list[tuple[str, int]] | None:
        if groups is None:
            return None
        return list(zip(self._names, group_ids(groups, self._folder).tolist(), strict=True))

    @contextlib.contextmanager
    def _packed(self) -> Iterator[Path]:
        """A tar of the images, the same bytes for the same images."""
        # In a folder of its name the server finds what to call the set; loose images have none.
        top = f"{self._folder.name}/" if all("/" in name for name in self._names) else ""
        with _new_tar() as (packed, archive):
            for name in self._names:
                with (self._folder.root / name).open("rb") as file:
                    about = tarfile.TarInfo(top + name)
                    about.size, about.mode = _size(file), 0o644
                    archive.addfile(about, file)
            archive.close()
            yield packed


class _Shards(Images):
    """WebDataset shards, sent as they are."""

    def __init__(self, label: str, shards: Sequence[Path]) -> None:
        super().__init__(label)
        self._shards = list(shards)

    def files(self) -> dict[str, Sent]:
        return {
            f"{self.label} {number}": Sent.as_it_is(_DATASET, shard)
            for number, shard in enumerate(self._shards)
        }

    def facts(self) -> list[Any]:
        return [_stat(path) for path in self._shards]

    @functools.cached_property
    def _opened(self) -> ImageSet:
        from synthaug import datasets

        return datasets.open(self._shards)

    def counts(self) -> dict[str, int]:
        return self._opened.counts()

    def made(self, folder: Path, read_generator: Any) -> AugmentedDataset:
        return _with_real(folder, self._opened, self._sent_names(), read_generator)

    def _rows(self, groups: Any) -> list[tuple[str, int]] | None:
        if groups is None:
            return None
        numbers = group_ids(groups, Shards(self._shards)).tolist()
        return list(zip(self._sent_names(), numbers, strict=True))

    def _sent_names(self) -> list[str]:
        """What the server calls each image: it numbers shards in the order in which they come."""
        return [
            f"shard-{number:04d}.tar/{name.partition('/')[2]}"
            for number, shard in enumerate(self._shards)
            for one in [Shards([shard])]
            for name in map(one.path, range(len(one)))
        ]


class _Opened(Images):
    """Images that are no files (arrays, data sets, tables): sent as one shard of lossless PNG."""

    def __init__(self, label: str, images: ImageSet) -> None:
        super().__init__(label)
        self._images = images

    def files(self) -> dict[str, Sent]:
        return {self.label: Sent(_DATASET, self._packed)}

    def facts(self) -> list[Any]:
        return [self._images.fingerprint]

    def counts(self) -> dict[str, int]:
        return self._images.counts()

    def made(self, folder: Path, read_generator: Any) -> AugmentedDataset:
        return _with_real(folder, self._images, self._sent_names(), read_generator)

    def _rows(self, groups: Any) -> list[tuple[str, int]] | None:
        numbers = self._images.groups.tolist()
        if len(set(numbers)) == len(numbers):
            return None
        return list(zip(self._sent_names(), numbers, strict=True))

    def _sent_names(self) -> list[str]:
        return [f"shard-0000.tar/{key}.png" for key in map(_key, range(len(self._images)))]

    @contextlib.contextmanager
    def _packed(self) -> Iterator[Path]:
        from synthaug.datasets.png import encode_png

        images, classes = self._images, self._images.classes
        # Numbers stay numbers: as names "10" would come before "2".
        plain = classes == tuple(map(str, range(len(classes))))
        with _new_tar() as (packed, archive):
            for index, label in enumerate(images.labels.tolist()):
                told = json.dumps({"label": label if plain else classes[label]}).encode()
                for ending, data in (("png", encode_png(images.image(index))), ("json", told)):
                    about = tarfile.TarInfo(f"{_key(index)}.{ending}")
                    about.size, about.mode = len(data), 0o644
                    archive.addfile(about, io.BytesIO(data))
            archive.close()
            yield packed


def images_of(
    source: Any,
    label: str,
    *,
    groups: Any = None,
    one_class: bool = False,
    skip_bad: bool = False,
) -> Images:
    """The images of anything that the local functions take.

    Args:
        source: a folder; a tar file, several, or a pattern of their names; arrays, a data set, a
            Hugging Face data set or an ``ImageSet``, which are opened here.
        label: what the request calls it.
        groups: of the images, where they are opened here; else `Images.groups` has them.
        one_class: images without classes will do.
        skip_bad: leave out images that cannot be decoded, where they are opened here.

    Raises:
        InputError: nothing there, or nothing that can be sent.
    """
    if isinstance(source, str | Path) and Path(source).is_dir():
        folder = Folder(Path(source), one_class=one_class)
        if not len(folder):
            raise InputError(
                label, expected="images", got="none", where=str(source),
                remedy="Check the path.", code="input.path",
            )  # fmt: skip
        return _Files(label, folder)
    several = source if isinstance(source, list | tuple) else [source]
    if several and all(isinstance(each, str | Path) for each in several):
        tars = [Path(name) for each in several for name in _tars(str(each))]
        missing = [path for path in tars if not (path.name.endswith(_TARS) and path.is_file())]
        if missing:
            raise InputError(
                label, expected="a folder or tar files", got="no such thing",
                where=str(missing[0]), remedy="Check the path.", code="input.path",
            )  # fmt: skip
        return _Shards(label, tars)
    from synthaug import datasets
    from synthaug.gates import Sample

    if isinstance(source, Sample):
        here_only(**{label: ("features of images", None)})
    return _Opened(label, datasets.open(source, groups, one_class=one_class, skip_bad=skip_bad))


def _tars(name: str) -> list[str]:
    """The files of a name with braces or stars."""
    names = expand_braces(name)
    if not any(mark in name for mark in "*?"):
        return names
    found = sorted(file for one in names for file in glob.glob(one))  # noqa: PTH207
    return found or [name]


def _with_real(
    folder: Path, images: ImageSet, names: Sequence[str], read_generator: Any
) -> AugmentedDataset:
    """A saved set whose real part is this one, as far as the server kept it."""
    from synthaug.datasets import load

    places = {name: index for index, name in enumerate(names)}
    with (folder / "real.csv").open(encoding="utf-8", newline="") as rows:
        kept = [places[row["name"]] for row in csv.DictReader(rows)]
    return load(folder, real=images.subset(kept), read_generator=read_generator)


def _key(index: int) -> str:
    return f"{index:08d}"


@contextlib.contextmanager
def _new_tar() -> Iterator[tuple[Path, tarfile.TarFile]]:
    with tempfile.TemporaryDirectory(prefix="synthaug-") as place:
        packed = Path(place) / "set.tar"
        with tarfile.open(packed, "w", format=tarfile.PAX_FORMAT) as archive:
            yield packed, archive


@contextlib.contextmanager
def _table(rows: Sequence[tuple[str, int]]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="synthaug-") as place:
        table = Path(place) / "groups.csv"
        with table.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows([("file", "group"), *rows])
        yield table


def _stat(path: Path) -> tuple[str, int, int]:
    about = path.stat()
    return str(path), about.st_size, about.st_mtime_ns


def _size(file: Any) -> int:
    size: int = file.seek(0, 2)
    file.seek(0)
    return size
