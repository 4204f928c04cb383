"""What a caller wants each class to count: `parse_targets`."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any

from synthaug.errors import InputError
from synthaug.spelling import did_you_mean

__all__ = ["parse_targets"]

_FORMS = '"balance", a number, or classes with numbers such as "crack=500,other=max"'


def parse_targets(
    target_counts: object,
    classes: Sequence[str],
    counts: Mapping[str, int],
    *,
    subsample: bool = False,
) -> dict[str, int]:
    """Images each class shall have, real and synthetic together, in class order.

    Args:
        target_counts: ``"balance"`` (every class as many as the largest has), a number (of
            every class), or a mapping of class name or index to a number or ``"max"`` (the
            largest class's count). ``"crack=500,other=max"`` is the same as text; ``other``
            stands for all classes not named, unless a class has that name. Classes not named
            keep what they have.
        classes: class names.
        counts: images present, by class name.
        subsample: allow fewer than present.

    Raises:
        InputError: an unknown class, fewer than present, or not a positive whole number.

    Example:
        >>> counts = {"free": 900, "crack": 50, "fray": 30}
        >>> parse_targets("crack=500,other=max", list(counts), counts)
        {'free': 900, 'crack': 500, 'fray': 900}
    """
    largest = max(counts[name] for name in classes)
    wanted = {name: largest if counts[name] else 0 for name in classes}
    if isinstance(target_counts, str):
        target_counts = _parse_text(target_counts.strip())
    if isinstance(target_counts, Mapping):
        wanted = _by_class(target_counts, classes, counts, largest)
    elif target_counts != "balance":
        number = _count(target_counts, largest, "every class")
        # Nothing can be made for a class without a single image.
        wanted = {name: number if counts[name] else 0 for name in classes}
    for name in classes:
        _check(name, wanted[name], counts[name], subsample)
    return wanted


def _parse_text(text: str) -> object:
    """``"balance"``, a number as text, or the mapping that ``a=1,b=max`` writes."""
    if "=" not in text:
        if text == "balance" or _is_number(text):
            return text
        raise _refused("target counts", _FORMS, repr(text), 'Pass for example "balance".')
    targets: dict[str, str] = {}
    for part in text.split(","):
        name, sign, value = (piece.strip() for piece in part.rpartition("="))
        if not sign or not name or not value:
            raise _refused("target counts", "class=number", repr(part), "Separate them by commas.")
        if name in targets:
            raise _refused("target counts", "each class once", f"{name} twice", "Drop one.")
        targets[name] = value
    return targets


def _by_class(
    targets: Mapping[Any, object], classes: Sequence[str], counts: Mapping[str, int], largest: int
) -> dict[str, int]:
    if not targets:
        raise _refused("target counts", _FORMS, "nothing", 'Pass for example "balance".')
    wanted: dict[str, int] = {}
    others: object = None
    for key, value in targets.items():
        if key == "other" and key not in classes:
            others = value
            continue
        name = _class_name(key, classes)
        if name in wanted:
            raise _refused("target counts", "each class once", f"{name} twice", "Drop one.")
        wanted[name] = _count(value, largest, f"class {name}")
    rest = None if others is None else _count(others, largest, "other")
    for name in classes:
        if name not in wanted:
            wanted[name] = counts[name] if rest is None or not counts[name] else rest
    return {name: wanted[name] for name in classes}


def _class_name(key: object, classes: Sequence[str]) -> str:
    """The class a name or an index means; an exact name wins over an index as text."""
    if key in classes:
        return str(key)
    index = int(key) if isinstance(key, str) and key.isdecimal() else key
    if not isinstance(index, str | bool) and hasattr(index, "__index__"):
        number = operator.index(index)
        if 0 <= number < len(classes):
            return classes[number]
    listed = ", ".join(classes[:20]) + (", ..." if len(classes) > 20 else "")
    raise _refused(
        "target class",
        f"one of {listed}",
        repr(key),
        did_you_mean(str(key), classes, otherwise="Name a class of the set.", most=1),
    )


def _count(value: object, largest: int, where: str) -> int:
    if value == "max":
        return largest
    if isinstance(value, str) and _is_number(value):
        value = int(value)
    if isinstance(value, bool | str) or not hasattr(value, "__index__"):
        remedy = "Give a number of images."
        raise _refused("target count", "a whole number or max", repr(value), remedy, where)
    number = operator.index(value)
    if number < 1:
        remedy = "Count real and synthetic images together."
        raise _refused("target count", "at least 1", f"{number}", remedy, where)
    return number


def _is_number(text: str) -> bool:
    return text.strip().lstrip("+-").isdecimal() and text.isascii()


def _check(name: str, wanted: int, present: int, subsample: bool) -> None:
    where = f"class {name}"
    if wanted < present and not subsample:
        remedy = "Pass subsample=True (--subsample) to leave real images out."
        expected = f"at least {present}, the real images present"
        raise _refused("target count", expected, f"{wanted}", remedy, where)
    if wanted > 0 and not present:
        remedy = "Add real images of it, or leave it out of the targets."
        raise _refused("target count", "0, for want of real images", f"{wanted}", remedy, where)


def _refused(what: str, expected: str, got: str, remedy: str, where: str = "") -> InputError:
    return InputError(
        what, expected=expected, got=got, where=where, remedy=remedy, code="input.targets"
    )
