"""``synthaug --server``: who does the work, this machine or a server."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from synthaug.errors import InputError

__all__ = [
    "Server", "ServerPlace", "TlsCa", "TlsCertificate", "TlsKey", "TokenFile", "client_of", "doer",
    "here", "refuse_server", "remember",
]  # fmt: skip

Server = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="Have a server do the work of augment, anonymize, evaluate or sample, or look after "
        "its jobs: the one that synthaug serve started there.",
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="With --server: file with the token, where it asks for one."),
]
TlsCa = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="With --server: PEM file of the CA behind its certificate."),
]
TlsCertificate = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="With --server: PEM file of your own certificate."),
]
TlsKey = Annotated[
    Path | None, typer.Option(metavar="FILE", help="With --server: PEM file of its key.")
]

_KEPT = "synthaug.server"
_SERVED = ("augment", "anonymize", "evaluate", "sample", "jobs")
_USUAL = "127.0.0.1:50051"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ServerPlace:
    """Where a server is and how to come in."""

    address: str | None
    token_file: Path | None
    tls_ca: Path | None
    tls_cert: Path | None
    tls_key: Path | None


def remember(context: typer.Context, place: ServerPlace) -> None:
    """Note for the command that follows who does its work; refuse those that only run here."""
    facts = dataclasses.astuple(place)
    if place.address is None and context.invoked_subcommand != "jobs" and any(facts):
        raise typer.BadParameter("name the server too: --server HOST:PORT")
    if place.address is not None and context.invoked_subcommand not in _SERVED:
        raise typer.BadParameter(
            f"{context.invoked_subcommand} runs on this machine only; a server does "
            f"{', '.join(_SERVED)}",
            param_hint="--server",
        )
    context.meta[_KEPT] = place


def here(context: typer.Context) -> bool:
    """Whether this machine does the work."""
    place: ServerPlace | None = context.meta.get(_KEPT)
    return place is None or place.address is None


def refuse_server(context: typer.Context, what: str) -> None:
    """Refuse ``--server`` for something that only this machine does.

    Raises:
        InputError: it was given.
    """
    if not here(context):
        raise InputError(
            what, expected="no --server beside it", got="one",
            remedy="The service cannot do that: leave out --server.", code="input.option",
        )  # fmt: skip


def client_of(context: typer.Context) -> Any:
    """A client of the server that was named, or of the usual one on this machine.

    Raises:
        InputError: an address or a file that cannot be used.
    """
    from synthaug.client import TLS, connect

    place: ServerPlace | None = context.meta.get(_KEPT)
    if place is None:
        return connect(_USUAL)
    files = (place.tls_ca, place.tls_cert, place.tls_key)
    tls = TLS(ca=files[0], certificate=files[1], key=files[2]) if any(files) else None
    return connect(place.address or _USUAL, _token(place.token_file), tls)


def _token(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "token file", expected="one that can be read", where=str(file),
            remedy="Write the token into it as synthaug serve tokens add printed it.",
            code="input.token",
        ) from error  # fmt: skip


@contextlib.contextmanager
def doer(context: typer.Context) -> Iterator[Any]:
    """What has augment, anonymize, evaluate and sample: the package, or a connected client."""
    if here(context):
        import synthaug

        yield synthaug
        return
    with client_of(context) as client:
        yield client
