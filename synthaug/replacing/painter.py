"""The faces of one frame after the other, replaced: what a render does to pixels."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaug.errors import InputError
from synthaug.faces.conditions import GRID, Conditions, steady
from synthaug.faces.geometry import Placement, oval, placement, ring
from synthaug.faces.plan import Action, Plan, PlannedTrack
from synthaug.media.editing import paint, picture
from synthaug.replacing.compose import Canvas
from synthaug.replacing.ladder import Ladder
from synthaug.replacing.latents import latent
from synthaug.replacing.matching import Exposure, Treatment, aligned, treated
from synthaug.replacing.rung import Hidden

__all__ = ["Painter"]


_MEASURED = 5
"""Frames from one measurement of how a face's surroundings look to the next."""
_KEPT = 24
"""Frames that a drawn face may be shown in while nothing it was drawn from has changed."""
_UNCHANGED = 12.0
"""Mean change of the ring below which it has not changed, levels of 255."""
_SMALL = 96.0
"""Side of a crop in frame pixels up to which a cell more or less is not seen."""
_SMALLER = 72.0
"""Side up to which half the detail is enough."""
_GLANCE = 16
_NEARER = 1.25
"""How much larger a face is that is nearer by a step."""
_STICK = 0.4
"""How far beyond its step a face must go before it is in another, in steps."""
_TILE = 256
"""Side of the grain that stands still, pixels."""

Change = tuple[int, int, NDArray[np.uint8], NDArray[np.bool_]]


@dataclasses.dataclass
class _Face:
    """A track in one frame."""

    track: PlannedTrack
    where: Placement
    points: NDArray[np.float32]
    told: Conditions
    above: tuple[bool, int, int]


@dataclasses.dataclass
class _Active:
    """A track that has begun and not ended, all its frames."""

    track: PlannedTrack
    places: list[Placement]
    told: list[Conditions]
    near: list[int]

    def at(self, number: int) -> _Face:
        row = number - self.track.first
        # A plain cover never hides a face that was drawn.
        above = self.track.action is not Action.COVER, self.near[row], self.track.identity
        points = self.track.spots[row].points
        return _Face(self.track, self.places[row], points, self.told[row], above)


@dataclasses.dataclass
class _Kept:
    """A face that was drawn a few frames ago, and what it was drawn from."""

    crop: NDArray[np.uint8]
    name: str
    told: Conditions
    glance: NDArray[np.float32]
    left: int = _KEPT

    def fits(self, face: _Face, glance: NDArray[np.float32]) -> bool:
        """Whether it would be drawn the same again, or nearly; so a still face stands still."""
        self.left -= 1
        if self.left < 0:
            return False
        small = face.where.side <= _SMALL
        if not (self.told.near(face.told) if small else self.told == face.told):
            return False
        return float(np.abs(self.glance - glance).mean()) < _UNCHANGED


