"""Whether a recogniser knows the person of a track again in the output."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from synthaug.audit.pairing import Pair
from synthaug.faces.detections import Detections
from synthaug.faces.geometry import cut, oval, placement
from synthaug.faces.plan import Action, Plan
from synthaug.faces.recognisers import Recogniser
from synthaug.faces.tracks import Source, Spot
from synthaug.verdict import Status, Verdict

__all__ = ["Identity", "Sight", "Sights", "control_verdict", "identities", "identity_verdict"]

_SIDE = 192  # pixels of a crop that a recogniser sees
_PER_TRACK = 4
_CLEAR = 40.0  # side of a box, pixels, from which a recogniser must know the source itself
_FLAT_ONES = 2  # crops of each track that are looked at with a flat oval
_PAIRS = 3  # pairs of people in one picture that say something of a recogniser
_FEWEST = 2  # sights of a track that are compared with each other

Floats = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, eq=False)
class Sight:
    """One face in one frame, before and after: crops uint8 (S, S, 3) and where the face is."""

    track: int
    frame: int
    side: float
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    face: Detections


class Sights:
    """Told one pair of frames after the other, keeps a few faces of each track in memory.

    Args:
        plan: what was to be hidden.
        per_track: faces kept of each track, spread over its clearest part.
    """

    def __init__(self, plan: Plan, *, per_track: int = _PER_TRACK) -> None:
        self.kept: list[Sight] = []
        self._wanted: dict[int, list[tuple[int, Spot]]] = {}
        for track in plan.tracks:
            if track.action is Action.KEEP:
                continue
            for row in _clearest(track.spots, per_track):
                at = self._wanted.setdefault(track.first + row, [])
                at.append((track.identity, track.spots[row]))

    def look(self, pair: Pair) -> None:
        """Keep what is wanted of one frame."""
        if pair.output is None:
            return
        for track, spot in self._wanted.get(pair.number, []):
            where = placement(spot)
            matrix = where.to_crop(_SIDE)
            points = spot.points @ matrix[:, :2].T + matrix[:, 2]
            corners = np.stack([spot.box[:2], spot.box[:2] + spot.box[2:]])
            corners = corners @ matrix[:, :2].T + matrix[:, 2]
            box = np.concatenate([corners.min(0), np.ptp(corners, axis=0)])
            face = Detections(
                box[None].astype(np.float32),
                points[None].astype(np.float32),
                np.array([spot.score], np.float32),
            )
            before, after = cut(pair.source, where, _SIDE), cut(pair.output, where, _SIDE)
            side = float(np.sqrt(spot.box[2:].prod()))
            self.kept.append(Sight(track, pair.number, side, before, after, face))


def _clearest(spots: Sequence[Spot], most: int) -> list[int]:
    """Rows of the largest detected faces, spread over time; best half only."""
    rows = [row for row, spot in enumerate(spots) if spot.source is Source.DETECTED]
    if len(rows) > 2 * most:
        sizes = np.array([spots[row].box[2:].prod() for row in rows])
        rows = [row for row, fine in zip(rows, sizes >= np.median(sizes), strict=True) if fine]
    places = np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int))
    return [rows[place] for place in places] if rows else []


@dataclasses.dataclass(frozen=True, eq=False)
class Identity:
    """One track as one recogniser sees it.

    Args:
        track: number in the plan.
        recogniser: name.
        frames: where it was looked at.
        side: median side of the boxes, pixels.
        before: unit rows (n, D) of the source.
        after: unit rows (n, D) of the output.
        nobody: unit rows (m, D) of the source's surroundings with a flat oval.
        same: cosine from which two faces are one person's.
        strangers: how like this source the outputs are of people who are in one picture with it.
    """

    track: int
    recogniser: str
    frames: frozenset[int]
    side: float
    before: Floats
    after: Floats
    nobody: Floats
    same: float
    strangers: tuple[float, ...] = ()

    @property
    def control(self) -> float:
        """Median cosine of the source with itself in other frames; NaN with one frame."""
        return _across(self.before, self.before)

    @property
    def similarity(self) -> float:
        """Median cosine of the output with the source in other frames."""
        if len(self.before) < _FEWEST:
            return float((self.before * self.after).sum(-1).mean())
        return _across(self.before, self.after)

    @property
    def known(self) -> bool:
        """Whether the output's answer counts.

        The source must be recognised in itself, and a flat oval in its place must not be, nor
        most of what strangers became: in dim or blurred pictures all faces are alike.
        """
        if self.control < self.same or math.isnan(self.control):
            return False
        taken = sum(each >= self.same for each in self.strangers)
        blank = float(np.median(self.before @ self.nobody.T)) if len(self.nobody) else -1.0
        return blank < self.same and taken * 2 <= len(self.strangers)

    @property
    def found(self) -> bool:
        """Whether the person is recognised in the output, better than in any stranger's."""
        return self.similarity >= self.same and self.similarity > max(self.strangers, default=-1.0)

    def template(self, *, after: bool) -> Floats:
        """The mean of the rows, of unit length (D,)."""
        mean = (self.after if after else self.before).mean(0)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)


