"""``python -m synthaug_server``: what `synthaug serve` becomes, for services and containers."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from synthaug.errors import SynthaugError
from synthaug_server.settings import Settings

__all__ = ["main"]

_TYPES = {"int": int, "int | None": int, "float": float, "str": str}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m synthaug_server",
        description="Serve until SIGTERM; see synthaug serve --help for what the options mean.",
    )
    for field in dataclasses.fields(Settings):
        option = "--" + field.name.replace("_", "-")
        if field.type == "bool":
            parser.add_argument(option, action="store_true", default=None)
        elif field.name == "devices":
            parser.add_argument("--device", action="append", dest="devices", metavar="NAME")
        else:
            parser.add_argument(option, type=_TYPES.get(str(field.type), Path))
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Serve; gives the exit code."""
    asked = vars(_parser().parse_args(argv))
    given = {name: value for name, value in asked.items() if value is not None}
    # A password belongs into the environment, not into the list of processes.
    if "jobs" not in given and "SYNTHAUG_JOBS" in os.environ:
        given["jobs"] = os.environ["SYNTHAUG_JOBS"]
    if "devices" in given:
        given["devices"] = tuple(given["devices"])
    try:
        settings = Settings(**given)
        from synthaug_server.app import serve

        serve(settings)
    except SynthaugError as error:
        print(f"synthaug: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # All is closed. gRPC's threads now and then crash an interpreter that is being taken down,
    # and whoever started the server would begin it again.
    os._exit(code)
