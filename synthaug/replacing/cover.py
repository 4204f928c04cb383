"""The last rung: one colour, that of the surroundings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthaug.replacing.rung import Hidden

__all__ = ["Cover"]


class Cover:
    """Fills the oval with the median colour of the ring; nothing in it can fail."""

    name = "cover"
    sha256 = ""
    resolution = 32
    z_dim = 0

    def __call__(self, faces: Sequence[Hidden]) -> NDArray[np.uint8]:
        """Whole crops, uint8 (N, R, R, 3)."""
        side = self.resolution
        crops = np.full((len(faces), side, side, 3), 96, np.uint8)
        for crop, face in zip(crops, faces, strict=True):
            seen = face.ring[face.ring.any(-1)]
            if len(seen):
                crop[:] = np.median(seen, axis=0).astype(np.uint8)
        return crops
