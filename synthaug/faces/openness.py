"""How far mouths and eyes are open: read from the face while planning, kept as two numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaug.faces.geometry import Placement, cut, placement
from synthaug.faces.tracks import Spot

__all__ = ["OPENNESS_FILE", "Openness"]

OPENNESS_FILE = Path(__file__).parent / "openness.safetensors"
"""The package's own weights."""
_SIDE = 1.65
"""Side of what is read, in distances from the eyes to the mouth."""


class Openness:
    """Reads how far mouth and eyes are open.

    Its teacher was dlib's predictor of 68 points, on photographs of LFW; see the model card
    in ``synthaug/replacing``.

    Args:
        file: weights; the package's own by default.

    Raises:
        InputError: no weights there.
        Damaged: they are not what was written.
    """

    def __init__(self, file: Path | None = None) -> None:
        from synthaug.networks.faces import OpennessReader
        from synthaug.weights.kept import read_network

        self._net, self.sha256 = read_network(
            file or OPENNESS_FILE, {"openness reader": OpennessReader}
        )  # fmt: skip
        facts: Any = self._net
        self._side = int(facts.resolution)

    def __call__(self, picture: NDArray[np.uint8], spots: Sequence[Spot]) -> NDArray[np.float32]:
        """Mouth and eyes of each face in an RGB picture, float32 (N, 2).

        The mouth is the gap between the lips over the distance from the eyes to the mouth, the
        eyes the mean of their height over their width.
        """
        import cv2
        import torch

        if not spots:
            return np.zeros((0, 2), np.float32)
        crops = [cut(picture, _around(spot), self._side) for spot in spots]
        grey = np.stack([cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY) for crop in crops])
        with torch.inference_mode():
            read = self._net(torch.from_numpy(grey)[:, None].float() / 127.5 - 1).numpy()
        return np.stack([read[:, 0], read[:, 1:].mean(1)], 1).astype(np.float32)


def _around(spot: Spot) -> Placement:
    """The square around eyes and mouth."""
    points = spot.points.astype(np.float64)
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    x, y = (eyes + mouth) / 2
    length = max(math.dist(eyes, mouth), 1.0)
    return Placement(float(x), float(y), _SIDE * length, placement(spot).angle)
