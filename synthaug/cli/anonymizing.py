"""The command ``synthaug anonymize`` and its steps ``plan``, ``render`` and ``audit``."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from synthaug.cli.boundary import Answer, deliver
from synthaug.cli.options import Debug, Json, Resume
from synthaug.cli.planning import Between, Smallest, Zones, plan, spans_of, zones_of
from synthaug.cli.progress import Progress
from synthaug.cli.reaching import doer, here, refuse_server
from synthaug.errors import InputError

__all__ = ["app"]

_WHOLE = "run"


class CodecName(enum.StrEnum):
    """How pictures are coded."""

    AUTO = "auto"
    H264 = "h264"
    H265 = "h265"
    AV1 = "av1"
    VP9 = "vp9"


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


@app.callback()
def _steps(context: typer.Context) -> None:
    if context.invoked_subcommand != _WHOLE and not here(context):
        raise typer.BadParameter(
            f"anonymize {context.invoked_subcommand} runs on this machine only; a server does "
            "all steps at once",
            param_hint="--server",
        )


Input = Annotated[
    str,
    typer.Argument(metavar="INPUT", help="A video, a picture, a folder, or a pattern in quotes."),
]
Video = Annotated[Path, typer.Argument(metavar="VIDEO", help="The video that was planned.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="PATH",
        help="File to write, or a folder for several; NAME.anonymized.EXT beside INPUT.",
    ),
]  # fmt: skip
Mute = Annotated[bool, typer.Option("--mute", help="Leave the sound out.")]
Replace = Annotated[bool, typer.Option("--force", help="Replace outputs that are there.")]
FacesSeed = Annotated[
    int | None,
    typer.Option("--seed", help="Draws the same faces again; random and forgotten without it."),
]
Forget = Annotated[
    bool,
    typer.Option(
        "--forget", help="Delete the salt: nobody can tell then which face belongs to which track."
    ),
]
Codec = Annotated[
    CodecName, typer.Option(help="How pictures are coded; auto is h264, in webm vp9.")
]
Hardware = Annotated[
    bool,
    typer.Option("--hardware", help="Code with the graphics card, where there is one that works."),
]
MaxPixels = Annotated[
    int, typer.Option("--max-pixels", metavar="N", help="Largest frame that is read.")
]

C2pa = Annotated[
    tuple[Path, Path] | None,
    typer.Option(
        "--c2pa",
        metavar="CERT KEY",
        help="Sign what is written as the C2PA says, with a certificate and its key (PEM); "
        "needs synthaug[c2pa].",
    ),
]
FaceGenerator = Annotated[
    Path | None,
    typer.Option(
        "--generator",
        metavar="DIR",
        help="Folder that synthaug train faces wrote; the package's own generator by default.",
    ),
]


@app.command(
    _WHOLE,
    short_help="All steps; the word may be left out.",
    epilog="\b\nExamples:\n"
    "  synthaug anonymize video.mp4\n"
    "  synthaug anonymize holiday --output hidden\n"
    "  synthaug anonymize video.mp4 --keep me.jpg --mute",
)
def run(
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="INPUT", help="A video, a picture, a folder, or a pattern in quotes."
        ),
    ] = None,
    output: Output = None,
    camera: Annotated[
        int | None,
        typer.Option(
            "--camera", metavar="N", help="In place of INPUT: film with this camera until Ctrl-C."
        ),
    ] = None,
    window: Annotated[
        bool,
        typer.Option(
            "--window", help="With --camera: show it on the screen; a file only with --output."
        ),
    ] = False,
    seconds: Annotated[
        float | None, typer.Option(metavar="N", help="With --camera: stop after so long.")
    ] = None,
    keep: Annotated[
        list[Path] | None,
        typer.Option(metavar="PHOTO", help="Leave this person as they are; may be repeated."),
    ] = None,
    only: Annotated[
        list[Path] | None,
        typer.Option(metavar="PHOTO", help="Hide only this person; may be repeated."),
    ] = None,
    between: Between = None,
    zone: Zones = None,
    smallest: Smallest = 0.0,
    consistent: Annotated[
        bool,
        typer.Option(
            "--consistent",
            help="One new face for a person throughout a video, and in all pictures of a call: "
            "viewers see who appears again.",
        ),
    ] = False,
    mute: Mute = False,
    seed: FacesSeed = None,
    audit: Annotated[
        bool, typer.Option(help="Read what was written again and say what may be open.")
    ] = True,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Exit with code 4 also where the audit cannot tell."),
    ] = False,
    force: Replace = False,
    plan_file: Annotated[
        Path | None,
        typer.Option(
            "--plan",
            metavar="FILE.jsonl",
            help="Leave the plan of a video there, to edit it and render again.",
        ),
    ] = None,
    forget: Forget = False,
    generator: FaceGenerator = None,
    codec: Codec = CodecName.AUTO,
    hardware: Hardware = False,
    resume: Resume = True,
    max_pixels: MaxPixels = 40_000_000,
    c2pa: C2pa = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Replace every face in videos and pictures and change nothing else.

    What is not hidden: body, gait, voice, clothes and place. A run that was stopped goes on
    with the same command.
    """

    def work() -> Answer:
        if (source is None) == (camera is None):
            raise InputError("input", expected="INPUT or --camera", got="neither or both")
        if window and camera is None:
            raise InputError("window", expected="--camera beside it", got="INPUT")
        if camera is not None:
            refuse_server(context, "--camera")
        with Progress() as progress:
            if camera is not None:
                from synthaug.jobs.anonymizing.camera import anonymize_camera

                made = anonymize_camera(
                    camera, output, window=window, seconds=seconds, seed=seed, force=force,
                    c2pa=c2pa, callbacks=(progress,),
                )  # fmt: skip
                return Answer(made.to_dict(), str(made), made.exit_code)
            with doer(context) as does:
                result = does.anonymize(
                    str(source), output, keep=keep or (), only=only or (), smallest=smallest,
                    consistent=consistent, mute=mute, seed=seed, audit=audit, strict=strict,
                    between=spans_of(between or ()), zones=zones_of(zone or ()),
                    force=force, plan_file=plan_file, forget=forget, generator=generator,
                    codec=codec.value, hardware=hardware, resume=resume, max_pixels=max_pixels,
                    c2pa=c2pa, callbacks=(progress,),
                )  # fmt: skip
        return Answer(result.to_dict(), str(result), result.exit_code)

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


