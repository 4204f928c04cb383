"""The commands for a first look: a demonstration and a check of the installation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synthaug.cli import answers
from synthaug.cli.boundary import Answer, deliver
from synthaug.cli.options import Debug, Json, Seed
from synthaug.cli.progress import Progress

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None)


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
