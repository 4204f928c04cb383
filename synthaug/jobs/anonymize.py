"""The story of ``synthaug anonymize``: find and follow faces, replace them, write, read again."""

from __future__ import annotations

import dataclasses
import functools
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from synthaug.errors import Damaged, InputError, OutOfResources, Stopped, SynthaugError
from synthaug.faces.plan import Plan, read_plan, write_plan
from synthaug.jobs.anonymizing.album import Album
from synthaug.jobs.anonymizing.audit import audit as audit_job
from synthaug.jobs.anonymizing.inputs import AUDIT_ENDING, inputs_of, is_still
from synthaug.jobs.anonymizing.plan import plan_video
from synthaug.jobs.anonymizing.render import render
from synthaug.jobs.anonymizing.result import AnonymizedFile, AnonymizeResult, Rendered
from synthaug.jobs.anonymizing.still import anonymize_still
from synthaug.jobs.anonymizing.written import forget_written, keep_written, written
from synthaug.media.clip import Limits
from synthaug.media.signing import Signer, signer
from synthaug.media.writing import check_output, work_folder
from synthaug.replacing.ladder import Ladder
from synthaug.replacing.latents import forget as forget_salt
from synthaug.replacing.latents import salt_in, salt_of
from synthaug.training.progress import Callback, Progress, tell
from synthaug.weights.registry import sha256_of