def _across(one: Floats, other: Floats) -> float:
    """Median cosine of rows of different frames."""
    if len(one) < _FEWEST:
        return math.nan
    likeness = one @ other.T
    return float(np.median(likeness[~np.eye(len(one), dtype=bool)]))


def identities(
    sights: Sights, recognisers: Iterable[Recogniser], met: set[frozenset[int]]
) -> list[Identity]:
    """Each track as each recogniser sees it; the rows stay in memory.

    Args:
        sights: the faces.
        recognisers: who looks.
        met: pairs of tracks that some frame shows both of; see `together`.
    """
    by_track: dict[int, list[Sight]] = {}
    for sight in sights.kept:
        by_track.setdefault(sight.track, []).append(sight)
    found = []
    for recogniser in recognisers:
        seen = [_identity(recogniser, track, mine) for track, mine in by_track.items()]
        found += [
            dataclasses.replace(
                one,
                strangers=tuple(
                    float(np.median(one.before @ other.after.T))
                    for other in seen
                    if frozenset({one.track, other.track}) in met
                ),
            )
            for one in seen
        ]
    return found


def _identity(recogniser: Recogniser, track: int, mine: Sequence[Sight]) -> Identity:
    before, after = (
        np.concatenate([recogniser(getattr(each, name), each.face) for each in mine])
        for name in ("before", "after")
    )
    flat = [recogniser(_blank(each.before), each.face) for each in mine[:_FLAT_ONES]]
    return Identity(
        track=track, recogniser=recogniser.name, frames=frozenset(each.frame for each in mine),
        side=float(np.median([each.side for each in mine])), before=before, after=after,
        nobody=np.concatenate(flat), same=recogniser.same,
    )  # fmt: skip


