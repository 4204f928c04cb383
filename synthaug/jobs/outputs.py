"""Single files that jobs write: refused before the work, never somebody else's."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from synthaug.datasets import read_provenance
from synthaug.datasets.png import write_error
from synthaug.datasets.writing import new_folder
from synthaug.errors import InputError, SynthaugError

__all__ = ["file_to_write", "in_place", "new_files"]


def _is_our_png(path: Path) -> bool:
    try:
        return read_provenance(path) is not None
    except InputError:
        return False


# Latent pictures bring torch; who writes PNG files needs none.
def _is_our_video(path: Path) -> bool:
    from synthaug.latent.video import carries_provenance

    return carries_provenance(path)


def _is_our_tensors(path: Path) -> bool:
    from synthaug.latent.keeping import is_ours

    return is_ours(path)


_OURS: dict[str, Callable[[Path], bool]] = {
    ".png": _is_our_png,
    ".mp4": _is_our_video,
    ".safetensors": _is_our_tensors,
}


def file_to_write(out: str | Path, ending: str) -> Path:
    """``out``, if a file can be written there; nothing is made yet, see `in_place`.

    A file that synthaug wrote is replaced by the next; any other is left alone.

    Args:
        out: the file.
        ending: what its name must end in: ``".png"``, ``".mp4"`` or ``".safetensors"``.

    Raises:
        InputError: another ending, a folder, a file of somebody else's, or a place that
            cannot be written.
    """
    path = Path(out)
    if path.suffix.lower() != ending:
        raise InputError(
            "output", expected=f"a file name that ends in {ending}", got=path.name or str(path),
            where="--out", remedy=f"Write it like {path.stem or 'picture'}{ending}.",
            code="output.name",
        )  # fmt: skip
    try:
        if path.is_dir() or (path.exists() and not _OURS[ending](path)):
            raise InputError(
                "output", expected="a new file, or one that synthaug wrote",
                got="a folder" if path.is_dir() else "another file", where=str(path),
                remedy="Choose another name.", code="output.foreign",
            )  # fmt: skip
    except OSError as error:
        raise write_error(error, path) from error
    home = next(folder for folder in path.absolute().parents if folder.exists())
    if not home.is_dir() or not os.access(home, os.W_OK):
        raise InputError(
            "output", expected="a folder that can be written", where=str(home),
            remedy="Choose another folder or change its permissions.", code="output.unwritable",
        )  # fmt: skip
    return path


def in_place(path: Path) -> Path:
    """``path``, its folder made.

    Raises:
        InputError: the folder cannot be made.
        OutOfResources: the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(error, path) from error
    return path


@contextlib.contextmanager
def new_files(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """A folder whose files stand in ``folder``, all of them, if the block ends well.

    Files of the same names that synthaug wrote are replaced; others stay where they are.

    Args:
        folder: new, or there already, as when several classes are drawn into one.
        names: of the PNG files the block will write.

    Raises:
        InputError: a name is taken by a file of somebody else's, or nothing can be written.
        OutOfResources: the disk is full.
    """
    if folder.is_dir() and any(folder.iterdir()):
        for name in names:
            file_to_write(folder / name, ".png")
        part = folder / f".{os.getpid()}.part"
        try:
            part.mkdir()
            try:
                yield part
                for name in names:
                    (part / name).replace(folder / name)
            finally:
                shutil.rmtree(part, ignore_errors=True)
        except OSError as error:
            if isinstance(error, SynthaugError):
                raise
            raise write_error(error, folder) from error
        return
    with new_folder(folder) as part:
        yield part
