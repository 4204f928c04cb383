"""``synthaug jobs``: what a server is doing for its callers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from synthaug.cli.boundary import Answer, deliver
from synthaug.cli.options import Debug, Json
from synthaug.cli.progress import Progress
from synthaug.cli.reaching import client_of

if TYPE_CHECKING:
    from synthaug.client import Job

__all__ = ["app"]

app = typer.Typer(
    name="jobs",
    help="Look after the jobs of a server: synthaug --server HOST:PORT jobs ls. Without --server "
    "it is 127.0.0.1:50051.",
    rich_markup_mode=None,
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="JOB", help="As in: synthaug jobs ls.")]


@app.command(short_help="List your jobs, newest first.")
def ls(
    context: typer.Context,
    running: Annotated[
        bool, typer.Option("--running", help="Only those that have not ended.")
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List your jobs, newest first; with an operator's token those of everybody."""

    def work() -> Answer:
        with client_of(context) as client:
            found = client.jobs(ended=False if running else None)
        lines = [
            f"{job.name}  {job.kind:<9}  {job.state:<9}  {job.created:%Y-%m-%d %H:%M}  "
            f"{_standing(job)}".rstrip()
            for job in found
        ]
        return Answer({"jobs": [_fields(job) for job in found]}, "\n".join(lines) or "no jobs")

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


@app.command(short_help="Follow a job to its end.")
def watch(context: typer.Context, job: Name, as_json: Json = False, debug: Debug = False) -> None:
    """Show a job's progress to its end, through restarts of the server; its exit code is the job's.

    Ctrl-C stops watching, not the job.
    """

    def work() -> Answer:
        with client_of(context) as client, Progress() as progress:
            found = client.watch(_full(job), callbacks=(progress,))
        if found.error is not None:
            raise found.error
        return Answer(_fields(found), _told(found))

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


@app.command(short_help="Ask a job to stop.")
def cancel(context: typer.Context, job: Name, as_json: Json = False, debug: Debug = False) -> None:
    """Ask a job to stop; nothing partial is kept. One that has ended stays as it is."""

    def work() -> Answer:
        with client_of(context) as client:
            client.cancel(_full(job))
            found = client.job(_full(job))
        asked = found.state if found.ended else "asked to stop"
        return Answer(_fields(found), f"{found.name}: {asked}")

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


@app.command(short_help="Delete a job that has ended and all it made.")
def rm(context: typer.Context, job: Name, as_json: Json = False, debug: Debug = False) -> None:
    """Delete a job that has ended and all it made on the server: files, reports, generators."""

    def work() -> Answer:
        with client_of(context) as client:
            client.remove(_full(job))
        return Answer({"name": _full(job)}, f"{_full(job)} is deleted")

    raise typer.Exit(deliver(work, as_json=as_json, debug=debug))


def _full(name: str) -> str:
    return name if "/" in name else f"operations/{name}"


def _standing(job: Job) -> str:
    """Where a job stands, in few words."""
    if job.error is not None:
        return str(job.error)
    told = job.progress
    if told is None or job.ended:
        return ""
    return f"{told.phase} {told.images_seen / told.total:.0%}" if told.total else told.phase


def _told(job: Job) -> str:
    lines = [f"{job.name}: {job.state}"]
    lines += [f"  {name}: {value}" for name, value in _result(job).items() if _is_name(value)]
    return "\n".join(lines)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("artifacts/", "models/", "reports/"))


def _result(job: Job) -> dict[str, Any]:
    if job.result is None:
        return {}
    from google.protobuf.json_format import MessageToDict

    return dict(MessageToDict(job.result, preserving_proto_field_name=True))


def _fields(job: Job) -> dict[str, Any]:
    error = job.error
    return {
        "name": job.name, "kind": job.kind, "state": job.state, "attempts": job.attempts,
        "created": job.created.isoformat(timespec="seconds"),
        "expires": None if job.expires is None else job.expires.isoformat(timespec="seconds"),
        "standing": _standing(job),
        "result": _result(job) or None,
        "error": None if error is None else {"code": error.code, "message": str(error)},
    }  # fmt: skip
