"""What a run tells while it goes on, and who may listen."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Protocol

from synthaug.errors import InputError

__all__ = ["Callback", "Progress", "TensorBoard", "WeightsAndBiases", "tell"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One message about a run.

    Args:
        phase: what is being done, e.g. ``"train"``, ``"draw"``, ``"choose"``.
        images_seen: real images shown so far (or items done in other phases).
        total: of ``images_seen`` when done; 0 where unknown.
        images_per_second: speed.
        eta_seconds: wall seconds to the end of this phase; None where unknown.
        frechet: newest Fréchet distance of a draw to held-out images; None before the first.
        losses: newest value of each term, ``player/term`` to number.
        unit: what ``images_seen`` counts, where it is not images.
        message: a line for people, possibly empty.
    """

    phase: str
    images_seen: int = 0
    total: int = 0
    images_per_second: float = 0.0
    eta_seconds: float | None = None
    frechet: float | None = None
    losses: dict[str, float] = dataclasses.field(default_factory=dict)
    unit: str = "images"
    message: str = ""


class Callback(Protocol):
    """Anything with ``on_progress``."""

    def on_progress(self, event: Progress) -> None:
        """Take notice of one message."""


def tell(callbacks: Iterable[Callback], event: Progress) -> None:
    """Send one message to all listeners."""
    for callback in callbacks:
        callback.on_progress(event)


def _scalars(event: Progress) -> dict[str, float]:
    values = dict(event.losses)
    if event.phase == "train":
        values["images_per_second"] = event.images_per_second
        if event.frechet is not None:
            values["frechet"] = event.frechet
    return values


class TensorBoard:
    """Writes losses, speed and Fréchet distance as TensorBoard scalars over images seen.

    Args:
        folder: where event files go.

    Raises:
        InputError: the extra is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise _missing("TensorBoard", "tensorboard") from error
        self._writer = SummaryWriter(str(folder))

    def on_progress(self, event: Progress) -> None:
        """Write the scalars of one message."""
        for name, value in _scalars(event).items():
            self._writer.add_scalar(name, value, event.images_seen)
        self._writer.flush()

    def close(self) -> None:
        """Finish the event file."""
        self._writer.close()


class WeightsAndBiases:
    """Logs losses, speed and Fréchet distance to a Weights & Biases run, offline by default.

    Args:
        folder: where the run's files go.
        project: name of the project.
        mode: ``"offline"`` (nothing leaves the machine) or ``"online"``.

    Raises:
        InputError: the extra is not installed.
    """

    def __init__(
        self,
        folder: Path,
        project: str = "synthaug",
        mode: Literal["offline", "online"] = "offline",
    ) -> None:
        try:
            import wandb
        except ImportError as error:
            raise _missing("Weights & Biases", "wandb") from error
        settings: Any = wandb.Settings(silent=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._run = wandb.init(dir=str(folder), project=project, mode=mode, settings=settings)

    def on_progress(self, event: Progress) -> None:
        """Log the scalars of one message."""
        if values := _scalars(event):
            self._run.log({**values, "images_seen": event.images_seen})

    def close(self) -> None:
        """Finish the run's files."""
        self._run.finish()


def _missing(what: str, extra: str) -> InputError:
    return InputError(
        f"{what} is not installed",
        remedy=f"Install it with: pip install 'synthaug[{extra}]'.",
        code="input.extra",
    )
