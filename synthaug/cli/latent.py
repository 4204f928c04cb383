"""The commands on the latent space of a saved generator."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Any

import typer

from synthaug.cli import answers
from synthaug.cli.boundary import Answer, deliver
from synthaug.cli.options import (
    Classes,
    Debug,
    GeneratorFolder,
    Images,
    Json,
    Seed,
    Truncation,
    parse_numbers,
    parse_strengths,
)
from synthaug.cli.progress import Progress

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None)


class SpaceName(enum.StrEnum):
    """Latent spaces."""

    AUTO = "auto"
    W = "w"
    Z = "z"


class By(enum.StrEnum):
    """Ways to find a direction."""

    DRAW = "draw"
    PROJECT = "project"


Space = Annotated[
    SpaceName,
    typer.Option(help="auto takes w, the space of styles, where the generator has it, else z."),
]
Picture = Annotated[
    Path, typer.Option(metavar="FILE.png", help="Picture to write, with its provenance inside.")
]
Steps = Annotated[int, typer.Option(help="How often the point is improved.")]


@app.command(
    short_help="Draw the way from image to image.",
    epilog="\b\nExamples:\n"
    "  synthaug interpolate generator --class crack --images 3,17 --out way.png\n"
    "  synthaug interpolate generator --class crack --class fray --out classes.png",
)
def interpolate(
    generator: GeneratorFolder,
    class_name: Classes,
    out: Picture,
    images: Images = None,
    steps: Annotated[int, typer.Option(help="Images a way, both ends included.")] = 8,
    seed: Seed = 0,
    truncation: Truncation = 1.0,
    space: Space = SpaceName.AUTO,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Draw the way from image to image, a row a way.

    From class to class only where the generator has styles: name several classes then.
    """

    def work() -> Answer:
        from synthaug.jobs import latent

        several = len(class_name) > 1
        path = latent.interpolate(
            generator, class_names=class_name, out=out, steps=steps, seed=seed,
            numbers=parse_numbers(images or ("0" if several else "0,1"), "--images"),
            space=space.value, truncation_psi=truncation,
        )  # fmt: skip
        return answers.of_files([path])

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


