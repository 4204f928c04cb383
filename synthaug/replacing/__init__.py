"""Faces replaced: what stands in their place, and how it is set into the frame."""

from synthaug.replacing.rung import Hidden, Rung, hidden

__all__ = ["Hidden", "Rung", "hidden"]
