"""W3C trace context: taken up from a call, passed on to whatever works for it."""

from __future__ import annotations

import dataclasses
import re
import secrets
from collections.abc import Mapping

__all__ = ["Trace", "trace_of"]

_PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_STATE_LONGEST = 512


@dataclasses.dataclass(frozen=True, slots=True)
class Trace:
    """Where a call stands in its caller's trace.

    Args:
        trace_id: 32 hexadecimal digits, the caller's or our own.
        span_id: 16 hexadecimal digits, this call's.
        parent_id: of the caller's span; empty where the call brought none.
        flags: 2 hexadecimal digits; the last bit: sampled.
        state: tracestate as it came.
    """

    trace_id: str
    span_id: str
    parent_id: str = ""
    flags: str = "00"
    state: str = ""

    @property
    def header(self) -> str:
        """``traceparent`` for whatever this call asks in turn."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def trace_of(metadata: Mapping[str, str | bytes]) -> Trace:
    """The trace a call belongs to; a new one where it names none that is well formed.

    Source: W3C Trace Context, recommendation of 23 November 2021, section 3.2.

    Example:
        >>> trace_of({"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}).parent_id
        'bbbbbbbbbbbbbbbb'
    """
    told = metadata.get("traceparent", "")
    found = _PARENT.fullmatch(told) if isinstance(told, str) else None
    span = secrets.token_hex(8)
    if found is None or not int(found[1], 16) or not int(found[2], 16):
        return Trace(secrets.token_hex(16), span)
    # Version 00 has exactly four parts; later ones may have more.
    if told[:2] == "00" and found[4]:
        return Trace(secrets.token_hex(16), span)
    state = metadata.get("tracestate", "")
    kept = state if isinstance(state, str) and len(state) <= _STATE_LONGEST else ""
    return Trace(found[1], span, found[2], found[3], kept)
