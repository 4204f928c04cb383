"""The command ``synthaug anonymize`` and its steps ``plan``, ``render`` and ``audit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from synthaug.cli.boundary import Answer, deliver
from synthaug.cli.options import Debug, Json
from synthaug.cli.progress import Progress

__all__ = ["app"]

_WHOLE = "run"


class _WholeByDefault(TyperGroup):
    """``anonymize video.mp4`` runs all steps; ``anonymize plan video.mp4`` one of them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the words for those of the whole unless they begin with the name of a step."""
        if not args or args[0] not in (*self.commands, "--help"):
            args = [_WHOLE, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="anonymize",
    cls=_WholeByDefault,
    help="Replace every face in videos and pictures, change nothing else, and measure it: "
    "synthaug anonymize video.mp4. Options of the whole: synthaug anonymize run --help.",
    rich_markup_mode=None,
)

Input = Annotated[str, typer.Argument(metavar="INPUT", help="A video.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="PATH", help="File to write; NAME.anonymized.EXT beside INPUT."
    ),
]
Mute = Annotated[bool, typer.Option("--mute", help="Leave the sound out.")]
Replace = Annotated[bool, typer.Option("--force", help="Replace the output if it is there.")]


@app.command(
    _WHOLE,
    short_help="All steps; the word may be left out.",
    epilog="\b\nExample:\n  synthaug anonymize video.mp4",
)
def run(
    source: Input,
    output: Output = None,
    mute: Mute = False,
    force: Replace = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Replace every face in a video and change nothing else.

    What is not hidden: body, gait, voice, clothes and place.
    """

    def work() -> Answer:
        import synthaug

        with Progress() as progress:
            made = synthaug.anonymize(source, output, mute=mute, force=force, callbacks=(progress,))
        return Answer(made.to_dict(), str(made), made.exit_code)

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


@app.command(
    short_help="Read a written file again beside its source.",
    epilog="\b\nExamples:\n"
    "  synthaug anonymize audit video.mp4 video.anonymized.mp4 plan.jsonl\n"
    "  synthaug anonymize audit video.mp4 out.mp4 plan.jsonl --gallery photographs --strict",
)
def audit(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="The video as it was.")],
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="What was written.")],
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="What was to be hidden.")],
    gallery: Annotated[
        Path | None,
        typer.Option(
            "--gallery",
            metavar="DIR",
            help="Photographs, a folder for each person, among whom the hidden are looked up.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="DIR", help="For the page; OUTPUT.audit where not given."),
    ] = None,
    mute: Annotated[bool, typer.Option("--mute", help="The sound was to be left out.")] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Exit with 4 too where it cannot tell, with 3 where more than faces has changed.",
        ),
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Say whether a face of the source is open, somebody recognised, or more has changed.

    DIR receives report.html and report.json, which show no picture, and worst.private.png, the
    faces that are least hidden, for your eyes only. Exit code 4: a face may be open.
    """

    def work() -> Answer:
        import synthaug

        folder = report or output.with_name(f"{output.name}.audit")
        with Progress() as progress:
            found = synthaug.anonymize_audit(
                source, output, plan, gallery=gallery, mute=mute, report=folder,
                callbacks=(progress,),
            )  # fmt: skip
        text = f"{found}\nreport: {folder / 'report.html'}"
        return Answer(found.to_dict(), text, found.exit_code(strict=strict))

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))
