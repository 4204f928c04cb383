"""Progress of a long job: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from synthaug.training import Progress as Event

__all__ = ["Progress", "line"]


class Progress:
    """A training callback that shows progress on stderr.

    Off a terminal it prints one line per phase and per twentieth of it, so that a log of a
    ten-minute run stays readable. A message for people is printed as it comes.

    Args:
        interactive: draw a bar; None asks whether stderr is a terminal.
    """

    def __init__(self, *, interactive: bool | None = None) -> None:
        self._interactive = sys.stderr.isatty() if interactive is None else interactive
        self._bar: Bar | None = None
        self._tasks: dict[str, TaskID] = {}
        self._shown: tuple[str, int] = ("", -1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def on_progress(self, event: Event) -> None:
        """Show one report of the job."""
        if self._interactive:
            self._draw(event)
            return
        if event.message:
            print(event.message, file=sys.stderr, flush=True)
            return
        twentieth = event.images_seen * 20 // event.total if event.total else 0
        if (event.phase, twentieth) != self._shown:
            self._shown = (event.phase, twentieth)
            print(line(event), file=sys.stderr, flush=True)

    def _draw(self, event: Event) -> None:
        if self._bar is None:
            self._bar = _new_bar()
            self._bar.start()
        if event.message:
            self._bar.console.print(event.message, markup=False, highlight=False)
            return
        if event.phase not in self._tasks:
            self._tasks[event.phase] = self._bar.add_task(event.phase, facts="")
        self._bar.update(
            self._tasks[event.phase],
            total=event.total or None,
            completed=event.images_seen,
            facts=", ".join(_facts(event)),
        )


def line(event: Event) -> str:
    """One report of a job as a line of text."""
    done = f"{event.images_seen:,}"
    if event.total:
        done += f" of {event.total:,} {event.unit} ({event.images_seen / event.total:.0%})"
    else:
        done += f" {event.unit}"
    return ", ".join([f"{event.phase}: {done}", *_facts(event)])


def _facts(event: Event) -> list[str]:
    facts = []
    if event.images_per_second > 0:
        facts.append(f"{event.images_per_second:,.0f} images/s")
    if event.eta_seconds is not None:
        minutes, seconds = divmod(round(event.eta_seconds), 60)
        facts.append(f"{minutes}:{seconds:02d} left")
    if event.frechet is not None:
        facts.append(f"Fréchet distance {event.frechet:,.1f}")
    return facts


def _new_bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as RichProgress

    return RichProgress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[facts]}"),
        console=Console(stderr=True),
    )
