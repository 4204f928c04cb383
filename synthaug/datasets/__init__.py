"""Reading labelled images, grouping, splitting and packing them, and writing what was made.

Names load on first use, so ``import synthaug.datasets`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthaug.datasets.convert import to_float, to_uint8
    from synthaug.datasets.duplicates import Duplicates, near_duplicates
    from synthaug.datasets.image_set import ImageSet
    from synthaug.datasets.limits import Limits
    from synthaug.datasets.opening import open
    from synthaug.datasets.packed import Packed, pack
    from synthaug.datasets.resolution import choose_resolution
    from synthaug.datasets.splits import Split, folds, split
    from synthaug.datasets.targets import parse_targets

_MODULES = {
    "Duplicates": "duplicates",
    "ImageSet": "image_set",
    "Limits": "limits",
    "Packed": "packed",
    "Split": "splits",
    "choose_resolution": "resolution",
    "folds": "splits",
    "near_duplicates": "duplicates",
    "open": "opening",
    "pack": "packed",
    "parse_targets": "targets",
    "split": "splits",
    "to_float": "convert",
    "to_uint8": "convert",
}

__all__ = [
    "Duplicates",
    "ImageSet",
    "Limits",
    "Packed",
    "Split",
    "choose_resolution",
    "folds",
    "near_duplicates",
    "open",
    "pack",
    "parse_targets",
    "split",
    "to_float",
    "to_uint8",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
