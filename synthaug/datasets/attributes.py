"""Numbers each image carries beside its class: read, checked, and brought to one scale."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synthaug.datasets.listing import rows_of
from synthaug.datasets.sources import first_names
from synthaug.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from synthaug.datasets.sources import Items

__all__ = ["Scale", "attributes_of"]

_MISSING = frozenset({"", "nan", "n/a", "null"})
_MOST_NAMES = 64
"""Different names a categorical column may hold; more are most likely identifiers."""


@dataclasses.dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of each attribute: between the user's units and a network's.

    Args:
        names: of the attributes; one of the names of a category is ``"column=name"``.
        mean: float64 (A,), in the user's units.
        sd: float64 (A,), above 0.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]

    @classmethod
    def of(cls, names: Sequence[str], values: NDArray[np.float32]) -> Scale:
        """The scale of values (N, A); an attribute that never changes keeps its unit."""
        sd = values.std(0, dtype=np.float64)
        mean = values.mean(0, dtype=np.float64)
        return cls(tuple(names), tuple(mean.tolist()), tuple(np.where(sd > 0, sd, 1.0).tolist()))

    def standardise(self, values: ArrayLike) -> NDArray[np.float32]:
        """Values (N, A) in the user's units as float32 with mean 0 and sd 1 over the data."""
        raw = np.asarray(values, np.float64)
        return np.asarray((raw - np.array(self.mean)) / np.array(self.sd), np.float32)

    def restore(self, values: ArrayLike) -> NDArray[np.float64]:
        """The inverse of `standardise`, float64 (N, A)."""
        raw = np.asarray(values, np.float64)
        return np.asarray(raw * np.array(self.sd) + np.array(self.mean), np.float64)

    def rows(self, given: Mapping[str, Any] | ArrayLike | None, count: int) -> NDArray[np.float32]:
        """Attributes that somebody asks for as a network takes them, float32 (count, A).

        Args:
            given: None (the data's mean); values (count, A) or (A,) in the user's units; or a
                mapping of attribute to one value for all images, or to one an image. A
                category is asked for by its column and name, ``{"sex": "female"}``. What is
                not named stays at the data's mean.
            count: images.

        Raises:
            InputError: an unknown attribute or name, another number of values, or NaN.
        """
        values = np.tile(np.array(self.mean), (count, 1))
        if isinstance(given, Mapping):
            for name, value in given.items():
                self._put(values, name, value)
        elif given is not None:
            values = self._table(given, count)
        if not np.isfinite(values).all():
            raise _refused("finite numbers", "NaN or infinity", "Give a number.")
        return self.standardise(values)

    def _table(self, given: ArrayLike, count: int) -> NDArray[np.float64]:
        table = np.asarray(given, np.float64)
        if table.shape == (len(self.names),):
            table = np.tile(table, (count, 1))
        if table.shape != (count, len(self.names)):
            raise _refused(
                f"{count} rows of {', '.join(self.names)}", f"shape {table.shape}",
                "Give one row an image.",
            )  # fmt: skip
        return table

    def _put(self, values: NDArray[np.float64], name: str, value: Any) -> None:
        """One attribute's values into the table (N, A)."""
        if name in self.names:
            try:
                values[:, self.names.index(name)] = np.asarray(value, np.float64)
            except ValueError as error:
                raise _refused(
                    f"a number, or {len(values)} of them", repr(value), "Give a number.", name
                ) from error
            return
        places = {
            other.removeprefix(f"{name}="): place
            for place, other in enumerate(self.names)
            if other.startswith(f"{name}=")
        }
        if not places:
            known = sorted({other.partition("=")[0] for other in self.names})
            raise _refused(
                "one of " + ", ".join(known), repr(name), "Use an attribute of the training data."
            )
        wanted = [value] * len(values) if isinstance(value, str) else [str(one) for one in value]
        unknown = [one for one in wanted if one not in places]
        if unknown or len(wanted) != len(values):
            raise _refused(
                "one of " + ", ".join(places), repr(unknown[0] if unknown else value),
                "Use a name of the training data, one for all images or one an image.", name,
            )  # fmt: skip
        values[:, list(places.values())] = 0.0
        values[np.arange(len(values)), [places[one] for one in wanted]] = 1.0