@app.command(
    short_help="Mix coarse styles of some images with fine ones of others.",
    epilog="\b\nExample:\n"
    "  synthaug mix generator --class crack --rows 0-3 --columns 4-7 --out mixed.png",
)
def mix(
    generator: GeneratorFolder,
    class_name: Classes,
    out: Picture,
    rows: Annotated[
        str, typer.Option(metavar="NUMBERS", help="Images that give coarse styles: the layout.")
    ] = "0-3",
    columns: Annotated[
        str, typer.Option(metavar="NUMBERS", help="Images that give fine styles: the details.")
    ] = "4-7",
    cut: Annotated[
        int | None,
        typer.Option(help="Layers, counted from 4x4 pixels, that follow the row; half of them."),
    ] = None,
    seed: Seed = 0,
    truncation: Truncation = 1.0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Mix coarse styles of some images with fine ones of others, for generators with styles.

    The first column and row show the sources. With two classes the first is the rows' and
    the second the columns'.
    """

    def work() -> Answer:
        from synthaug.jobs import latent

        path = latent.mix(
            generator, class_names=class_name, out=out, rows=parse_numbers(rows, "--rows"),
            columns=parse_numbers(columns, "--columns"), cut=cut, seed=seed,
            truncation_psi=truncation,
        )  # fmt: skip
        return answers.of_files([path])

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


@app.command(
    short_help="Make a video of a closed walk past images.",
    epilog="\b\nExample:\n"
    "  synthaug walk generator --class crack --images 0-4 --seconds 10 --out walk.mp4",
)
def walk(
    generator: GeneratorFolder,
    class_name: Classes,
    out: Annotated[
        Path, typer.Option(metavar="FILE.mp4", help="Video to write, with its provenance inside.")
    ],
    images: Images = None,
    seconds: Annotated[float, typer.Option(help="Length of the video.")] = 10.0,
    fps: Annotated[float, typer.Option(help="Frames a second.")] = 24.0,
    seed: Seed = 0,
    truncation: Truncation = 1.0,
    space: Space = SpaceName.AUTO,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make a video of a smooth walk past images that ends where it began.

    Images below 256 px are enlarged by a whole factor.
    """

    def work() -> Answer:
        from synthaug.jobs import latent

        several = len(class_name) > 1
        with Progress() as progress:
            frames = latent.walk(
                generator, class_names=class_name, out=out, seconds=seconds, fps=fps, seed=seed,
                numbers=parse_numbers(images or ("0" if several else "0-4"), "--images"),
                space=space.value, truncation_psi=truncation, callbacks=(progress,),
            )  # fmt: skip
        return Answer({"files": [str(out)], "frames": frames, "fps": fps}, str(out))

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


@app.command(
    short_help="Find the latent point behind a real image.",
    epilog="\b\nExample:\n  synthaug project generator photo.jpg --class crack --out projected",
)
def project(
    generator: GeneratorFolder,
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="Image file of any size.")],
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Folder to write: latent.safetensors, reconstruction.png, target.png, "
            "projection.json; it appears only when complete.",
        ),
    ],
    class_name: Annotated[
        str | None,
        typer.Option(
            "--class", metavar="NAME", help="Its class; without it the nearest are tried."
        ),
    ] = None,
    steps: Steps = 200,
    crop: Annotated[
        bool,
        typer.Option("--crop", help="Take the central square; training images were squashed."),
    ] = False,
    seed: Seed = 0,
    space: Space = SpaceName.AUTO,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Find the latent point whose image is nearest to a real one, to edit it or to see it.

    Nothing is said about where the image comes from: a generator comes near many images it
    was not trained on.
    """

    def work() -> Answer:
        from synthaug.jobs import latent

        with Progress() as progress:
            found = latent.project(
                generator, image, out=out, class_name=class_name, steps=steps, crop=crop,
                seed=seed, space=space.value, callbacks=(progress,),
            )  # fmt: skip
        fields: dict[str, Any] = {
            "out": str(found.folder), "class": found.class_name, "note": found.note,
            "error": found.error, "pixel_error": found.pixel_error,
            "drawn_error": found.drawn_error,
        }  # fmt: skip
        text = (
            f"Image: {found.note}.\nClass {found.class_name}: distance {found.error:.4f}, nearest "
            f"random draw {found.drawn_error:.4f}; {found.pixel_error:.1f} of 255 levels a pixel."
            f"\nWritten to {found.folder}; to change an attribute: synthaug edit {generator} "
            f"--latent {found.folder / 'latent.safetensors'} --direction FILE --out edited.png"
        )
        return Answer(fields, text)

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


@app.command(
    short_help="Learn an attribute from two folders of images.",
    epilog="\b\nExample:\n"
    "  synthaug direction generator --with deep --without shallow --out deeper.safetensors",
)
def direction(
    generator: GeneratorFolder,
    having: Annotated[
        Path, typer.Option("--with", metavar="DIR", help="Images that have the attribute.")
    ],
    lacking: Annotated[
        Path, typer.Option("--without", metavar="DIR", help="Images that do not have it.")
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE.safetensors", help="Direction to write, named so.")
    ],
    class_name: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="NAME", help="Classes to learn on; all of them."),
    ] = None,
    by: Annotated[
        By,
        typer.Option(
            help="draw: score random draws; project: invert the images themselves (slow, for "
            "attributes that few draws show).",
        ),
    ] = By.DRAW,
    draws: Annotated[int, typer.Option(help="Random images to score.")] = 512,
    seed: Seed = 0,
    space: Space = SpaceName.AUTO,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Learn an attribute as a direction of latent space, from two folders of images.

    The direction belongs to this generator; edit refuses it with another.
    """

    def work() -> Answer:
        from synthaug.jobs import latent

        with Progress() as progress:
            found = latent.direction(
                generator, having=having, lacking=lacking, out=out,
                class_names=class_name or (), by=by.value, draws=draws, seed=seed,
                space=space.value, callbacks=(progress,),
            )  # fmt: skip
        fields: dict[str, Any] = {
            "files": [str(out)], "name": found.name, "space": found.space,
            "generator": found.generator, "told_apart": found.told_apart,
            "followed": found.followed,
        }  # fmt: skip
        text = f"The folders are told apart in {found.told_apart:.0%} of held-out images."
        if found.followed is not None:
            text += f"\nAlong the direction the attribute follows with r = {found.followed:.2f}."
        text += (
            f"\nUse it: synthaug edit {generator} --direction {out} --class NAME "
            "--strength -2..2 --out edited.png"
        )
        return Answer(fields, text)

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


@app.command(
    short_help="Make an attribute of images weaker and stronger.",
    epilog="\b\nExamples:\n"
    "  synthaug edit generator --direction deeper.safetensors --class crack --strength -2..2 "
    "--out edited.png\n"
    "  synthaug edit generator --direction deeper.safetensors "
    "--latent projected/latent.safetensors --out edited.png",
)
def edit(
    generator: GeneratorFolder,
    direction: Annotated[
        Path, typer.Option(metavar="FILE.safetensors", help="What direction wrote.")
    ],
    out: Picture,
    strength: Annotated[
        str,
        typer.Option(
            metavar="A..B|NUMBERS",
            help="In standard deviations of what the generator draws; 0 changes nothing.",
        ),
    ] = "-2..2",
    steps: Annotated[int, typer.Option(help="Images from A to B.")] = 5,
    class_name: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="NAME", help="Class of the images; may be repeated."),
    ] = None,
    images: Images = None,
    points: Annotated[
        Path | None,
        typer.Option("--latent", metavar="FILE", help="What project wrote, in place of a class."),
    ] = None,
    seed: Seed = 0,
    truncation: Truncation = 1.0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make an attribute of images weaker and stronger, a row an image."""

    def work() -> Answer:
        from synthaug.jobs import latent

        several = len(class_name or ()) > 1
        path = latent.edit(
            generator, direction=direction, out=out, strengths=parse_strengths(strength, steps),
            class_names=class_name or (), points=points, seed=seed, truncation_psi=truncation,
            numbers=parse_numbers(images or ("0" if several else "0-3"), "--images"),
        )  # fmt: skip
        return answers.of_files([path])

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))
