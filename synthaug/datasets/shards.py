"""WebDataset shards: uncompressed tar files whose members share a key per sample.

Read with ``pread`` at the offsets a first walk over the tar headers finds, so any sample is
reached at once and the webdataset library, which only streams, is not needed.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

from synthaug.datasets.decode import BadImage
from synthaug.datasets.folder import IMAGE_ENDINGS
from synthaug.errors import InputError

__all__ = ["Shards", "expand_braces"]

_LABEL_ENDINGS = (".cls", ".json")
_LABEL_KEYS = ("label", "cls", "class", "class_name")


class _Span(NamedTuple):
    file: Path
    offset: int
    size: int

    def read(self) -> bytes:
        handle = os.open(self.file, os.O_RDONLY)
        try:
            return os.pread(handle, self.size, self.offset)
        finally:
            os.close(handle)


class Shards:
    """Samples of (image, label) in tar shards.

    A sample is the members with one key: an image (``.jpg``, ``.png``, ...) and its label,
    ``.cls`` (a number or a name) or ``.json`` (the same, or an object with ``label``).

    Args:
        files: tar files in order.
    """

    def __init__(self, files: list[Path]) -> None:
        self.name = files[0].name.split(".")[0] if files else "shards"
        self.classes: tuple[str, ...] | None = None
        self.warnings: list[str] = []
        self._samples: list[tuple[str, _Span, _Span]] = []
        for file in files:
            self._samples += _index(file)

    def __len__(self) -> int:
        return len(self._samples)

    def path(self, index: int) -> str:
        """``shard.tar/key.jpg``."""
        return self._samples[index][0]

    def location(self, index: int) -> str:
        """The same, below the shard's absolute path."""
        name, image, _ = self._samples[index]
        return (image.file.resolve().parent / name).as_posix()

    def read(self, index: int) -> tuple[bytes, Any]:
        """The encoded image and its label."""
        name, image, label = self._samples[index]
        encoded = image.read()
        if len(encoded) < image.size:
            raise BadImage("is cut off at the end of its shard", where=name)
        return encoded, _parse_label(label.read(), name)

    def original(self, index: int) -> tuple[Any, Any] | None:
        """None: the image set gives the upright picture."""
        return None


def _index(file: Path) -> list[tuple[str, _Span, _Span]]:
    samples: dict[str, dict[str, _Span]] = {}
    names: dict[str, str] = {}
    try:
        with tarfile.open(file, "r:") as archive:
            for member in archive:
                if not member.isfile():
                    continue
                folder, _, name = member.name.rpartition("/")
                stem, _, ending = name.partition(".")  # webdataset's rule: up to the first dot
                key = f"{folder}/{stem}".lstrip("/")
                kind = "." + ending.lower()
                span = _Span(file, member.offset_data, member.size)
                if kind in IMAGE_ENDINGS:
                    samples.setdefault(key, {})["image"] = span
                    names[key] = f"{file.name}/{key}{kind}"
                elif kind in _LABEL_ENDINGS:
                    samples.setdefault(key, {}).setdefault("label", span)
    except (OSError, tarfile.TarError) as error:
        raise InputError(
            "shard",
            expected="an uncompressed tar file",
            got=str(error) or type(error).__name__,
            where=str(file),
            remedy="Check the path and that the copy is complete.",
            code="input.path",
        ) from error
    return [_complete(key, parts, names) for key, parts in samples.items() if "image" in parts]


def _complete(key: str, parts: dict[str, _Span], names: dict[str, str]) -> tuple[str, _Span, _Span]:
    if "label" not in parts:
        raise InputError(
            "sample",
            expected="a label beside the image, .cls or .json",
            got="none",
            where=names[key],
            remedy="Write the label into the shard.",
            code="input.labels",
        )
    return names[key], parts["image"], parts["label"]


def _parse_label(text: bytes, where: str) -> int | str:
    """A number or a name, alone or in a JSON object."""
    try:
        plain = text.decode().strip()
    except UnicodeDecodeError as error:
        raise BadImage("has a label that is not text", where=where) from error
    try:
        value = int(plain) if plain.isdecimal() else json.loads(plain)
    except ValueError:
        value = plain  # a bare name
    if isinstance(value, dict):
        value = next((value[key] for key in _LABEL_KEYS if key in value), None)
    if isinstance(value, str | int) and value != "":
        return value
    raise BadImage("has no label that is a number or a name", where=where)


def expand_braces(pattern: str) -> list[str]:
    """The names a shell would make of ``{000..012}`` and ``{a,b}``.

    Example:
        >>> expand_braces("train-{08..10}.tar")
        ['train-08.tar', 'train-09.tar', 'train-10.tar']
    """
    pieces = re.split(r"\{([^{}]*)\}", pattern)
    choices = [[piece] if at % 2 == 0 else _alternatives(piece) for at, piece in enumerate(pieces)]
    return ["".join(parts) for parts in itertools.product(*choices)]


def _alternatives(inside: str) -> list[str]:
    span = re.fullmatch(r"(\d+)\.\.(\d+)", inside)
    if span is None:
        return inside.split(",")
    first, last = span.groups()
    return [str(number).zfill(len(first)) for number in range(int(first), int(last) + 1)]
