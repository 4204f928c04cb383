"""`write`: the two report pages of a data set."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthaug.report.view import view

if TYPE_CHECKING:
    import jinja2

    from synthaug.datasets.augmented import AugmentedDataset

__all__ = ["environment", "render", "write"]


def write(dataset: AugmentedDataset, folder: Path) -> None:
    """Write ``report.html``, fit to be shared, and ``report.private.html`` into a folder.

    Each is one file that needs no network. The first shows synthetic images only and
    names no real file; the second sets the nearest real image beside synthetic ones.

    Args:
        dataset: the set, with its report and verdicts.
        folder: an existing folder.
    """
    for name, private in (("report.html", False), ("report.private.html", True)):
        (folder / name).write_text(render(dataset, private=private), encoding="utf-8")


def render(dataset: AugmentedDataset, *, private: bool) -> str:
    """One page as HTML; see `write`."""
    return environment().get_template("page.html.j2").render(view(dataset, private=private))


@functools.cache
def environment() -> jinja2.Environment:
    """The templates of this room, their filters and the style sheet."""
    import jinja2

    loader = jinja2.PackageLoader("synthaug.report", ".")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(count=_count, number=_number, percent=_percent, share=_share)
    environment.globals["css"] = Path(__file__).with_name("page.css").read_text("utf-8")
    return environment


def _count(value: int) -> str:
    return f"{value:,}"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _share(value: float | None) -> str:
    return "–" if value is None or value != value else f"{value:.2f}"


def _number(value: Any) -> str:
    """Three figures that matter; a dash for what was not measured.

    Example:
        >>> _number(0.012345), _number(1234.5), _number(None), _number(float("nan"))
        ('0.0123', '1,234', '–', '–')
    """
    if value is None or value != value:
        return "–"
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