def _blank(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A crop whose oval has one colour, that of its surroundings."""
    made = crop.copy()
    inside = oval(_SIDE)
    made[inside] = crop[~inside].mean(0).astype(np.uint8)
    return made


def broken(
    recogniser: Recogniser, seen: Sequence[Identity], sights: Sights, met: set[frozenset[int]]
) -> str:
    """Why a recogniser's answers count for nothing; empty where they count.

    It must know clear faces of the source again in other frames of their own track, and it
    must not know people who are in one picture as one another, nor a face in a picture of
    its own pieces in another order.

    Args:
        recogniser: which.
        seen: the tracks as it sees them.
        sights: the crops themselves.
        met: pairs of tracks that some frame shows both of.
    """
    clear = [each for each in seen if each.side >= _CLEAR and len(each.before) >= _FEWEST]
    lost = [each for each in clear if each.control < each.same]
    if len(clear) and len(lost) * 2 > len(clear):
        return f"it does not know {len(lost)} of {len(clear)} clear faces of the source again"
    strangers = [
        float(np.median(one.before @ other.before.T))
        for number, one in enumerate(seen)
        for other in seen[:number]
        if frozenset({one.track, other.track}) in met
    ]
    pieces = [_pieces(recogniser, sight) for sight in sights.kept[:_PER_TRACK]]
    # Two faces in one picture may be one person and a mirror; most of several pairs are not.
    strangers = strangers if len(strangers) >= _PAIRS else []
    for name, likeness in (("people in one picture", strangers), ("pieces of faces", pieces)):
        taken = sum(each >= recogniser.same for each in likeness)
        if taken * 2 > len(likeness):
            return f"it takes {name} for the same person ({taken} of {len(likeness)})"
    return ""


def _pieces(recogniser: Recogniser, sight: Sight) -> float:
    """Likeness of a face and a picture of its pieces in another order: no person at all."""
    side = _SIDE // 6
    blocks = sight.before.reshape(6, side, 6, side, 3).swapaxes(1, 2).reshape(36, side, side, 3)
    order = np.random.default_rng(0).permutation(36)
    mixed = blocks[order].reshape(6, 6, side, side, 3).swapaxes(1, 2).reshape(sight.before.shape)
    one = recogniser(sight.before, sight.face)
    return float((one * recogniser(np.ascontiguousarray(mixed), sight.face)).sum())


def together(plan: Plan) -> set[frozenset[int]]:
    """Pairs of tracks that some frame shows both of: they are two people."""
    spans = [(t.identity, t.first, t.first + len(t.spots)) for t in plan.tracks]
    return {
        frozenset({one, other})
        for number, (one, start, stop) in enumerate(spans)
        for other, begin, end in spans[:number]
        if max(start, begin) < min(stop, end)
    }


def control_verdict(
    seen: Sequence[Identity], wrong: dict[str, str], used: Sequence[Recogniser], why_none: str
) -> Verdict:
    """Whether the recognisers could have known anybody at all."""
    names = [each.name for each in used]
    told = "; ".join(f"{name}: {reason}" for name, reason in wrong.items())
    known = {each.track for each in seen if each.known and each.recogniser not in wrong}
    tracks = {each.track for each in seen}
    if not names:
        status, why = Status.INCONCLUSIVE, why_none
    elif len(wrong) == len(names):
        status, why = Status.INCONCLUSIVE, f"the audit is broken: {told}"
    elif not tracks:
        status, why = Status.PASS, "nobody to recognise: no track is hidden"
    elif not known:
        status = Status.INCONCLUSIVE
        why = f"no face of the source is clear enough to be recognised ({', '.join(names)})"
    else:
        status = Status.PASS
        sound = ", ".join(name for name in names if name not in wrong)
        why = f"{len(known)} of {len(tracks)} tracks are known in the source ({sound})"
        why += f"; left out, {told}" if told else ""
    return Verdict(
        gate="control", scope="file", status=status, statistic=len(known), threshold=None,
        n_real=len(tracks), n_generated=len(tracks), null="tracks known in the source", why=why,
    )  # fmt: skip


def identity_verdict(seen: Sequence[Identity], wrong: dict[str, str], why_none: str) -> Verdict:
    """Whether anybody is recognised in the output."""
    counted = [each for each in seen if each.known and each.recogniser not in wrong]
    found = sorted({each.track for each in counted if each.found})
    known = {each.track for each in counted}
    tracks = {each.track for each in seen}
    unclear = len(tracks) - len(known)
    rest = f"; {unclear} are too small, short, dim or blurred to say" if unclear else ""
    if found:
        numbers = ", ".join(map(str, found[:8]))
        status = Status.FAIL
        why = f"recognised: {len(found)} of {len(known)} tracks (number {numbers}){rest}"
    elif why_none:
        status, why = Status.INCONCLUSIVE, why_none
    elif wrong and not counted:
        status, why = Status.INCONCLUSIVE, "the audit is broken: see control"
    elif not tracks:
        status, why = Status.PASS, "no track is hidden"
    elif not known:
        status = Status.INCONCLUSIVE
        why = f"none of {len(tracks)} tracks is clear enough to be told from nobody"
    else:
        status, why = Status.PASS, f"nobody of {len(known)} tracks is recognised{rest}"
    worst = max((each.similarity for each in counted), default=math.nan)
    return Verdict(
        gate="identity", scope="file", status=status, statistic=round(worst, 4),
        threshold=max((each.same for each in counted), default=None), n_real=len(known),
        n_generated=len(tracks), null="cosine of output and source",
        why=why,
    )  # fmt: skip
