"""The stronger attackers: people are looked up among photographs, as they are or hidden too."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthaug.audit.identity import Identity
from synthaug.datasets.decode import BadImage, decode
from synthaug.datasets.limits import Limits
from synthaug.errors import InputError
from synthaug.faces.detections import Detections, Detector
from synthaug.faces.recognisers import Recogniser
from synthaug.metrics.recognition import hits, hits_by_chance, ranks
from synthaug.verdict import Status, Verdict

__all__ = ["Gallery", "Hide", "gallery_verdicts", "read_gallery"]

Hide = Callable[[NDArray[np.uint8], Detections], NDArray[np.uint8]]
"""The same rung on a photograph: picture and faces in, picture out."""

_ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}
_SURE = 0.01  # chance of guessing as well, below which people are found


@dataclasses.dataclass(frozen=True, eq=False)
class Gallery:
    """Photographs of known people, one face each.

    Args:
        pictures: uint8 (H, W, 3) each.
        faces: the largest face of each.
        labels: person of each, int64 (N,).
        skipped: photographs that show no face or cannot be read.
    """

    pictures: list[NDArray[np.uint8]]
    faces: list[Detections]
    labels: NDArray[np.int64]
    skipped: int

    @property
    def persons(self) -> int:
        """How many people."""
        return len(np.unique(self.labels))

    def rows(self, recogniser: Recogniser, hide: Hide | None = None) -> NDArray[np.float32]:
        """Unit rows (N, D), of the photographs as they are or hidden."""
        pictures = self.pictures
        if hide is not None:
            pictures = [hide(p, f) for p, f in zip(pictures, self.faces, strict=True)]
        return np.concatenate([recogniser(p, f) for p, f in zip(pictures, self.faces, strict=True)])


def read_gallery(folder: Path, detector: Detector) -> Gallery:
    """The faces of a folder: a folder a person inside it, or else a file a person.

    Raises:
        InputError: no such folder, or fewer than two people with a face.
    """
    if not folder.is_dir():
        raise InputError("gallery", expected="a folder", got="none", where=str(folder))
    inner = sorted(each for each in folder.iterdir() if each.is_dir())
    groups = [sorted(each.rglob("*")) for each in inner]
    groups += [[each] for each in sorted(folder.iterdir()) if each.is_file()]
    pictures, faces, labels, skipped = [], [], [], 0
    for label, files in enumerate(groups):
        for file in (each for each in files if each.suffix.lower() in _ENDINGS):
            shown = _largest(file, detector)
            if shown is None:
                skipped += 1
                continue
            pictures.append(shown[0])
            faces.append(shown[1])
            labels.append(label)
    if len(set(labels)) < 2:
        raise InputError(
            "gallery", expected="photographs of two people at least", got=str(len(set(labels))),
            where=str(folder), remedy="Give a folder for each person.", code="input.gallery",
        )  # fmt: skip
    return Gallery(pictures, faces, np.array(labels, np.int64), skipped)


def _largest(file: Path, detector: Detector) -> tuple[NDArray[np.uint8], Detections] | None:
    try:
        pixels = decode(file, file.name, Limits()).pixels
    except BadImage:
        return None
    picture = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    picture = np.ascontiguousarray(picture)
    found = detector(picture)
    if not len(found):
        return None
    return picture, found[np.array([int(found.boxes[:, 2:].prod(-1).argmax())])]


def gallery_verdicts(
    gallery: Gallery,
    recogniser: Recogniser,
    seen: Sequence[Identity],
    hide: Hide | None,
) -> list[Verdict]:
    """Whether hidden people are found among photographs better than by guessing.

    Who somebody is, the source itself says: its nearest photograph, where that is near
    enough. The naive attacker looks a hidden face up among photographs as they are; the
    parrot attacker hides the photographs in the same way first, which undoes what all hidden
    faces have in common.
    """
    rows = gallery.rows(recogniser)
    wrong = _wrong(gallery, rows, recogniser)
    if wrong:
        why = f"the audit is broken: {recogniser.name} {wrong}"
        return [_verdict("naive", Status.INCONCLUSIVE, math.nan, why, (0, gallery.persons))]
    mine = [each for each in seen if each.recogniser == recogniser.name]
    before = [each.template(after=False) for each in mine]
    owners = [int(gallery.labels[(rows @ each).argmax()]) for each in before]
    sure = [float((rows @ each).max()) >= recogniser.same for each in before]
    probes = [each.template(after=True) for each, known in zip(mine, sure, strict=True) if known]
    known = np.array([owner for owner, fine in zip(owners, sure, strict=True) if fine], np.int64)
    n = (len(known), gallery.persons)
    if not len(known):
        why = f"nobody of the video is in the gallery of {gallery.persons} people"
        return [_verdict("naive", Status.INCONCLUSIVE, math.nan, why, n)]
    told = [_attack("naive", np.stack(probes), known, rows, gallery)]
    if hide is not None:
        hidden = gallery.rows(recogniser, hide)
        told.append(_attack("parrot", np.stack(probes), known, hidden, gallery))
    return told


def _attack(
    name: str,
    probes: NDArray[np.float32],
    owners: NDArray[np.int64],
    rows: NDArray[np.float32],
    gallery: Gallery,
) -> Verdict:
    found = ranks(probes, owners, rows, gallery.labels)
    first, people, n = int((found == 1).sum()), gallery.persons, len(found)
    by_chance = hits_by_chance(first, n, people)
    told = (
        f"{first} of {n} people found first among {people}, {int((found <= 10).sum())} among the "
        f"first 10 (guessing: {n / people:.2g} and {min(n, 10 * n / people):.2g})"
    )
    if first and by_chance < _SURE:
        return _verdict(name, Status.FAIL, hits(found), told, (n, people), by_chance)
    if (1 / people) ** n > _SURE:
        need = math.ceil(_SURE ** (-1 / n)) + 1
        why = f"{told}; {need} people in the gallery would decide"
        return _verdict(name, Status.INCONCLUSIVE, hits(found), why, (n, people), by_chance)
    return _verdict(name, Status.PASS, hits(found), told, (n, people), by_chance)


def _wrong(gallery: Gallery, rows: NDArray[np.float32], recogniser: Recogniser) -> str:
    """Why the recogniser tells these people not apart; empty where it does."""
    likeness = rows @ rows.T
    alike = gallery.labels[:, None] == gallery.labels[None]
    strangers = likeness[~alike]
    taken = float((strangers >= recogniser.same).mean())
    if taken > 0.05:
        return f"takes {taken:.0%} of strangers in the gallery for one person"
    same = likeness[alike & ~np.eye(len(rows), dtype=bool)]
    lost = float((same < recogniser.same).mean()) if len(same) else 0.0
    if lost > 0.5:
        return f"does not know {lost:.0%} of people in the gallery again"
    return ""


def _verdict(
    gate: str, status: Status, statistic: float, why: str, n: tuple[int, int],
    p_value: float | None = None,
) -> Verdict:  # fmt: skip
    return Verdict(
        gate=gate, scope="file", status=status, statistic=statistic, p_value=p_value,
        n_real=n[1], n_generated=n[0], null="share found first; chance is one in the people",
        why=why,
    )  # fmt: skip
