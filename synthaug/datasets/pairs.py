"""Pairs of pictures for a translation: two folders, one picture beside the other, two domains."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from synthaug.datasets.sides import Side, files_of
from synthaug.datasets.sources import first_names, numbered
from synthaug.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from synthaug.datasets.limits import Limits

__all__ = ["Domains", "Masks", "Pairs", "domains", "paired_folders", "side_by_side"]

_MOST_INDICES = 2**20

Masks = tuple[bool | None, bool | None]
"""Whether each side holds masks; None looks at the pictures."""


def paired_folders(
    a: Path, b: Path, *, masks: Masks = (None, None), skip_bad: bool = False,
    limits: Limits | None = None,
) -> tuple[Side, Side, list[str]]:  # fmt: skip
    """Two sides whose pictures carry the same names, endings apart, in the same order.

    Args:
        a: folder of the sources.
        b: folder of their partners.
        masks: of both sides.
        skip_bad: leave out pictures without partner, or that cannot be read.
        limits: largest image that is decoded.

    Returns:
        Both sides and what was left out.

    Raises:
        InputError: pictures without a partner (the first are named), that cannot be read, or
            whose shape is not that of their partner.
    """
    first, second = files_of(a), files_of(b)
    warnings = _lonely(first, second, (a.name, b.name), skip_bad)
    names = [name for name in first if name in second]
    sides = (
        Side(a.name, {name: first[name] for name in names}, masks=masks[0], limits=limits),
        Side(b.name, {name: second[name] for name in names}, masks=masks[1], limits=limits),
    )
    warnings += _readable(sides, skip_bad)
    _same_names(*sides)
    _same_shapes(*sides)
    return (*sides, warnings)


def side_by_side(
    folder: Path, *, masks: Masks = (None, None), skip_bad: bool = False,
    limits: Limits | None = None,
) -> tuple[Side, Side, list[str]]:  # fmt: skip
    """The left and the right half of every picture of a folder; the rest as `paired_folders`."""
    files = files_of(folder)
    sides = (
        Side(folder.name, files, half="left", masks=masks[0], limits=limits),
        Side(folder.name, files, half="right", masks=masks[1], limits=limits),
    )
    # Both halves are bad together: one report is enough.
    sides[1].bad.clear()
    warnings = _readable(sides, skip_bad)
    _same_names(*sides)
    return (*sides, warnings)


def domains(
    a: Path, b: Path, *, masks: Masks = (None, None), skip_bad: bool = False,
    limits: Limits | None = None,
) -> tuple[Side, Side, list[str]]:  # fmt: skip
    """Two folders whose pictures have nothing to do with one another; the rest as above.

    Both are read in colour where one of them is: a picture must be able to stay as it is.
    """
    sides = (
        Side(a.name, files_of(a), masks=masks[0], limits=limits),
        Side(b.name, files_of(b), masks=masks[1], limits=limits),
    )
    warnings = _readable(sides, skip_bad)
    for side in sides:
        side.channels = max(sides[0].channels, sides[1].channels)
    return (*sides, warnings)


class Pairs:
    """Pairs stacked along channels, source first: what the training loop reads.

    Args:
        a: sources.
        b: partners, in the same order.
        resolution: R, pixels.
        file: where the pictures are kept; in memory without it.
    """

    attributes: NDArray[np.float32] | None = None

    def __init__(self, a: Side, b: Side, resolution: int, *, file: Path | None = None) -> None:
        self.channels = a.channels + b.channels
        self.source_channels = a.channels
        self.resolution = resolution
        self.labels = np.zeros(len(a), np.int64)
        self._store = _room((len(a), self.channels, resolution, resolution), file)
        a.fill(self._store)
        b.fill(self._store, a.channels)
        self.fingerprint = _digest((self._store,), (a, b))

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, indices: NDArray[np.int64]) -> Tensor:
        """uint8 (B, C, R, R) of the pairs at these indices, a copy."""
        import torch

        return torch.from_numpy(np.asarray(self._store[np.asarray(indices, np.int64)]))


class Domains:
    """Pictures of two domains; index i stands for ``A[i // K]`` beside ``B[i % |B|]``.

    K is |B|, so a uniform index is a uniform pair. Beyond a million pairs K is smaller, each
    picture of A meets only K of B, and each domain alone is still uniform (B to one part in
    |A| K / |B|): no loss of a training without pairs looks at which two came together.

    Args:
        a: the first domain.
        b: the second.
        resolution: R, pixels.
        rows: int64 indices of the pictures of A and of B that may be drawn.
        file: where the pictures are kept; in memory without it.
        most: pairs that are numbered at most, where each domain is smaller.
    """

    attributes: NDArray[np.float32] | None = None

    def __init__(
        self, a: Side, b: Side, resolution: int,
        rows: tuple[NDArray[np.int64], NDArray[np.int64]],
        *, file: Path | None = None, most: int = _MOST_INDICES,
    ) -> None:  # fmt: skip
        self.channels = a.channels + b.channels
        self.source_channels = a.channels
        self.resolution = resolution
        self.rows = rows
        self.partners = partners(len(rows[0]), len(rows[1]), most)
        self.labels = np.zeros(len(rows[0]) * self.partners, np.int64)
        self._stores = [
            _room((len(side), side.channels, resolution, resolution), _beside(file, name))
            for side, name in ((a, "a"), (b, "b"))
        ]
        for side, store in zip((a, b), self._stores, strict=True):
            side.fill(store)
        self.fingerprint = _digest((*self._stores, *rows), (a, b))

    def __len__(self) -> int:
        return len(self.labels)

    def places(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which picture of A and which of B each index stands for."""
        at = np.asarray(indices, np.int64)
        return self.rows[0][at // self.partners], self.rows[1][at % len(self.rows[1])]

    def read(self, indices: NDArray[np.int64]) -> Tensor:
        """uint8 (B, C, R, R): A's channels, then B's; a copy."""
        import torch

        both = zip(self._stores, self.places(indices), strict=True)
        return torch.from_numpy(np.concatenate([store[place] for store, place in both], axis=1))


def partners(a: int, b: int, most: int) -> int:
    """How many of ``b`` pictures each of ``a`` meets, so that at most ``most`` pairs are numbered.

    Example:
        >>> partners(3, 5, 100), partners(1000, 1000, 10_000), partners(2, 9, 4)
        (5, 10, 5)
    """
    if a * b <= most:
        return b
    return max(most // a, -(-b // a))  # no picture of B is left out


def _lonely(
    first: dict[str, Path], second: dict[str, Path], folders: tuple[str, str], skip: bool
) -> list[str]:
    """Names that stand on one side only: refused, or left out and told."""
    alone = [name for name in first if name not in second], [n for n in second if n not in first]
    found = [
        f"only in {folder}: {first_names(names)}"
        for folder, names in zip(folders, alone, strict=True)
        if names
    ]
    if not found:
        return []
    count = len(alone[0]) + len(alone[1])
    if skip and any(name in second for name in first):
        return [f"left out: {numbered(count, 'picture')} without a partner: {'; '.join(found)}"]
    raise InputError(
        "pairs", expected="the same names on both sides, endings apart",
        got=f"{numbered(count, 'picture')} without a partner: {'; '.join(found)}",
        remedy="Rename them, pass --skip-bad (skip_bad=True) to leave them out, or use "
        "--recipe cyclegan, which needs no pairs.",
        code="input.pairs",
    )  # fmt: skip


def _readable(sides: tuple[Side, Side], skip: bool) -> list[str]:
    bad = [f"{error.where} {error.what}" for side in sides for error in side.bad]
    if not bad:
        return []
    total = sum(len(side.files) for side in sides)
    if skip and all(len(side) for side in sides):
        return [f"left out: {len(bad):,} of {total:,} pictures: {first_names(bad)}"]
    cause = next(error for side in sides for error in side.bad)
    raise InputError(
        f"{len(bad):,} of {total:,} pictures", expected="pictures that can be used",
        got=first_names(bad), code="input.images",
        remedy="Repair them, or pass --skip-bad (skip_bad=True) to leave them out.",
    ) from cause  # fmt: skip


def _same_names(a: Side, b: Side) -> None:
    """Leave out pairs of which one picture is bad."""
    usable = set(a.names) & set(b.names)
    for side in (a, b):
        side.keep(tuple(name for name in side.names if name in usable))


def _same_shapes(a: Side, b: Side) -> None:
    # A pixel of rounding is a lot on a small side, and 3 % on no other.
    scale = b.sizes.max(axis=1, keepdims=True) / a.sizes.max(axis=1, keepdims=True)
    apart = np.abs(a.sizes * scale - b.sizes).max(axis=1)
    wrong = np.flatnonzero(apart > np.maximum(1.5, 0.03 * b.sizes.max(axis=1)))
    if len(wrong):
        told = [
            f"{a.names[i]} ({a.sizes[i, 1]} x {a.sizes[i, 0]} and "
            f"{b.sizes[i, 1]} x {b.sizes[i, 0]})" for i in wrong
        ]  # fmt: skip
        raise InputError(
            "pairs", expected="the same shape on both sides", got=first_names(told, 5),
            remedy="Crop both pictures of a pair alike.", code="input.pairs",
        )  # fmt: skip


def _beside(file: Path | None, name: str) -> Path | None:
    return None if file is None else file.with_name(f"{file.name}.{name}")


def _room(shape: tuple[int, ...], file: Path | None) -> NDArray[np.uint8]:
    """Room for pictures, in memory or in a file."""
    if file is None:
        return np.empty(shape, np.uint8)
    return np.memmap(file, np.uint8, "w+", shape=shape)


def _digest(arrays: tuple[NDArray[np.generic], ...], sides: tuple[Side, Side]) -> str:
    """SHA-256 of what a training reads: pixels, and how they are to be understood."""
    facts = [(side.channels, side.masks) for side in sides]
    digest = hashlib.sha256(repr([*facts, *(array.shape for array in arrays)]).encode())
    for array in arrays:
        for piece in np.array_split(array, max(1, array.nbytes >> 24)):
            digest.update(np.ascontiguousarray(piece).data)
    return digest.hexdigest()
