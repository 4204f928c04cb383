"""The story of ``synthaug anonymize``: find and follow faces, replace them, write, read again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from synthaug.errors import InputError
from synthaug.jobs.anonymize_plan import plan_video
from synthaug.jobs.anonymize_render import render
from synthaug.jobs.anonymize_result import AnonymizedFile, AnonymizeResult
from synthaug.training.progress import Callback

__all__ = ["anonymize"]


def anonymize(
    source: str | Path,
    output: str | Path | None = None,
    *,
    mute: bool = False,
    force: bool = False,
    callbacks: Iterable[Callback] = (),
) -> AnonymizeResult:
    """Videos in which every face is replaced and nothing else has changed.

    Args:
        source: a video.
        output: the file to write; ``NAME.anonymized.EXT`` beside the source.
        mute: leave the sound out.
        force: replace what stands there.
        callbacks: told what is being done.

    Raises:
        InputError: no such file, or a name that is taken; nothing is written.
    """
    path = Path(source)
    target = Path(output) if output is not None else _beside(path)
    if target.exists() and not force:
        raise InputError(
            "output", expected="a new file", got="one that is there", where=str(target),
            remedy="Choose another name, or pass --force.", code="output.exists",
        )  # fmt: skip
    plan = plan_video(path, callbacks=tuple(callbacks))
    made = render(plan, path, target, mute=mute, force=force, callbacks=callbacks)
    return AnonymizeResult((AnonymizedFile(source=path, rendered=made),))


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.stem}.anonymized{path.suffix}")