def attributes_of(
    given: str | Path | Mapping[str, Sequence[Any]], source: Items
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Names and values, float32 (N, A), of the attributes of all items.

    A column of numbers is one attribute. A column of names becomes one attribute of 0 and 1
    for each name, called ``"column=name"``, names in alphabetical order.

    Args:
        given: a CSV file with the column ``path`` and one column an attribute, or a mapping of
            attribute to one value an item.
        source: the items.

    Raises:
        InputError: a file that cannot be read, images without a row, empty cells, NaN, columns
            that mix numbers and names, or that say the same of every image.
    """
    if isinstance(given, Mapping):
        where = "attributes"
        columns = {name: [str(value) for value in values] for name, values in given.items()}
    else:
        where = str(given)
        columns = _columns(Path(given), source)
    if not columns:
        raise _refused("at least one column beside path", "none", "Add one.", where)
    names: list[str] = []
    values: list[NDArray[np.float32]] = []
    for column, cells in columns.items():
        if len(cells) != len(source):
            raise _refused(
                f"one value for each of {len(source)} images", f"{len(cells)}",
                "Give one an image.", f"{where}, {column}",
            )  # fmt: skip
        for name, numbers in _column(column, cells, source, where):
            names.append(name)
            values.append(numbers)
    return tuple(names), np.stack(values, axis=1)


def _columns(file: Path, source: Items) -> dict[str, list[str]]:
    def refuse(expected: str, got: str, remedy: str, where: str) -> InputError:
        another = "Give a CSV file with the column path and one column an attribute."
        return _refused(expected, got, remedy or another, where)

    found = rows_of(file, source, (), refuse)
    # Rows keep the columns' order of the file.
    return {name: [row[name] for row in found] for name in found[0] if name and name != "path"}


def _column(
    column: str, cells: Sequence[str], source: Items, where: str
) -> list[tuple[str, NDArray[np.float32]]]:
    """A column's attributes: itself if it holds numbers, else one for each name in it."""
    place = f"{where}, column {column}"
    numbers = np.array([_number(cell) for cell in cells], np.float32)
    named = [cell for cell in cells if cell.lower() not in _MISSING and not _is_number(cell)]
    if len(named) <= len(cells) / 2 and not np.isfinite(numbers).all():
        bad = [
            f"{source.path(item)} ({cells[item] or 'empty'})"
            for item in np.flatnonzero(~np.isfinite(numbers)).tolist()
        ]
        raise _refused(
            "a number for each image", f"none for {len(bad):,}: {first_names(bad, 3)}",
            "Fill the cells, or leave the images out.", place,
        )  # fmt: skip
    bad = [source.path(item) for item, cell in enumerate(cells) if cell.lower() in _MISSING]
    if bad:
        raise _refused(
            "a name for each image", f"none for {len(bad):,}: {first_names(bad, 3)}",
            "Fill the cells, or leave the images out.", place,
        )  # fmt: skip
    different = sorted(set(cells))
    if len(different) < 2 or (not named and np.ptp(numbers) == 0):
        raise _refused("at least two different values", repr(cells[0]), "Drop it.", place)
    if not named:
        return [(column, numbers)]
    if len(different) > _MOST_NAMES:
        raise _refused(
            f"numbers, or at most {_MOST_NAMES} different names",
            f"{len(different):,}, such as {different[0]!r}", "Drop the column.", place,
        )  # fmt: skip
    return [
        (f"{column}={name}", np.array([cell == name for cell in cells], np.float32))
        for name in different
    ]


def _number(cell: str) -> float:
    return float(cell) if _is_number(cell) else float("nan")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _refused(expected: str, got: str, remedy: str, where: str = "") -> InputError:
    return InputError(
        "attributes", expected=expected, got=got, where=where, remedy=remedy,
        code="input.attributes",
    )  # fmt: skip
