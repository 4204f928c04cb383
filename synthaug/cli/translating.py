"""The commands ``synthaug translate train`` and ``synthaug translate apply``."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from synthaug.cli import answers
from synthaug.cli.boundary import Answer, deliver
from synthaug.cli.options import (
    Budget,
    Debug,
    Device,
    DeviceName,
    Force,
    Groups,
    Json,
    Out,
    Recipe,
    Resume,
    Seed,
)
from synthaug.cli.progress import Progress

__all__ = ["app"]

app = typer.Typer(
    name="translate",
    help="Learn to turn pictures of one side into pictures of another, and do it.",
    rich_markup_mode=None,
)


class SideName(enum.StrEnum):
    """Sides of the squares a translation works on, in pixels."""

    AUTO = "auto"
    PX32 = "32"
    PX64 = "64"
    PX128 = "128"
    PX256 = "256"


class MasksName(enum.StrEnum):
    """Which sides hold masks."""

    AUTO = "auto"
    NONE = "none"
    A = "a"
    B = "b"
    BOTH = "both"


class DirectionName(enum.StrEnum):
    """Which way to translate."""

    A2B = "a2b"
    B2A = "b2a"


@app.command(
    short_help="Learn a translation from pairs or from two domains.",
    epilog="\b\nExamples:\n"
    "  synthaug translate train masks photos --out translator\n"
    "  synthaug translate train summer winter --recipe cyclegan --out translator --budget 1h",
)
def train(
    out: Out,
    a: Annotated[
        Path | None, typer.Argument(metavar="A_DIR", help="Pictures to translate from.")
    ] = None,
    b: Annotated[
        Path | None,
        typer.Argument(
            metavar="B_DIR",
            help="Pictures to translate to: partners of the same names, endings apart; for "
            "cyclegan any others.",
        ),
    ] = None,
    side_by_side: Annotated[
        Path | None,
        typer.Option(
            "--side-by-side",
            metavar="FOLDER",
            help="In place of A_DIR and B_DIR: pictures that show A left and B right.",
        ),
    ] = None,
    recipe: Recipe = "pix2pix",
    budget: Budget = "10min",
    size: Annotated[
        SideName, typer.Option(help="Side of the squares it works on, in pixels; auto: 32 or 64.")
    ] = SideName.AUTO,
    masks: Annotated[
        MasksName,
        typer.Option(
            help="Sides whose values are names and are never blended; auto takes pictures of at "
            "most 16 colours for masks."
        ),
    ] = MasksName.AUTO,
    groups: Groups = None,
    seed: Seed = 0,
    device: Device = DeviceName.AUTO,
    resume: Resume = True,
    skip_bad: Annotated[
        bool,
        typer.Option(
            "--skip-bad",
            help="Leave out pictures that cannot be read or have no partner, and list them.",
        ),
    ] = False,
    force: Force = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Learn a translation: pix2pix from pairs, cyclegan from two folders without pairs.

    DIR receives the weights as safetensors, config.json and a model card. A fifth of the
    pictures is kept apart to choose the weights by.
    """

    def work() -> Answer:
        import synthaug

        with Progress() as progress:
            translator = synthaug.translate_train(
                a,
                b,
                out=out,
                pairs=side_by_side,
                recipe=recipe,
                budget=budget,
                size="auto" if size is SideName.AUTO else int(size),
                masks=masks.value,
                groups=groups,
                seed=seed,
                device=device,
                resume=resume,
                force=force,
                skip_bad=skip_bad,
                callbacks=(progress,),
            )
        return answers.of_translator(translator, out)

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


@app.command(
    short_help="Translate pictures with a saved model.",
    epilog="\b\nExample:\n  synthaug translate apply translator masks --with-input --out made",
)
def apply(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Folder that translate train wrote.")
    ],
    pictures: Annotated[
        str, typer.Argument(metavar="INPUT", help="A folder of pictures, a file, or a pattern.")
    ],
    out: Out,
    direction: Annotated[
        DirectionName, typer.Option(help="b2a where the recipe learnt both ways (cyclegan).")
    ] = DirectionName.A2B,
    seed: Seed = 0,
    with_input: Annotated[
        bool,
        typer.Option(
            "--with-input",
            help="Write into DIR/images, and the inputs beside them into DIR/masks (DIR/inputs "
            "where they are no masks): labelled segmentation data.",
        ),
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Translate pictures of any size; each comes out at its own size, with its provenance.

    They are squashed to the square the model works on and brought back, so nothing finer
    than that square is made.
    """

    def work() -> Answer:
        import synthaug

        paths = synthaug.translate_apply(
            model,
            pictures,
            out=out,
            direction=direction.value,
            seed=seed,
            with_input=with_input,
        )
        return answers.of_files(paths)

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))
