"""Every recipe that has a name, one file a family, in the textbook's order."""

from __future__ import annotations

from synthaug.textbook.catalogue import (
    architectures,
    conditioning,
    encoders,
    layers,
    objectives,
    rare,
    stabilizers,
    translation,
)

__all__ = ["ENTRIES"]

ENTRIES = (
    *rare.ENTRIES,
    *objectives.ENTRIES,
    *stabilizers.ENTRIES,
    *architectures.ENTRIES,
    *layers.ENTRIES,
    *conditioning.ENTRIES,
    *encoders.ENTRIES,
    *translation.ENTRIES,
)
