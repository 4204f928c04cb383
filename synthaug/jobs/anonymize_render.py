"""The story of ``synthaug anonymize render``: a plan and its input in, a written file out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from synthaug.errors import Damaged
from synthaug.faces.plan import Action, Plan
from synthaug.jobs.anonymize_result import Rendered
from synthaug.media import Writer, frames, probe
from synthaug.media.editing import paint
from synthaug.training.progress import Callback, Progress, tell

__all__ = ["render"]


def render(
    plan: Plan,
    source: str | Path,
    output: str | Path,
    *,
    mute: bool = False,
    force: bool = False,
    callbacks: Iterable[Callback] = (),
) -> Rendered:
    """A file in which every track of the plan is hidden and nothing else has changed.

    Args:
        plan: of this very input.
        source: the input; never changed.
        output: the file to write; appears whole or not at all.
        mute: leave the sound out.
        force: replace what stands there.
        callbacks: told how many frames are done.

    Raises:
        InputError: a plan of another file, a name that is taken.
        OutOfResources: the disk is full.
    """
    clip = probe(source)
    rungs: dict[int, Counter[str]] = {
        track.identity: Counter() for track in plan.tracks if track.action is not Action.KEEP
    }
    done, warnings = 0, []
    with Writer(clip, output, mute=mute, force=force) as writer:
        try:
            for done, frame in enumerate(frames(clip), 1):
                for track in plan.tracks:
                    row = done - 1 - track.first
                    if track.action is not Action.KEEP and 0 <= row < len(track.spots):
                        _cover(frame, track.spots[row].box)
                        rungs[track.identity]["cover"] += 1
                writer.write(frame)
                tell(callbacks, Progress(phase="render", images_seen=done, total=plan.frames,
                                         unit="frames"))  # fmt: skip
        except Damaged as error:
            warnings.append(str(error))
    return Rendered(
        output=Path(output), frames=done, rungs=rungs, left_out=clip.left_out,
        warnings=tuple(warnings), damaged=bool(warnings),
    )  # fmt: skip


def _cover(frame: Any, box: Any) -> None:
    """Paint an oval over a box, half as large again."""
    left, top, width, height = (float(x) for x in box)
    x0, y0 = int(left - width * 0.25), int(top - height * 0.3)
    tall, wide = int(height * 1.5) + 1, int(width * 1.5) + 1
    y, x = np.mgrid[:tall, :wide]
    mask = ((x + 0.5) / wide * 2 - 1) ** 2 + ((y + 0.5) / tall * 2 - 1) ** 2 <= 1
    paint(frame, x0, y0, np.full((tall, wide, 3), 96, np.uint8), mask)
