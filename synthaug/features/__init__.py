"""Images to arrays: what gates, probes and near-duplicate search look at."""

from synthaug.features.extract import Extractor, LayoutExtractor, embedded, flip_aware, pixels

__all__ = ["Extractor", "LayoutExtractor", "embedded", "flip_aware", "pixels"]
