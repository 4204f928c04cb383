"""All commands together, and the way in."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from synthaug.cli import (
    anonymizing,
    balancing,
    jobs,
    judging,
    latent,
    models,
    recipes,
    serving,
    training,
    translating,
    trying,
)
from synthaug.cli.boundary import print_error
from synthaug.cli.reaching import (
    Server,
    ServerPlace,
    TlsCa,
    TlsCertificate,
    TlsKey,
    TokenFile,
    remember,
)
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
app.add_typer(balancing.app)
app.add_typer(training.app)
app.add_typer(judging.app)
app.add_typer(trying.app)
app.add_typer(models.app)
app.add_typer(latent.app)
app.add_typer(recipes.app)
app.add_typer(translating.app)
app.add_typer(anonymizing.app)
app.add_typer(serving.app)
app.add_typer(serving.audit_app)
app.add_typer(jobs.app)


def _version(asked: bool) -> None:
    if asked:
        import synthaug

        print(f"synthaug {synthaug.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    server: Server = None,
    token_file: TokenFile = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCertificate = None,
    tls_key: TlsKey = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    place = ServerPlace(
        address=server, token_file=token_file, tls_ca=tls_ca, tls_cert=tls_cert, tls_key=tls_key
    )
    remember(context, place)


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
        told = describe().rstrip(".")
        message = f"{told}{'' if told.endswith('?') else '.'} Run 'synthaug --help'."
        print_error(message, "usage", InputError.exit_code, as_json="--json" in args)
        return InputError.exit_code
    return int(code or 0)
