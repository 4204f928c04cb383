"""Which images belong together: groups as an array, a CSV file, a callable or a pattern."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synthaug.datasets.listing import rows_of
from synthaug.datasets.sources import first_names
from synthaug.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from synthaug.datasets.sources import Items

__all__ = ["compile_pattern", "group_ids", "unused_groups_file"]


def group_ids(groups: Any, source: Items) -> NDArray[np.int64]:
    """Group numbers of all items, from 0 in order of first appearance.

    Args:
        groups: None (each item its own), a CSV file with the columns ``path`` and ``group``,
            a pattern for file names such as ``"{group}_*.jpg"``, a callable from `path` to
            anything hashable, or one value an item.
        source: the items.

    Returns:
        int64 (N,).

    Raises:
        InputError: groups that miss an item, or cannot be read.
    """
    count = len(source)
    if groups is None:
        return np.arange(count)
    if isinstance(groups, str | Path):
        text = str(groups)
        if isinstance(groups, str) and "{group}" in text:
            keys: Sequence[Any] = _by_pattern(text, source)
        else:
            keys = _by_csv(Path(groups), source)
    elif isinstance(groups, Callable):  # type: ignore[arg-type]
        keys = [groups(source.path(index)) for index in range(count)]
    else:
        keys = _one_each(groups, count)
    return _numbered(keys, source)


def _one_each(groups: Iterable[Any], count: int) -> list[Any]:
    keys = groups.tolist() if hasattr(groups, "tolist") else list(groups)
    if len(keys) != count:
        raise _refused(f"one for each of {count} items", f"{len(keys)}", "Give one group an item.")
    return keys


def _numbered(keys: Sequence[Hashable], source: Items) -> NDArray[np.int64]:
    numbers: dict[Hashable, int] = {}
    result = np.empty(len(keys), np.int64)
    for item, key in enumerate(keys):
        try:
            if key is None or key != key:  # NaN
                raise TypeError
            result[item] = numbers.setdefault(key, len(numbers))
        except TypeError as error:
            remedy = "Give each item a number or a name."
            where = source.path(item)
            raise _refused("a number or a name", repr(key), remedy, where) from error
    return result


def _by_pattern(pattern: str, source: Items) -> list[str]:
    shape = compile_pattern(pattern)
    paths = [source.path(index) for index in range(len(source))]
    found = [shape.search(path) for path in paths]
    missing = [path for path, match in zip(paths, found, strict=True) if match is None]
    if missing:
        raise _refused(
            f"file names like {pattern}",
            f"{len(missing):,} that are not: {first_names(missing, 3)}",
            "Correct the pattern, or give a CSV file.",
        )
    return [match["group"] for match in found if match is not None]


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern with ``{group}``, ``*`` and ``?`` as a regular expression for the path's end.

    ``{group}`` takes as much as it can, ``*`` anything and ``?`` one character; none of them
    crosses a ``/``.

    Example:
        >>> compile_pattern("{group}_*.jpg").search("limit_50/00002_00017_00005.jpg")["group"]
        '00002_00017'
    """
    parts = {"{group}": r"(?P<group>[^/]+)", "*": r"[^/]*", "?": r"[^/]"}
    if pattern.count("{group}") != 1:
        remedy = 'Write for example "{group}_*.jpg".'
        raise _refused("a pattern with one {group}", repr(pattern), remedy)
    pieces = re.split(r"(\{group\}|\*|\?)", pattern)
    return re.compile("(?:^|/)" + "".join(parts.get(p, re.escape(p)) for p in pieces) + "$")


def _by_csv(file: Path, source: Items) -> list[str]:
    return [row["group"] for row in rows_of(file, source, ("group",), _refused_file)]


def _refused_file(expected: str, got: str, remedy: str, where: str) -> InputError:
    another = 'Give a CSV file, or a pattern with {group} such as "{group}_*.jpg".'
    return _refused(expected, got, remedy or another, where)


def _refused(expected: str, got: str, remedy: str, where: str = "") -> InputError:
    return InputError(
        "groups", expected=expected, got=got, where=where, remedy=remedy, code="input.groups"
    )


def unused_groups_file(root: Path) -> str:
    """A warning if a groups.csv lies in or beside an opened folder; empty if none does."""
    for file in (root / "groups.csv", root.resolve().parent / "groups.csv"):
        if file.is_file():
            return (
                f"{file.name} lies {'in' if file.parent == root else 'beside'} the folder but was "
                "not used: pass groups= (--groups) with its path to split by it"
            )
    return ""
