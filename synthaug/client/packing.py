"""Image sets as they travel: one tar of class folders, and a table of groups."""

from __future__ import annotations

import contextlib
import csv
import functools
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from synthaug.client.jobs import Sent
from synthaug.datasets.folder import Folder
from synthaug.datasets.grouping import group_ids
from synthaug.errors import InputError
from synthaug.v1 import artifact_pb2, dataset_pb2

__all__ = ["Images", "images_of"]

_TARS = (".tar", ".tar.gz", ".tgz")


class Images:
    """An image set of this machine, to be sent.

    Args:
        label: what the request calls it.
        folder: images in class folders, or images only; None for shards.
        shards: tar files, sent as they are.
    """

    def __init__(self, label: str, folder: Folder | None, shards: Sequence[Path] = ()) -> None:
        self.label = label
        self.folder = folder
        self._shards = shards

    def files(self) -> dict[str, Sent]:
        """What is to be uploaded, by label."""
        kind = artifact_pb2.ARTIFACT_KIND_DATASET
        if self.folder is not None:
            return {self.label: Sent(kind, self._packed)}
        return {
            f"{self.label} {number}": Sent.as_it_is(kind, shard)
            for number, shard in enumerate(self._shards)
        }

    def message(self, names: dict[str, str]) -> dataset_pb2.Dataset:
        """The set in a request, once it is uploaded."""
        return dataset_pb2.Dataset(artifacts=[names[label] for label in self.files()])

    def groups(self, groups: Any) -> dict[str, Sent]:
        """A table of groups to be uploaded, where there are any.

        Args:
            groups: as `synthaug.augment` takes them.

        Raises:
            InputError: groups that miss an image, or groups of shards.
        """
        if groups is None:
            return {}
        if self.folder is None:
            raise InputError(
                "groups", expected="a folder of images beside them", got="tar files",
                where=self.label, remedy="Unpack them, or leave the groups out.",
                code="input.groups",
            )  # fmt: skip
        numbers = group_ids(groups, self.folder).tolist()
        paths = [self.folder.path(index) for index in range(len(self.folder))]
        kind = artifact_pb2.ARTIFACT_KIND_TABLE
        rows = list(zip(paths, numbers, strict=True))
        return {f"{self.label} groups": Sent(kind, functools.partial(_table, rows))}

    def facts(self) -> list[Any]:
        """What tells this set from another, without reading it: names, sizes, times."""
        if self.folder is None:
            return [_stat(path) for path in self._shards]
        root = self.folder.root
        return [_stat(root / self.folder.path(n)) for n in range(len(self.folder))]

    @contextlib.contextmanager
    def _packed(self) -> Iterator[Path]:
        """A tar of the images, the same bytes for the same images."""
        folder = self.folder
        assert folder is not None
        names = [folder.path(index) for index in range(len(folder))]
        # In a folder of its name the server finds what to call the set; loose images have none.
        top = f"{folder.name}/" if all("/" in name for name in names) else ""
        with tempfile.TemporaryDirectory(prefix="synthaug-") as place:
            packed = Path(place) / "set.tar"
            with tarfile.open(packed, "w", format=tarfile.PAX_FORMAT) as archive:
                for name in names:
                    with (folder.root / name).open("rb") as file:
                        about = tarfile.TarInfo(top + name)
                        about.size, about.mode = _size(file), 0o644
                        archive.addfile(about, file)
            yield packed


def images_of(source: Any, label: str, *, one_class: bool = False, shards: bool = True) -> Images:
    """The images of a folder, or of tar files where they will do.

    Args:
        source: a folder, a tar file, or several of these.
        label: what the request calls it.
        one_class: images without class folders will do.
        shards: tar files will do.

    Raises:
        InputError: anything else.
    """
    several = source if isinstance(source, list | tuple) else [source]
    paths = [Path(each) for each in several if isinstance(each, str | Path)]
    if len(paths) == 1 == len(several) and paths[0].is_dir():
        folder = Folder(paths[0], one_class=one_class)
        if not len(folder):
            raise InputError(
                label, expected="images", got="none", where=str(paths[0]),
                remedy="Check the path.", code="input.path",
            )  # fmt: skip
        return Images(label, folder)
    tars = [path for path in paths if path.name.endswith(_TARS) and path.is_file()]
    if shards and several and len(tars) == len(several):
        return Images(label, None, tars)
    what = "a folder or tar files" if shards else "a folder with one folder a class"
    got = ", ".join(map(str, paths[:3])) if len(paths) == len(several) else type(source).__name__
    raise InputError(
        label, expected=f"{what}, to be sent to a server", got=got or "nothing",
        remedy="Write the images into a folder first, or run it without a server.",
        code="input.source",
    )  # fmt: skip


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
