"""ImageFolder directories: one folder a class."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from synthaug.datasets.sources import numbered
from synthaug.errors import InputError

__all__ = ["IMAGE_ENDINGS", "Folder", "images_below"]

IMAGE_ENDINGS = frozenset(
    ".avif .bmp .dib .gif .j2k .jfif .jp2 .jpe .jpeg .jpg .pbm .pgm .png .pnm .ppm .tga .tif "
    ".tiff .webp".split()
)


class Folder:
    """A directory with one folder a class, images at any depth inside it.

    Hidden files and folders are passed over, class folders without images and files with
    other endings too, with a warning.

    Args:
        root: the directory that holds the class folders.
        one_class: where no class folder holds an image, take those outside as one class, named
            after the directory.
    """

    def __init__(self, root: Path, *, one_class: bool = False) -> None:
        _refuse_missing(root)
        self.root = root
        resolved = root.resolve()
        self.name = resolved.parent.name if resolved.name == "train" else resolved.name
        self.warnings: list[str] = []
        self._files: list[str] = []
        self._labels: list[int] = []
        names: list[str] = []
        self._refuse_splits()
        for folder in _folders(root):
            found, others = images_below(folder)
            if others:
                self.warnings.append(
                    f"left out: {numbered(others, 'file')} in {folder.name}, not images"
                )
            if not found:
                self.warnings.append(f"left out: class folder {folder.name}, no images in it")
                continue
            self._labels += [len(names)] * len(found)
            self._files += [f"{folder.name}/{file}" for file in found]
            names.append(folder.name)
        self.classes: tuple[str, ...] | None = tuple(names)
        loose = sorted(entry.name for entry in root.iterdir() if _is_image(entry))
        if loose and not names:
            if not one_class:
                raise _without_labels(len(loose), root)
            self._files, self._labels = loose, [0] * len(loose)
            self.classes = (resolved.name,)
        elif loose:
            left_out = numbered(len(loose), "image")
            self.warnings.append(f"left out: {left_out} outside the class folders")

    def _refuse_splits(self) -> None:
        train = self.root / "train"
        if train.is_dir() and any(images_below(folder)[0] for folder in _folders(train)):
            raise InputError(
                "image folder",
                expected="one folder a class",
                got="a folder named train that holds the class folders",
                where=str(self.root),
                remedy=f"Open {train} instead.",
                code="input.path",
            )

    def __len__(self) -> int:
        return len(self._files)

    def path(self, index: int) -> str:
        """``class/file``, relative to the root."""
        return self._files[index]

    def location(self, index: int) -> str:
        """The absolute path."""
        return (self.root.resolve() / self._files[index]).as_posix()

    def read(self, index: int) -> tuple[Path, int]:
        """The file and its label."""
        return self.root / self._files[index], self._labels[index]

    def original(self, index: int) -> tuple[Any, Any] | None:
        """None: a folder's own object is the upright picture, which the image set makes."""
        return None


def _refuse_missing(root: Path) -> None:
    if root.is_dir():
        return
    raise InputError(
        "image folder",
        expected="a directory with one folder a class",
        got="a file" if root.exists() else "nothing there",
        where=str(root),
        remedy="Check the path.",
        code="input.path",
    )


def _without_labels(count: int, root: Path) -> InputError:
    return InputError(
        "labels", expected="one folder a class",
        got=f"{numbered(count, 'image')} outside of any class folder", where=str(root),
        remedy="Sort the images into one folder a class.", code="input.labels",
    )  # fmt: skip


def _folders(root: Path) -> list[Path]:
    found = (entry for entry in root.iterdir() if entry.is_dir())
    return sorted(folder for folder in found if not folder.name.startswith("."))


def _is_image(entry: Path) -> bool:
    hidden = entry.name.startswith(".")
    return not hidden and entry.suffix.lower() in IMAGE_ENDINGS and entry.is_file()


def images_below(folder: Path) -> tuple[list[str], int]:
    """Image files below a folder, relative and sorted, and the number of other files."""
    found: list[str] = []
    others = 0
    seen: set[str] = set()
    for here, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(here)
        if real in seen:  # a link that leads back up
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        visible = [name for name in files if not name.startswith(".")]
        images = [name for name in visible if Path(name).suffix.lower() in IMAGE_ENDINGS]
        others += len(visible) - len(images)
        found += [(Path(here) / name).relative_to(folder).as_posix() for name in images]
    return sorted(found), others
