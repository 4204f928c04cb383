"""An `AugmentedDataset` as a folder: written whole or not at all, and read back."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from synthaug.arm import Arm
from synthaug.datasets.augmented import AugmentedDataset, RealImages, SavesItself
from synthaug.datasets.decode import decode
from synthaug.datasets.items import ItemForm
from synthaug.datasets.limits import Limits
from synthaug.datasets.naming import safe_names
from synthaug.datasets.png import encode_png, write_error
from synthaug.errors import InputError, OutOfResources
from synthaug.facts import AugmentFacts
from synthaug.provenance import Provenance
from synthaug.verdict import Verdicts

__all__ = ["free_name", "load", "new_folder", "save", "write_real"]

_MARK = "dataset.json"  # a folder that holds it is ours
_FORMAT = 1
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
        (folder / _MARK).write_text(json.dumps(facts, indent=1))
        (folder / "verdicts.json").write_text(dataset.verdicts.to_json())
        (folder / "report.json").write_text(dataset.report.to_json())
        if dataset.generator is not None:
            dataset.generator.save(folder / "generator")
        if dataset.render is not None:
            dataset.render(dataset, folder)
    return directory


def load(
    directory: str | Path,
    *,
    real_root: str | Path | None = None,
    read_generator: Callable[[Path], SavesItself] | None = None,
    render: Callable[[AugmentedDataset, Path], None] | None = None,
) -> AugmentedDataset:
    """The set `AugmentedDataset.save` wrote, items in the same order and type.

    Args:
        directory: the folder.
        real_root: where the real images are now, if their folder was moved.
        read_generator: reads ``generator/``; without it the folder is only kept for `save`.
        render: writes the report pages when the set is saved again.

    Raises:
        InputError: no such set, or images it refers to are gone or have changed.
    """
    folder = Path(directory)
    facts = _read_facts(folder)
    root = Path(real_root) if real_root is not None else folder / facts["real_root"]
    real = _SavedReal(facts, root, _read_rows(folder / "real.csv"))
    images, labels, records = _read_synthetic(folder, real.classes)
    generator: SavesItself | None = None
    if (folder / "generator").is_dir():
        generator = (read_generator or _KeptGenerator)(folder / "generator")
    return AugmentedDataset(
        real, images, labels, [r.kind for r in records], records,
        verdicts=Verdicts.from_json((folder / "verdicts.json").read_text()),
        report=AugmentFacts.from_json((folder / "report.json").read_text()),
        generator=generator, arm=Arm.from_dict(facts["arm"]), render=render,
    )  # fmt: skip


@contextlib.contextmanager
def new_folder(directory: Path, *, force: bool = False) -> Iterator[Path]:
    """A temporary sibling that takes the name ``directory`` if the block ends well.

    Raises:
        InputError: the name is taken by something else, or nothing can be written there.
        OutOfResources: the disk is full.
    """
    directory = directory.resolve()
    try:
        _refuse_if_taken(directory, force)
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


def _refuse_if_taken(directory: Path, force: bool) -> None:
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
    if not (directory / _MARK).exists():
        raise InputError(
            "output", expected="a folder synthaug wrote", got=f"one without {_MARK}", where=where,
            remedy="Empty it yourself, or choose another folder.", code="output.foreign",
        )  # fmt: skip


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
    with _open_text(table, "w") as stream:
        rows = csv.writer(stream)
        rows.writerow(["path", "class", "label", "group", "bytes", "height", "width"])
        for index, path in enumerate(paths):
            label = int(real.labels[index])
            numbers = (label, int(real.groups[index]), path.stat().st_size)
            name = real.classes[label]
            rows.writerow(
                [path.relative_to(root).as_posix(), name, *numbers, *real.sizes[index].tolist()]
            )


def _read_rows(table: Path) -> list[dict[str, str]]:
    with _open_text(table, "r") as stream:
        return list(csv.DictReader(stream))


def _open_text(path: Path, mode: str) -> Any:
    # File names that are no UTF-8 keep their bytes; csv wants newline="" to keep line breaks.
    return path.open(mode, encoding="utf-8", errors="surrogateescape", newline="")


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


def _read_synthetic(
    folder: Path, classes: Sequence[str]
) -> tuple[_PngImages, list[int], list[Provenance]]:
    files, labels, records = [], [], []
    for line in (folder / "provenance.jsonl").read_text().splitlines():
        fields = json.loads(line)
        files.append(folder / fields.pop("file"))
        labels.append(int(fields.pop("label")))
        records.append(Provenance.from_dict(fields))
    _require([file for file in files if not file.is_file()], "synthetic images", folder)
    return _PngImages(files), labels, records


def _facts(dataset: AugmentedDataset, root: str) -> dict[str, Any]:
    return {
        "format": _FORMAT,
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


def _read_facts(folder: Path) -> dict[str, Any]:
    mark = folder / _MARK
    if not mark.is_file():
        raise InputError(
            "data set", expected=f"a folder with {_MARK}", got="none", where=str(folder),
            remedy="Give the folder that save() or synthaug augment --out wrote.",
        )  # fmt: skip
    facts: dict[str, Any] = json.loads(mark.read_text())
    if facts["format"] != _FORMAT:
        raise InputError(
            "data set", expected=f"format {_FORMAT}", got=f"format {facts['format']}",
            where=str(mark), remedy="Read it with the version of synthaug that wrote it.",
        )  # fmt: skip
    return facts


def _require(missing: Sequence[Path], what: str, where: Path) -> None:
    if not missing:
        return
    listed = ", ".join(str(path) for path in missing[:5])
    if len(missing) > 5:
        listed += f" and {len(missing) - 5:,} more"
    raise InputError(
        what, expected="every file in its place and unchanged",
        got=f"{len(missing):,} missing or changed: {listed}", where=str(where),
        remedy="Put them back, or pass real_root= the folder the real images are in now.",
        code="input.missing",
    )  # fmt: skip


class _SavedReal:
    """The real part of a saved set: files named by ``real.csv``."""

    def __init__(self, facts: dict[str, Any], root: Path, rows: list[dict[str, str]]) -> None:
        self.name = str(facts["name"])
        self.classes = tuple(facts["classes"])
        self.mode = str(facts["mode"])
        self.labels: NDArray[np.int64] = np.array([int(r["label"]) for r in rows], np.int64)
        self.groups: NDArray[np.int64] = np.array([int(r["group"]) for r in rows], np.int64)
        self.sizes: NDArray[np.int32] = np.array(
            [(int(r["height"]), int(r["width"])) for r in rows], np.int32
        )
        self._labels = list(facts["labels"])
        self._form = ItemForm.from_dict(facts["form"])
        self._paths = [r["path"] for r in rows]
        self._root = root
        self._limits = Limits()
        _require(
            [
                root / r["path"]
                for r in rows
                if not (root / r["path"]).is_file()
                or (root / r["path"]).stat().st_size != int(r["bytes"])
            ],
            "real images",
            root,
        )

    def __len__(self) -> int:
        return len(self._paths)

    def path(self, index: int, /) -> str:
        return self._paths[index]

    def file(self, index: int, /) -> Path | None:
        return self._root / self._paths[index]

    def image(self, index: int, /) -> torch.Tensor:
        return _pixels(self._root / self._paths[index], self.mode, self._limits)

    def original(self, index: int, /) -> tuple[Any, Any]:
        return self._form.make(self.image(index)), self._labels[self.labels[index]]


class _PngImages(Sequence[torch.Tensor]):
    """Images read from their files when they are asked for."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    @overload
    def __getitem__(self, index: int) -> torch.Tensor: ...
    @overload
    def __getitem__(self, index: slice) -> _PngImages: ...
    def __getitem__(self, index: int | slice) -> torch.Tensor | _PngImages:
        if isinstance(index, slice):
            return _PngImages(self._files[index])
        return _pixels(self._files[index], None, Limits())


class _KeptGenerator:
    """A saved generator nobody asked to read: saving again copies its folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def save(self, directory: Path, /) -> None:
        shutil.copytree(self.path, directory)


def _pixels(path: Path, mode: str | None, limits: Limits) -> torch.Tensor:
    """A file as uint8 (C, H, W), in a mode if one is given."""
    pixels = decode(path, str(path), limits).pixels
    if mode is not None and (pixels.ndim == 2) != (mode == "L"):
        pixels = np.array(Image.fromarray(pixels).convert(mode))
    planes = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, 2, 0)
    return torch.from_numpy(np.ascontiguousarray(planes))
