"""From glimpses to verdicts about open faces and holes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from synthaug.audit.faithful import Outside, seconds_of
from synthaug.audit.leaks import Glimpse, Leaks
from synthaug.audit.pairing import Timeline
from synthaug.audit.result import Doubt
from synthaug.verdict import Status, Verdict

__all__ = ["doubts_of", "exposure_verdicts"]

_ANOTHER = 20.0  # dB; two videos of different things differ more


def exposure_verdicts(leaks: Leaks, timeline: Timeline, outside: Outside) -> list[Verdict]:
    """Whether a face stayed open, and whether one opens between frames that hide it."""
    looked = [glimpse for glimpse in leaks.glimpses if not glimpse.kept]
    n = (len(looked), timeline.source)
    blind = _blind(timeline, outside)
    return [
        _told("open", leaks.open(), n, blind, _seen(leaks, looked)),
        _told("holes", leaks.holes(), n, blind, "no face opens between frames that hide it"),
    ]


def _blind(timeline: Timeline, outside: Outside) -> str:
    """Why faces could not be compared everywhere; empty where they could."""
    if not outside.pixels:
        return "no frame of the output could be compared"
    if outside.psnr < _ANOTHER:
        return f"the output shows another picture ({outside.psnr:.0f} dB outside the ovals)"
    if timeline.num_extra:
        times = seconds_of(timeline.extra)
        return f"{timeline.num_extra:,} frames of the output have no partner, at {times}"
    broken = [f"the {name} breaks off after {got}" for name, got in timeline.broken]
    return "; ".join(broken)


def _seen(leaks: Leaks, looked: Sequence[Glimpse]) -> str:
    if not looked:
        return f"{leaks.first.name} found no face, and the plan has none"
    perhaps = len(leaks.doubtful())
    told = f"none of {len(looked):,} sights of a face is open"
    if perhaps:
        told += f"; {perhaps:,} more, that one detector alone takes for a face, are as they were"
    return told


def _told(gate: str, found: list[Glimpse], n: tuple[int, int], blind: str, fine: str) -> Verdict:
    null = "open sights of faces"
    if found:
        times = seconds_of(sorted({glimpse.seconds for glimpse in found}))
        frames = len({glimpse.frame for glimpse in found})
        why = f"{len(found):,} in {frames:,} frames, at {times}"
        status = Status.FAIL
    elif blind:
        why, status = blind, Status.INCONCLUSIVE
    else:
        why, status = fine, Status.PASS
    return Verdict(
        gate=gate, scope="file", status=status, threshold=0,
        statistic=math.nan if status is Status.INCONCLUSIVE else len(found),
        n_real=n[0], n_generated=n[1], null=null, why=why,
    )  # fmt: skip


def doubts_of(leaks: Leaks) -> list[Doubt]:
    """The places a person should look at: open ones, holes, then what one detector saw."""
    opened, holes = leaks.open(), leaks.holes()
    kinds = dict.fromkeys(leaks.doubtful(), "perhaps a face")
    kinds |= dict.fromkeys(opened, "open")
    kinds |= dict.fromkeys(holes, "hole")
    order = ["open", "hole", "perhaps a face"]
    return [
        Doubt(
            kind=kind, frame=g.frame, seconds=round(g.seconds, 3), box=g.box, track=g.track,
            likeness=g.likeness,
        )
        for g, kind in sorted(kinds.items(), key=lambda item: (order.index(item[1]), item[0].frame))
    ]  # fmt: skip
