"""Reading labelled images, grouping, splitting and packing them, and writing what was made.

Names load on first use, so ``import synthaug.datasets`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthaug.datasets.attributes import Scale
    from synthaug.datasets.augmented import AugmentedDataset
    from synthaug.datasets.convert import to_float, to_uint8
    from synthaug.datasets.draws import Draws
    from synthaug.datasets.duplicates import Duplicates, near_duplicates
    from synthaug.datasets.image_set import ImageSet
    from synthaug.datasets.limits import Limits
    from synthaug.datasets.opening import open
    from synthaug.datasets.packed import Packed, pack
    from synthaug.datasets.png import read_provenance, write_png
    from synthaug.datasets.resolution import choose_resolution
    from synthaug.datasets.saved import load
    from synthaug.datasets.splits import Split, folds, split
    from synthaug.datasets.targets import parse_targets

_MODULES = {
    "AugmentedDataset": "augmented",
    "Draws": "draws",
    "Duplicates": "duplicates",
    "ImageSet": "image_set",
    "Limits": "limits",
    "Packed": "packed",
    "Scale": "attributes",
    "Split": "splits",
    "choose_resolution": "resolution",
    "folds": "splits",
    "load": "saved",
    "near_duplicates": "duplicates",
    "open": "opening",
    "pack": "packed",
    "parse_targets": "targets",
    "read_provenance": "png",
    "split": "splits",
    "to_float": "convert",
    "to_uint8": "convert",
    "write_png": "png",
}

__all__ = [
    "AugmentedDataset",
    "Draws",
    "Duplicates",
    "ImageSet",
    "Limits",
    "Packed",
    "Scale",
    "Split",
    "choose_resolution",
    "folds",
    "load",
    "near_duplicates",
    "open",
    "pack",
    "parse_targets",
    "read_provenance",
    "split",
    "to_float",
    "to_uint8",
    "write_png",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
