"""Who stays and who is hidden: tracks compared with photographs, in memory only."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthaug.datasets.decode import BadImage, decode
from synthaug.datasets.limits import Limits
from synthaug.errors import Damaged, InputError
from synthaug.faces.detections import Detections
from synthaug.faces.lookout import Lookout
from synthaug.faces.people import FEWEST, Known, chosen_sights, compared, persons, robust_mean
from synthaug.faces.plan import Action, PlannedTrack
from synthaug.faces.recognisers import Recogniser, recognisers
from synthaug.faces.tracks import Track
from synthaug.training.progress import Callback, Progress, tell

__all__ = ["People", "recognised", "references"]

Floats = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, eq=False)
class People:
    """The photographs' people as a recogniser knows them.

    Args:
        recogniser: whose numbers these are.
        known: unit vectors, float32 (R, D).
        hide: they are the only ones to hide; else the only ones to keep.
        linked: whether tracks of one person are to be linked.
    """

    recogniser: Recogniser
    known: Floats
    hide: bool
    linked: bool


def references(
    files: Sequence[str | Path], *, hide: bool, lookout: Lookout, linked: bool = False
) -> People | None:
    """The people of photographs; None where nobody has to be recognised.

    Args:
        files: photographs of one person each; several may show the same one.
        hide: they are the only ones to hide; else the only ones to keep.
        lookout: what finds their faces.
        linked: whether tracks of one person are to be linked.

    Raises:
        InputError: no recogniser, a file that is no picture, or none or several faces in it.
    """
    if not files and not linked:
        return None
    able = recognisers()
    if not able:
        raise InputError(
            "people cannot be told apart", expected="a recogniser", got="none here",
            remedy="Run: synthaug models get mobilefacenet.", code="input.weights",
        )  # fmt: skip
    rows = [_known(Path(file), lookout, able[0]) for file in files]
    known = np.stack(rows) if rows else np.zeros((0, 0), np.float32)
    return People(able[0], known, hide, linked)


def _known(file: Path, lookout: Lookout, recogniser: Recogniser) -> Floats:
    try:
        pixels = decode(file, file.name, Limits()).pixels
    except (BadImage, OSError) as error:
        raise InputError(
            "photograph", expected="a picture that can be read", where=file.name,
            remedy="Give another.", code="input.image",
        ) from error  # fmt: skip
    image = np.ascontiguousarray(np.broadcast_to(
        pixels if pixels.ndim == 3 else pixels[..., None], (*pixels.shape[:2], 3)
    ))  # fmt: skip
    found = lookout.picture(image)
    found = found[found.scores >= 0.5]
    if len(found) != 1:
        raise InputError(
            "photograph", expected="one face", got=str(len(found)) if len(found) else "none",
            where=file.name, remedy="Cut the picture so that it shows the one person.",
            code="input.image",
        )  # fmt: skip
    row: Floats = recogniser(image, found)[0]
    return row


def recognised(
    pictures: Iterable[Callable[[], NDArray[np.uint8]]],
    planned: Sequence[PlannedTrack],
    tracks: Sequence[Track],
    people: People,
    callbacks: Sequence[Callback],
    *,
    fewest: int = FEWEST,
    number: Callable[[Sequence[Track], Sequence[Floats | None], float], list[int]] = persons,
) -> None:
    """Set the tracks' actions, and their people's numbers where they are linked.

    Args:
        pictures: each gives a frame, upright, RGB uint8 (H, W, 3); only those needed are asked.
        planned: what happens to each track; changed in place.
        tracks: the same tracks, in the upright picture.
        people: who to look for.
        callbacks: told of progress.
        fewest: sights from which a track can be anybody for sure.
        number: says which tracks show one person.
    """
    rows = _embedded(pictures, tracks, people.recogniser, callbacks)
    if len(people.known):
        for each, own in zip(planned, rows, strict=True):
            if each.action is not Action.KEEP:
                _decide(each, own, people, fewest)
    if people.linked:
        means = [robust_mean(own) if len(own) else None for own in rows]
        numbers = number(tracks, means, people.recogniser.same)
        for each, person in zip(planned, numbers, strict=True):
            each.person = person


def _decide(each: PlannedTrack, own: Floats, people: People, fewest: int) -> None:
    known, score = compared(own, people.known, people.recogniser, fewest=fewest)
    if known is Known.UNSURE:
        whom = "one of those to hide" if people.hide else "one of those to keep"
        sure = people.recogniser.same
        why = f"likeness {score:.2f}, sure from {sure:g}" if len(own) else "never seen well enough"
        each.doubts.append(f"may be {whom}: {why}; hidden")
    elif (known is Known.OTHER) == people.hide:
        each.action = Action.KEEP


def _embedded(
    pictures: Iterable[Callable[[], NDArray[np.uint8]]],
    tracks: Sequence[Track],
    recogniser: Recogniser,
    callbacks: Sequence[Callback],
) -> list[Floats]:
    """Unit vectors (K, D) of the chosen sights of each track."""
    wanted: dict[int, list[tuple[int, int]]] = {}
    for number, each in enumerate(tracks):
        for row in chosen_sights(each.spots):
            wanted.setdefault(each.first + row, []).append((number, row))
    rows: list[list[Floats]] = [[] for _ in tracks]
    last = max(wanted, default=-1)
    try:
        for index, shown in enumerate(pictures):
            if index in wanted:
                image = shown()
                for number, row in wanted[index]:
                    spot = tracks[number].spots[row]
                    face = Detections(spot.box[None], spot.points[None], np.ones(1, np.float32))
                    rows[number].append(recogniser(image, face)[0])
            tell(callbacks, Progress(phase="recognise", images_seen=index + 1, total=last + 1,
                                     unit="frames"))  # fmt: skip
            if index >= last:
                break
    except Damaged:
        pass  # the plan says so already
    return [np.stack(own) if own else np.zeros((0, 0), np.float32) for own in rows]
