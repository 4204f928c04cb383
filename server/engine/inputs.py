"""Uploaded sets become folders that the local functions read; what an archive claims is doubted."""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from synthaug.errors import Damaged, InputError, OutOfResources, SynthaugError
from synthaug.v1 import dataset_pb2

__all__ = ["Limits", "linked_shards", "set_from", "unpacked"]

_LONGEST_NAME, _DEEPEST = 255, 16
_RESERVE = 256 << 20
_LABELS = (".cls", ".json")
_COPY = 1 << 20
# What the tar library and the decompressors behind it raise on damaged archives.
_BROKEN = (
    tarfile.TarError, EOFError, ValueError, TypeError, ArithmeticError, LookupError, zlib.error,
    lzma.LZMAError, gzip.BadGzipFile,
)  # fmt: skip


class Limits:
    """What one set may become on disk.

    Args:
        bytes: of all its files together, unpacked.
        files: number of them.
    """

    def __init__(self, bytes: int, files: int = 2_000_000) -> None:
        self.bytes = bytes
        self.files = files


def set_from(
    artifacts: Sequence[Path], layout: int, folder: Path, limits: Limits
) -> Path | list[Path]:
    """What `synthaug.datasets.open` takes: a folder of class folders, or shards.

    Args:
        artifacts: the uploaded files, in order.
        layout: number of DatasetLayout; unspecified looks into the first file.
        folder: to be made here.
        limits: of the set.

    Raises:
        InputError: names that lead elsewhere, links, too much of anything.
        Damaged: an archive that cannot be read to its end.
        OutOfResources: the disk has no room.
    """
    if layout == dataset_pb2.DATASET_LAYOUT_UNSPECIFIED:
        shards = len(artifacts) > 1 or _has_labels(artifacts[0])
    else:
        shards = layout == dataset_pb2.DATASET_LAYOUT_WEBDATASET
    if shards:
        return linked_shards(artifacts, folder, limits)
    return unpacked(artifacts[0], folder, limits)


def linked_shards(artifacts: Sequence[Path], folder: Path, limits: Limits) -> list[Path]:
    """Shards under names that say their order; no byte is copied, members are read in place."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for number, artifact in enumerate(artifacts):
        shard = folder / f"shard-{number:04d}.tar"
        if not shard.exists():
            shard.symlink_to(artifact.absolute())
        found.append(shard)
    return found


def _has_labels(artifact: Path) -> bool:
    """Whether a tar's first files say that they are samples with labels beside them."""
    try:
        with tarfile.open(artifact, "r:*") as archive:
            for number, member in enumerate(archive):
                if member.isfile() and member.name.lower().endswith(_LABELS):
                    return True
                if number >= 8:
                    return False
    except _BROKEN as error:
        raise _broken() from error
    return False


def unpacked(artifact: Path, folder: Path, limits: Limits) -> Path:
    """The folder that holds the class folders of a tar, plain or compressed.

    Only files and folders are made, below ``folder``, none over another, with modes of our own.
    Where the tar holds one folder with nothing but folders in it, that one is meant.

    Raises:
        InputError: as `set_from`.
    """
    mark = folder.with_name(f"{folder.name}.complete")
    if not mark.exists():
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        try:
            _unpack(artifact, folder, limits)
        except SynthaugError:
            raise
        except _BROKEN as error:
            raise _broken() from error
        except OSError as error:
            if error.errno is None:  # of a decompressor, not of the disk
                raise _broken() from error
            raise
        mark.touch()
    return _root(folder)


def _unpack(artifact: Path, folder: Path, limits: Limits) -> None:
    left, files = limits.bytes, 0
    # A stream: a compressed archive is never sought in, and nothing of it is kept in memory.
    with artifact.open("rb") as raw, tarfile.open(fileobj=raw, mode="r|*") as archive:
        for member in archive:
            # The library remembers every member; a million of them are not worth the memory.
            archive.members = []  # type: ignore[attr-defined]
            if member.name.strip("./") == "":
                continue
            parts = _safe_parts(member.name)
            if not (member.isfile() or member.isdir()):
                raise _refused("files and folders only", "a link or a device")
            files += 1
            if files > limits.files:
                raise _refused(f"at most {limits.files:,} files", "more")
            target = folder.joinpath(*parts)
            if member.isdir():
                _make(target)
                continue
            left -= member.size
            if left < 0 or member.size < 0:
                raise _refused(f"at most {limits.bytes:,} bytes unpacked", "more")
            if shutil.disk_usage(folder).free < member.size + _RESERVE:
                raise OutOfResources(
                    "disk is full", remedy="Try again later, or send a smaller set."
                )
            _make(target.parent)
            _write(archive, member, target)


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    source = archive.extractfile(member)
    assert source is not None
    try:
        file = os.open(
            target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
    except (FileExistsError, IsADirectoryError):
        raise _refused("each name once", "one that comes twice") from None
    with os.fdopen(file, "wb") as out:
        shutil.copyfileobj(source, out, _COPY)
        if out.tell() != member.size:
            raise _broken()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise _refused("each name once", "a file where a folder is needed") from None


def _safe_parts(name: str) -> tuple[str, ...]:
    """The parts of a member's name.

    Raises:
        InputError: it leads out of the folder, or could be read in two ways.
    """
    parts = tuple(part for part in PurePosixPath(name).parts if part != ".")
    if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
        raise _refused("names below the archive's own folder", "one that leads elsewhere")
    if len(parts) > _DEEPEST or any(
        len(os.fsencode(part)) > _LONGEST_NAME or not _prints(part) for part in parts
    ):
        raise _refused(f"names of printing characters, at most {_DEEPEST} folders deep", "another")
    return parts


def _prints(part: str) -> bool:
    return part.isprintable() and part == part.strip()


def _root(folder: Path) -> Path:
    inside = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    if len(inside) == 1 and inside[0].is_dir():
        below = [entry for entry in inside[0].iterdir() if not entry.name.startswith(".")]
        if below and all(entry.is_dir() for entry in below):
            return inside[0]
    return folder


def _refused(expected: str, got: str) -> InputError:
    return InputError(
        "archive", expected=expected, got=got,
        remedy="Pack the class folders again with tar, from inside the set's folder.",
        code="input.archive",
    )  # fmt: skip


def _broken() -> Damaged:
    return Damaged(
        "archive cannot be read to its end", remedy="Pack and upload it again.",
        code="input.archive",
    )  # fmt: skip
