"""What is kept of each frame while a plan is made: a file that survives being killed."""

from __future__ import annotations

import dataclasses
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from synthaug.faces.detections import Detections
from synthaug.faces.motion import CELLS

__all__ = ["Sight", "SightFile"]

_HEAD = struct.Struct("<II")  # length and CRC-32 of what follows
_FIXED = struct.Struct("<qBHH")  # time, cut, number of faces, length of the state
_MAGIC = b"synthaug sights 2\n"


@dataclasses.dataclass(frozen=True, eq=False)
class Sight:
    """One frame as a plan remembers it.

    Args:
        time: presentation time in the clip's time base.
        cut: whether a shot begins with it.
        found: its faces, unsure ones too.
        motion: since the frame before, int8 (18, 32, 2).
        state: of what looks, after this frame.
    """

    time: int
    cut: bool
    found: Detections
    motion: NDArray[np.int8]
    state: bytes = b""


class SightFile:
    """Sights in the order of their frames, appended one by one; what is broken off is dropped.

    Args:
        path: the file; made where there is none.
        key: what the sights depend on; a file with another key begins anew.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self._head = _MAGIC + key.encode() + b"\n"
        self._file: BinaryIO = path.open("r+b" if path.exists() else "w+b")
        self.starts: list[int] = []
        if self._file.read(len(self._head)) != self._head:
            self._file.seek(0)
            self._file.truncate()
            self._file.write(self._head)
        self._end = len(self._head)
        self._file.seek(self._end)
        while self._next() is not None:
            self.starts.append(self._end)
            self._end = self._file.tell()
        self._file.seek(self._end)
        self._file.truncate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self.starts)

    def append(self, sight: Sight) -> None:
        """Write one more sight; it is the kernel's when this returns."""
        payload = _packed(sight)
        self._file.seek(self._end)
        self._file.write(_HEAD.pack(len(payload), zlib.crc32(payload)) + payload)
        self._file.flush()
        self.starts.append(self._end)
        self._end = self._file.tell()

    def __getitem__(self, index: int) -> Sight:
        self._file.seek(self.starts[index])
        payload = self._next()
        if payload is None:
            raise IndexError(index)
        return _unpacked(payload)

    def __iter__(self) -> Iterator[Sight]:
        return (self[index] for index in range(len(self)))

    def sync(self) -> None:
        """Have the disk hold what was appended."""
        os.fsync(self._file.fileno())

    def _next(self) -> bytes | None:
        """The next whole record's content, or None at the end or where it is broken."""
        head = self._file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return None
        length, checksum = _HEAD.unpack(head)
        payload = self._file.read(length)
        return payload if len(payload) == length and zlib.crc32(payload) == checksum else None


def _packed(sight: Sight) -> bytes:
    found = sight.found
    numbers = np.concatenate(
        [found.boxes, found.points.reshape(len(found), 10), found.scores[:, None]], axis=1
    ).astype("<f4")
    return (
        _FIXED.pack(sight.time, sight.cut, len(found), len(sight.state))
        + numbers.tobytes()
        + found.by.astype(np.uint8).tobytes()
        + sight.state
        + zlib.compress(sight.motion.tobytes(), 1)
    )


def _unpacked(payload: bytes) -> Sight:
    time, cut, count, length = _FIXED.unpack_from(payload)
    numbers = np.frombuffer(payload, "<f4", count * 15, _FIXED.size).reshape(count, 15)
    at = _FIXED.size + numbers.nbytes
    by = np.frombuffer(payload, np.uint8, count, at)
    state = payload[at + count : at + count + length]
    grid = zlib.decompress(payload[at + count + length :])
    motion = np.frombuffer(grid, np.int8).reshape(*CELLS, 2)
    found = Detections(
        numbers[:, :4].astype(np.float32),
        numbers[:, 4:14].astype(np.float32).reshape(count, 5, 2),
        numbers[:, 14].astype(np.float32),
        by.copy(),
    )
    return Sight(time, bool(cut), found, motion, state)
