"""Runs of coded pictures kept in a folder until they are joined, so that a killed run goes on."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import shutil
import struct
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from synthaug.errors import InputError

__all__ = ["Packet", "Segment", "Segments", "frames_a_segment", "packets_of"]

_HEAD = struct.Struct("<qIB")
_END = struct.Struct("<Q")
_LARGEST = 1 << 30


@dataclasses.dataclass(frozen=True, slots=True)
class Packet:
    """A coded picture: its time in the clip's time base, whether it stands alone, its bytes."""

    pts: int
    key: bool
    content: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Segment:
    """A finished run of pictures.

    Args:
        path: its file.
        frames: how many pictures.
        header: the codec's, the same in all segments.
        state: whatever the writer of the pictures must know to go on after it, JSON-ready.
    """

    path: Path
    frames: int
    header: bytes
    state: Any


def frames_a_segment(width: int, height: int) -> int:
    """How many frames a run has: some seconds of work, whatever the size.

    Example:
        >>> frames_a_segment(640, 360), frames_a_segment(1920, 1080), frames_a_segment(7680, 4320)
        (250, 111, 24)
    """
    return max(24, min(250, 250 * 1280 * 720 // (width * height)))


class Segments:
    """The folder beside an output in which its parts wait.

    Args:
        folder: made where it is not there; one process at a time.
        key: what the parts depend on; parts of another key are thrown away.
        resume: keep parts that are there.

    Raises:
        InputError: another process works on the same output.
    """

    def __init__(self, folder: Path, key: str, *, resume: bool = True) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = (folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise InputError(
                "output", expected="one run at a time", got="another that writes it now",
                where=str(folder), remedy="Wait for it, or stop it.", code="output.busy",
            ) from error  # fmt: skip
        noted = folder / "key"
        if not resume or not noted.is_file() or noted.read_text() != key:
            for part in folder.glob("*.segment*"):
                part.unlink()
            noted.write_text(key)
        self.done = list(self._finished())

    def _finished(self) -> Iterator[Segment]:
        """Segments from the first on without a gap."""
        number = 0
        while (path := self.folder / f"{number:06d}.segment").is_file():
            try:
                yield _segment(path)
            except (OSError, ValueError, KeyError, struct.error):
                return
            number += 1

    @property
    def frames(self) -> int:
        """Frames in the finished segments."""
        return sum(segment.frames for segment in self.done)

    @contextlib.contextmanager
    def new(self) -> Iterator[Part]:
        """Another segment; it counts once the block has ended well and `Part.finish` was called."""
        path = self.folder / f"{len(self.done):06d}.segment"
        temporary = path.with_suffix(".segment.part")
        with temporary.open("wb") as file:
            part = Part(file)
            yield part
            if not part.finished:
                return
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        self.done.append(_segment(path))

    def close(self, *, keep: bool, but: Collection[Path] = ()) -> None:
        """Give the folder up.

        Args:
            keep: it stays for the next run.
            but: files of it that stay in any case, and the folder with them.
        """
        if not keep:
            for path in self.folder.iterdir() if but else ():
                if path not in but:
                    path.unlink()
            if not but:
                shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()


class Part:
    """A segment that is being written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._frames = file, 0
        self.finished = False

    def add(self, packet: Packet) -> None:
        """Append one packet, in the order of decoding."""
        self._file.write(_HEAD.pack(packet.pts, len(packet.content), packet.key))
        self._file.write(packet.content)
        self._frames += 1

    def finish(self, header: bytes, state: Any) -> None:
        """Say that all is there."""
        text = json.dumps({"frames": self._frames, "header": header.hex(), "state": state}).encode()
        self._file.write(text + _END.pack(len(text)))
        self.finished = True


def _segment(path: Path) -> Segment:
    with path.open("rb") as file:
        file.seek(-_END.size, os.SEEK_END)
        (length,) = _END.unpack(file.read(_END.size))
        file.seek(-_END.size - length, os.SEEK_END)
        told = json.loads(file.read(length))
    return Segment(path, int(told["frames"]), bytes.fromhex(told["header"]), told["state"])


def packets_of(path: Path, *, content: bool = True) -> Iterator[Packet]:
    """The packets of a finished segment; with ``content`` off their times alone."""
    with path.open("rb") as file:
        for _ in range(_segment(path).frames):
            pts, size, key = _HEAD.unpack(file.read(_HEAD.size))
            if size > _LARGEST:
                raise ValueError(f"a packet of {size} bytes")
            if content:
                yield Packet(pts, bool(key), file.read(size))
            else:
                file.seek(size, os.SEEK_CUR)
                yield Packet(pts, bool(key), b"")
