"""A saved `AugmentedDataset`, read back."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from collections.abc import Callable, Sequence
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
from synthaug.datasets.writing import FORMAT, MARK
from synthaug.errors import InputError
from synthaug.facts import AugmentFacts
from synthaug.provenance import Provenance
from synthaug.verdict import Verdicts

__all__ = ["load"]


def load(
    directory: str | Path,
    *,
    real_root: str | Path | None = None,
    real: RealImages | None = None,
    read_generator: Callable[[Path], SavesItself] | None = None,
    render: Callable[[AugmentedDataset, Path], None] | None = None,
) -> AugmentedDataset:
    """The set `AugmentedDataset.save` wrote, items in the same order and type.

    Args:
        directory: the folder.
        real_root: where the real images are now, if their folder was moved.
        real: the real images themselves, in the order in which they were saved, such as arrays;
            the saved ones are not looked for. Their classes may come in another order.
        read_generator: reads ``generator/``; without it the folder is only kept for `save`.
        render: writes the report pages when the set is saved again.

    Raises:
        InputError: no such set, or images it refers to are gone or have changed.
    """
    folder = Path(directory)
    facts = _read_facts(folder)
    rows = _read_rows(folder / "real.csv")
    images, labels, records = _read_synthetic(folder)
    if real is None:
        root = Path(real_root) if real_root is not None else folder / facts["real_root"]
        real = _SavedReal(facts, root, rows)
    else:
        labels, records = _as_in(real, facts["classes"], rows, labels, records)
    generator: SavesItself | None = None
    if (folder / "generator").is_dir():
        generator = (read_generator or _KeptGenerator)(folder / "generator")
    return AugmentedDataset(
        real, images, labels, [r.kind for r in records], records,
        verdicts=Verdicts.from_json((folder / "verdicts.json").read_text()),
        report=AugmentFacts.from_json((folder / "report.json").read_text()),
        generator=generator, arm=Arm.from_dict(facts["arm"]), render=render,
    )  # fmt: skip


def _read_rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        return list(csv.DictReader(stream))


def _as_in(
    real: RealImages,
    classes: Sequence[str],
    rows: Sequence[dict[str, str]],
    labels: Sequence[int],
    records: Sequence[Provenance],
) -> tuple[list[int], list[Provenance]]:
    """Labels and records in the classes and names of a real part that was given.

    Raises:
        InputError: it is not the one the set was made of.
    """
    places = {name: label for label, name in enumerate(real.classes)}
    named = [classes[int(row["label"])] for row in rows]
    if named != [real.classes[label] for label in real.labels.tolist()]:
        raise InputError(
            "real images", expected=f"the {len(rows):,} that were saved, in their order",
            got=f"{len(real):,} of {real.name}", remedy="Give the set that was augmented.",
        )  # fmt: skip
    names = {row["name"]: real.path(index) for index, row in enumerate(rows)}
    return [places[classes[label]] for label in labels], [
        record
        if record.nearest_name is None
        else dataclasses.replace(
            record, nearest_name=names.get(record.nearest_name, record.nearest_name)
        )
        for record in records
    ]


def _read_synthetic(folder: Path) -> tuple[_PngImages, list[int], list[Provenance]]:
    files, labels, records = [], [], []
    for line in (folder / "provenance.jsonl").read_text().splitlines():
        fields = json.loads(line)
        files.append(folder / fields.pop("file"))
        labels.append(int(fields.pop("label")))
        records.append(Provenance.from_dict(fields))
    _require([file for file in files if not file.is_file()], "synthetic images", folder)
    return _PngImages(files), labels, records


def _read_facts(folder: Path) -> dict[str, Any]:
    mark = folder / MARK
    if not mark.is_file():
        raise InputError(
            "data set", expected=f"a folder with {MARK}", got="none", where=str(folder),
            remedy="Give the folder that save() or synthaug augment --out wrote.",
        )  # fmt: skip
    facts: dict[str, Any] = json.loads(mark.read_text())
    if facts["format"] != FORMAT:
        raise InputError(
            "data set", expected=f"format {FORMAT}", got=f"format {facts['format']}",
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
        self._names = [r["name"] for r in rows]  # what provenance calls them
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
        return self._names[index]

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
