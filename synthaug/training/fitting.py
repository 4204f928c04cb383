"""One run from calibration to the chosen weights: resumable, watched, stoppable."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor, nn

from synthaug.errors import OutOfResources, Stopped
from synthaug.facts import CurvePoint
from synthaug.training.checkpoint import load_checkpoint, save_checkpoint
from synthaug.training.loop import Trainer
from synthaug.training.progress import Callback, Progress, tell

__all__ = ["Fitted", "Look", "Seen", "Weights", "calibrate", "fit", "stopping"]

SAVE_EVERY = 20.0
"""Seconds between checkpoints; a kill costs no more than this, plus one step."""

Weights = dict[str, dict[str, Tensor]]
"""State dicts by role."""


class Seen(NamedTuple):
    """What one look at a generator finds.

    Attributes:
        frechet: Fréchet distance to held-out real images.
        score: what chooses the weights; lower is better.
        kid: kernel distance to the same images; None where it was not measured.
    """

    frechet: float
    score: float
    kid: float | None = None


Look = Callable[[Mapping[str, nn.Module]], Seen | tuple[float, float]]
"""What is seen of the averaged networks as they stand; the kernel distance may be missing."""


@dataclasses.dataclass
class Fitted:
    """What a finished run leaves.

    Args:
        weights: state dicts of the averaged networks at the chosen look, by role.
        earlier: those of looks before the chosen one, newest first, for when it has copied.
        curve: all looks, in order.
        images_seen: real images shown in all.
        seconds: wall seconds of training, interruptions left out.
    """

    weights: Weights
    earlier: list[Weights]
    curve: list[CurvePoint]
    images_seen: int
    seconds: float


def calibrate(make: Callable[[], Trainer], *, steps: int = 6) -> float:
    """Seconds an image of the budget costs on this machine, averaged over the phases.

    Steps are timed at the beginning, the middle and near the end of each phase: networks that
    grow cost several times more at the end. Each time it is at least one whole period, so that
    lazy terms and players count as often as they are due.

    Args:
        make: gives a fresh trainer that is thrown away afterwards.
        steps: timed steps a phase at least, each third of them after two that are not.
    """
    trainer = make()
    phases, starts = trainer.run.routine.phases, trainer.phase_starts()
    cost = 0.0
    for phase, first, end in zip(phases, starts, [*starts[1:], trainer.run.steps], strict=True):
        for place in (0.0, 0.5, 0.95):
            trainer.step = first + int(place * (end - first))
            trainer.advance(trainer.step + 2)
            started = time.perf_counter()
            before = trainer.step
            trainer.advance(trainer.step + max(phase.period, steps // 3))
            done = max(1, trainer.step - before)
            cost += phase.share / 3 * (time.perf_counter() - started) / done
    return cost / trainer.run.routine.batch_size


def fit(
    trainer: Trainer,
    *,
    checkpoint: Path | None,
    fingerprint: str,
    look: Look,
    looks: int,
    callbacks: Sequence[Callback] = (),
) -> Fitted:
    """Train to the end of the budget and keep the weights with the best look.

    Looks are spread evenly over the last phase's second half and the end; earlier ones, at
    the same spacing, are for the curve only.

    Args:
        trainer: at any step; goes on from ``checkpoint`` where that exists.
        checkpoint: file to resume from and to write; None keeps nothing.
        fingerprint: of the run; a checkpoint of another is refused.
        look: measures a generator network.
        looks: how many, at least 1.
        callbacks: told once a second.

    Raises:
        Stopped: SIGINT or SIGTERM came; the checkpoint is written.
        OutOfResources: the disk is full.
    """
    kept: list[dict[str, Any]] = []
    curve: list[CurvePoint] = []
    seconds = 0.0
    state = load_checkpoint(checkpoint, fingerprint) if checkpoint else None
    if state:
        trainer.restore(state["trainer"])
        kept, seconds = state["kept"], float(state["seconds"])
        curve = [CurvePoint(**point) for point in state["curve"]]
    pace = _Pace(trainer.images_seen, seconds)
    marks = np.unique(np.linspace(0, trainer.run.steps, looks + 1).round().astype(int))[1:]
    first_choice = trainer.phase_starts()[-1] + (trainer.run.steps - trainer.phase_starts()[-1]) / 2

    def save() -> None:
        if checkpoint:
            points = [dataclasses.asdict(point) for point in curve]
            _write(checkpoint, {
                "fingerprint": fingerprint, "trainer": trainer.state(), "kept": kept,
                "curve": points, "seconds": pace.seconds,
            })  # fmt: skip

    with stopping() as stop:
        while not trainer.finished:
            mark = int(marks[np.searchsorted(marks, trainer.step, side="right")])
            while trainer.step < mark and not stop.is_set():
                trainer.advance(min(mark, trainer.step + pace.chunk), stop)
                if pace.turn(trainer.images_seen):
                    tell(callbacks, _progress(trainer, pace, curve))
                if pace.time_to_save():
                    save()
            if stop.is_set():
                save()
                raise Stopped(
                    f"training stopped after {trainer.images_seen:,} images",
                    remedy="Repeat the same call to go on." if checkpoint else "",
                )
            seen = Seen(*look(trainer.averages))
            curve.append(
                CurvePoint(
                    images_seen=trainer.images_seen, seconds=pace.seconds, frechet=seen.frechet,
                    score=seen.score, kid=seen.kid,
                )
            )  # fmt: skip
            if trainer.step >= first_choice:
                weights = {
                    role: {k: v.detach().clone() for k, v in network.state_dict().items()}
                    for role, network in trainer.averages.items()
                }
                kept.append({"score": seen.score, "weights": weights})
            tell(callbacks, _progress(trainer, pace, curve))
        save()
    best = min(range(len(kept)), key=lambda place: float(kept[place]["score"]))
    states: list[Weights] = [look["weights"] for look in kept]
    return Fitted(states[best], states[:best][::-1], curve, trainer.images_seen, pace.seconds)


class _Pace:
    """Speed, time and when to speak or save; nothing here changes what is computed."""

    def __init__(self, images: int, seconds: float) -> None:
        self.start_images, self.start_seconds = images, seconds
        self.started = self.spoken = self.saved = time.perf_counter()
        self.images = images
        self.chunk = 1

    @property
    def seconds(self) -> float:
        return self.start_seconds + time.perf_counter() - self.started

    @property
    def speed(self) -> float:
        spent = time.perf_counter() - self.started
        return (self.images - self.start_images) / spent if spent > 0 else 0.0

    def turn(self, images: int) -> bool:
        """Take the new count; True once a second."""
        self.images = images
        now = time.perf_counter()
        if now - self.spoken < 1.0:
            return False
        self.spoken = now
        return True

    def time_to_save(self) -> bool:
        now = time.perf_counter()
        if now - self.saved < SAVE_EVERY:
            return False
        self.saved = now
        return True


def _progress(trainer: Trainer, pace: _Pace, curve: list[CurvePoint]) -> Progress:
    left = trainer.run.steps * trainer.run.routine.batch_size - trainer.images_seen
    return Progress(
        phase="train",
        images_seen=trainer.images_seen,
        total=trainer.run.steps * trainer.run.routine.batch_size,
        images_per_second=pace.speed,
        eta_seconds=left / pace.speed if pace.speed > 0 else None,
        frechet=curve[-1].frechet if curve else None,
        losses={name: float(value) for name, value in trainer.losses.items()},
    )


def _write(path: Path, state: dict[str, Any]) -> None:
    try:
        save_checkpoint(path, state)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
        raise OutOfResources(
            "checkpoint cannot be written", got=str(error).splitlines()[0], where=path.name,
            remedy="Free some disk space and repeat the call; the last checkpoint is kept.",
        ) from error  # fmt: skip


@contextlib.contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set while the block runs; a second one kills."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, handle)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
