"""The command that tells of the recipes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from synthaug.cli.boundary import Answer, deliver
from synthaug.cli.options import Debug, Json

if TYPE_CHECKING:
    from synthaug.textbook import Entry

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None)


@app.command(
    short_help="List the recipes, or explain one.",
    epilog="\b\nExamples:\n  synthaug recipes\n  synthaug recipes dcgan",
)
def recipes(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Explain this one; all are listed.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List the recipes a generator can be trained by, or explain one.

    Of one it tells what it is, the papers, the parts, when to use it, and the command.
    """

    def work() -> Answer:
        from synthaug.textbook import entry_of
        from synthaug.textbook import recipes as all_recipes

        if name is not None:
            entry = entry_of(name)
            return Answer(_fields(entry), str(entry))
        entries = all_recipes()
        width = max(len(entry.name) for entry in entries)
        lines = [f"{entry.name:<{width}}  {entry.summary}" for entry in entries]
        lines += ["", "More about one: synthaug recipes NAME"]
        return Answer({"recipes": [_fields(entry) for entry in entries]}, "\n".join(lines))

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


def _fields(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name, "summary": entry.summary, "paper": entry.source,
        "parts": list(entry.parts), "when": entry.when, "shows": entry.shows,
        "data": entry.data, "command": entry.command,
    }  # fmt: skip
