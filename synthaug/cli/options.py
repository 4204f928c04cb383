"""Options that several commands share."""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from synthaug.errors import InputError

__all__ = [
    "Attributes",
    "Budget",
    "Classes",
    "Data",
    "Debug",
    "Device",
    "DeviceName",
    "Force",
    "GeneratorFolder",
    "Groups",
    "Images",
    "Json",
    "OnReject",
    "Out",
    "Recipe",
    "Resume",
    "Seed",
    "Size",
    "SizeName",
    "SkipBad",
    "Strict",
    "Truncation",
    "parse_attributes",
    "parse_grid",
    "parse_numbers",
    "parse_size",
    "parse_strengths",
]


class SizeName(enum.StrEnum):
    """Sides of the square images a generator can make, in pixels."""

    AUTO = "auto"
    PX16 = "16"
    PX32 = "32"
    PX64 = "64"
    PX128 = "128"


class DeviceName(enum.StrEnum):
    """Where to compute."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class OnReject(enum.StrEnum):
    """What happens to a generated image that a gate refuses."""

    REDRAW = "redraw"
    CLASSICAL = "classical"
    KEEP = "keep"


Data = Annotated[
    str, typer.Argument(metavar="DATA", help="Folder with one sub-folder of images per class.")
]
Out = Annotated[
    Path, typer.Option(metavar="DIR", help="Folder to write; it appears only when complete.")
]
Groups = Annotated[
    str | None,
    typer.Option(
        metavar="CSV|PATTERN",
        help="Which images show one object: a CSV file with the columns path and group, or a "
        "pattern for file names such as '{group}_*.jpg'. Groups are never split between "
        "training and judging.",
    ),
]
Attributes = Annotated[
    str | None,
    typer.Option(
        metavar="CSV",
        help="What each image carries beside its class, for recipes that take attributes: a CSV "
        "file with the column path and one column an attribute, numbers or names.",
    ),
]
Size = Annotated[
    SizeName, typer.Option(help="Side of the generated images in pixels; auto says why it chose.")
]
Budget = Annotated[
    str,
    typer.Option(
        metavar="TIME|IMAGES",
        help="Time for everything ('10min', '2h'), or '50000 images' of training.",
    ),
]
Recipe = Annotated[str, typer.Option(metavar="NAME", help="How the generator is trained.")]
Seed = Annotated[int, typer.Option(help="Same seed, machine and thread count: same bytes.")]
Device = Annotated[DeviceName, typer.Option(help="auto takes a CUDA device where there is one.")]
Resume = Annotated[
    bool, typer.Option(help="Go on from the checkpoint an interrupted run left, or start anew.")
]
Force = Annotated[
    bool, typer.Option("--force", help="Replace DIR if synthaug wrote what is there.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with code 3 if any gate fails.")]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave out files that cannot be read, and list them.")
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print exactly one JSON object on stdout; words go to stderr."),
]
GeneratorFolder = Annotated[
    Path, typer.Argument(metavar="GENERATOR", help="Folder that train or augment wrote.")
]
Classes = Annotated[
    list[str],
    typer.Option("--class", metavar="NAME", help="Class of the images; may be repeated, one each."),
]
Images = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBERS",
        help="Which images, as sample numbers them with the same seed: '3,17' or '0-4'.",
    ),
]
Truncation = Annotated[
    float,
    typer.Option(
        "--truncation", "--truncation-psi",
        help="Below 1: more typical and less varied images; 0: the class's mean image.",
    ),
]  # fmt: skip
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def parse_size(name: SizeName) -> str | int:
    """The ``--size`` option as `synthaug.augment` takes it.

    Example:
        >>> parse_size(SizeName.PX32), parse_size(SizeName.AUTO)
        (32, 'auto')
    """
    return "auto" if name is SizeName.AUTO else int(name)


def parse_grid(text: str) -> tuple[int, int]:
    """The ``--grid`` option as `synthaug.sample` takes it.

    Raises:
        InputError: it is not two positive numbers joined by an x.

    Example:
        >>> parse_grid("8x4")
        (8, 4)
    """
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if match is None:
        raise InputError(
            "grid",
            expected="columns and rows",
            got=repr(text),
            where="--grid",
            remedy="Write it like 8x4.",
        )
    return int(match[1]), int(match[2])


_MOST = 10_000


def parse_numbers(text: str, option: str) -> list[int]:
    """A list of numbers and ranges, such as those of ``--images`` and ``--seeds``.

    Raises:
        InputError: it is not numbers from 0, or more than ten thousand; names the option.

    Example:
        >>> parse_numbers("3,17,0-2", "--images")
        [3, 17, 0, 1, 2]
    """
    numbers: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, -1)
        if not first <= last < first + _MOST or len(numbers) > _MOST:
            raise InputError(
                "numbers",
                expected="numbers from 0 and ranges",
                got=repr(text),
                where=option,
                remedy="Write them like 3,17 or 0-4.",
            )
        numbers += range(first, last + 1)
    return numbers


def parse_strengths(text: str, steps: int) -> list[float]:
    """The ``--strength`` option: a range in so many steps, or numbers.

    Raises:
        InputError: neither, or fewer than two steps for a range.

    Example:
        >>> parse_strengths("-2..2", 5), parse_strengths("0,1.5", 5)
        ([-2.0, -1.0, 0.0, 1.0, 2.0], [0.0, 1.5])
    """
    try:
        if ".." not in text:
            return [float(part) for part in text.split(",")]
        low, high = (float(part) for part in text.split(".."))
        if steps < 2:
            raise ValueError
        return [low + (high - low) * step / (steps - 1) for step in range(steps)]
    except ValueError as error:
        raise InputError(
            "strength",
            expected="numbers, or a range of two steps or more",
            got=f"{text!r} in {steps} steps",
            where="--strength",
            remedy="Write it like -2..2 or 1.5.",
        ) from error


def parse_attributes(texts: Sequence[str]) -> dict[str, float | str]:
    """The ``--attribute`` options as `synthaug.sample` takes them.

    Raises:
        InputError: one is not a name and a value joined by an equals sign, or comes twice.

    Example:
        >>> parse_attributes(["age=60", "sex=female"])
        {'age': 60.0, 'sex': 'female'}
    """
    found: dict[str, float | str] = {}
    for text in texts:
        name, sign, value = (part.strip() for part in text.partition("="))
        if not (name and sign and value) or name in found:
            raise InputError(
                "attribute",
                expected="name=value, each name once",
                got=repr(text),
                where="--attribute",
                remedy="Write it like age=60 or sex=female.",
            )
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = value
    return found
