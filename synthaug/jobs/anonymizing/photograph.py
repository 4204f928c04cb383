"""A photograph hidden as a video's frames are: for the attacker who hides his own gallery."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synthaug.faces.detections import Detections
from synthaug.faces.plan import Action, Plan, PlannedTrack
from synthaug.faces.tracks import Source, Spot

if TYPE_CHECKING:
    from synthaug.replacing.ladder import Ladder

__all__ = ["hider"]


def hider(
    ladder: Ladder, salt: bytes
) -> Callable[[NDArray[np.uint8], Detections], NDArray[np.uint8]]:
    """What hides the faces of a picture, uint8 (H, W, 3), each with a latent of its own.

    Args:
        ladder: what draws faces.
        salt: of the latents.
    """
    from synthaug.faces.openness import Openness

    read, met = Openness(), 0

    def hide(picture: NDArray[np.uint8], faces: Detections) -> NDArray[np.uint8]:
        nonlocal met
        import av

        from synthaug.replacing.painter import Painter

        spots = [
            Spot(box, points, float(score), Source.DETECTED)
            for box, points, score in zip(faces.boxes, faces.points, faces.scores, strict=True)
        ]
        tracks = [
            PlannedTrack(met + row, Action.REPLACE, 0, [0], [spot], openness=read(picture, [spot]))
            for row, spot in enumerate(spots)
        ]
        met += len(tracks)
        height, width = picture.shape[:2]
        plan = Plan("", "", width, height, 1, Fraction(1, 25), {}, "", tracks)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.pts = 0
        Painter(plan, ladder, salt).paint(frame)
        return np.asarray(frame.to_ndarray(format="rgb24"))

    return hide
