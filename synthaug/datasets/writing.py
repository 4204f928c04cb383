"""Writing folders that appear whole or not at all, an `AugmentedDataset` above all."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synthaug.datasets.naming import safe_names
from synthaug.datasets.png import encode_png, write_error
from synthaug.errors import InputError, OutOfResources

if TYPE_CHECKING:
    from synthaug.datasets.augmented import AugmentedDataset, RealImages

__all__ = ["FORMAT", "MARK", "free_name", "new_folder", "refuse_if_taken", "save", "write_real"]

MARK = "dataset.json"  # a folder that holds it is ours
FORMAT = 1
_COPIED = (
    "The real images were no files, so copies were written into real/ as 8-bit PNG; "
    "the saved set reads those."
)


def save(dataset: AugmentedDataset, directory: Path, *, copy_real: bool, force: bool) -> Path:
    """Write ``dataset`` into ``directory``; see `AugmentedDataset.save`."""
    files = [dataset.real.file(index) for index in range(len(dataset.real))]
    no_files = any(file is None for file in files)
    if no_files and _COPIED not in dataset.report.warnings:
        dataset.report.warnings.append(_COPIED)
    copy_real = copy_real or no_files
    with new_folder(directory, force=force) as folder:
        if not copy_real:
            _refuse_to_swallow(directory, files)
        names = safe_names(dataset.classes)
        paths = write_real(dataset.real, folder / "real", names) if copy_real else _known(files)
        root = folder / "real" if copy_real else _common_root(paths)
        _write_rows(folder / "real.csv", dataset.real, paths, root)
        _write_synthetic(dataset, folder, names)
        facts = _facts(dataset, "real" if copy_real else str(root))
        (folder / MARK).write_text(json.dumps(facts, indent=1))
        (folder / "verdicts.json").write_text(dataset.verdicts.to_json())
        (folder / "report.json").write_text(dataset.report.to_json())
        if dataset.generator is not None:
            dataset.generator.save(folder / "generator")
        if dataset.render is not None:
            dataset.render(dataset, folder)
    return directory


@contextlib.contextmanager
def new_folder(directory: Path, *, force: bool = False) -> Iterator[Path]:
    """A temporary sibling that takes the name ``directory`` if the block ends well.

    Raises:
        InputError: the name is taken by something else, or nothing can be written there.
        OutOfResources: the disk is full.
    """
    directory = directory.resolve()
    try:
        refuse_if_taken(directory, force)
        directory.parent.mkdir(parents=True, exist_ok=True)
        # A mounted volume cannot be renamed, and its sibling lies on another disk.
        inside = directory.is_dir() and (
            directory.is_mount() or not os.access(directory.parent, os.W_OK)
        )
        home = directory if inside else directory.parent
        part = home / f".{directory.name}.{os.getpid()}.part"
        part.mkdir()
        try:
            yield part
            if inside:
                _move_up(part, directory)
            else:
                _take_name(part, directory)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except (InputError, OutOfResources):
        raise
    except OSError as error:
        raise write_error(error, directory) from error


def refuse_if_taken(directory: Path, force: bool) -> None:
    """Refuse a name that `new_folder` could not give to a new folder.

    Raises:
        InputError: a file, a folder in use without ``force``, a folder synthaug did not write.
    """
    if not directory.exists():
        return
    where = str(directory)
    if not directory.is_dir():
        raise InputError(
            "output", expected="a folder", got="a file", where=where,
            remedy="Choose another name.", code="output.exists",
        )  # fmt: skip
    if not any(directory.iterdir()):
        return
    if not force:
        raise InputError(
            "output", expected="an empty or new folder", got="a folder with files in it",
            where=where, remedy="Choose another, or replace it with force=True (--force).",
            code="output.exists",
        )  # fmt: skip
    if not (directory / MARK).exists():
        raise InputError(
            "output", expected="a folder synthaug wrote", got=f"one without {MARK}", where=where,
            remedy="Empty it yourself, or choose another folder.", code="output.foreign",
        )  # fmt: skip


def write_real(
    real: RealImages, folder: Path, names: Sequence[str], *, link: bool = False
) -> list[Path]:
    """Copy (or hard-link) the real images into one folder a class; their new paths in order.

    Images that are files keep their bytes and names; others become 8-bit PNG.
    """
    paths: list[Path] = []
    for index, label in enumerate(real.labels.tolist()):
        source = real.file(index)
        name = source.name if source is not None else f"{names[label]}_real_{index:05d}.png"
        path = free_name(folder / names[label] / name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if source is None:
            path.write_bytes(encode_png(real.image(index)))
        else:
            _copy(source, path, link)
        paths.append(path)
    return paths


def free_name(path: Path) -> Path:
    """``path``, with a number added where a file of that name exists."""
    free, number = path, 1
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def _copy(source: Path, path: Path, link: bool) -> None:
    if link:
        # Other file systems and some network drives know no hard links: a copy serves there.
        with contextlib.suppress(OSError):
            path.hardlink_to(source.resolve())
            return
    shutil.copyfile(source, path)


def _refuse_to_swallow(directory: Path, files: Sequence[Path | None]) -> None:
    """Replacing a folder must not delete the images the new one would refer to."""
    target = directory.resolve()
    if any(file is not None and file.resolve().is_relative_to(target) for file in files):
        raise InputError(
            "output", expected="a folder that holds none of the real images",
            got="one that does", where=str(directory),
            remedy="Pass copy_real=True (--copy-real), or choose another folder.",
            code="output.swallows",
        )  # fmt: skip


def _take_name(part: Path, directory: Path) -> None:
    if not directory.exists():
        part.rename(directory)
        return
    old = directory.with_name(f".{directory.name}.{os.getpid()}.old")
    directory.rename(old)
    try:
        part.rename(directory)
    except OSError:
        old.rename(directory)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _move_up(part: Path, directory: Path) -> None:
    for old in directory.iterdir():
        if old == part:
            continue
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        else:
            old.unlink()
    for child in part.iterdir():
        child.rename(directory / child.name)


def _known(files: Sequence[Path | None]) -> list[Path]:
    return [Path(os.path.abspath(file)) for file in files if file is not None]  # noqa: PTH100


def _common_root(paths: Sequence[Path]) -> Path:
    return Path(os.path.commonpath([path.parent for path in paths]))


def _write_rows(table: Path, real: RealImages, paths: Sequence[Path], root: Path) -> None:
    # File names that are no UTF-8 keep their bytes; csv wants newline="" to keep line breaks.
    with table.open("w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["path", "name", "class", "label", "group", "bytes", "height", "width"])
        for index, path in enumerate(paths):
            label = int(real.labels[index])
            numbers = (label, int(real.groups[index]), path.stat().st_size)
            names = (path.relative_to(root).as_posix(), real.path(index), real.classes[label])
            rows.writerow([*names, *numbers, *real.sizes[index].tolist()])


def _write_synthetic(dataset: AugmentedDataset, folder: Path, names: Sequence[str]) -> None:
    numbers: Counter[int] = Counter()
    start = len(dataset.real)
    for name in names:
        (folder / "synthetic" / name).mkdir(parents=True)
    with (folder / "provenance.jsonl").open("w") as lines:
        for index, image in enumerate(dataset.images, start=start):
            record, label = dataset.provenance[index], int(dataset.targets[index])
            if record is None:  # an AugmentedDataset has a record for every synthetic image
                continue
            name = names[label]
            file = f"synthetic/{name}/{name}_{numbers[label]:05d}.png"
            numbers[label] += 1
            (folder / file).write_bytes(encode_png(image, record))
            lines.write(json.dumps({"file": file, "label": label, **record.to_dict()}) + "\n")


def _facts(dataset: AugmentedDataset, root: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "name": dataset.real.name,
        "classes": list(dataset.classes),
        "mode": dataset.real.mode,
        "real_root": root,
        "form": dataset.form.to_dict(),
        "labels": [_plain(dataset.label_item(i), i) for i in range(len(dataset.classes))],
        "arm": dataset.arm.to_dict(),
        "mixture": dataset.mixture,
    }


def _plain(label: Any, index: int) -> str | int:
    """A label as JSON keeps it: names stay names, everything else becomes the number."""
    if isinstance(label, str):
        return label
    numeric = isinstance(label, int | np.integer) or getattr(label, "numel", int)() == 1
    return int(label) if numeric else index
