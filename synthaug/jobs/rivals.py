"""One recipe of a comparison, trained in a process of its own.

A process of its own makes the peak of its memory its own, and lets it crash alone. The job
arrives pickled on its standard input, which stays open: when the parent closes it, or dies,
the child stops as an interrupted training does. Progress leaves as JSON lines.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
import torch
from numpy.typing import NDArray

from synthaug.errors import InputError, Stopped, SynthaugError
from synthaug.features import embedded
from synthaug.jobs.fitting import Training, train_generator
from synthaug.jobs.memory import peak_memory
from synthaug.textbook import Recipe, named
from synthaug.training import Budget, Callback, Progress, tell

if TYPE_CHECKING:
    from synthaug.datasets import Packed

__all__ = ["Job", "serve", "train_apart"]

_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from synthaug.jobs.rivals import serve; serve()"
)


@dataclasses.dataclass
class Job:
    """What the child is told.

    Args:
        packed: all images at working resolution.
        train: int64 indices the generator may see.
        heldout: int64 indices it is watched against.
        recipe: a name, or a recipe that can be pickled.
        budget: of the training.
        folder: receives ``generator/``; work in progress stands in ``.work/`` inside it.
        seed: of the training.
        device: ``"cpu"`` or ``"cuda"``.
        threads: of torch.
    """

    packed: Packed
    train: NDArray[np.int64]
    heldout: NDArray[np.int64]
    recipe: str | Recipe
    budget: Budget
    folder: Path
    seed: int
    device: str
    threads: int


def train_apart(job: Job, callbacks: Sequence[Callback] = ()) -> dict[str, Any]:
    """Train in a process of its own; what it found out about the run, or why there is none.

    Args:
        job: what to do.
        callbacks: told of progress.

    Returns:
        Fields of `synthaug.facts.RivalFacts`; ``failed`` where no generator came of it.

    Raises:
        Stopped: interrupted; the checkpoint is kept.
        InputError: a recipe that cannot be sent to another process.
    """
    content = _pickled(job)
    job.folder.mkdir(parents=True, exist_ok=True)
    log = job.folder / "log.txt"
    found: dict[str, Any] = {}
    with log.open("w", encoding="utf-8") as errors:
        child = subprocess.Popen(
            [sys.executable, "-c", _START, json.dumps(sys.path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            # An interrupt at the terminal reaches the parent alone, which tells the child.
            start_new_session=True,
        )  # fmt: skip
        try:
            _send(child, content)
            for line in child.stdout or ():
                found |= _heard(line, callbacks)
            code = child.wait()
        except KeyboardInterrupt:
            _close(child)
            child.wait()
            raise Stopped(
                "comparison stopped", remedy="The same call goes on where it was."
            ) from None
        finally:
            _close(child)
            if child.poll() is None:
                child.kill()
            child.wait()
            if child.stdout:
                child.stdout.close()
    if code == Stopped.exit_code:
        raise Stopped("comparison stopped", remedy="The same call goes on where it was.")
    if not found:
        found = {"failed": _last_words(code, log.read_text("utf-8", errors="replace"))}
    if not found.get("failed"):
        log.unlink()
    return found


def _pickled(job: Job) -> bytes:
    try:
        return pickle.dumps(job)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InputError(
            "recipe",
            expected="one that another process can be given",
            got=str(error),
            remedy="Build it from named parts, or from functions that stand in a module.",
            code="input.recipe",
        ) from error


def _send(child: subprocess.Popen[bytes], content: bytes) -> None:
    try:
        if child.stdin:
            child.stdin.write(content)
            child.stdin.flush()
    except BrokenPipeError:
        pass  # it died before it could listen; its exit code says of what


def _close(child: subprocess.Popen[bytes]) -> None:
    try:
        if child.stdin:
            child.stdin.close()
    except BrokenPipeError:
        pass


def _heard(line: bytes, callbacks: Sequence[Callback]) -> dict[str, Any]:
    """One line of the child: progress is passed on, the end comes back."""
    told = json.loads(line)
    if "phase" in told:
        tell(callbacks, Progress(**told))
        return {}
    return dict(told)


def _last_words(code: int, log: str) -> str:
    """Why a process that said nothing is gone."""
    if code < 0:
        name = signal.Signals(-code).name
        memory = ": the machine may have run out of memory" if name == "SIGKILL" else ""
        return f"the training process was ended by {name}{memory}"
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return f"the training process ended with code {code}" + (f": {lines[-1]}" if lines else "")


def serve() -> None:
    """The child: read the job, train, tell; run by `train_apart` only."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what a library prints must not be taken for a message
    job: Job = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_stop_with_the_parent, daemon=True).start()
    try:
        facts = _train(job, channel)
    except Stopped:
        os._exit(Stopped.exit_code)
    except SynthaugError as error:
        facts = {"failed": str(error)}
    except Exception as error:  # a bug of one recipe is a row of the table
        import traceback

        traceback.print_exc()
        facts = {"failed": f"{type(error).__name__}: {error}"}
    channel.write(json.dumps(facts) + "\n")
    channel.flush()
    os._exit(0)  # the thread that waits for the parent would hold an ordinary exit up


def _stop_with_the_parent() -> None:
    sys.stdin.buffer.read(1)
    os.kill(os.getpid(), signal.SIGTERM)


def _train(job: Job, channel: TextIO) -> dict[str, Any]:
    torch.set_num_threads(job.threads)
    routine = named(job.recipe)
    eyes = embedded(job.device)
    work = job.folder / ".work"
    meter = _Meter(channel)
    before = peak_memory()
    training = train_generator(
        job.packed, job.train, job.heldout, routine=routine, budget=job.budget, work=work,
        extractor=eyes, seed=job.seed, device=job.device, callbacks=[meter],
    )  # fmt: skip
    peak = peak_memory()
    part = work / "generator"
    training.generator.save(part)
    part.replace(job.folder / "generator")
    return {
        **_figures(training, meter, routine.batch_size),
        "conditional": routine.conditional,
        "source": routine.source,
        "base_memory": before,
        "peak_memory": peak,
        "gpu_memory": torch.cuda.max_memory_allocated() if job.device == "cuda" else None,
    }


def _figures(training: Training, meter: _Meter, batch: int) -> dict[str, Any]:
    fitted = training.fitted
    return {
        "images_seen": fitted.images_seen,
        "steps": fitted.images_seen // batch,
        "parameters": sum(p.numel() for p in training.generator.network.parameters()),
        "seconds": fitted.seconds,
        "images_per_second": meter.images / meter.wall if meter.images else None,
        "images_per_cpu_second": meter.images / meter.cpu if meter.images else None,
        "curve": [dataclasses.asdict(point) for point in fitted.curve],
        "floor": training.floor,
    }


class _Meter:
    """Passes progress on, and times this process's own training, looks left out.

    A message after a look brings a new Fréchet distance: the stretch before it is not counted.
    """

    def __init__(self, channel: TextIO) -> None:
        self._channel = channel
        self._last: tuple[int, float, float, float | None] | None = None
        self.images, self.wall, self.cpu = 0, 0.0, 0.0

    def on_progress(self, event: Progress) -> None:
        """Take notice of one message."""
        if event.phase == "train":
            now = (event.images_seen, time.perf_counter(), time.process_time(), event.frechet)
            if self._last and self._last[3] == event.frechet:
                self.images += now[0] - self._last[0]
                self.wall += now[1] - self._last[1]
                self.cpu += now[2] - self._last[2]
            self._last = now
        self._channel.write(json.dumps(dataclasses.asdict(event)) + "\n")
