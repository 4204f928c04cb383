"""Every recipe that has a name, one file a family, in the textbook's order."""

from __future__ import annotations

from synthaug.textbook.catalogue import architectures, rare, translation

__all__ = ["ENTRIES"]

ENTRIES = (*rare.ENTRIES, *architectures.ENTRIES, *translation.ENTRIES)
