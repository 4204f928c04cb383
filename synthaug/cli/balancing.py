"""The commands that balance, train and sample."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from synthaug.cli import answers
from synthaug.cli.boundary import Answer, deliver
from synthaug.cli.options import (
    Budget,
    Data,
    Debug,
    Device,
    DeviceName,
    Force,
    GeneratorFolder,
    Groups,
    Json,
    OnReject,
    Out,
    Recipe,
    Resume,
    Seed,
    Size,
    SizeName,
    SkipBad,
    Strict,
    Truncation,
    parse_attributes,
    parse_grid,
    parse_size,
)
from synthaug.cli.progress import Progress
from synthaug.cli.reaching import doer, refuse_server

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None)


@app.command(
    epilog="\b\nExamples:\n"
    "  synthaug augment photos --target balance --out balanced --dry-run\n"
    "  synthaug augment photos --target 'crack=500,fray=max' --groups groups.csv --out balanced",
)
def augment(
    context: typer.Context,
    data: Data,
    out: Out,
    target: Annotated[
        str,
        typer.Option(
            help="What each class should hold, real and synthetic together: 'balance' (all as "
            "many as the largest), a number, or classes such as 'crack=500,fray=max'; 'other' "
            "stands for those not named.",
        ),
    ] = "balance",
    groups: Groups = None,
    size: Size = SizeName.AUTO,
    budget: Budget = "10min",
    recipe: Recipe = "rare",
    on_reject: Annotated[
        OnReject,
        typer.Option(
            help="A generated image that a gate refuses is drawn again, has its place filled by "
            "classical augmentation, or is kept with its verdict recorded.",
        ),
    ] = OnReject.REDRAW,
    seed: Seed = 0,
    device: Device = DeviceName.AUTO,
    resume: Resume = True,
    strict: Strict = False,
    subsample: Annotated[
        bool,
        typer.Option(
            "--subsample", help="Allow a target below what is present: drop real images at random."
        ),
    ] = False,
    skip_bad: SkipBad = False,
    copy_real: Annotated[
        bool,
        typer.Option("--copy-real", help="Copy the real images into DIR instead of listing them."),
    ] = False,
    force: Force = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Print what each class would get and why, and how long it takes."
        ),
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Fill the rare classes of an image set and judge what was made.

    DATA is a folder with one sub-folder per class, or WebDataset shards. DIR receives the
    synthetic images, their provenance, the generator and report.html. Real images are
    never changed.
    """

    def work() -> Answer:
        import synthaug

        if dry_run:
            refuse_server(context, "--dry-run")
            plan = synthaug.plan(
                data,
                target,
                groups=groups,
                size=parse_size(size),
                budget=budget,
                recipe=recipe,
                seed=seed,
                device=device,
                subsample=subsample,
                skip_bad=skip_bad,
            )
            return answers.of_plan(plan)
        with Progress() as progress, doer(context) as does:
            balanced = does.augment(
                data,
                target,
                groups=groups,
                size=parse_size(size),
                budget=budget,
                recipe=recipe,
                on_reject=on_reject,
                seed=seed,
                device=device,
                out=out,
                resume=resume,
                strict=strict,
                callbacks=(progress,),
                subsample=subsample,
                skip_bad=skip_bad,
                copy_real=copy_real,
                force=force,
                command=shlex.join(["synthaug", *context.obj]),
            )
        return answers.of_augmented(balanced, out)

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


@app.command(
    short_help="Draw images of one class from a saved generator.",
    epilog="\b\nExamples:\n"
    "  synthaug sample balanced/generator --class crack --count 64 --out cracks\n"
    "  synthaug sample balanced/generator --class crack --truncation 0.7 --grid 8x8 --out c.png",
)
def sample(
    context: typer.Context,
    generator: GeneratorFolder,
    out: Out,
    class_name: Annotated[str, typer.Option("--class", metavar="NAME", help="Class to draw.")],
    count: Annotated[int, typer.Option(help="How many images.")] = 16,
    seed: Seed = 0,
    truncation: Truncation = 1.0,
    grid: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMNSxROWS",
            help="One picture of so many images in place of single files: DIR is then its file, "
            "FILE.png.",
        ),
    ] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="What the images should carry beside the class, in the units of the training "
            "data; may be repeated. What is not named is at the data's mean.",
        ),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Draw images of one class from a saved generator, each with its provenance inside.

    They are not judged: for that, run evaluate on what was drawn.
    """

    def work() -> Answer:
        with doer(context) as does:
            paths = does.sample(
                generator,
                class_name=class_name,
                count=count,
                out=out,
                seed=seed,
                truncation_psi=truncation,
                grid=parse_grid(grid) if grid else None,
                attributes=parse_attributes(attribute) if attribute else None,
            )
        return answers.of_files(paths)

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))
