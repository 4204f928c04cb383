"""The story of ``synthaug anonymize render``: a plan and its input in, a written file out."""

from __future__ import annotations

import hashlib
import itertools
import secrets
from collections.abc import Callable, Collection, Iterable
from importlib.metadata import version
from pathlib import Path

from synthaug.errors import Damaged, InputError
from synthaug.faces.plan import Plan
from synthaug.jobs.anonymizing.result import Rendered
from synthaug.media import Clip, Limits, Writer, frames, probe
from synthaug.media.encoding import chosen
from synthaug.media.marking import Mark
from synthaug.media.signing import Signer
from synthaug.replacing.ladder import Ladder
from synthaug.replacing.painter import Painter
from synthaug.training.progress import Callback, Progress, tell
from synthaug.weights.registry import sha256_of

__all__ = ["render"]


def render(
    plan: Plan,
    source: str | Path,
    output: str | Path,
    *,
    salt: bytes | None = None,
    ladder: Ladder | None = None,
    mute: bool = False,
    force: bool = False,
    codec: str = "auto",
    hardware: bool = False,
    resume: bool = True,
    limits: Limits | None = None,
    signer: Signer | None = None,
    note: Callable[[Rendered, Path], Collection[Path]] | None = None,
    callbacks: Iterable[Callback] = (),
) -> Rendered:
    """A file in which every track of the plan is hidden and nothing else has changed.

    Args:
        plan: of this very input.
        source: the input; never changed.
        output: the file to write; appears whole or not at all.
        salt: what the latents are made with; new where None, and then nothing is resumed.
        ladder: what draws faces.
        mute: leave the sound out.
        force: replace what stands there.
        codec: ``"auto"``, ``"h264"``, ``"h265"``, ``"av1"`` or ``"vp9"``.
        hardware: code with the graphics card where that works.
        resume: go on with what an earlier run of the same call left.
        limits: what to refuse.
        signer: signs the file.
        note: told what was made, and the file before it has its name; gives files of the work
            folder that stay.
        callbacks: told how many frames are done.

    Raises:
        InputError: a plan of another file, a name that is taken.
        OutOfResources: the disk is full; the same call goes on.
    """
    clip = probe(source, limits=limits)
    _refuse_other(plan, clip)
    ladder = ladder or Ladder.usual()
    painter = Painter(plan, ladder, salt or secrets.token_bytes(32))
    key = _key(plan, salt, ladder) if salt else ""
    done, warnings, damaged = 0, list(plan.notes), False
    writer = Writer(
        clip, output, mute=mute, force=force, coding=chosen(clip, codec, hardware=hardware),
        key=key, resume=resume, signer=signer,
    )  # fmt: skip

    def made() -> Rendered:
        said = [*warnings, *ladder.said, *([writer.warning] if writer.warning else [])]
        return Rendered(
            output=Path(output), frames=done, rungs=painter.rungs, left_out=clip.left_out,
            warnings=tuple(said), damaged=damaged or done < plan.frames,
        )  # fmt: skip

    writer.note = (lambda whole: note(made(), whole)) if note is not None else None
    with writer:
        if writer.state is not None:
            painter.restore(writer.state)
        shown = frames(clip)
        try:
            # No frame is written that the plan has not seen.
            for done, frame in enumerate(itertools.islice(shown, plan.frames), 1):
                if done <= writer.done:
                    painter.skip()
                    continue
                painter.paint(frame)
                writer.write(frame, painter.state)
                tell(callbacks, Progress(phase="render", images_seen=done, total=plan.frames,
                                         unit="frames"))  # fmt: skip
            if next(shown, None) is not None:
                warnings.append(f"the plan ends after {plan.frames} frames, and so does the output")
        except Damaged as error:
            damaged = True
            warnings += [] if str(error) in warnings else [str(error)]
        _mark(writer, painter)
    return made()


def _mark(writer: Writer, painter: Painter) -> None:
    """Say in the file what was done to it."""
    used = {name for counts in painter.rungs.values() for name in counts}
    facts = {"faces": len(painter.rungs), "rungs": sorted(used)}
    generated = bool(used - {"cover"})
    writer.mark = Mark(version=version("synthaug"), generated=generated, facts=facts)


def _refuse_other(plan: Plan, clip: Clip) -> None:
    got = sha256_of(clip.path)
    if got != plan.input_sha256:
        raise InputError(
            "plan", expected=f"one for this file ({got[:12]})", got=plan.input_sha256[:12],
            where=clip.path.name, remedy="Plan this file, or name the one it was planned for.",
            code="input.plan",
        )  # fmt: skip
    size = (clip.width, clip.height)
    if size != (plan.width, plan.height) or clip.time_base != plan.time_base:
        raise InputError(
            "plan", expected=f"one for {size[0]}x{size[1]}", got=f"{plan.width}x{plan.height}",
            where=clip.path.name, remedy="Plan this file again.", code="input.plan",
        )  # fmt: skip


def _key(plan: Plan, salt: bytes, ladder: Ladder) -> str:
    """What every pixel of the output depends on, hashed; the salt cannot be read from it."""
    digest = hashlib.sha256(version("synthaug").encode())
    for track in plan.tracks:
        digest.update(f"{track.identity} {track.action} {track.first} {track.person}".encode())
        for spot in track.spots:
            digest.update(spot.box.tobytes() + spot.points.tobytes())
    digest.update(f"{plan.input_sha256} {plan.frames}".encode())
    digest.update(hashlib.sha256(b"key" + salt).digest())
    digest.update(f"{ladder.rung.name} {ladder.rung.sha256}".encode())
    return digest.hexdigest()
