"""An `AugmentedDataset` for other tools: ImageFolder, WebDataset, Hugging Face."""

from __future__ import annotations

import csv
import io
import json
import os
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthaug.datasets.naming import safe_names
from synthaug.datasets.png import encode_png, write_error
from synthaug.datasets.writing import free_name, new_folder, write_real
from synthaug.errors import InputError

if TYPE_CHECKING:
    import datasets as huggingface

    from synthaug.datasets.augmented import AugmentedDataset

__all__ = ["to_hf", "to_imagefolder", "to_webdataset"]

# Suffixes webdataset's own decoders know; other files are written again as PNG.
_WEB_SUFFIXES = {".png", ".jpg", ".jpeg", ".ppm", ".pgm"}
_SHARD = "synthaug-%06d.tar"


def to_imagefolder(dataset: AugmentedDataset, directory: Path, *, link: bool = False) -> Path:
    """Write one folder a class, as torchvision's ``ImageFolder`` reads it.

    Real files keep their names and bytes; synthetic images are ``<class>_<kind>_<n>.png``.
    ``provenance.csv`` beside the class folders names every file's kind and record.

    Args:
        dataset: the set.
        directory: an empty or new folder.
        link: hard-link real files instead of copying them; editing one then edits both.

    Returns:
        The folder.

    Raises:
        InputError: the folder is in use or cannot be written.
        OutOfResources: the disk is full.
    """
    names = safe_names(dataset.classes)
    numbers: Counter[tuple[str, str]] = Counter()
    with new_folder(directory) as folder:
        files = write_real(dataset.real, folder, names, link=link)
        for index in range(len(files), len(dataset)):
            name, kind = names[dataset.targets[index]], str(dataset.kind[index])
            path = free_name(folder / name / f"{name}_{kind}_{numbers[name, kind]:05d}.png")
            numbers[name, kind] += 1
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(encode_png(dataset.image(index), dataset.provenance[index]))
            files.append(path)
        _write_table(dataset, folder, files)
    return directory


def to_webdataset(
    dataset: AugmentedDataset, target: Path, *, shard_size: int = 10_000
) -> list[Path]:
    """Write tar shards of (image, class number, facts) as the ``webdataset`` library reads them.

    Every sample has an image (``png`` or the real file's own type), ``cls`` (the class
    number) and ``json`` (class name, kind, provenance).

    Args:
        dataset: the set.
        target: a folder, or a pattern such as ``"out/train-%06d.tar"``.
        shard_size: samples in one shard.

    Returns:
        The shards.

    Raises:
        InputError: a shard of that name exists, or nothing can be written there.
        OutOfResources: the disk is full.

    Example:
        >>> str(Path("out") / (_SHARD % 0)).replace(os.sep, "/")
        'out/synthaug-000000.tar'
    """
    pattern = str(target) if "%" in target.name else str(target / _SHARD)
    count = -(-len(dataset) // shard_size)
    shards = [Path(pattern % number) for number in range(count)]
    if taken := [shard for shard in shards if shard.exists()]:
        raise InputError(
            "output", expected="shards that do not exist yet", got=f"{taken[0].name} there",
            where=str(taken[0].parent), remedy="Choose another folder or pattern.",
            code="output.exists",
        )  # fmt: skip
    parts = [shard.with_name(f".{shard.name}.{os.getpid()}.part") for shard in shards]
    try:
        try:
            for number, part in enumerate(parts):
                part.parent.mkdir(parents=True, exist_ok=True)
                start = number * shard_size
                _write_shard(dataset, part, range(start, min(start + shard_size, len(dataset))))
            for part, shard in zip(parts, shards, strict=True):
                part.replace(shard)
        finally:
            for part in parts:
                part.unlink(missing_ok=True)
    except OSError as error:
        raise write_error(error, Path(pattern)) from error
    return shards


def to_hf(dataset: AugmentedDataset) -> huggingface.Dataset:
    """A Hugging Face ``Dataset`` with columns image, label, kind and provenance (JSON).

    Real images that are files are referred to, not copied; ``save_to_disk`` embeds them.

    Raises:
        InputError: the ``datasets`` package is not installed.
    """
    try:
        import datasets as huggingface
    except ModuleNotFoundError as error:
        raise InputError(
            "to_hf", expected="the package datasets", got="none installed",
            remedy="Run pip install 'synthaug[huggingface]'.", code="extra.missing",
        ) from error  # fmt: skip
    records = [None if p is None else json.dumps(p.to_dict()) for p in dataset.provenance]
    columns = {
        "image": list(_hf_images(dataset)),
        "label": dataset.targets.tolist(),
        "kind": dataset.kind.tolist(),
        "provenance": records,
    }
    features = huggingface.Features(
        {
            "image": huggingface.Image(),
            "label": huggingface.ClassLabel(names=list(dataset.classes)),
            "kind": huggingface.Value("string"),
            "provenance": huggingface.Value("string"),
        }
    )
    return huggingface.Dataset.from_dict(columns, features=features)


def _hf_images(dataset: AugmentedDataset) -> Iterator[dict[str, Any]]:
    for index in range(len(dataset)):
        file = dataset.real.file(index) if index < len(dataset.real) else None
        if file is not None:
            yield {"path": str(file.resolve()), "bytes": None}
        else:
            png = encode_png(dataset.image(index), dataset.provenance[index])
            yield {"path": None, "bytes": png}


def _write_table(dataset: AugmentedDataset, folder: Path, files: list[Path]) -> None:
    fields = ["index", "latent_seed", "generator", "recipe", "version", "attempts"]
    fields += ["nearest_distance", "nearest_name", "gates"]
    table = folder / "provenance.csv"
    with table.open("w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["file", "class", "kind", *fields])
        for index, path in enumerate(files):
            record = dataset.provenance[index]
            facts = {} if record is None else record.to_dict()
            facts["gates"] = json.dumps(facts["gates"]) if facts else None
            name = dataset.classes[dataset.targets[index]]
            values = (facts.get(field) for field in fields)
            rows.writerow([path.relative_to(folder).as_posix(), name, dataset.kind[index], *values])


def _write_shard(dataset: AugmentedDataset, path: Path, indices: range) -> None:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for index in indices:
            suffix, content = _web_image(dataset, index)
            record = dataset.provenance[index]
            facts = {
                "class": dataset.classes[dataset.targets[index]],
                "kind": str(dataset.kind[index]),
                "provenance": None if record is None else record.to_dict(),
            }
            _add(tar, f"{index:08d}{suffix}", content)
            _add(tar, f"{index:08d}.cls", str(int(dataset.targets[index])).encode())
            _add(tar, f"{index:08d}.json", json.dumps(facts).encode())


def _web_image(dataset: AugmentedDataset, index: int) -> tuple[str, bytes]:
    file = dataset.real.file(index) if index < len(dataset.real) else None
    if file is not None and file.suffix.lower() in _WEB_SUFFIXES:
        return file.suffix.lower(), file.read_bytes()
    return ".png", encode_png(dataset.image(index), dataset.provenance[index])


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)  # time 0, no owner: the same set gives the same bytes
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))
