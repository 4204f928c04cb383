"""The folder beside an output where an unfinished job keeps what it needs to go on."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from synthaug.errors import InputError

__all__ = ["work_folder"]


@contextlib.contextmanager
def work_folder(out: Path, *, resume: bool) -> Iterator[Path]:
    """``.NAME.work`` beside ``out``; removed when the block ends well, kept when it does not.

    Args:
        out: the folder the job will deliver.
        resume: False starts from nothing.

    Raises:
        InputError: the place cannot be written.
    """
    target = out.absolute()
    work = target.with_name(f".{target.name}.work")
    try:
        if work.exists() and not resume:
            shutil.rmtree(work)
        work.mkdir(parents=True, exist_ok=True)
        (work / ".probe").write_bytes(b"")
        (work / ".probe").unlink()
    except OSError as error:
        raise InputError(
            "output cannot be written", got=error.strerror or str(error), where=str(out),
            remedy="Choose a folder you may write to.", code="input.output",
        ) from error  # fmt: skip
    yield work
    shutil.rmtree(work, ignore_errors=True)
