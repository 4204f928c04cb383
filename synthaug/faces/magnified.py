"""Small faces: the same detector on an enlarged picture, tile by tile."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from synthaug.faces.detections import Detections, Detector, without_twins

__all__ = ["Magnified"]


@dataclasses.dataclass(frozen=True)
class Magnified:
    """A detector that also looks at the picture enlarged, in tiles where it is large.

    Args:
        detector: what looks.
        scale: how much larger, at least 1.
        tile: longest side that is looked at in one piece, pixels of the enlarged picture.
        margin: overlap of tiles, pixels of the enlarged picture: the largest face that no
            cut can split, while larger ones are seen in the picture as it is.
    """

    detector: Detector
    scale: float = 2.0
    tile: int = 1536
    margin: int = 192

    @property
    def name(self) -> str:
        """The detector's name and the scale."""
        return f"{self.detector.name} x{self.scale:g}"

    @property
    def sha256(self) -> str:
        """Of the detector's weights."""
        return self.detector.sha256

    def __call__(self, image: NDArray[np.uint8]) -> Detections:
        """Faces in an RGB picture, uint8 (H, W, 3), of any size."""
        import cv2

        large = cv2.resize(
            image, None, fx=self.scale, fy=self.scale, interpolation=cv2.INTER_LINEAR
        )
        found = [self.detector(image)]
        for top in _starts(large.shape[0], self.tile, self.margin):
            for left in _starts(large.shape[1], self.tile, self.margin):
                piece = large[top : top + self.tile, left : left + self.tile]
                inside = self.detector(np.ascontiguousarray(piece))
                inside = inside[~_cut(inside.boxes, piece.shape, large.shape, (top, left))]
                found.append(inside.moved(1.0, left, top).moved(1 / self.scale))
        return without_twins(Detections.joined(found))


def _starts(side: int, tile: int, margin: int) -> list[int]:
    """Where tiles begin so that they cover a side and overlap by ``margin`` at least."""
    if side <= tile:
        return [0]
    count = -(-(side - margin) // (tile - margin))
    return [round(start) for start in np.linspace(0, side - tile, count)]


def _cut(
    boxes: NDArray[np.float32],
    piece: tuple[int, ...],
    whole: tuple[int, ...],
    at: tuple[int, int],
) -> NDArray[np.bool_]:
    """Which boxes touch a border of a tile that is no border of the picture."""
    left, top = boxes[:, 0], boxes[:, 1]
    right, bottom = left + boxes[:, 2], top + boxes[:, 3]
    return np.asarray(
        ((left < 1) & (at[1] > 0))
        | ((top < 1) & (at[0] > 0))
        | ((right > piece[1] - 1) & (at[1] + piece[1] < whole[1]))
        | ((bottom > piece[0] - 1) & (at[0] + piece[0] < whole[0]))
    )
