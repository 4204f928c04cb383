"""How hard each frame is looked at: a cheap detector always, a second one where it matters."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthaug.faces.detections import Detections, Detector, overlap
from synthaug.faces.detectors import default_detectors

__all__ = ["Attention", "Lookout", "pooled"]


@dataclasses.dataclass(frozen=True)
class Attention:
    """When a second look is taken.

    Args:
        cadence: frames from one look of both detectors to the next.
        same: overlap from which two findings are one face.
    """

    cadence: int = 10
    same: float = 0.35


class Lookout:
    """Told one frame after the other, finds its faces, unsure ones too.

    Args:
        detectors: the cheap one and the second one; `default_detectors` where it is None.
        attention: when a second look is taken.
    """

    def __init__(
        self,
        detectors: tuple[Detector, Detector] | None = None,
        *,
        attention: Attention | None = None,
    ) -> None:
        self.detectors = detectors or default_detectors()
        self.attention = attention or Attention()
        self._since = 0

    def __call__(self, image: NDArray[np.uint8], *, cut: bool) -> Detections:
        """Faces in the next frame, uint8 (H, W, 3) RGB."""
        first, second = self.detectors
        parts = [first(image)]
        if cut or self._since >= self.attention.cadence:
            parts.append(second(image))
        found = pooled(parts, same=self.attention.same)
        self.recall(looked_twice=len(parts) > 1)
        return found

    def recall(self, *, looked_twice: bool) -> None:
        """Take notice of a frame that was looked at before."""
        self._since = 1 if looked_twice else self._since + 1


def pooled(parts: Sequence[Detections], *, same: float = 0.35) -> Detections:
    """The faces of several detectors, one for each face, with a bit for each that found it.

    The box of the first detector that has it stays; scores join as if each were the chance
    that it is a face and they knew nothing of each other.
    """
    kept = Detections.none()
    for bit, part in enumerate(parts):
        mark = np.full(len(part), 1 << bit, np.uint8)
        new = dataclasses.replace(part, by=part.by | mark)
        if not len(kept) or not len(new):
            kept = Detections.joined([kept, new])
            continue
        shares = overlap(new.boxes, kept.boxes)
        twin = shares.argmax(1)
        known = shares.max(1) >= same
        scores, by = kept.scores.copy(), kept.by.copy()
        for row in np.flatnonzero(known):
            at = twin[row]
            scores[at] = 1 - (1 - scores[at]) * (1 - new.scores[row])
            by[at] |= new.by[row]
        kept = Detections.joined([dataclasses.replace(kept, scores=scores, by=by), new[~known]])
    return kept
