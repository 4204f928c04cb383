"""Every recipe that has a name, one file a family, in the textbook's order."""

from __future__ import annotations

from synthaug.textbook.catalogue import architectures, conditioning, encoders, rare

__all__ = ["ENTRIES"]

ENTRIES = (
    *rare.ENTRIES,
    *architectures.ENTRIES,
    *conditioning.ENTRIES,
    *encoders.ENTRIES,
)
