"""Images to arrays: what gates, probes and near-duplicate search look at."""

from synthaug.features.extract import (
    ClassExtractor,
    Extractor,
    LayoutExtractor,
    embedded,
    flip_aware,
    pixels,
)

__all__ = ["ClassExtractor", "Extractor", "LayoutExtractor", "embedded", "flip_aware", "pixels"]
