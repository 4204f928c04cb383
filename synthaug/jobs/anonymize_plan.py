"""The story of ``synthaug anonymize plan``: a video in, what is to be hidden out."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaug.errors import Damaged
from synthaug.faces.cuts import CutFinder
from synthaug.faces.lookout import Lookout
from synthaug.faces.motion import MotionFinder
from synthaug.faces.plan import Action, Plan, PlannedTrack
from synthaug.faces.sights import Sight, SightFile
from synthaug.faces.tracks import Settings, Spot, Track, track
from synthaug.media import Clip, Limits, frames, probe
from synthaug.media.editing import picture
from synthaug.training.progress import Callback, Progress, tell
from synthaug.weights.registry import sha256_of

__all__ = ["plan_video"]

_SYNC_SECONDS = 10.0


def plan_video(
    source: str | Path,
    *,
    limits: Limits | None = None,
    work: Path | None = None,
    lookout: Lookout | None = None,
    settings: Settings | None = None,
    callbacks: Sequence[Callback] = (),
) -> Plan:
    """Where the faces of a video are, in every frame, and what is to happen to each.

    Frames are read one by one and only what was found in them is kept, so memory does not
    grow with the video but for some hundred bytes a frame.

    Args:
        source: the video.
        limits: what to refuse.
        work: file that keeps what was found, so that the same call goes on after a kill; it
            is left where it is. None keeps nothing.
        lookout: what finds faces.
        settings: what a track is.
        callbacks: told of progress, in frames.

    Raises:
        InputError: not a video, or beyond the limits.
        Damaged: not one frame can be decoded.
    """
    clip = probe(source, limits=limits)
    lookout, settings = lookout or Lookout(), settings or Settings()
    digest = sha256_of(clip.path)
    key = _key(digest, lookout)
    with contextlib.ExitStack() as stack:
        if work is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            work = Path(folder) / "sights"
        sights = stack.enter_context(SightFile(work, key))
        notes = _look(clip, sights, lookout, callbacks)
        kept = list(sights)
        times = [float(sight.time * clip.time_base) for sight in kept]
        tracks = track(
            [sight.found for sight in kept], times, [sight.cut for sight in kept],
            shown_size(clip), settings=settings,
        )  # fmt: skip
    return Plan(
        clip.path.name, digest, clip.width, clip.height, len(kept), clip.time_base,
        {each.name: each.sha256 for each in lookout.detectors}, key,
        [_planned(n, each, kept, clip) for n, each in enumerate(tracks)], notes,
    )  # fmt: skip


def _look(
    clip: Clip, sights: SightFile, lookout: Lookout, callbacks: Sequence[Callback]
) -> list[str]:
    """Fill the file of sights up to the last frame; what went wrong, in words."""
    cuts, motion = CutFinder(), MotionFinder()
    began = synced = time.monotonic()
    known = len(sights)
    try:
        for index, frame in enumerate(frames(clip)):
            image = upright(picture(frame), clip.rotation)
            cut, moved = cuts(image), motion(image)
            if index < known:
                lookout.recall(looked_twice=bool((sights[index].found.by & 2).any()) or cut)
                continue
            sights.append(Sight(frame.pts, cut, lookout(image, cut=cut), moved))
            now = time.monotonic()
            if now - synced > _SYNC_SECONDS:
                sights.sync()
                synced = now
            tell(callbacks, Progress(
                phase="find faces", images_seen=index + 1, total=clip.frames, unit="frames",
                images_per_second=(index + 1 - known) / max(1e-9, now - began),
            ))  # fmt: skip
    except Damaged as error:
        if not len(sights):
            raise
        return [str(error)]
    return []


def upright(image: NDArray[np.uint8], rotation: int) -> NDArray[np.uint8]:
    """A stored frame as players show it: turned counter-clockwise by quarter turns."""
    return np.ascontiguousarray(np.rot90(image, round(rotation / 90)))


def shown_size(clip: Clip) -> tuple[int, int]:
    """Width and height of the frames as players show them."""
    turned = round(clip.rotation / 90) % 2
    return (clip.height, clip.width) if turned else (clip.width, clip.height)


def stored(spot: Spot, clip: Clip) -> Spot:
    """A face of the upright picture where it is in the frame as stored."""
    quarter = round(clip.rotation / 90) % 4
    if not quarter:
        return spot
    corners = np.stack([spot.box[:2], spot.box[:2] + spot.box[2:]])
    ends = _turned_back(corners, quarter, clip)
    box = np.concatenate([ends.min(0), ends.max(0) - ends.min(0)])
    return dataclasses.replace(spot, box=box, points=_turned_back(spot.points, quarter, clip))


def _turned_back(points: NDArray[np.float32], quarter: int, clip: Clip) -> NDArray[np.float32]:
    """Points x, y (N, 2) of the picture turned by quarters, in the frame as stored."""
    x, y = points[:, 0], points[:, 1]
    back = {
        1: (clip.width - y, x),
        2: (clip.width - x, clip.height - y),
        3: (y, clip.height - x),
    }
    return np.stack(back[quarter], 1).astype(np.float32)


def _planned(identity: int, each: Track, sights: Sequence[Sight], clip: Clip) -> PlannedTrack:
    times = [sights[frame].time for frame in range(each.first, each.last + 1)]
    spots = [stored(spot, clip) for spot in each.spots]
    return PlannedTrack(identity, Action.REPLACE, each.first, times, spots)


def _key(digest: str, lookout: Lookout) -> str:
    """SHA-256 of all that what is found depends on."""
    parts: list[Any] = [digest, dataclasses.asdict(lookout.attention)]
    parts += [(each.name, each.sha256) for each in lookout.detectors]
    return hashlib.sha256(repr(parts).encode()).hexdigest()