@app.command(
    short_help="Write a video as a plan says.",
    epilog="\b\nExample:\n  synthaug anonymize render video.mp4 --plan video.plan.jsonl",
)
def render(
    source: Video,
    plan_file: Annotated[
        Path, typer.Option("--plan", metavar="FILE.jsonl", help="The plan, edited or not.")
    ],
    output: Output = None,
    mute: Mute = False,
    seed: FacesSeed = None,
    forget: Forget = False,
    generator: FaceGenerator = None,
    force: Replace = False,
    codec: Codec = CodecName.AUTO,
    hardware: Hardware = False,
    resume: Resume = True,
    max_pixels: MaxPixels = 40_000_000,
    c2pa: C2pa = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a video in which every track of a plan is hidden, with the faces of its salt.

    The salt stands beside the plan, for its owner alone; it is made where there is none.
    """

    def work() -> Answer:
        from synthaug.jobs.anonymize import render_planned

        with Progress() as progress:
            made = render_planned(
                source, plan_file, output, mute=mute, seed=seed, forget=forget,
                generator=generator, force=force, codec=codec.value, hardware=hardware,
                resume=resume, max_pixels=max_pixels, c2pa=c2pa,
                callbacks=(progress,),
            )  # fmt: skip
        return Answer(made.to_dict(), str(made), made.exit_code)

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


app.command(
    short_help="Find and follow every face; write down what is to happen to each.",
    epilog="\b\nExamples:\n"
    "  synthaug anonymize plan video.mp4 --boxes boxes.csv\n"
    "  synthaug anonymize plan video.mp4 --keep me.jpg --zone 10,20,300,200@00:10-00:25",
)(plan)


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
