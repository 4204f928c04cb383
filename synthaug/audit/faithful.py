"""Whether a file differs from its source in nothing but the faces."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import mmap
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthaug.audit.pairing import Pair, Timeline
from synthaug.errors import InputError
from synthaug.faces.geometry import Placement, level, placement
from synthaug.faces.plan import Action, Plan
from synthaug.faces.tracks import Spot
from synthaug.media.clip import Clip, opened
from synthaug.media.stills import Still
from synthaug.verdict import Status, Verdict

__all__ = ["Outside", "allowed", "file_verdicts", "left_in", "packets", "still_verdicts"]

# How far beyond the oval's edge a seam may reach: a share of its half axes, and frame pixels.
_SEAM, _SEAM_PIXELS = 0.1, 4.0
# Mean change of greys over a square of pixels from which a place has changed: more than a good
# encoder's noise.
_SEEN, _SQUARE = 5.0, 9
_OURS = {"encoder", "description", "comment", "title"}  # checked by value, not by name
_SHORT = 4  # values of fewer characters say nothing about anybody


def allowed(spots: Sequence[Spot], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which pixels of a frame a plan lets change: the ovals and their seams, bool (H, W)."""
    free = np.zeros(shape[:2], np.bool_)
    for spot in spots:
        where = placement(spot)
        rows, columns = _reach(where, shape)
        if not len(rows) or not len(columns):
            continue
        grid = np.stack(np.meshgrid(columns + 0.5, rows + 0.5), -1)
        seam = _SEAM + _SEAM_PIXELS / (0.3 * where.side)
        inside = level(where.relative(grid)) <= 1 + seam
        free[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] |= inside
    return free


