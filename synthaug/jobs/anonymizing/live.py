"""The story of one picture, or of frames that come one by one: found, replaced, checked.

Nothing is known of the frames to come: a face is hidden from the frame in which it is seen, and
for a while after it is lost. A file that can be read twice is better planned first.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthaug.errors import ExposedFace
from synthaug.faces.conditions import conditions
from synthaug.faces.cuts import CutFinder
from synthaug.faces.detections import Detections, closeness
from synthaug.faces.geometry import placement, ring
from synthaug.faces.lookout import Lookout
from synthaug.faces.motion import MotionFinder, moved
from synthaug.faces.tracks import Source, Spot
from synthaug.faces.zones import Zone, zone_spots
from synthaug.replacing.compose import Canvas
from synthaug.replacing.ladder import Faces, Ladder
from synthaug.replacing.latents import latent, salt_of
from synthaug.replacing.matching import Treatment, treated
from synthaug.replacing.rung import Hidden, hidden

__all__ = ["Live", "Replaced"]

_SURE = 0.5  # score of a face that its detectors believe in
_INKLING = 0.35  # score from which a finding is hidden all the same
_CARRIED = 1.0  # seconds for which a lost face is hidden where it should be
_GROWTH = 0.8  # share of its size by which a lost face's box grows in a second
_HIDDEN = 0.97  # share of a found box that must have been painted


@dataclasses.dataclass(frozen=True)
class Replaced:
    """A picture without the faces that were in it.

    Args:
        picture: RGB, uint8 (H, W, 3).
        rungs: how many places each rung of the ladder drew.
        doubtful: places covered on doubt: carried over a gap, or found by one detector only.
    """

    picture: NDArray[np.uint8]
    rungs: Counter[str]
    doubtful: int


@dataclasses.dataclass
class _Followed:
    """A face that has been seen, now or a moment ago."""

    identity: int
    spot: Spot
    seen: float
    doubtful: bool
    look: Treatment | None = None


class Live:
    """Replaces the faces of pictures as they come.

    Args:
        ladder: what draws faces; the usual one where it is None.
        lookout: what finds them.
        zones: left, top, width and height as shares of the picture: always covered.
        smallest: faces with a larger side below it are covered, not generated, pixels.
        seed: of the latents; random and kept nowhere where it is None.
    """

    def __init__(
        self,
        *,
        ladder: Ladder | None = None,
        lookout: Lookout | None = None,
        zones: Sequence[tuple[float, float, float, float]] = (),
        smallest: float = 0.0,
        seed: int | None = None,
    ) -> None:
        self._ladder = ladder or Ladder.usual()
        self._lookout = lookout or Lookout()
        self._lookout.reset()
        self._cut, self._motion = CutFinder(), MotionFinder()
        self._zones, self._smallest = zones, smallest
        self._salt = secrets.token_bytes(32) if seed is None else salt_of(seed)
        self._followed: list[_Followed] = []
        self._named = 0

    def still(self, picture: NDArray[np.uint8]) -> Replaced:
        """A single picture, RGB uint8 (H, W, 3), looked at as hard as can be.

        Raises:
            ExposedFace: what was found could not be hidden.
        """
        self._followed = []
        found = _believed(self._lookout.picture(picture))
        return self._replaced(picture, self._named_faces(found, 0.0), found)

    def frame(self, picture: NDArray[np.uint8], seconds: float) -> Replaced:
        """The next frame, RGB uint8 (H, W, 3).

        Args:
            picture: of the same size as those before.
            seconds: when it is shown; not before the frame before.

        Raises:
            ExposedFace: what was found could not be hidden.
        """
        cut, motion = self._cut(picture), self._motion(picture)
        found = _believed(self._lookout(picture, cut=cut, time=seconds, motion=motion))
        size = picture.shape[1], picture.shape[0]
        if cut:
            self._followed = []
        for each in self._followed:
            shift = moved(each.spot.box, motion, size)
            box = each.spot.box.copy()
            box[:2] += shift
            each.spot = dataclasses.replace(
                each.spot, box=box, points=each.spot.points + shift, source=Source.LED_OUT
            )
        return self._replaced(picture, self._named_faces(found, seconds), found)

    def _named_faces(self, found: Detections, seconds: float) -> list[_Followed]:
        """The faces of a frame: those found, and those lost a moment ago."""
        before = [each.spot.box for each in self._followed]
        fits = closeness(np.array(before, np.float32).reshape(-1, 4), found.boxes)
        faces: list[_Followed] = []
        taken: set[int] = set()
        for row in np.argsort(-found.scores, kind="stable"):
            spot = Spot(found.boxes[row], found.points[row], float(found.scores[row]),
                        Source.DETECTED)  # fmt: skip
            free = [n for n in range(len(before)) if n not in taken and fits[n, row] > 0]
            doubtful = bool(found.scores[row] < _SURE)
            if free:
                best = max(free, key=lambda n: float(fits[n, row]))
                taken.add(best)
                known = self._followed[best]
                faces.append(_Followed(known.identity, spot, seconds, doubtful, known.look))
            else:
                self._named += 1
                faces.append(_Followed(self._named, spot, seconds, doubtful))
        for n, lost in enumerate(self._followed):
            if n not in taken and seconds - lost.seen <= _CARRIED:
                faces.append(dataclasses.replace(lost, doubtful=True))
        self._followed = faces
        return faces

    def _replaced(
        self, picture: NDArray[np.uint8], faces: Sequence[_Followed], found: Detections
    ) -> Replaced:
        size = picture.shape[1], picture.shape[0]
        shown = [_grown(each) for each in faces]
        zones = [zone_spots(_in_pixels(zone, size), [0.0], size)[1][0] for zone in self._zones]
        places = [placement(spot) for spot in (*shown, *zones)]
        canvas = Canvas(picture, places)
        drawn = [
            row for row, each in enumerate(faces)
            if not each.doubtful and max(each.spot.box[2:]) >= self._smallest
        ]  # fmt: skip
        covered = [row for row in range(len(places)) if row not in drawn]

        spots = [*shown, *zones]
        names: list[str | int]
        names = [*(each.identity for each in faces), *(f"zone {n}" for n in range(len(zones)))]

        def asked(rows: Sequence[int]) -> Faces:
            def give(chosen: Sequence[int], resolution: int, dim: int) -> list[Hidden]:
                return [
                    hidden(canvas.pixels, places[row], conditions(spots[row]),
                           latent(self._salt, names[row], dim), resolution)
                    for row in (rows[n] for n in chosen)
                ]  # fmt: skip

            return give

        made: dict[int, tuple[NDArray[np.uint8], str]] = {}
        crops, by = self._ladder(asked(drawn), len(drawn))
        made |= dict(zip(drawn, zip(crops, by, strict=True), strict=True))
        covers = self._ladder.covers(asked(covered), range(len(covered)))
        made |= {row: (crop, "cover") for row, crop in zip(covered, covers, strict=True)}
        rungs: Counter[str] = Counter()
        for row in sorted(range(len(places)), key=lambda row: places[row].side):
            crop, name = made[row]
            rungs[name] += 1
            context = ring(canvas.pixels, places[row], len(crop)) if name != "cover" else None
            drawn_here = canvas.drawn(row, crop, context)
            if drawn_here is None:
                continue
            if context is not None:
                face = faces[row]
                face.look = canvas.treatment(row, drawn_here, face.look)
                grain = np.random.default_rng([row, int.from_bytes(self._salt[:8], "big")])
                drawn_here = treated(drawn_here, face.look, grain)
            canvas.set(row, drawn_here)
        _refuse_open(canvas, found, size)
        return Replaced(canvas.pixels, rungs, sum(each.doubtful for each in faces))


def _believed(found: Detections) -> Detections:
    """What may be a face: one detector has an inkling, or both found it."""
    return found[(found.scores >= _INKLING) | (found.by == 3)]


def _grown(face: _Followed) -> Spot:
    """Where a face may be by now."""
    if face.spot.source is Source.DETECTED:
        return face.spot
    left, top, width, height = face.spot.box
    share = _GROWTH / 2
    box = np.array(
        [left - width * share / 2, top - height * share / 2, width * (1 + share),
         height * (1 + share)], np.float32,
    )  # fmt: skip
    return dataclasses.replace(face.spot, box=box)


def _in_pixels(zone: tuple[float, float, float, float], size: tuple[int, int]) -> Zone:
    left, top, width, height = zone
    return Zone(left * size[0], top * size[1], width * size[0], height * size[1])


def _refuse_open(canvas: Canvas, found: Detections, size: tuple[int, int]) -> None:
    """Refuse a picture in which a box that a detector drew was not painted over.

    Raises:
        ExposedFace: so it is.
    """
    painted = np.zeros((size[1], size[0]), np.bool_)
    for one in canvas.windows:
        if one is not None:
            painted[one.at] |= one.inside
    for box in found.boxes:
        left, top = (max(0, int(v)) for v in box[:2])
        right, bottom = (int(v) for v in box[:2] + box[2:])
        part = painted[top:bottom, left:right]
        if part.size and part.mean() < _HIDDEN:
            raise ExposedFace("a face was found and could not be hidden")
