"""``synthaug models``: the weights that can be fetched, and where they lie."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from synthaug.cli.boundary import Answer, deliver
from synthaug.cli.options import Debug, Json

__all__ = ["app"]

app = typer.Typer(
    name="models",
    help="Fetch and check weights that make things better; nothing needs them to work.",
    rich_markup_mode=None,
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="As in: synthaug models ls.")]


@app.command(short_help="List all weights and whether they are here.")
def ls(as_json: Json = False, debug: Debug = False) -> None:
    """List all weights: size, licence, purpose, and whether they are in the cache folder."""

    def work() -> Answer:
        from synthaug.weights.registry import cache_folder, registry

        folder = cache_folder()
        rows: list[dict[str, Any]] = [
            {
                "name": weights.name, "here": (folder / weights.file).is_file(),
                "bytes": weights.size, "licence": weights.licence, "purpose": weights.purpose,
                "url": weights.url, "sha256": weights.sha256,
            }
            for weights in registry().values()
        ]  # fmt: skip
        lines = [
            f"{row['name']:<14} {'here' if row['here'] else 'not here':<9} "
            f"{row['bytes'] / 1e6:4.1f} MB  {row['licence']:<11} {row['purpose']}"
            for row in rows
        ]
        text = "\n".join([*lines, "", f"Cache folder: {folder}"])
        return Answer({"folder": str(folder), "weights": rows}, text)

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


@app.command(
    short_help="Fetch weights and check them.",
    epilog="\b\nExample:\n  synthaug models get yunet",
)
def get(name: Name, as_json: Json = False, debug: Debug = False) -> None:
    """Fetch one file of weights; an interrupted download goes on where it stopped."""

    def work() -> Answer:
        from synthaug.weights.download import download
        from synthaug.weights.registry import named

        path = download(named(name))
        return Answer({"name": name, "path": str(path)}, str(path))

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


@app.command(short_help="Check all weights that are here.")
def verify(as_json: Json = False, debug: Debug = False) -> None:
    """Compare every file in the cache folder with its published SHA-256."""

    def work() -> Answer:
        from synthaug.weights.registry import find, registry

        paths = {name: find(name) for name in registry()}
        here = {name: str(path) for name, path in paths.items() if path}
        lines = [f"{name}: as published" for name in here] or ["No weights are here."]
        return Answer({"verified": here}, "\n".join(lines))

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


@app.command(short_help="Print the cache folder, or the file of one name.")
def path(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Of weights.")] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Print where weights lie: SYNTHAUG_WEIGHTS, or the user's cache folder."""

    def work() -> Answer:
        from synthaug.weights.registry import cache_folder, named

        where = cache_folder() / named(name).file if name else cache_folder()
        return Answer({"path": str(where)}, str(where))

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))
