"""Recipes known for their networks."""

from __future__ import annotations

from synthaug.textbook.entry import entry
from synthaug.textbook.recipe import Recipe

__all__ = ["ENTRIES"]

ENTRIES = (
    entry(
        Recipe(
            name="dcgan",
            summary="Strided and transposed convolutions with batch normalisation.",
            source="Radford, Metz, Chintala 2016",
            when="as the plain baseline that every later technique is compared with.",
        ),
        shows="no pooling and no hidden dense layer; trained on digits it beats noise",
    ),
)
