"""What a gate says: one frozen record for each question asked, and the list of them."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas

__all__ = ["Status", "Verdict", "Verdicts"]


class Status(enum.StrEnum):
    """The three answers of a gate. INCONCLUSIVE names the n that would decide in ``why``."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer of one gate about one scope.

    Args:
        gate: ``copy``, ``fidelity``, ``diversity``, ``label`` or ``utility``; of the audit of a
            video ``open``, ``holes``, ``identity``, ``frames``, ``sound`` and so on.
        scope: ``"set"``, ``"class:NAME"`` or ``"image:INDEX"``; ``"file"`` or ``"track:N"``.
        status: the answer.
        statistic: the measured number, in the unit ``null`` describes.
        threshold: the value the statistic was compared with; None where p decides.
        p_value: of the null hypothesis "as good as fresh real images"; None where none exists.
        interval: 95 % interval of the statistic; None where none was computed.
        n_real: real images (not groups) looked at.
        n_generated: generated images looked at.
        null: the null hypothesis and its unit in words.
        detectable: smallest effect seen with 80 % power at this n; None where unknown.
        action: what the job does about it (``none``, ``redraw``, ``refuse class``, ...).
        why: one sentence a person can act on.
    """

    gate: str
    scope: str
    status: Status
    statistic: float
    threshold: float | None = None
    p_value: float | None = None
    interval: tuple[float, float] | None = None
    n_real: int
    n_generated: int
    null: str
    detectable: float | None = None
    action: str = "none"
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready values (NaN and infinities become None)."""
        fields = dataclasses.asdict(self)
        fields["status"] = str(self.status)
        return {name: _jsonable(value) for name, value in fields.items()}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Verdict:
        """The inverse of `to_dict`."""
        fields = dict(fields)
        fields["status"] = Status(fields["status"])
        if fields.get("interval") is not None:
            low, high = fields["interval"]
            fields["interval"] = (low, high)
        if fields.get("statistic") is None:
            fields["statistic"] = math.nan
        return cls(**fields)


class Verdicts(list[Verdict]):
    """A list of verdicts that can be asked, shown and stored."""

    @property
    def failed(self) -> bool:
        """True where any verdict about the set or a class is FAIL.

        Verdicts about single images do not count: those images were redrawn, the
        set's own verdicts say whether what is left is acceptable.
        """
        return any(v.status is Status.FAIL and not v.scope.startswith("image:") for v in self)

    def of(self, *, gate: str | None = None, scope: str | None = None) -> Verdicts:
        """The verdicts of one gate, one scope, or both."""
        return Verdicts(
            v
            for v in self
            if (gate is None or v.gate == gate) and (scope is None or v.scope == scope)
        )

    def __str__(self) -> str:
        """A table for people: what is said of the set and its classes, failures first."""
        order = [Status.FAIL, Status.INCONCLUSIVE, Status.PASS]
        told = [v for v in self if not v.scope.startswith("image:")]
        told.sort(key=lambda verdict: order.index(verdict.status))
        gate = max((len(v.gate) for v in told), default=0)
        scope = max((len(v.scope) for v in told), default=0)
        lines = [f"{v.status:<12}  {v.gate:<{gate}}  {v.scope:<{scope}}  {v.why}" for v in told]
        return "\n".join(line.rstrip() for line in lines) or "no verdict"

    def to_json(self) -> str:
        """A JSON array, one object a verdict."""
        return json.dumps([v.to_dict() for v in self], indent=1)

    @classmethod
    def from_json(cls, text: str) -> Verdicts:
        """The inverse of `to_json`."""
        return cls(Verdict.from_dict(fields) for fields in json.loads(text))

    def to_pandas(self) -> pandas.DataFrame:
        """One row a verdict. Needs pandas (``pip install pandas``)."""
        import pandas

        return pandas.DataFrame([v.to_dict() for v in self])

    def extend_new(self, verdicts: Iterable[Verdict]) -> None:
        """Add verdicts, replacing earlier ones of the same gate and scope."""
        fresh = list(verdicts)
        asked = {(v.gate, v.scope) for v in fresh}
        self[:] = [v for v in self if (v.gate, v.scope) not in asked] + fresh


def _jsonable(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, tuple):
        return [_jsonable(item) for item in value]
    return value
