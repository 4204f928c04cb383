"""What an audit found: verdicts, the frames behind them, and whether a face may be open."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

from synthaug.audit.leaks import Crops
from synthaug.errors import ExposedFace, GateFailed
from synthaug.verdict import Status, Verdict, Verdicts

__all__ = ["AuditResult", "Doubt", "TrackFacts"]

SAFETY = ("open", "holes", "identity", "naive", "parrot", "control")
"""Gates about people; the others say whether the file is otherwise its source."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """One place in the video that a person should look at.

    Args:
        kind: ``"open"``, ``"hole"``, ``"recognised"`` or ``"perhaps a face"``.
        frame: number in the source, from 0.
        seconds: when it is shown.
        box: left, top, width, height in pixels.
        track: number in the plan; None where the plan has none there.
        likeness: what was measured, -1 to 1.
    """

    kind: str
    frame: int
    seconds: float
    box: tuple[float, float, float, float]
    track: int | None
    likeness: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrackFacts:
    """What became of one track.

    Args:
        track: number in the plan.
        action: what the plan does with it.
        first: seconds of its first frame.
        last: seconds of its last frame.
        frames: it lasts.
        side: median side of its boxes, pixels.
        likeness: largest correlation of an oval with the source; None where none was measured.
        status: of the identity, as a verdict has it.
        control: similarity of the source with itself in other frames; None where not measured.
        similarity: of the output with the source in other frames; None where not measured.
        same: similarity from which it is the same person, with one stranger in a thousand taken
            for one; None where not measured.
        recogniser: who measured these; of several the one that comes nearest to knowing.
        why: in words.
    """

    track: int
    action: str
    first: float
    last: float
    frames: int
    side: float
    likeness: float | None
    status: str = "INCONCLUSIVE"
    control: float | None = None
    similarity: float | None = None
    same: float | None = None
    recogniser: str = ""
    why: str = ""


@dataclasses.dataclass(kw_only=True)
class AuditResult:
    """What an audit found.

    Args:
        version: of synthaug.
        source: name of the source.
        output: name of the output.
        frames: of the source.
        seconds: it lasts.
        size: width and height of the source, pixels.
        faces: face-frames of the source that were compared.
        verdicts: one a gate.
        doubts: places to look at, worst first.
        tracks: what became of each track.
        detectors: name to SHA-256 of the weights.
        recognisers: name to SHA-256 of the weights.
        area: visibly changed area over the area of the faces' boxes; None without faces.
        left_out: what the source had and the output has not, in words.
        limits: what was compared with, by name.
        sheet: crops for the private contact sheet, least alike first; never written as JSON.
    """

    version: str
    source: str
    output: str
    frames: int
    seconds: float
    size: tuple[int, int]
    faces: int
    verdicts: Verdicts
    doubts: list[Doubt] = dataclasses.field(default_factory=list)
    tracks: list[TrackFacts] = dataclasses.field(default_factory=list)
    detectors: Mapping[str, str] = dataclasses.field(default_factory=dict)
    recognisers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    area: float | None = None
    left_out: tuple[str, ...] = ()
    limits: Mapping[str, float] = dataclasses.field(default_factory=dict)
    sheet: list[Crops] = dataclasses.field(default_factory=list, repr=False)

    @property
    def exposed(self) -> bool:
        """Whether a face may be open or somebody was recognised."""
        return any(v.gate in SAFETY and v.status is Status.FAIL for v in self.verdicts)

    @property
    def unsure(self) -> bool:
        """Whether the audit could not tell if somebody can be recognised."""
        return any(v.gate in SAFETY and v.status is Status.INCONCLUSIVE for v in self.verdicts)

    @property
    def faithful(self) -> bool:
        """Whether nothing but faces was changed, as far as was measured."""
        return not any(v.gate not in SAFETY and v.status is Status.FAIL for v in self.verdicts)

    def require(self, *, strict: bool = False) -> None:
        """Return if the file may be handed on.

        Args:
            strict: refuse too what could not be told, and files that changed beside the faces.

        Raises:
            ExposedFace: a face may be open; with ``strict``, or the audit could not tell.
            GateFailed: with ``strict``, the file differs from its source beside the faces.
        """
        bad = [v for v in self.verdicts if v.gate in SAFETY and v.status is Status.FAIL]
        open_questions = [
            v for v in self.verdicts if v.gate in SAFETY and v.status is Status.INCONCLUSIVE
        ]
        if bad:
            raise ExposedFace(
                "a face may be open", got=f"{bad[0].gate}: {bad[0].why}", where=self.output,
                remedy="Look at the frames the report names, edit the plan and render again.",
            )  # fmt: skip
        if strict and open_questions:
            first = open_questions[0]
            raise ExposedFace(
                "the audit cannot tell whether a face is open",
                got=f"{first.gate}: {first.why}", where=self.output,
                remedy="Give it what it lacks, or leave out --strict.", code="face.unsure",
            )  # fmt: skip
        if strict and not self.faithful:
            wrong = next(v for v in self.verdicts if v.status is Status.FAIL)
            raise GateFailed(
                "the file differs from its source beside the faces",
                got=f"{wrong.gate}: {wrong.why}", where=self.output,
                remedy="Leave out --strict to accept it.",
            )  # fmt: skip

    def exit_code(self, *, strict: bool = False) -> int:
        """0 if the file may be handed on, else that of what `require` raises."""
        try:
            self.require(strict=strict)
        except (ExposedFace, GateFailed) as refusal:
            return refusal.exit_code
        return 0

    def to_dict(self) -> dict[str, Any]:
        """Everything but the crops, as JSON-ready values."""
        fields = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("sheet", "verdicts", "doubts", "tracks")
        }
        return {
            **_plain(fields),
            "exposed": self.exposed,
            "faithful": self.faithful,
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
            "doubts": [_plain(dataclasses.asdict(each)) for each in self.doubts],
            "tracks": [_plain(dataclasses.asdict(each)) for each in self.tracks],
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> AuditResult:
        """The inverse of `to_dict`, without the crops."""
        own = {field.name for field in dataclasses.fields(cls)}
        told = {name: value for name, value in fields.items() if name in own}
        told["size"] = tuple(told["size"])
        told["left_out"] = tuple(told["left_out"])
        told["verdicts"] = Verdicts(Verdict.from_dict(each) for each in told["verdicts"])
        told["doubts"] = [Doubt(**{**d, "box": tuple(d["box"])}) for d in told["doubts"]]
        told["tracks"] = [TrackFacts(**each) for each in told["tracks"]]
        return cls(**told)

    def __str__(self) -> str:
        """What was found in a few lines, worst first."""
        if self.exposed:
            head = "audit: A FACE MAY BE OPEN"
        elif self.unsure:
            head = "audit: no open face was found, but not everything could be told"
        else:
            head = "audit: no open face"
        wrong = Verdicts(v for v in self.verdicts if v.status is not Status.PASS)
        return f"{head}\n{wrong}" if wrong else head

    def to_json(self) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=1) + "\n"


def _plain(fields: Any) -> Any:
    if isinstance(fields, dict | Mapping):
        return {name: _plain(value) for name, value in fields.items()}
    if isinstance(fields, list | tuple):
        return [_plain(value) for value in fields]
    if isinstance(fields, float) and not math.isfinite(fields):
        return None
    return fields
