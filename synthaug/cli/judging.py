"""The commands that judge images and compare recipes."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from synthaug.cli import answers
from synthaug.cli.boundary import Answer, deliver
from synthaug.cli.options import (
    Data,
    Debug,
    Device,
    DeviceName,
    Groups,
    Json,
    Resume,
    Seed,
    Size,
    SizeName,
    SkipBad,
    Strict,
    parse_numbers,
    parse_size,
)
from synthaug.cli.progress import Progress
from synthaug.cli.reaching import doer, here

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None)


@app.command(
    short_help="Judge synthetic images against real ones.",
    epilog="\b\nExample:\n  synthaug evaluate heldout generated --train photos --strict",
)
def evaluate(
    context: typer.Context,
    real: Annotated[
        str, typer.Argument(metavar="REAL", help="Real images the generator never saw.")
    ],
    synthetic: Annotated[
        str, typer.Argument(metavar="SYNTHETIC", help="Images to judge, from any generator.")
    ],
    train_data: Annotated[
        str | None,
        typer.Option(
            "--train",
            metavar="DATA",
            help="Real images the generator was trained on; needed to tell copies.",
        ),
    ] = None,
    neighbours: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw the most suspicious images, each above the training image nearest to "
            "it, into a PNG. It shows real images.",
        ),
    ] = None,
    seed: Seed = 0,
    device: Device = DeviceName.AUTO,
    strict: Strict = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Judge synthetic images against real ones: copies, fidelity, diversity, labels.

    Then the usual numbers, each with what real images get against real ones: Fréchet and
    kernel distance, precision and recall, density and coverage, Inception score, the
    birthday paradox, and the nearest training image of the most suspicious ones.
    """

    def work() -> Answer:
        with doer(context) as does, Progress() as progress:
            # Of a local evaluation there is no progress to tell.
            told = {} if here(context) else {"callbacks": (progress,)}
            found = does.evaluate(
                real, synthetic, train=train_data, seed=seed, device=device,
                neighbours=neighbours, **told,
            )  # fmt: skip
        return answers.of_evaluation(found, strict=strict)

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


@app.command(
    short_help="Train several recipes alike and set them side by side on one page.",
    epilog="\b\nExample:\n  synthaug compare photos --recipes rare,dcgan --budget 5min --out race",
)
def compare(
    context: typer.Context,
    data: Data,
    recipes: Annotated[
        str,
        typer.Option(metavar="NAMES", help="Recipes to compare, such as rare,dcgan, or all."),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder to write, or of an earlier comparison.")
    ] = Path("comparison"),
    budget: Annotated[
        str,
        typer.Option(
            metavar="TIME|IMAGES",
            help="Training of each recipe and seed ('5min'), or '50000 images'; what the "
            "measuring takes comes on top.",
        ),
    ] = "5min",
    seeds: Annotated[
        str, typer.Option(metavar="N,N", help="Every recipe is trained once with each of these.")
    ] = "0",
    size: Size = SizeName.AUTO,
    groups: Groups = None,
    device: Device = DeviceName.AUTO,
    resume: Resume = True,
    skip_bad: SkipBad = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train several recipes on the same images with the same budget and seeds.

    DIR receives compare.html (no real image in it: may be shared), compare.private.html with
    real images beside, and a folder with the generator of each recipe. Repeating the command
    skips what is done; more recipes can be added to a folder.
    """

    def work() -> Answer:
        import synthaug

        with Progress() as progress:
            found = synthaug.compare(
                data,
                recipes,
                budget=budget,
                seeds=parse_numbers(seeds, "--seeds"),
                size=parse_size(size),
                out=out,
                groups=groups,
                device=device,
                resume=resume,
                skip_bad=skip_bad,
                callbacks=(progress,),
                command=shlex.join(["synthaug", *context.obj]),
            )
        return answers.of_comparison(found)

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))
