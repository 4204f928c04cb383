"""Faces replaced: what stands in their place, and how it is set into the frame."""
