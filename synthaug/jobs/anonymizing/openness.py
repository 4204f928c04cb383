"""How far mouths and eyes are open in a plan's tracks: the one thing read from faces for rungs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthaug.errors import Damaged, InputError
from synthaug.faces.openness import Openness
from synthaug.faces.plan import Action, PlannedTrack
from synthaug.faces.smoothing import one_euro
from synthaug.faces.tracks import Source
from synthaug.faces.turning import upright
from synthaug.media import Clip, frames
from synthaug.media.editing import picture
from synthaug.training.progress import Callback, Progress, tell

__all__ = ["read_openness"]


def read_openness(
    clip: Clip, planned: Sequence[PlannedTrack], callbacks: Sequence[Callback] = ()
) -> str:
    """Fill ``openness`` of the tracks that are to be replaced; why it could not, or nothing.

    Each face is read where it was seen; in between, the numbers are interpolated, and over
    time they are smoothed.

    Args:
        clip: the video.
        planned: tracks in the upright picture.
        callbacks: told of progress, in frames.
    """
    wanted = [each for each in planned if each.action is Action.REPLACE]
    if not wanted:
        return ""
    try:
        read = Openness()
    except (InputError, Damaged) as error:
        return str(error)
    last = max(each.first + len(each.spots) for each in wanted)
    found: list[dict[int, NDArray[np.float32]]] = [{} for _ in wanted]
    try:
        for number, frame in enumerate(frames(clip)):
            if number >= last:
                break
            seen = [
                (row, each.spots[number - each.first])
                for row, each in enumerate(wanted)
                if 0 <= number - each.first < len(each.spots)
                and each.spots[number - each.first].source is Source.DETECTED
            ]
            if seen:
                image = upright(picture(frame), clip.rotation)
                numbers = read(image, [spot for _, spot in seen])
                for (row, _), values in zip(seen, numbers, strict=True):
                    found[row][number - wanted[row].first] = values
            tell(callbacks, Progress(
                phase="read expressions", images_seen=number + 1, total=clip.frames, unit="frames",
            ))  # fmt: skip
    except Damaged:
        pass  # finding faces has said so already
    for each, values in zip(wanted, found, strict=True):
        if values:
            each.openness = _smooth(each, values, clip)
    return ""


def _smooth(
    each: PlannedTrack, found: dict[int, NDArray[np.float32]], clip: Clip
) -> NDArray[np.float32]:
    """Mouth and eyes in every frame of a track, float32 (T, 2)."""
    rows = sorted(found)
    read = np.stack([found[row] for row in rows])
    seconds = (np.array(each.times, np.float64) - each.times[0]) * float(clip.time_base)
    steady = one_euro(read, seconds[rows], min_cutoff=3.0, beta=1.0)
    every = [np.interp(np.arange(len(each.spots)), rows, steady[:, side]) for side in (0, 1)]
    return np.stack(every, 1).astype(np.float32)
