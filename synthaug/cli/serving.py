"""``synthaug serve`` and ``synthaug audit``: the server, who may call it, and what it wrote down.

The server is the other door of the house; it is opened here, not built.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from synthaug.cli.boundary import Answer, deliver
from synthaug.cli.options import Debug, Json
from synthaug.errors import InputError

__all__ = ["app", "audit_app"]

app = typer.Typer(
    name="serve",
    help="Serve augment, anonymize, evaluate and sample to other programs over gRPC.",
    epilog="\b\nExamples:\n"
    "  synthaug serve\n"
    "  synthaug serve tokens add --owner team-a --role submitter\n"
    "  synthaug serve --host 0.0.0.0 --tls-cert chain.pem --tls-key key.pem",
    rich_markup_mode=None,
)
tokens_app = typer.Typer(
    name="tokens",
    help="Say who may call: tokens, and names in client certificates.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
app.add_typer(tokens_app)
audit_app = typer.Typer(
    name="audit",
    help="Check what a server wrote down.",
    rich_markup_mode=None,
    no_args_is_help=True,
)

Store = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder with everything the server keeps; the user's state folder if left out.",
    ),
]

Certificate = Annotated[
    Path | None, typer.Option(metavar="FILE", help="PEM file with the server's certificate.")
]
Key = Annotated[Path | None, typer.Option(metavar="FILE", help="PEM file with its key.")]
Jobs = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="postgresql:// address for jobs in place of SQLite inside --store. One with a "
        "password belongs into the environment variable SYNTHAUG_JOBS.",
    ),
]
ClientCA = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="PEM file: clients must show a certificate that it signed, and their common "
        "name must have an entry: synthaug serve tokens add --certificate.",
    ),
]

BatchImages = Annotated[
    int | None,
    typer.Option(help="Images drawn in one pass for several callers, 64 if left out."),
]
BatchDelay = Annotated[
    float | None,
    typer.Option(
        help="Seconds a pass waits for more callers where the one before had several, 0.002."
    ),
]
BatchQueue = Annotated[
    int | None,
    typer.Option(help="Images that may wait to be drawn, for each model, 512 if left out."),
]
DrainWait = Annotated[
    float | None,
    typer.Option(help="Seconds from NOT_SERVING to refusing calls, 5: balancers notice."),
]


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    host: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Address to listen on, 127.0.0.1 if left out. Any other needs --tls-cert, "
            "--tls-key, and tokens or --client-ca.",
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port, 50051 if left out; 0 takes a free one.")
    ] = None,
    admin_port: Annotated[
        int | None,
        typer.Option(
            help="Also listen on this port of 127.0.0.1, with reflection (for grpcurl); 0 takes "
            "a free one."
        ),
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(help="Also answer Prometheus on this port of 127.0.0.1; 0 takes a free one."),
    ] = None,
    store: Store = None,
    jobs: Jobs = None,
    device: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Where models run: cpu, or cuda:0; may be given several times.",
        ),
    ] = None,
    tls_cert: Certificate = None,
    tls_key: Key = None,
    client_ca: ClientCA = None,
    require_token: Annotated[
        bool,
        typer.Option(
            "--require-token",
            help="Ask for a token on 127.0.0.1 too; else only once there is one in the store.",
        ),
    ] = False,
    owner_bytes: Annotated[
        int | None, typer.Option(help="Bytes one owner may have stored, 64 GiB if left out.")
    ] = None,
    owner_artifacts: Annotated[
        int | None, typer.Option(help="Artifacts one owner may have stored, 100,000.")
    ] = None,
    upload_bytes: Annotated[
        int | None, typer.Option(help="Bytes one upload may have, 32 GiB if left out.")
    ] = None,
    image_bytes: Annotated[
        int | None,
        typer.Option(help="Bytes a picture in a message may have, 16 MiB if left out."),
    ] = None,
    image_pixels: Annotated[
        int | None, typer.Option(help="Pixels a picture or frame may have, 64 million.")
    ] = None,
    frames: Annotated[
        int | None, typer.Option(help="Frames a file or stream may have, 1 million.")
    ] = None,
    owner_jobs: Annotated[
        int | None, typer.Option(help="Jobs of one owner that have not ended, 32 if left out.")
    ] = None,
    queue: Annotated[
        int | None, typer.Option(help="Jobs that may wait in all, 256 if left out.")
    ] = None,
    batch_images: BatchImages = None,
    batch_delay: BatchDelay = None,
    batch_queue: BatchQueue = None,
    owner_rate: Annotated[
        float | None, typer.Option(help="Calls a second of one owner, 200 if left out.")
    ] = None,
    calls: Annotated[int | None, typer.Option(help="Calls at once, 512 if left out.")] = None,
    job_seconds: Annotated[
        float | None, typer.Option(help="Longest time a job may ask for, 86400 if left out.")
    ] = None,
    ttl_seconds: Annotated[
        float | None,
        typer.Option(help="Seconds after which everything is deleted, a week if left out."),
    ] = None,
    sweep_seconds: Annotated[
        float | None, typer.Option(help="Seconds between looks for what is over, 60.")
    ] = None,
    drain_wait: DrainWait = None,
    drain_grace: Annotated[
        float | None, typer.Option(help="Most seconds that calls in flight are waited for, 30.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Serve augment, anonymize, evaluate and sample to other programs over gRPC.

    Says SERVING and its address when it does. SIGTERM drains: calls in flight end, jobs go on
    when the server is back; a second SIGTERM stops at once.
    """
    if context.invoked_subcommand is not None:
        return
    given = {
        name: value
        for name, value in context.params.items()
        if name not in ("debug", "device") and value is not None and value is not False
    }

    def work() -> Answer:
        _need_extra()
        words = [sys.executable, "-m", "synthaug_server"]
        for name in device or ():
            words += ["--device", name]
        for name, value in given.items():
            option = "--" + name.replace("_", "-")
            words += [option] if value is True else [option, str(value)]
        # A process of its own, without what the command line has loaded.
        os.execv(words[0], words)

    raise typer.Exit(deliver(work, as_json=False, debug=debug))