def _reach(where: Placement, shape: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of a frame that a placement's crop may touch."""
    half = where.side * 0.55 + 8
    top, left = math.floor(where.y - half), math.floor(where.x - half)
    bottom, right = math.ceil(where.y + half), math.ceil(where.x + half)
    return (
        np.arange(max(0, top), min(shape[0], bottom)),
        np.arange(max(0, left), min(shape[1], right)),
    )


@dataclasses.dataclass
class Outside:
    """Told one pair of frames after the other, measures what changed beside the faces.

    Args:
        plan: what was to be hidden.
        least: PSNR below which a frame is named, dB.
    """

    plan: Plan
    least: float
    squares: float = 0.0
    pixels: int = 0
    changed: int = 0
    faces: float = 0.0
    worst: tuple[float, float] = (math.inf, 0.0)
    named: list[tuple[int, float, float]] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self._spots: dict[int, list[Spot]] = {}
        for track in self.plan.tracks:
            if track.action is not Action.KEEP:
                for row, spot in enumerate(track.spots):
                    self._spots.setdefault(track.first + row, []).append(spot)

    def look(self, pair: Pair) -> None:
        """Compare what lies outside the ovals of one frame."""
        if pair.output is None:
            return
        spots = self._spots.get(pair.number, [])
        difference = _grey(pair.source) - _grey(pair.output)
        self.changed += _area(difference)
        self.faces += sum(float(spot.box[2:].prod()) for spot in spots)
        free = allowed(spots, pair.source.shape)
        squares = float(np.square(difference, where=~free, out=np.zeros_like(difference)).sum())
        pixels = int((~free).sum())
        self.squares += squares
        self.pixels += pixels
        here = psnr(squares, pixels)
        seconds = float(pair.seconds)
        self.worst = min(self.worst, (here, seconds))
        if here < self.least and len(self.named) < 20:
            self.named.append((pair.number, seconds, here))

    @property
    def psnr(self) -> float:
        """Of all frames together, dB; infinite where nothing changed."""
        return psnr(self.squares, self.pixels)

    @property
    def area(self) -> float | None:
        """Visibly changed area over the area of the faces' boxes; None without faces."""
        return self.changed / self.faces if self.faces else None


def psnr(squares: float, pixels: int) -> float:
    """Peak signal-to-noise ratio of 8-bit greys, dB, from summed squared differences."""
    if not pixels or not squares:
        return math.inf
    return 10 * math.log10(255**2 * pixels / squares)


def _area(difference: NDArray[np.float32]) -> int:
    """Pixels around which a frame has changed."""
    import cv2

    around = cv2.blur(np.abs(difference), (_SQUARE, _SQUARE))
    return int((around > _SEEN).sum())


def _grey(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    import cv2

    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32)


def packets(path: Path) -> list[list[tuple[Fraction, str]]]:
    """Time and SHA-256 of every sound packet of a file, track by track."""
    with opened(path) as container:
        streams = list(container.streams.audio)
        if not streams:
            return []
        place = {stream.index: number for number, stream in enumerate(streams)}
        told: list[list[tuple[Fraction, str]]] = [[] for _ in streams]
        for packet in container.demux(streams):
            if packet.dts is not None:
                seconds = packet.pts * packet.time_base
                digest = hashlib.sha256(bytes(packet)).hexdigest()
                told[place[packet.stream.index]].append((seconds, digest))
    return told


def file_verdicts(
    source: Clip, output: Clip, timeline: Timeline, outside: Outside, *, mute: bool = False
) -> list[Verdict]:
    """Frames, times, sound, size, rotation, colour, and the picture outside the ovals."""
    return [
        _frames(timeline),
        _times(timeline),
        _sound(source, output, mute=mute),
        _same("size", (source.width, source.height), (output.width, output.height)),
        _same("rotation", source.rotation, output.rotation),
        _same("pixel shape", source.sample_aspect or 1, output.sample_aspect or 1),
        _same("colour", source.colour, output.colour),
        _same("scan", source.interlaced, output.interlaced),
        _beside(outside, timeline),
    ]


def still_verdicts(
    source: Still, output: Still, timeline: Timeline, outside: Outside
) -> list[Verdict]:
    """Frames, times, size and kind of a picture, what lies beside the ovals, and traces."""
    found = list(output.left_out)
    traces = ", ".join(found)
    null = "traces of people, places and devices"
    kinds = [(each.format, each.mode, f"{each.depth} bits") for each in (source, output)]
    return [
        _frames(timeline),
        _times(timeline),
        _same("size", (source.width, source.height), (output.width, output.height)),
        _same("kind", *(" ".join(kind) for kind in kinds)),
        _beside(outside, timeline),
        _verdict("metadata", Status.FAIL, len(found), f"still there: {traces}", null=null)
        if found
        else _verdict("metadata", Status.PASS, 0, "nothing left that tells on people", null=null),
    ]


def _verdict(
    gate: str,
    status: Status,
    statistic: float,
    why: str,
    n: tuple[int, int] = (1, 1),
    threshold: float | None = None,
    null: str = "the same as in the source",
) -> Verdict:
    return Verdict(
        gate=gate, scope="file", status=status, statistic=statistic, threshold=threshold,
        n_real=n[0], n_generated=n[1], null=null, why=why,
    )  # fmt: skip


def _frames(timeline: Timeline) -> Verdict:
    n = (timeline.source, timeline.output)
    wrong = timeline.num_missing + timeline.num_extra
    if not wrong:
        why = f"each of the {n[0]:,} frames has its partner"
        return _verdict("frames", Status.PASS, 0, why, n, 0, "frames without a partner")
    told = []
    if timeline.num_missing:
        told.append(f"{timeline.num_missing:,} missing, at {seconds_of(timeline.missing)}")
    if timeline.num_extra:
        told.append(f"{timeline.num_extra:,} too many, at {seconds_of(timeline.extra)}")
    broken = "".join(f"; the {name} breaks off after {got}" for name, got in timeline.broken)
    why = f"{n[1]:,} frames in place of {n[0]:,}: {', '.join(told)}{broken}"
    return _verdict("frames", Status.FAIL, wrong, why, n, 0, "frames without a partner")


def _times(timeline: Timeline) -> Verdict:
    shift = float(timeline.largest_shift)
    n = (timeline.source, timeline.output)
    if timeline.shifted:
        why = f"{timeline.shifted:,} frames are shown up to {1000 * shift:.3g} ms off"
        return _verdict("times", Status.FAIL, shift, why, n, 0, "seconds")
    return _verdict("times", Status.PASS, 0, "every frame at its exact time", n, 0, "seconds")


def _sound(source: Clip, output: Clip, *, mute: bool) -> Verdict:
    heard = [] if mute else packets(source.path)
    kept = packets(output.path)
    n = (sum(map(len, heard)), sum(map(len, kept)))
    if heard == kept:
        why = f"all {n[0]:,} packets of sound are the same bytes" if n[0] else "there is no sound"
        return _verdict("sound", Status.PASS, 0, why, n, 0, "packets that differ")
    pairs = list(zip(heard, kept, strict=False))
    wrong = sum(abs(len(a) - len(b)) for a, b in pairs)
    wrong += sum(one != other for a, b in pairs for one, other in zip(a, b, strict=False))
    wrong += sum(map(len, heard[len(pairs) :])) + sum(map(len, kept[len(pairs) :]))
    if not n[1]:
        why = f"the sound is gone: {n[0]:,} packets in {len(heard)} tracks"
    elif mute:
        why = f"the sound was to be left out, and {n[1]:,} packets are there"
    else:
        why = f"{wrong:,} packets of sound differ ({n[1]:,} in place of {n[0]:,})"
    return _verdict("sound", Status.FAIL, wrong, why, n, 0, "packets that differ")


def _same(gate: str, before: object, after: object) -> Verdict:
    if before == after:
        why = "as in the source" if gate == "colour" else f"{_words(gate, after)}, as in the source"
        return _verdict(gate, Status.PASS, 0, why, threshold=0)
    why = f"{_words(gate, after)} in place of {_words(gate, before)}"
    return _verdict(gate, Status.FAIL, 1, why, threshold=0)


def _words(gate: str, value: object) -> str:
    if gate == "size" and isinstance(value, tuple):
        return f"{value[0]}x{value[1]}"
    if gate == "rotation":
        return f"{value} degrees"
    if gate == "scan":
        return "interlaced" if value else "progressive"
    if gate == "colour" and isinstance(value, tuple):
        names = ("range", "primaries", "transfer", "matrix")
        return ", ".join(f"{name} {number}" for name, number in zip(names, value, strict=True))
    return f"{value} across to 1 down" if gate == "pixel shape" else str(value)


def _beside(outside: Outside, timeline: Timeline) -> Verdict:
    n = (timeline.source, timeline.output)
    null = "PSNR outside ovals and seams, dB"
    if not outside.pixels:
        why = "no frame of the output could be compared"
        return _verdict("beside", Status.INCONCLUSIVE, math.nan, why, n, outside.least, null)
    value = outside.psnr
    told = "nothing changed at all" if math.isinf(value) else f"{value:.1f} dB outside the ovals"
    worst, when = outside.worst
    if value >= outside.least:
        return _verdict("beside", Status.PASS, value, told, n, outside.least, null)
    what = "this is another picture" if value < 20 else "too little"
    why = f"{told}: {what}; worst {worst:.1f} dB at {when:.2f} s"
    return _verdict("beside", Status.FAIL, value, why, n, outside.least, null)


def left_in(source: Clip, output: Clip) -> list[str]:
    """What the output still says about people, places and devices, in words.

    Streams that are neither picture nor sound, names of metadata that tell on people, and
    every value of the source's metadata that stands anywhere in the output's bytes.
    """
    # Matroska writes names in capitals.
    found = [
        each for each in output.left_out if each.removeprefix("metadata ").lower() not in _OURS
    ]
    with (
        output.path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as all_of,
    ):
        for name, value in _metadata(source.path):
            if len(value) >= _SHORT and not value.isdigit() and all_of.find(value.encode()) >= 0:
                found.append(f"value of metadata {name}")
    return sorted(set(found))


def _metadata(path: Path) -> list[tuple[str, str]]:
    """What names people and things in a file: its own metadata and that of its pictures."""
    plain = {"language", "handler_name", "vendor_id", "major_brand", "minor_version",
             "compatible_brands", "encoder", "duration"}  # fmt: skip
    with opened(path) as container:
        everything = [container.metadata, *(stream.metadata for stream in container.streams)]
    return [
        (name, value)
        for metadata in everything
        for name, value in metadata.items()
        if name.lower() not in plain
    ]


def metadata_verdict(source: Clip, output: Clip) -> Verdict:
    """Whether anything is left that may tell who filmed whom, where and when."""
    try:
        found = left_in(source, output)
    except InputError as error:
        return _verdict("metadata", Status.INCONCLUSIVE, math.nan, str(error))
    null = "traces of people, places and devices"
    if found:
        why = "still there: " + ", ".join(found)
        return _verdict("metadata", Status.FAIL, len(found), why, threshold=0, null=null)
    why = "nothing left that tells on people"
    if source.left_out:
        had = len(source.left_out)
        why = f"{why}; the source had {had} such {'thing' if had == 1 else 'things'}"
    return _verdict("metadata", Status.PASS, 0, why, threshold=0, null=null)


def seconds_of(times: Sequence[Fraction | float], most: int = 5) -> str:
    """The first times in words.

    Example:
        >>> seconds_of([1.0, 2.5])
        '1.00 s, 2.50 s'
    """
    told = ", ".join(f"{float(time):.2f} s" for time in times[:most])
    return told + (", …" if len(times) > most else "")
