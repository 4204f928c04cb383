"""The commands: each parses its options, makes one call and hands over the answer."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from synthaug.cli import anonymizing, answers, latent, models, recipes, translating
from synthaug.cli.boundary import Answer, deliver, print_error
from synthaug.cli.options import (
    Attributes,
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
    parse_numbers,
    parse_size,
)
from synthaug.cli.progress import Progress
from synthaug.errors import InputError

__all__ = ["app", "main", "run"]

app = typer.Typer(
    name="synthaug",
    help="Balance rare image classes with judged synthetic images; replace faces in videos.",
    epilog=(
        "Start with: synthaug demo\n\n"
        "Exit codes: 0 done, 1 a bug, 2 input cannot be used, 3 a gate failed, "
        "4 a face may be open, "
        "5 interrupted (the same command resumes), 6 input damaged, "
        "7 out of disk, memory or other resources."
    ),
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(models.app)
app.add_typer(latent.app)
app.add_typer(recipes.app)
app.add_typer(translating.app)
app.add_typer(anonymizing.app)


def _version(asked: bool) -> None:
    if asked:
        import synthaug

        print(f"synthaug {synthaug.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


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
        with Progress() as progress:
            balanced = synthaug.augment(
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


@app.command(epilog="\b\nExample:\n  synthaug train photos --out generator --budget 1h")
def train(
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
    short_help="Draw images of one class from a saved generator.",
    epilog="\b\nExamples:\n"
    "  synthaug sample balanced/generator --class crack --count 64 --out cracks\n"
    "  synthaug sample balanced/generator --class crack --truncation 0.7 --grid 8x8 --out c.png",
)
def sample(
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
        import synthaug

        paths = synthaug.sample(
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


@app.command(
    short_help="Judge synthetic images against real ones.",
    epilog="\b\nExample:\n  synthaug evaluate heldout generated --train photos --strict",
)
def evaluate(
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
        import synthaug

        found = synthaug.evaluate(
            real, synthetic, train=train_data, seed=seed, device=device, neighbours=neighbours
        )
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


@app.command(
    short_help="Balance real handwritten digits, in under four minutes.",
    epilog="\b\nExample:\n  synthaug demo --out demo",
)
def demo(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder to write the demonstration into.")
    ] = Path("synthaug-demo"),
    seed: Seed = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Balance real handwritten digits of which three are rare, in under four minutes.

    Everything is made offline from scikit-learn's digits: the imbalanced set, the balanced
    one, the generator and report.html.
    """

    def work() -> Answer:
        import synthaug

        with Progress() as progress:
            balanced = synthaug.demo(out, seed=seed, callbacks=(progress,))
        return answers.of_demo(balanced, out)

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


@app.command(
    short_help="Check this installation.",
    epilog="\b\nExample:\n  synthaug doctor",
)
def doctor(as_json: Json = False, debug: Debug = False) -> None:
    """Check this installation: versions, devices, weights, cache, disk."""

    def work() -> Answer:
        from synthaug.jobs.doctor import examine

        return answers.of_checkup(examine())

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run one command and leave the process with its exit code."""
    # A container's stop is an interrupt like any other: checkpoint kept, exit code 5.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(run(sys.argv[1:] if args is None else args))


def run(args: Sequence[str]) -> int:
    """Run one command and return its exit code.

    Args:
        args: the words after ``synthaug``.
    """
    try:
        words = list(args) or ["--help"]
        code = app(args=words, prog_name="synthaug", standalone_mode=False, obj=words)
    except Exception as raised:
        # A usage error: typer's class has moved between its versions, its method has not.
        describe = getattr(raised, "format_message", None)
        if describe is None:
            raise
        message = f"{describe().rstrip('.')}. Run 'synthaug --help'."
        print_error(message, "usage", InputError.exit_code, as_json="--json" in args)
        return InputError.exit_code
    return int(code or 0)
