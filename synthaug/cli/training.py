"""The commands ``synthaug train``, for image sets, and ``synthaug train faces``."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from synthaug.cli import answers
from synthaug.cli.boundary import Answer, deliver
from synthaug.cli.options import (
    Attributes,
    Budget,
    Data,
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
    Size,
    SizeName,
    SkipBad,
    parse_size,
)
from synthaug.cli.progress import Progress

__all__ = ["app"]

_IMAGES = "images"


class _ImagesByDefault(TyperGroup):
    """``train photos`` is ``train images photos``; ``train faces`` is what it says."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the words for those of ``images`` unless they begin with another command."""
        if not args or args[0] not in self.commands:
            args = [_IMAGES, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="train",
    cls=_ImagesByDefault,
    help="Train a generator on an image set and save it; train faces: one of faces for "
    "synthaug anonymize.",
    rich_markup_mode=None,
)


class FaceSize(enum.StrEnum):
    """Sides of face crops, in pixels."""

    PX64 = "64"
    PX128 = "128"
    PX256 = "256"


@app.command(
    _IMAGES,
    short_help="A generator of an image set; the word may be left out.",
    epilog="\b\nExample:\n  synthaug train photos --out generator --budget 1h",
)
def images(
    data: Data,
    out: Out,
    groups: Groups = None,
    attributes: Attributes = None,
    unlabelled: Annotated[
        str | None,
        typer.Option(
            metavar="CLASS",
            help="Class whose images have no label, for the recipe semi-supervised; its own "
            "name for it is unlabelled.",
        ),
    ] = None,
    size: Size = SizeName.AUTO,
    budget: Budget = "10min",
    recipe: Recipe = "rare",
    seed: Seed = 0,
    device: Device = DeviceName.AUTO,
    resume: Resume = True,
    skip_bad: SkipBad = False,
    force: Force = False,
    tensorboard: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Also write TensorBoard events there.")
    ] = None,
    wandb: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Also write an offline Weights & Biases run there."),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train a generator on an image set and save it.

    DIR receives the weights as safetensors, config.json and a model card.
    """

    def work() -> Answer:
        import synthaug

        with Progress() as progress:
            generator = synthaug.train(
                data,
                out=out,
                recipe=recipe,
                budget=budget,
                size=parse_size(size),
                groups=groups,
                attributes=attributes,
                unlabelled=unlabelled,
                seed=seed,
                device=device,
                resume=resume,
                force=force,
                skip_bad=skip_bad,
                callbacks=(progress,),
                tensorboard=tensorboard,
                wandb=wandb,
            )
        return answers.of_generator(generator, out)

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


@app.command(
    short_help="A generator of faces from photographs of people.",
    epilog="\b\nExample:\n  synthaug train faces --data people --out faces --budget 2h",
)
def faces(
    out: Out,
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            metavar="DIR",
            help="Folder or ZIP file of photographs you may use, a folder a person.",
        ),
    ],
    size: Annotated[FaceSize, typer.Option(help="Side of the crops, pixels.")] = FaceSize.PX128,
    budget: Budget = "1h",
    leave_out: Annotated[
        Path | None,
        typer.Option(
            "--leave-out",
            metavar="FILE",
            help="CSV file whose column person names folders that are never looked at.",
        ),
    ] = None,
    seed: Seed = 0,
    device: Device = DeviceName.AUTO,
    resume: Resume = True,
    force: Force = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train a generator of faces for synthaug anonymize --generator.

    DIR receives the weights as safetensors, the curve of training and a model card. The copy
    gate judges drawn faces against the training faces.
    """

    def work() -> Answer:
        import synthaug

        with Progress() as progress:
            made = synthaug.train_faces(
                data,
                out=out,
                size=int(size),
                budget=budget,
                leave_out=leave_out,
                seed=seed,
                device=device,
                resume=resume,
                force=force,
                callbacks=(progress,),
            )
        return answers.of_faces(made)

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))
