"""What an anonymization did, file by file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthaug.errors import Damaged, SynthaugError

__all__ = ["AnonymizeResult", "AnonymizedFile", "Rendered"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rendered:
    """What was written into one file.

    Args:
        output: the file.
        frames: frames written.
        rungs: of each track that was hidden, how many frames each rung of the ladder made.
        left_out: what the source carried and the output does not, in words.
        warnings: what a reader must know: a rung that failed, a source that breaks off.
        damaged: whether the source broke off; what could be read was written.
    """

    output: Path
    frames: int
    rungs: Mapping[int, Mapping[str, int]]
    left_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    damaged: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnonymizedFile:
    """One input and what became of it.

    Args:
        source: the input.
        rendered: what was written; None where nothing was.
        audit: what reading the output again found; None without an audit.
        error: why nothing was written.
        strict: whether what the audit cannot tell counts as open.
        report: folder of the audit's page; None where none was written.
    """

    source: Path
    rendered: Rendered | None = None
    audit: Any = None
    error: SynthaugError | None = None
    strict: bool = False
    report: Path | None = None

    @property
    def exposed(self) -> bool:
        """Whether the audit says that a face may be open."""
        return bool(self.audit is not None and self.audit.exposed)

    @property
    def exit_code(self) -> int:
        """Of this file alone."""
        if self.error is not None:
            return self.error.exit_code
        try:
            if self.audit is not None:
                self.audit.require(strict=self.strict)
        except SynthaugError as refusal:
            return refusal.exit_code
        return Damaged.exit_code if self.rendered is not None and self.rendered.damaged else 0

    def to_dict(self) -> dict[str, Any]:
        """The facts as JSON-ready values."""
        fields: dict[str, Any] = {"source": str(self.source), "exit_code": self.exit_code}
        if self.error is not None:
            fields["error"] = {"code": self.error.code, "message": str(self.error)}
        if self.rendered is not None:
            fields |= {
                "output": str(self.rendered.output),
                "frames": self.rendered.frames,
                "tracks": {str(n): dict(rungs) for n, rungs in self.rendered.rungs.items()},
                "left_out": list(self.rendered.left_out),
                "warnings": list(self.rendered.warnings),
            }
        if self.audit is not None:
            fields["audit"] = self.audit.to_dict()
        if self.report is not None:
            fields["report"] = str(self.report / "report.html")
        return fields

    def __str__(self) -> str:
        if self.rendered is None:
            return f"{self.source}: {self.error}"
        made = self.rendered
        used: dict[str, int] = {}
        for rungs in made.rungs.values():
            for name, frames in rungs.items():
                used[name] = used.get(name, 0) + frames
        how = ", ".join(f"{name} in {frames}" for name, frames in used.items())
        lines = [f"{made.output}: {made.frames} frames, {len(made.rungs)} faces hidden"]
        lines[0] += f" ({how})" if how else ""
        if made.left_out:
            lines.append("  left out: " + ", ".join(made.left_out))
        lines += [f"  warning: {each}" for each in made.warnings]
        if self.audit is not None:
            lines.append("  " + str(self.audit).replace("\n", "\n  "))
        if self.report is not None:
            lines.append(f"  report: {self.report / 'report.html'}")
        return "\n".join(lines)


@dataclasses.dataclass(frozen=True)
class AnonymizeResult:
    """All inputs of one call and what became of them.

    Args:
        files: in the order they were done.
    """

    files: tuple[AnonymizedFile, ...]

    @property
    def outputs(self) -> tuple[Path, ...]:
        """The files written."""
        return tuple(each.rendered.output for each in self.files if each.rendered is not None)

    @property
    def exposed(self) -> bool:
        """Whether a face may be open in any file."""
        return any(each.exposed for each in self.files)

    @property
    def exit_code(self) -> int:
        """0, or 4 where a face may be open, or 3 or 6 where files are not as they should be."""
        codes = {each.exit_code for each in self.files} - {0}
        if len(self.files) == 1 or not codes:
            return next(iter(codes), 0)
        # Of a folder the others are done: what could not be read is a damaged input.
        return next((code for code in (4, 1, 3) if code in codes), Damaged.exit_code)

    def to_dict(self) -> dict[str, Any]:
        """The facts as JSON-ready values."""
        return {"files": [each.to_dict() for each in self.files]}

    def __str__(self) -> str:
        return "\n".join(str(each) for each in self.files)
