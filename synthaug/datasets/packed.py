"""All images at one square size, in memory or in a file that is read piece by piece."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synthaug.datasets.attributes import Scale
from synthaug.datasets.resampling import squash
from synthaug.errors import Damaged, InputError, OutOfResources

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from synthaug.datasets.image_set import ImageSet

__all__ = ["Packed", "pack"]

_MAGIC = b"synthaug pack 1\n"
_HEADER = 4096  # bytes before the first image, so that images lie on pages


class Packed:
    """uint8 images (C, R, R) of a set by index; made by `pack`.

    Held in a file they are read with ``pread``: resident memory does not grow with the set,
    only the kernel's page cache does. Safe to share between threads and to pickle.

    ``attributes`` are float32 (N, A), each column with mean 0 and sd 1 over the whole set, or
    None; ``scale`` leads back to the user's units.

    Args:
        images: the set they come from.
        resolution: R, pixels.
        store: uint8 (N, C, R, R) in memory, or the pack file.
    """

    def __init__(self, images: ImageSet, resolution: int, store: NDArray[np.uint8] | Path) -> None:
        self.labels = images.labels
        self.groups = images.groups
        self.classes = images.classes
        self.scale: Scale | None = None
        self.attributes: NDArray[np.float32] | None = None
        if images.attributes is not None:
            self.scale = Scale.of(images.attribute_names, images.attributes)
            self.attributes = self.scale.standardise(images.attributes)
        self.channels = images.channels
        self.resolution = resolution
        self.fingerprint = _fingerprint(images, resolution)
        self._store = store
        self._rows = np.arange(len(images))
        self._handle: int | None = None
        self._open()

    def _open(self) -> None:
        if isinstance(self._store, Path):
            self._handle = os.open(self._store, os.O_RDONLY)

    def __len__(self) -> int:
        return len(self._rows)

    def read(self, indices: Sequence[int] | NDArray[np.int64]) -> Tensor:
        """The images at these indices.

        Args:
            indices: int (B,).

        Returns:
            uint8 (B, C, R, R), a copy.

        Raises:
            Damaged: the pack file was cut while in use.
        """
        import torch

        rows = self._rows[np.asarray(indices, np.int64)]
        if isinstance(self._store, np.ndarray):
            return torch.from_numpy(self._store[rows])
        size = self.channels * self.resolution**2
        batch = np.empty((len(rows), self.channels, self.resolution, self.resolution), np.uint8)
        handle = -1 if self._handle is None else self._handle
        flat = batch.reshape(-1)
        for place, row in enumerate(rows.tolist()):
            piece = flat[place * size : (place + 1) * size]
            if os.preadv(handle, [piece.data], _HEADER + row * size) != size:
                raise Damaged(
                    "pack file",
                    expected="all its images",
                    got="fewer: it was cut while in use",
                    where=str(self._store),
                    remedy="Run the same call again, it writes the file anew.",
                )
        return torch.from_numpy(batch)

    def subset(self, indices: Sequence[int] | NDArray[np.int64]) -> Packed:
        """A view of these images in this order; nothing is copied."""
        at = np.asarray(indices, np.int64)
        view = object.__new__(Packed)
        view.__dict__.update(self.__dict__)
        view.labels, view.groups = self.labels[at], self.groups[at]
        if self.attributes is not None:
            view.attributes = self.attributes[at]
        view._rows = self._rows[at]
        picked = hashlib.sha256(view._rows.astype(np.int64).tobytes()).hexdigest()
        view.fingerprint = f"{self.fingerprint}-{picked[:16]}"
        view._open()
        return view

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_handle": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()

    def __del__(self) -> None:
        handle = self.__dict__.get("_handle")
        if handle is not None:
            os.close(handle)


def pack(images: ImageSet, resolution: int, *, file: str | Path | None = None) -> Packed:
    """Every image squashed to ``resolution`` x ``resolution``, ready to be read in batches.

    Squashed, not cropped: cropping could cut away the defect that makes the class.

    Args:
        images: the set.
        resolution: side of the squares, pixels.
        file: where to keep them; in memory without it. A file that holds the same content
            already is used as it is, any other pack file there is replaced; it appears whole
            or not at all.

    Raises:
        InputError: ``file`` exists and is no pack file, or cannot be written.
        OutOfResources: the disk is full; nothing is left behind.
    """
    shape = (images.channels, resolution, resolution)
    if file is None:
        store = np.empty((len(images), *shape), np.uint8)
        for index, square in enumerate(_squares(images, resolution)):
            store[index] = square
        return Packed(images, resolution, store)
    path = Path(file)
    header = _header(images, resolution)
    if not _holds(path, header, len(images) * int(np.prod(shape))):
        _write(path, header, _squares(images, resolution))
    return Packed(images, resolution, path)


def _squares(images: ImageSet, resolution: int) -> Iterator[NDArray[np.uint8]]:
    for index in range(len(images)):
        square = squash(images.pixels(index), resolution)
        yield square[None] if square.ndim == 2 else square.transpose(2, 0, 1)


def _fingerprint(images: ImageSet, resolution: int) -> str:
    return f"{images.fingerprint}-{resolution}"


def _header(images: ImageSet, resolution: int) -> bytes:
    facts = {"fingerprint": _fingerprint(images, resolution), "images": len(images)}
    return (_MAGIC + json.dumps(facts).encode() + b"\n").ljust(_HEADER, b"\0")


def _holds(path: Path, header: bytes, size: int) -> bool:
    """Whether a complete pack file of this content is there."""
    try:
        with path.open("rb") as stream:
            found = stream.read(_HEADER)
            complete = os.fstat(stream.fileno()).st_size == _HEADER + size
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _unwritable(path, error) from error
    if not found.startswith(_MAGIC):
        raise InputError(
            "pack file",
            expected="a free name or a pack file",
            got="another file",
            where=str(path),
            remedy="Choose another name.",
            code="input.path",
        )
    return found == header and complete


def _write(path: Path, header: bytes, squares: Iterator[NDArray[np.uint8]]) -> None:
    """The whole file under a temporary name, then renamed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=path.name, suffix=".partial", dir=path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(header)
            for square in squares:
                _write_square(stream, path, square)
            with _written_to(path):
                stream.flush()
                os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def _write_square(stream: Any, path: Path, square: NDArray[np.uint8]) -> None:
    with _written_to(path):
        stream.write(np.ascontiguousarray(square).data)


@contextlib.contextmanager
def _written_to(path: Path) -> Iterator[None]:
    """Full disks and the like as our own errors; reading errors pass by outside."""
    try:
        yield
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> InputError | OutOfResources:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutOfResources(
            "pack file cannot be written",
            got="a full disk",
            where=str(path),
            remedy="Free some space or choose another folder.",
        )
    return InputError(
        "pack file cannot be written",
        got=error.strerror or str(error),
        where=str(path),
        remedy="Choose another folder.",
        code="input.path",
    )