class Painter:
    """Replaces the faces of a plan, frame by frame in order.

    Args:
        plan: what is hidden.
        ladder: what draws faces.
        salt: of the latents.

    Attributes:
        rungs: of each track that is hidden, how many frames each rung drew.
    """

    def __init__(self, plan: Plan, ladder: Ladder, salt: bytes) -> None:
        self._ladder, self._salt = ladder, salt
        self._file = plan.input_sha256
        self.rungs: dict[int, Counter[str]] = {
            track.identity: Counter() for track in plan.tracks if track.action is not Action.KEEP
        }
        self._starting: dict[int, list[PlannedTrack]] = {}
        for track in plan.tracks:
            if track.action is not Action.KEEP:
                self._starting.setdefault(track.first, []).append(track)
        self._active: list[_Active] = []
        self._looks: dict[int, Treatment] = {}
        self._lights: dict[int, Exposure] = {}
        self._before: Canvas | None = None
        self._kept: dict[int, _Kept] = {}
        self._rings: dict[tuple[Placement, int], NDArray[np.uint8]] = {}
        self._next = 0

    def skip(self) -> None:
        """Go on to the next frame without touching this one."""
        self._faces()

    def paint(self, frame: Any) -> None:
        """Replace the faces of the next frame, an ``av.VideoFrame``, in place."""
        if self.pending:
            for left, top, colours, where in self.changes(picture(frame), frame.pts):
                paint(frame, left, top, colours, where)
        else:
            self.skip()

    @property
    def pending(self) -> bool:
        """Whether the next frame has a face to replace."""
        number = self._next
        ends = (each.track.first + len(each.track.spots) for each in self._active)
        return number in self._starting or any(end > number for end in ends)

    def changes(self, image: NDArray[np.uint8], time: int) -> list[Change]:
        """What is to be set in the next frame.

        Args:
            image: the frame, uint8 (H, W, 3).
            time: its presentation time.

        Returns:
            Left, top, colours uint8 (h, w, 3), and which of them, bool (h, w).

        Raises:
            InputError: the plan has another time for this frame.
        """
        number = self._next
        faces = self._faces()
        if not faces:
            self._before = None
            return []
        self._refuse_other_times(faces, number, time)
        canvas = Canvas(image, [face.where for face in faces], self._before)
        self._before = canvas
        for row, face in enumerate(faces):
            track = face.track.identity
            if track not in self._lights or (number + track) % _MEASURED == 0:
                self._lights[track] = canvas.exposure(row).after(self._lights.get(track))
        made = self._drawn(canvas, faces)
        # What is nearer to the camera is larger and lies above.
        for row in sorted(range(len(faces)), key=lambda row: faces[row].above):
            crop, name, told = made[row]
            track = faces[row].track.identity
            self.rungs[track][name] += 1
            crop = self._lights[track].applied(crop)
            context = None
            if name != "cover":
                crop = self._aligned(crop, told, faces[row])
                context = self._ring(canvas, faces[row].where, len(crop))
            drawn = canvas.drawn(row, crop, context)
            if drawn is None:
                continue
            if context is not None:
                wanted = self._treatment(canvas, row, drawn, track, number)
                one = canvas.windows[row]
                assert one is not None  # something was drawn
                standing = self._standing(one.at)
                drawn = treated(drawn, wanted, self._noise(track, number), standing)
            canvas.set(row, drawn)
        self._rings.clear()
        return canvas.changed()

    def state(self) -> Any:
        """What the next frame depends on beside itself, JSON-ready.

        Faces that were kept are forgotten, here as in a run that goes on from this state.
        """
        self._kept.clear()
        self._before = None
        lights = {str(track): dataclasses.astuple(each) for track, each in self._lights.items()}
        looks = {str(track): dataclasses.astuple(each) for track, each in self._looks.items()}
        rungs = {str(track): dict(counts) for track, counts in self.rungs.items()}
        return {"looks": looks, "lights": lights, "rungs": rungs}

    def restore(self, state: Any) -> None:
        """Go on from a `state`."""
        self._looks = {int(track): Treatment(*each) for track, each in state["looks"].items()}
        self._lights = {int(track): Exposure(*each) for track, each in state["lights"].items()}
        for track, counts in state["rungs"].items():
            self.rungs[int(track)] = Counter(counts)

    def _faces(self) -> list[_Face]:
        """The faces of the next frame."""
        number = self._next
        self._next += 1
        for track in self._starting.pop(number, []):
            places = [placement(spot) for spot in track.spots]
            told = steady(track.spots, openness=track.openness, where=places)
            self._active.append(_Active(track, places, told, _nearness(places)))
        gone = [each for each in self._active if number - each.track.first >= len(each.track.spots)]
        for each in gone:
            self._active.remove(each)
            self._looks.pop(each.track.identity, None)
            self._lights.pop(each.track.identity, None)
            self._kept.pop(each.track.identity, None)
        return [each.at(number) for each in self._active]

    def _refuse_other_times(self, faces: Sequence[_Face], number: int, time: int) -> None:
        """Refuse a plan whose frames are not those of the file: faces would be missed."""
        planned = {face.track.times[number - face.track.first] for face in faces}
        if planned != {time}:
            raise InputError(
                "plan", expected=f"frame {number} at time {time}", got=f"{sorted(planned)}",
                remedy="Plan this file again.", code="input.plan",
            )  # fmt: skip

    def _drawn(self, canvas: Canvas, faces: Sequence[_Face]) -> list[tuple[Any, str, Conditions]]:
        """A crop for each face, the rung that drew it, and what it was told."""
        made: dict[int, tuple[Any, str, Conditions]] = {}
        covers = [face.track.action is Action.COVER for face in faces]
        drawn = [row for row, covered in enumerate(covers) if not covered]
        covered = [row for row, covered in enumerate(covers) if covered]

        def asked(rows: list[int]) -> Any:
            def give(chosen: Sequence[int], resolution: int, dim: int) -> list[Hidden]:
                return [self._hidden(canvas, faces[rows[n]], resolution, dim) for n in chosen]

            return give

        for row in tuple(drawn):
            kept = self._kept.get(faces[row].track.identity)
            if kept is not None and kept.fits(
                faces[row], self._glance(canvas, faces[row], len(kept.crop))
            ):
                made[row] = kept.crop, kept.name, kept.told
                drawn.remove(row)
        if drawn:
            crops, names = self._ladder(asked(drawn), len(drawn))
            for row, crop, name in zip(drawn, crops, names, strict=True):
                face = faces[row]
                if face.where.side <= _SMALLER < len(crop):
                    crop = _halved(crop)
                made[row] = crop, name, face.told
                glance = self._glance(canvas, face, len(crop))
                self._kept[face.track.identity] = _Kept(crop, name, face.told, glance)
        if covered:
            crops = self._ladder.covers(asked(covered), range(len(covered)))
            made |= {
                row: (crop, "cover", faces[row].told)
                for row, crop in zip(covered, crops, strict=True)
            }
        return [made[row] for row in range(len(faces))]

    def _hidden(self, canvas: Canvas, face: _Face, resolution: int, dim: int) -> Hidden:
        # Tracks of one person share a latent where the plan links them; tracks of two files
        # do not, even where one seed gave both their salt.
        person = face.track.person
        name = f"{self._file} {face.track.identity}" if person is None else f"person {person}"
        drawn = latent(self._salt, name, dim)
        context = self._ring(canvas, face.where, resolution)
        context = self._lights[face.track.identity].stretched(context)
        return Hidden(context, oval(resolution), face.told, drawn)

    @staticmethod
    def _aligned(crop: NDArray[np.uint8], told: Conditions, face: _Face) -> NDArray[np.uint8]:
        points = (told.landmarks.astype(np.float32) + 0.5) / GRID - 0.5
        return aligned(crop, points, face.where.relative(face.points))

    def _ring(self, canvas: Canvas, where: Placement, resolution: int) -> NDArray[np.uint8]:
        """What surrounds a face before anything is drawn, read once a frame."""
        known = self._rings.get((where, resolution))
        if known is None:
            known = self._rings[where, resolution] = ring(canvas.pixels, where, resolution)
        return known

    def _glance(self, canvas: Canvas, face: _Face, resolution: int) -> NDArray[np.float32]:
        """The ring in a few pixels: whether it has changed is seen in them."""
        import cv2

        whole = self._ring(canvas, face.where, resolution)
        small = cv2.resize(whole, (_GLANCE, _GLANCE), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.float32)

    def _treatment(
        self, canvas: Canvas, row: int, drawn: NDArray[np.uint8], track: int, number: int
    ) -> Treatment:
        """How a face is made to look like its surroundings, measured every few frames."""
        known = self._looks.get(track)
        if known is None or (number + track) % _MEASURED == 0:
            known = self._looks[track] = canvas.treatment(row, drawn, known)
        return known

    def _standing(self, at: tuple[slice, slice]) -> NDArray[np.float32]:
        """Noise that stands still on the screen, one tile over and over, float32 (h, w)."""
        rows, columns = (np.arange(each.start, each.stop) % _TILE for each in at)
        tile: NDArray[np.float32] = self._tile[rows][:, columns]
        return tile

    @functools.cached_property
    def _tile(self) -> NDArray[np.float32]:
        return self._noise(0, -1).standard_normal((_TILE, _TILE), np.float32)

    def _noise(self, track: int, frame: int) -> np.random.Generator:
        digest = hashlib.blake2b(
            f"grain\0{track}\0{frame}".encode(), key=self._salt[:64], digest_size=16
        ).digest()
        return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "big")))


def _nearness(places: Sequence[Placement]) -> list[int]:
    """How near a track is to the camera in each frame, in steps that do not flicker.

    Two faces that cover each other in part and are about as large would else change places
    from frame to frame.
    """
    steps = np.log([where.side for where in places]) / math.log(_NEARER)
    held, near = round(float(steps[0])), []
    for step in steps:
        if abs(step - held) > 0.5 + _STICK:
            held = round(float(step))
        near.append(held)
    return near


def _halved(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    side = len(crop) // 2
    return np.asarray(cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
