"""Does `synthaug anonymize` hide everybody and change nothing else? Beside deface 1.5.0.

    python tests/benchmarks/anonymize.py run --data SHARED_DATA --work runs/anonymize \
        --out docs/benchmarks/anonymize.jsonl
    python tests/benchmarks/anonymize.py table --out docs/benchmarks/anonymize.jsonl

Resumable: a cell that stands in the file is not run again, unless the generator's weights have
changed; `--only WORD` runs the cells whose names hold the word. Both programs run with their
defaults in a process of their own, one thread. What was written is read again by the audit's own
parts. Needs the extra ``synthaug[dlib]``.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anonymize_people as people
import cv2
import numpy as np
from anonymize_table import table

from synthaug.audit.faithful import Outside, file_verdicts, metadata_verdict
from synthaug.audit.leaks import Leaks, Limits, likeness
from synthaug.audit.pairing import Timeline, pairs
from synthaug.errors import SynthaugError
from synthaug.faces.detections import Detections, overlap
from synthaug.faces.detectors import CenterFace, YuNet
from synthaug.faces.geometry import Placement, cut, oval, placement
from synthaug.faces.plan import Action, Plan, PlannedTrack, read_plan
from synthaug.faces.tracks import Source, Spot
from synthaug.media import Clip, Writer, frames, probe
from synthaug.media.editing import reformat

SYSTEMS = ("synthaug", "deface")
CHILD = Path(__file__).with_name("anonymize_child.py")
SPEEDS = {
    "360p": ("stage_cuts", 360), "360p-one-face": ("interview_720p_audio", 360),
    "720p": ("interview_720p_audio", 720), "1080p": ("street_1080p", 1080),
}  # fmt: skip
SHORT, LONG = 16, 64
STILL = 0.02  # movement from frame to frame, in sides, below which a track stands still
# Where points lie in a box, for faces that were boxed by hand.
LAYOUT = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)


def _held(process: int) -> int:
    """Kilobytes that a process and all below it hold, each page counted once where shared."""
    held = 0
    try:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                held = int(line.split()[1])
        below = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except (OSError, ValueError):
        return 0
    return held + sum(_held(int(child)) for child in below)


def written(system: str, source: Path, work: Path) -> tuple[Path, Path, dict[str, Any]]:
    """The file a program wrote, the plan, and what it cost; kept between runs."""
    name = source.stem if system == "deface" else f"{source.stem}.{people.weights()}"
    output = work / f"{name}.{system}{source.suffix}"
    plan = work / f"{source.stem}.{people.weights()}.plan.jsonl"
    facts = work / f"{name}.{system}.cost.json"
    if not facts.exists():
        command = [sys.executable, CHILD, system, source, output, plan]
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            running = subprocess.Popen(
                [str(word) for word in command], stdout=out, stderr=err,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )  # fmt: skip
            peak = 0
            while running.poll() is None:
                peak = max(peak, _held(running.pid))
                time.sleep(0.05)
            out.seek(0)
            err.seek(0)
            last = out.read().strip().splitlines()[-1:] or ["{}"]
            told = err.read()
        fine = running.returncode == 0
        spent = json.loads(last[0]) if fine else {"failed": told[-300:]}
        spent |= {"exit": running.returncode, "memory": peak / 1024}
        facts.write_text(json.dumps(spent))
    return output, plan, json.loads(facts.read_text())


def found_in(source: Path, work: Path) -> list[tuple[Detections, Detections]]:
    """What both detectors find in every frame of a source; kept between runs."""
    kept = work / f"{source.stem}.found.npz"
    if not kept.exists():
        first, second = YuNet(), CenterFace(least=0.5)
        rows: dict[str, Any] = {}
        for number, frame in enumerate(frames(probe(source))):
            picture = frame.to_ndarray(format="rgb24")
            for which, detector in enumerate((first, second)):
                seen = detector(picture)
                rows[f"{number}.{which}"] = np.concatenate(
                    [seen.boxes, seen.points.reshape(-1, 10), seen.scores[:, None]], 1
                )
        np.savez(kept, **rows)
    with np.load(kept) as rows:
        seen = {
            name: Detections(row[:, :4], row[:, 4:14].reshape(-1, 5, 2), row[:, 14])
            for name, row in rows.items()
        }
    return [(seen[f"{n}.0"], seen[f"{n}.1"]) for n in range(len(seen) // 2)]


def clip_cell(source: Path, system: str, work: Path, data: Path) -> dict[str, Any]:
    """One real clip: what is open, what else changed, how the faces move."""
    written("synthaug", source, work)  # its plan is needed for both
    output, plan_file, cost = written(system, source, work)
    if not output.exists():
        return {"failed": cost.get("failed", "no file")}
    plan, known = read_plan(plan_file), found_in(source, work)
    clip, made = probe(source), probe(output)
    timeline, limits = Timeline(), Limits()
    leaks = Leaks(plan, (YuNet(), CenterFace(least=0.5)), limits=limits, every=True,
                  found=lambda which, number: known[number][which])  # fmt: skip
    outside = Outside(_widened(plan, known) if system == "deface" else plan, limits.psnr)
    ours = Outside(plan, limits.psnr)
    by_hand = hand_boxes(data).get(source.name, {})
    hand, motion, look = [], Motion(plan), YuNet()
    for pair in pairs(clip, made, timeline):
        leaks.look(pair)
        outside.look(pair)
        ours.look(pair)
        if pair.output is None:
            continue
        for box in by_hand.get(pair.number, []):
            spot = Spot(box, box[:2] + LAYOUT * box[2:], 1.0, Source.BY_HAND)
            where = placement(spot)
            crops = cut(pair.source, where, 48), cut(pair.output, where, 48)
            hand.append(likeness(*crops, where, pair.source.shape) > limits.likeness)
        motion.look(pair, known[pair.number][0], look(pair.output))
    agreed = [glimpse for glimpse in leaks.glimpses if glimpse.agreed]
    verdicts = [*file_verdicts(clip, made, timeline, outside), metadata_verdict(clip, made)]
    return {
        "agreed": len(agreed),
        "open": sum(each.likeness > limits.likeness for each in agreed),
        "holes": len([each for each in leaks.holes() if each.agreed]),
        "by_hand": len(hand), "open_by_hand": int(sum(hand)),
        "sights": len(leaks.glimpses), "alone_open": len(leaks.doubtful()),
        "psnr": outside.psnr, "squares": outside.squares, "pixels": outside.pixels,
        "changed": ours.changed, "faces": ours.faces,
        "file": {v.gate: str(v.status) for v in verdicts},
        **motion.facts(), **{k: cost[k] for k in ("rungs", "memory") if k in cost},
    }  # fmt: skip


def _widened(plan: Plan, known: list[tuple[Detections, Detections]]) -> Plan:
    """The places deface changes: its own detections, 1.6 times as large."""
    tracks = list(plan.tracks)
    for number, (_, seen) in enumerate(known):
        for box, points in zip(seen.boxes, seen.points, strict=True):
            grown = np.concatenate([box[:2] - 0.3 * box[2:], 1.6 * box[2:]]).astype(np.float32)
            spot = Spot(grown, points, 1.0, Source.BY_HAND)
            tracks.append(PlannedTrack(-1, Action.COVER, number, [0], [spot]))
    return dataclasses.replace(plan, tracks=tracks)


class Motion:
    """How faces move and flicker, source and output beside each other."""

    def __init__(self, plan: Plan) -> None:
        self._spots = {
            (track.identity, track.first + row): spot
            for track in plan.tracks
            for row, spot in enumerate(track.spots)
            if spot.source is Source.DETECTED
        }
        self._sides: dict[int, float] = {}
        self._points: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
        self._last: dict[int, tuple[int, Placement, np.ndarray, np.ndarray]] = {}
        self._changes: dict[int, list[tuple[float, float, float]]] = {}
        self.seen = self.shown = 0

    def look(self, pair: Any, before: Detections, after: Detections) -> None:
        """Compare one frame with the one before it."""
        for (track, frame), spot in self._spots.items():
            if frame != pair.number or spot.box[2:].min() < 24:
                continue
            real, drawn = _at(spot, before), _at(spot, after)
            self.seen += real is not None
            self.shown += real is not None and drawn is not None
            if real is not None and drawn is not None:
                self._points.setdefault(track, []).append((real, drawn))
            where, last = placement(spot), self._last.get(track)
            self._sides.setdefault(track, where.side)
            place = last[1] if last and last[0] == frame - 1 else where
            crops = [cut(each, place, 64).astype(np.float32) for each in (pair.source, pair.output)]
            if last and last[0] == frame - 1:
                moved = np.hypot(where.x - place.x, where.y - place.y) / place.side
                inside = oval(64)
                changes = [
                    float(np.abs(now - then)[inside].mean())
                    for now, then in zip(crops, last[2:], strict=True)
                ]
                self._changes.setdefault(track, []).append((moved, *changes))
            again = [cut(each, where, 64).astype(np.float32) for each in (pair.source, pair.output)]
            self._last[track] = (frame, where, *again)

    def facts(self) -> dict[str, Any]:
        """Correlation of points over time by track, and flicker of those that stand still."""
        together, still = [], []
        for track, rows in self._points.items():
            if len(rows) >= 20:
                real, drawn = (np.stack(each) for each in zip(*rows, strict=True))
                size = max(self._sides[track], 100.0)  # a detector's points tremble by 1 %
                moving = real.reshape(len(real), -1).std(0) > size / 100
                if moving.any():
                    pairs = zip(
                        real.reshape(len(real), -1).T[moving],
                        drawn.reshape(len(real), -1).T[moving], strict=True,
                    )  # fmt: skip
                    together.append(float(np.mean([np.corrcoef(*pair)[0, 1] for pair in pairs])))
            changes = np.array(self._changes.get(track, []))
            if len(changes) >= 20 and np.median(changes[:, 0]) < STILL:
                still.append((float(changes[:, 1].mean()), float(changes[:, 2].mean())))
        return {
            "seen": self.seen, "shown": self.shown, "together": together, "still": still,
        }  # fmt: skip


def _at(spot: Spot, found: Detections) -> np.ndarray | None:
    shares = overlap(spot.box[None], found.boxes)[0] if len(found) else np.zeros(0)
    return found.points[shares.argmax()] if len(shares) and shares.max() >= 0.4 else None


def hand_boxes(data: Path) -> dict[str, dict[int, list[np.ndarray]]]:
    """Certain boxes by clip and frame."""
    boxes: dict[str, dict[int, list[np.ndarray]]] = {}
    with (data / "videos/faces_by_hand.csv").open() as file:
        for row in csv.DictReader(file):
            if row["certain"] == "1":
                box = np.array([float(row[name]) for name in "xywh"], np.float32)
                boxes.setdefault(row["clip"], {}).setdefault(int(row["frame"]), []).append(box)
    return boxes


def container_cell(source: Path, system: str, work: Path) -> dict[str, Any]:
    """One odd file: whether it comes out as it went in."""
    output, _, cost = written(system, source, work)
    facts: dict[str, Any] = {"exit": cost["exit"]}
    if not output.exists():
        return facts
    try:
        clip, made, timeline = probe(source), probe(output), Timeline()
    except SynthaugError:
        return {**facts, "unreadable": True}
    empty = Plan("", "", clip.width, clip.height, 0, clip.time_base, {}, "", [])
    outside = Outside(empty, 0.0)
    for pair in pairs(clip, made, timeline):
        outside.look(pair)
    verdicts = [*file_verdicts(clip, made, timeline, outside), metadata_verdict(clip, made)]
    facts["file"] = {v.gate: str(v.status) for v in verdicts if v.gate != "beside"}
    facts["why"] = {v.gate: v.why for v in verdicts if v.status == "FAIL"}
    return facts


def speed_cell(name: str, system: str, work: Path, data: Path) -> dict[str, Any]:
    """Frames per CPU second and peak memory: two lengths, so that starting does not count."""
    source, height = SPEEDS[name]
    clip = probe(data / f"videos/{source}.mp4")
    small = dataclasses.replace(clip, width=clip.width * height // clip.height, height=height)
    spent = {}
    for count in (SHORT, LONG):
        piece = work / f"{name}-{count}.mp4"
        if not piece.exists():
            with Writer(small, piece, mute=True) as writer:
                for number, frame in enumerate(frames(clip)):
                    if number == count:
                        break
                    writer.write(_scaled(frame, small))
        _, _, spent[count] = written(system, piece, work)
    seconds = spent[LONG]["cpu"] - spent[SHORT]["cpu"]
    return {
        "frames_per_cpu_second": (LONG - SHORT) / seconds,
        "memory": [spent[SHORT]["memory"], spent[LONG]["memory"]],
    }


def _scaled(frame: Any, clip: Clip) -> Any:
    if (frame.width, frame.height) == (clip.width, clip.height):
        return frame
    small = reformat(frame, width=clip.width, height=clip.height, format=clip.pixel_format)
    small.pts, small.time_base = frame.pts, frame.time_base
    return small


def cells(options: argparse.Namespace) -> Iterator[tuple[list[str], Callable[[], dict[str, Any]]]]:
    """Every cell's name and what makes it, cheap ones first."""
    data, work = options.data, options.work
    clips = sorted(p for p in (data / "videos").iterdir() if p.suffix in (".mp4", ".mkv", ".avi"))
    odd = sorted((data / "videos/containers").iterdir())
    for system in SYSTEMS:
        for name in SPEEDS:
            yield ["speed", name, system], lambda s=system, n=name: speed_cell(n, s, work, data)
        for file in odd:
            yield (
                ["file", file.name, system],
                lambda s=system, f=file: container_cell(f, s, _made(work / "odd")),
            )
        for clip in sorted(clips, key=lambda path: path.stat().st_size):
            yield (
                ["clip", clip.name, system],
                lambda s=system, c=clip: clip_cell(c, s, work, data),
            )
    for part in range(options.parts):
        yield (
            ["faces", str(part), "both"],
            lambda p=part: people.faces_part(data, work, p, options.parts, options.count),
        )
    yield ["faces", "all", "both"], lambda: people.faces_all(work, options.parts)
    for system in ("real", *SYSTEMS):
        yield ["people", "attacks", system], lambda s=system: people.attacks(data, s)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def run(options: argparse.Namespace) -> None:
    """Every cell that the file lacks."""
    cv2.setNumThreads(1)
    _made(options.work)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    ours = people.weights()
    # Other weights draw other faces: what was measured of those is measured again.
    done = {
        tuple(row["cell"])
        for row in rows(options.out)
        if row["cell"][2] in ("deface", "real") or row.get("weights") == ours
    }
    for name, make in cells(options):
        if tuple(name) in done or not any(word in "/".join(name) for word in options.only):
            continue
        started = time.process_time()
        facts = make()
        row = {
            "cell": name,
            "cpu": round(time.process_time() - started, 1),
            "weights": ours,
            **facts,
        }
        with options.out.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row)[:300], flush=True)


def rows(path: Path) -> list[dict[str, Any]]:
    """The cells that were run."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["run", "table"])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--work", type=Path, default=Path("runs/anonymize"))
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks/anonymize.jsonl"))
    parser.add_argument("--only", nargs="*", default=[""])
    parser.add_argument("--parts", type=int, default=10)
    parser.add_argument("--count", type=int, default=2000)
    options = parser.parse_args()
    if options.what == "run":
        run(options)
    else:
        print(table(rows(options.out)))


if __name__ == "__main__":
    main()
