"""Budgets: ``"10min"`` or a number of images, turned into images once and written down."""

from __future__ import annotations

import dataclasses
import re

from synthaug.errors import InputError

__all__ = ["Budget", "parse_budget"]

_UNITS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hour": 3600, "hours": 3600}
_NUMBER = r"(\d+(?:\.\d+)?)"


@dataclasses.dataclass(frozen=True, slots=True)
class Budget:
    """Either seconds or images; the other is None.

    Args:
        seconds: wall time for the whole job.
        images: real images shown to the discriminator.
    """

    seconds: float | None = None
    images: int | None = None

    def __str__(self) -> str:
        if self.images is not None:
            return f"{self.images:,} images"
        seconds = self.seconds or 0.0
        return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"


def parse_budget(text: str | float) -> Budget:
    """The budget a person typed.

    Args:
        text: ``"90s"``, ``"10min"``, ``"1.5h"``, ``"50000 images"``, ``"50k images"``, or a
            number of seconds.

    Raises:
        InputError: anything else, or less than one second or one image.

    Example:
        >>> parse_budget("1.5h").seconds, parse_budget("50k images").images
        (5400.0, 50000)
    """
    words = str(text).strip().lower().replace(",", "").replace("_", "")
    time = re.fullmatch(_NUMBER + r"\s*(s|sec|m|min|h|hours?)?", words)
    count = re.fullmatch(_NUMBER + r"\s*(k|m)?\s*(?:images|img|imgs)", words)
    if time and float(time[1]) * _UNITS[time[2] or "s"] >= 1:
        return Budget(seconds=float(time[1]) * _UNITS[time[2] or "s"])
    if count and float(count[1]) >= 1:
        return Budget(images=int(float(count[1]) * {"k": 1_000, "m": 1_000_000}.get(count[2], 1)))
    raise InputError(
        "budget",
        expected='a time such as "10min" or a number of images such as "50000 images"',
        got=repr(text),
        where="argument budget",
        remedy="Give at least one second or one image.",
        code="input.budget",
    )
