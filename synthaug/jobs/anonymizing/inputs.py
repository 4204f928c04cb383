"""Which files an anonymization reads, and where each of them is written."""

from __future__ import annotations

import glob
from pathlib import Path

from synthaug.errors import InputError
from synthaug.media.marking import is_marked
from synthaug.media.stills import STILL_ENDINGS

__all__ = ["AUDIT_ENDING", "Inputs", "inputs_of", "is_still"]

AUDIT_ENDING = ".audit"
"""Of folders that hold an audit's pages; they are no input."""

_VIDEO_ENDINGS = frozenset(
    ".mp4 .m4v .mov .qt .mkv .webm .avi .mpg .mpeg .ts .mts .m2ts .gif".split()
)


class Inputs:
    """Files and their outputs.

    Attributes:
        pairs: input and output, sorted by name.
        ours: files that synthaug has anonymized already.
        others: files that are left alone because they are no pictures or videos known here.
    """

    def __init__(self) -> None:
        self.pairs: list[tuple[Path, Path]] = []
        self.ours: list[Path] = []
        self.others: list[Path] = []


def inputs_of(source: str | Path, output: str | Path | None) -> Inputs:
    """The files of a path, a folder (with all below it) or a pattern, and their outputs.

    Args:
        source: what to read.
        output: a file for one input; a folder for several, or for one; None for
            ``NAME.anonymized.EXT`` beside each.

    Raises:
        InputError: nothing there, several inputs for one output file, or an input that is
            an output of synthaug already.
    """
    text = str(source)
    path = Path(source)
    if "://" in text:
        raise InputError(
            "input", expected="a file on this machine", got="an address", where=text,
            remedy="Fetch it first.", code="input.path",
        )  # fmt: skip
    if path.is_dir():
        return _several(_below(path), path, output)
    if path.is_file():
        if is_marked(path):
            raise InputError(
                "input", expected="a file to anonymize", got="one that synthaug anonymized",
                where=text, remedy="Name its source.", code="input.ours",
            )  # fmt: skip
        found = Inputs()
        found.pairs.append((path, _named(path, path.parent, output)))
        return found
    matched = [Path(name) for name in sorted(glob.glob(text, recursive=True))]  # noqa: PTH207
    files = [each for each in matched if each.is_file()]
    if not files:
        raise InputError(
            "input", expected="a file, a folder or a pattern", got="nothing there", where=text,
            remedy="Check the path.", code="input.path",
        )  # fmt: skip
    return _several(files, _common(files), output)


def is_still(path: Path) -> bool:
    """Whether a file is read as a picture, not as a video."""
    return path.suffix.lower() in STILL_ENDINGS


def _below(folder: Path) -> list[Path]:
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not any(
            part.startswith(".") or part.endswith(AUDIT_ENDING)
            for part in path.relative_to(folder).parts
        )
    ]


def _common(files: list[Path]) -> Path:
    root = files[0].parent
    while not all(root in file.parents for file in files):
        root = root.parent
    return root


def _several(files: list[Path], root: Path, output: str | Path | None) -> Inputs:
    found = Inputs()
    taken: list[Path] = []
    for file in files:
        if file.suffix.lower() not in STILL_ENDINGS | _VIDEO_ENDINGS:
            found.others.append(file)
        elif is_marked(file):
            found.ours.append(file)
        else:
            taken.append(file)
    if not taken:
        raise InputError(
            "input", expected="pictures or videos", got="none that are not done already"
            if found.ours else "none", where=str(root), code="input.path",
        )  # fmt: skip
    if output is not None and len(taken) > 1 and (
        Path(output).is_file() or Path(output).suffix.lower() in STILL_ENDINGS | _VIDEO_ENDINGS
    ):  # fmt: skip
        raise InputError(
            "output", expected=f"a folder for {len(taken)} inputs", got="a file", where=str(output),
            remedy="Name a folder.", code="output.name",
        )  # fmt: skip
    for file in taken:
        if output is None:
            found.pairs.append((file, _beside(file)))
        else:
            found.pairs.append((file, Path(output) / file.relative_to(root)))
    return found


def _named(path: Path, root: Path, output: str | Path | None) -> Path:
    if output is None:
        return _beside(path)
    if Path(output).is_dir() or str(output).endswith("/"):
        return Path(output) / path.relative_to(root)
    return Path(output)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.stem}.anonymized{path.suffix}")
