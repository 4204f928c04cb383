"""The error for an optional library that is not installed."""

from __future__ import annotations

from synthaug.errors import InputError

__all__ = ["MissingExtra"]


class MissingExtra(InputError, ImportError):
    """A library that an integration is for is not installed; also an ``ImportError``.

    Args:
        package: name of the library as pip knows it.
        extra: the extra of synthaug that installs it.

    Example:
        >>> str(MissingExtra("imbalanced-learn", "imbalanced"))
        "imbalanced-learn: expected it installed. Run: pip install 'synthaug[imbalanced]'"
    """

    default_code = "extra.missing"

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            package, expected="it installed", remedy=f"Run: pip install 'synthaug[{extra}]'"
        )