__all__ = ["anonymize", "render_planned"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Wishes:
    """What one call asks for, for every file of it."""

    planning: dict[str, Any]
    seed: int | None
    mute: bool
    force: bool
    audit: bool
    strict: bool
    render: Callable[[Any, Path], None] | None
    plan_file: Path | None
    forget: bool
    generator: Path | None
    codec: str
    hardware: bool
    resume: bool
    limits: Limits
    signer: Signer | None
    album: Album
    callbacks: tuple[Callback, ...]

    @property
    def call(self) -> str:
        """What the written pixels and sound depend on, beside the input."""
        return repr((
            self.planning, self.seed, self.mute, self.generator, self.codec, self.hardware,
            self.signer.sha256 if self.signer else None,
        ))  # fmt: skip


def anonymize(
    source: str | Path,
    output: str | Path | None = None,
    *,
    keep: Sequence[str | Path] = (),
    only: Sequence[str | Path] = (),
    zones: Sequence[Any] = (),
    between: Sequence[tuple[float, float]] = (),
    smallest: float = 0.0,
    consistent: bool = False,
    mute: bool = False,
    seed: int | None = None,
    audit: bool = True,
    strict: bool = False,
    force: bool = False,
    plan_file: str | Path | None = None,
    forget: bool = False,
    generator: str | Path | None = None,
    codec: str = "auto",
    hardware: bool = False,
    resume: bool = True,
    max_pixels: int = Limits().pixels,
    c2pa: tuple[str | Path, str | Path] | None = None,
    render: Callable[[Any, Path], None] | None = None,
    callbacks: Iterable[Callback] = (),
) -> AnonymizeResult:
    """Videos and pictures in which every face is replaced and nothing else has changed.

    Args:
        source: a video, a picture, a folder with all below it, or a pattern.
        output: a file for one input, a folder for several; ``NAME.anonymized.EXT`` beside
            each by default.
        keep: photographs of people who stay as they are.
        only: photographs of the only people to hide.
        zones: boxes that are always covered.
        between: spans of seconds of videos; nothing is hidden outside them.
        smallest: faces whose larger side stays below it are covered, not generated, pixels.
        consistent: one new face for a person throughout a video, and in all pictures of one
            call; a viewer then sees who appears again.
        mute: leave the sound out.
        seed: of the faces; random where None, and then nobody can draw them again.
        audit: read what was written again and say what may be open, in a folder
            ``OUTPUT.audit`` too.
        strict: count as open what the audit cannot tell.
        force: replace outputs that are there.
        plan_file: where to leave the plan of a single video, to be edited and rendered
            again; its salt stands beside it, for its owner alone.
        forget: leave no salt beside it.
        generator: folder that `train_faces` wrote, in place of the package's own generator.
        codec: ``"auto"``, ``"h264"``, ``"h265"``, ``"av1"`` or ``"vp9"``.
        hardware: code with the graphics card where that works.
        resume: go on with what a run that was stopped has left.
        max_pixels: largest frame that is read, width times height.
        c2pa: PEM files of a certificate, with those above it, and of its key: outputs are
            signed as the C2PA says. Needs the extra ``synthaug[c2pa]``.
        render: what writes the audit's pages.
        callbacks: told what is being done.

    Returns:
        What became of each file; of several files those that could not be read have their
        error there.

    Raises:
        InputError: the one input cannot be used, or nothing can be signed; nothing is written.
        OutOfResources: the disk is full; the same call goes on.
    """
    inputs = inputs_of(source, output)
    if plan_file is not None and (len(inputs.pairs) > 1 or is_still(inputs.pairs[0][0])):
        raise InputError("plan file", expected="a single video", where=str(plan_file))
    Ladder.usual(generator)  # a generator that cannot be used is said before anything is done
    signs = _signer(c2pa, [target for _, target in inputs.pairs])
    callbacks = tuple(callbacks)
    wishes = _Wishes(
        planning={
            "keep": tuple(keep), "only": tuple(only), "zones": tuple(zones),
            "between": tuple(between), "smallest": smallest, "consistent": consistent,
        },
        seed=seed, mute=mute, force=force, audit=audit, strict=strict, render=render,
        plan_file=None if plan_file is None else Path(plan_file), forget=forget, codec=codec,
        generator=None if generator is None else Path(generator),
        hardware=hardware, resume=resume, limits=Limits(pixels=max_pixels), signer=signs,
        album=Album(
            keep=keep, only=only, consistent=consistent, seed=seed,
            generator=None if generator is None else Path(generator),
        ),
        callbacks=callbacks,
    )  # fmt: skip
    for path in inputs.ours:
        tell(callbacks, Progress(phase="read", message=f"{path}: is anonymized already"))
    for path in inputs.others:
        tell(callbacks, Progress(phase="read", message=f"{path}: is left as it is, no picture or "
                                 "video that is read here"))  # fmt: skip
    files = []
    for number, (path, target) in enumerate(inputs.pairs, 1):
        if len(inputs.pairs) == 1:
            files.append(_one(path, target, wishes))
            break
        tell(callbacks, Progress(phase="files", message=f"{number} of {len(inputs.pairs)}: {path}"))
        try:
            files.append(_one(path, target, wishes))
        except (Stopped, OutOfResources):
            raise
        except SynthaugError as error:
            files.append(AnonymizedFile(source=path, error=error))
    return AnonymizeResult(tuple(files))


def _signer(c2pa: tuple[str | Path, str | Path] | None, outputs: Sequence[Path]) -> Signer | None:
    """What signs, once it has shown that it can and that every output can be signed."""
    if c2pa is None:
        return None
    made = signer(*c2pa)
    made.check(outputs)
    return made


def _one(source: Path, target: Path, wishes: _Wishes) -> AnonymizedFile:
    return (_picture if is_still(source) else _video)(source, target, wishes)


def _picture(source: Path, target: Path, wishes: _Wishes) -> AnonymizedFile:
    if wishes.planning["between"]:
        raise InputError(
            "between", expected="a video", got="a picture, which has no seconds", where=str(source),
            remedy="Leave it out for pictures.", code="input.option",
        )  # fmt: skip
    made, plan = anonymize_still(
        source, target, album=wishes.album, zones=wishes.planning["zones"],
        smallest=wishes.planning["smallest"], force=wishes.force, limits=wishes.limits,
        signer=wishes.signer, callbacks=wishes.callbacks,
    )  # fmt: skip
    return _audited(source, target, plan, made, wishes)


def _video(source: Path, target: Path, wishes: _Wishes) -> AnonymizedFile:
    wishes.album.unload()
    folder = work_folder(target)
    # Stopped after the file had its name: an audit is begun again, nothing else is left to do.
    before = written(folder, wishes.call, source, target) if wishes.resume else None
    if before is not None:
        return _read_again(source, target, folder, before, wishes)
    check_output(source, target, force=wishes.force)
    fresh = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        made, plan = _rendered(source, target, folder, wishes)
    except (InputError, Damaged):
        if fresh:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return _read_again(source, target, folder, (made, plan), wishes)


def _read_again(
    source: Path, target: Path, folder: Path, before: tuple[Rendered, Plan], wishes: _Wishes
) -> AnonymizedFile:
    """The file as audited; what was kept for the audit goes unless the audit is stopped."""
    try:
        found = _audited(source, target, before[1], before[0], wishes)
    except (KeyboardInterrupt, Stopped, OutOfResources, MemoryError, OSError):
        raise
    except Exception:
        forget_written(folder)
        raise
    forget_written(folder)
    return found


def _audited(
    source: Path, target: Path, plan: Plan, made: Rendered, wishes: _Wishes
) -> AnonymizedFile:
    """What was written and, where it is asked for, what reading it again says."""
    if not wishes.audit:
        return AnonymizedFile(source=source, rendered=made, strict=wishes.strict)
    report, still = target.with_name(f"{target.name}{AUDIT_ENDING}"), is_still(source)
    found = audit_job(
        source, target, plan, mute=wishes.mute, max_pixels=wishes.limits.pixels, report=report,
        render=wishes.render, callbacks=wishes.callbacks,
        detectors=wishes.album.detectors if still else None,
        recognisers=wishes.album.recognisers if still else None,
    )  # fmt: skip
    return AnonymizedFile(
        source=source, rendered=made, audit=found, strict=wishes.strict,
        report=report if wishes.render else None,
    )  # fmt: skip


def _rendered(source: Path, target: Path, folder: Path, wishes: _Wishes) -> Any:
    """The file written and its plan."""
    plan = plan_video(
        source, work=folder / "sights", limits=wishes.limits, callbacks=wishes.callbacks,
        **wishes.planning,
    )  # fmt: skip
    kept = wishes.plan_file
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_plan(plan, kept)
    place = folder / "salt" if kept is None else kept.with_name(f"{kept.name}.salt")
    salt = salt_in(place) if wishes.seed is None else salt_of(wishes.seed)
    made = render(
        plan, source, target, salt=salt, ladder=Ladder.usual(wishes.generator), mute=wishes.mute,
        force=wishes.force, codec=wishes.codec, hardware=wishes.hardware, resume=wishes.resume,
        limits=wishes.limits, signer=wishes.signer, callbacks=wishes.callbacks,
        note=functools.partial(keep_written, folder, wishes.call, plan),
    )  # fmt: skip
    if wishes.forget:
        forget_salt(place)
    return made, plan


def render_planned(
    source: str | Path,
    plan_file: str | Path,
    output: str | Path | None = None,
    *,
    mute: bool = False,
    seed: int | None = None,
    forget: bool = False,
    generator: str | Path | None = None,
    force: bool = False,
    codec: str = "auto",
    hardware: bool = False,
    resume: bool = True,
    max_pixels: int = Limits().pixels,
    c2pa: tuple[str | Path, str | Path] | None = None,
    callbacks: Iterable[Callback] = (),
) -> AnonymizedFile:
    """A video written as a plan says; the arguments are those of `anonymize`.

    Args:
        source: the video that was planned.
        plan_file: the plan; its salt stands beside it and is made where there is none.
        output: the file to write.
        mute: leave the sound out.
        seed: of the faces, in place of the salt.
        forget: delete the salt.
        generator: folder that `train_faces` wrote.
        force: replace what stands there.
        codec: how pictures are coded.
        hardware: code with the graphics card where that works.
        resume: go on with what a run that was stopped has left.
        max_pixels: largest frame that is read.
        c2pa: certificate and key to sign with.
        callbacks: told what is being done.

    Raises:
        InputError: a plan that cannot be read or is another file's, or a name that is taken.
    """
    path, planned = Path(source), Path(plan_file)
    plan = read_plan(planned)
    target = inputs_of(path, output).pairs[0][1]
    signs, folder = _signer(c2pa, [target]), work_folder(target)
    asked = (sha256_of(planned), seed, mute, generator, codec, hardware)
    call = repr(("render", *map(str, asked), signs.sha256 if signs else None))
    before = written(folder, call, path, target) if resume else None
    if before is not None:
        forget_written(folder)
        return AnonymizedFile(source=path, rendered=before[0])
    check_output(path, target, force=force)
    place = planned.with_name(f"{planned.name}.salt")
    salt = salt_in(place) if seed is None else salt_of(seed)
    made = render(
        plan, path, target, salt=salt, ladder=Ladder.usual(generator), mute=mute, force=force,
        codec=codec, hardware=hardware, resume=resume, limits=Limits(pixels=max_pixels),
        signer=signs, note=functools.partial(keep_written, folder, call, plan),
        callbacks=callbacks,
    )  # fmt: skip
    forget_written(folder)
    if forget:
        forget_salt(place)
    return AnonymizedFile(source=path, rendered=made)