def _need_extra() -> None:
    missing = [
        name
        for name in ("synthaug_server", "grpc_health", "prometheus_client", "google_crc32c")
        if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise InputError(
            "the server", expected="the extra synthaug[server]", got=f"no {missing[0]}",
            remedy="Run: pip install 'synthaug[server]'.",
        )  # fmt: skip


def _open(store: Path | None) -> tuple[Any, Any]:
    """Access and audit log of a store; a server may be running on it."""
    _need_extra()
    from synthaug_server.settings import default_store
    from synthaug_server.store.opening import open_access

    return open_access(store or default_store())


@tokens_app.command(
    short_help="Let somebody in.",
    epilog="\b\nExamples:\n"
    "  synthaug serve tokens add --owner team-a --role submitter --days 90\n"
    "  synthaug serve tokens add --owner team-a --role viewer --certificate grafana.example.org",
)
def add(
    owner: Annotated[
        str, typer.Option(help="Whom everything belongs to that is made with it; a short name.")
    ],
    role: Annotated[
        str,
        typer.Option(
            help="viewer looks, submitter also sends, starts and deletes, operator also sees, "
            "cancels and deletes the jobs of others."
        ),
    ],
    days: Annotated[float | None, typer.Option(help="When it ends; never if left out.")] = None,
    certificate: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="In place of a token: the common name of a client certificate.",
        ),
    ] = None,
    store: Store = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make a token and print it, this once: only its hash is kept."""

    def work() -> Answer:
        access, audit = _open(store)
        if certificate is not None:
            grant, token = access.add_certificate(certificate, owner, role, days=days), None
        else:
            grant, token = access.add_token(owner, role, days=days)
        audit.append(
            "grant.add", actor="command line", subject=grant.id, kind=grant.kind,
            owner=owner, role=grant.role.name,
        )  # fmt: skip
        fields = _fields(grant)
        if token is None:
            return Answer(fields, f"{grant.id}: certificate of {owner}, {role}")
        return Answer({**fields, "token": token}, token)

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


@tokens_app.command(short_help="List who may call.")
def ls(store: Store = None, as_json: Json = False, debug: Debug = False) -> None:
    """List all entries, without the tokens: nobody can see those again."""

    def work() -> Answer:
        rows = [_fields(grant) for grant in _open(store)[0].entries()]
        lines = [
            f"{row['id']}  {row['kind']:<11}  {row['role']:<9}  {row['owner']:<20}  "
            f"{'never ends' if row['expires'] is None else 'ends ' + row['expires']}"
            for row in rows
        ]
        return Answer({"entries": rows}, "\n".join(lines) or "none: only this machine may call")

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


@tokens_app.command(short_help="Shut somebody out.")
def rm(
    identifier: Annotated[
        str, typer.Argument(metavar="ID", help="As in: synthaug serve tokens ls.")
    ],
    store: Store = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Remove an entry; it counts from the next call on, what belongs to its owner stays."""

    def work() -> Answer:
        access, audit = _open(store)
        grant = access.remove(identifier)
        audit.append("grant.remove", actor="command line", subject=grant.id, owner=grant.owner)
        return Answer(_fields(grant), f"{grant.id} of {grant.owner} is removed")

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


def _fields(grant: Any) -> dict[str, Any]:
    def day(seconds: float | None) -> str | None:
        told = None if seconds is None else time.gmtime(seconds)
        return None if told is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", told)

    return {
        "id": grant.id, "kind": grant.kind, "owner": grant.owner,
        "role": grant.role.name.lower(), "created": day(grant.created),
        "expires": day(grant.expires),
    }  # fmt: skip


@audit_app.command(
    short_help="Check that nobody has changed the log.",
    epilog="\b\nExample:\n  synthaug audit verify --store /var/lib/synthaug",
)
def verify(
    store: Store = None,
    head: Annotated[
        str,
        typer.Option(
            metavar="HASH",
            help="A hash the log must contain: of an earlier check, or of a deletion receipt.",
        ),
    ] = "",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Check every link of the audit log; exit code 6 where an entry was changed or taken out.

    Write the printed hash down elsewhere: who can write to the store could make a new log.
    """

    def work() -> Answer:
        _need_extra()
        from synthaug_server.settings import default_store
        from synthaug_server.store.audit_log import verify as verify_log

        found = verify_log(store or default_store(), head=head)
        fields = {"entries": found.entries, "hash": found.hash}
        return Answer(fields, f"{found.entries} entries hold, the last is {found.hash}")

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


# With a callback a group of one command stays a group.
@audit_app.callback()
def _audit() -> None:
    """Check what a server wrote down."""
