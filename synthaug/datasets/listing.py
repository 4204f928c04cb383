"""CSV files that say something about each image: rows found by path."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from synthaug.datasets.sources import first_names

if TYPE_CHECKING:
    from synthaug.datasets.sources import Items
    from synthaug.errors import InputError

__all__ = ["Refuse", "rows_of"]

Row = dict[str, str]
Refuse = Callable[[str, str, str, str], "InputError"]
"""Makes the error from what was expected, what was got, a remedy, and where."""


def rows_of(file: Path, source: Items, columns: tuple[str, ...], refuse: Refuse) -> list[Row]:
    """One row for each item, in item order: cells by column, stripped of blanks.

    A row belongs to an item if its path ends the item's location, or is ended by its path. Of
    several such rows the one that shares most parts wins: ``train/crack/1.jpg`` and
    ``test/crack/1.jpg`` both end in the path ``crack/1.jpg``, only one ends the location.

    Args:
        file: CSV with the column ``path`` and others.
        source: the items.
        columns: columns that must be there, and must not be empty in an item's row.
        refuse: makes the error.

    Raises:
        InputError: a file that cannot be read, columns that are missing, items without a row.
    """
    by_name: dict[str, list[Row]] = {}
    for row in _rows(file, columns, refuse):
        by_name.setdefault(row["path"].rpartition("/")[2], []).append(row)
    found = [_row_of(source.location(i), source.path(i), by_name) for i in range(len(source))]
    missing = [
        source.path(item)
        for item, row in enumerate(found)
        if row is None or not all(row[name] for name in columns)
    ]
    if missing:
        raise refuse(
            f"a row for each of {len(found):,} images",
            f"none for {len(missing):,}: {first_names(missing, 3)}",
            "Add the missing rows.",
            str(file),
        )
    return [row for row in found if row is not None]


def _row_of(location: str, path: str, by_name: dict[str, list[Row]]) -> Row | None:
    full = "/" + location.lstrip("/")
    best: tuple[int, Row] | None = None
    for row in by_name.get(path.rpartition("/")[2], []):
        anchored = full.endswith("/" + row["path"].lstrip("/"))
        if not anchored and not ("/" + row["path"]).endswith("/" + path):
            continue
        shared = _shared_parts(full, row["path"])
        if best is None or shared > best[0]:
            best = shared, row
    return best[1] if best is not None else None


def _shared_parts(left: str, right: str) -> int:
    count = 0
    for ours, theirs in zip(reversed(left.split("/")), reversed(right.split("/")), strict=False):
        if ours != theirs:
            break
        count += 1
    return count


def _rows(file: Path, columns: tuple[str, ...], refuse: Refuse) -> list[Row]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            known = reader.fieldnames or []
            wanted = ("path", *columns)
            if not set(wanted) <= set(known):
                names = " and ".join(wanted)
                got = ", ".join(known) or "an empty file"
                what = f"the columns {names}" if columns else f"the column {names}"
                raise refuse(what, got, "Name them in the first row.", str(file))
            rows = [{k: (row[k] or "").strip() for k in known} for row in reader if row["path"]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        got = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise refuse("a readable CSV file", got, "", str(file)) from error
    for row in rows:
        row["path"] = row["path"].replace("\\", "/").removeprefix("./")
    return rows
