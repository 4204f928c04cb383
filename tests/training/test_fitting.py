"""Training is resumable to the same bytes, stoppable, and keeps the best look."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from synthaug.errors import Damaged, InputError, Stopped
from synthaug.textbook import named
from synthaug.training import Run, Shape, Trainer, fit
from synthaug.training.checkpoint import load_checkpoint, save_checkpoint
from synthaug.training.fitting import calibrate


class Squares:
    """Two classes of 16 px squares, in memory."""

    resolution, channels, attributes = 16, 1, None

    def __init__(self, n: int = 40) -> None:
        self.labels = np.arange(n) % 2
        rng = np.random.default_rng(0)
        pixels = rng.integers(0, 60, (n, 1, 16, 16))
        pixels[self.labels == 1, :, 4:12, 4:12] += 150
        self.pixels = torch.from_numpy(pixels.astype(np.uint8))

    def read(self, indices):
        return self.pixels[indices]


def trainer(images: int = 320, seed: int = 0, device: str = "cpu", recipe: str = "rare") -> Trainer:
    data = Squares()
    run = Run(named(recipe), Shape(2, 1, 16), images, seed, device)
    return Trainer(run, data, np.arange(len(data.labels)))


def weights(machine: Trainer) -> bytes:
    return b"".join(v.cpu().numpy().tobytes() for v in machine.average.state_dict().values())


class Timed(Trainer):
    """Its clock, not the machine's: a step costs one second, a lazy term as much as is told."""

    def __init__(self, lazy: float, monkeypatch: pytest.MonkeyPatch) -> None:
        source = trainer(images=16_000)
        super().__init__(source.run, source.images, source.train)
        self.lazy, self.now = lazy, 0.0
        monkeypatch.setattr("synthaug.training.fitting.time.perf_counter", lambda: self.now)

    def advance(self, until: int, stop: threading.Event | None = None) -> None:
        for step in range(self.step, min(until, self.run.steps)):
            _, phase, first, _ = self._phase(step)
            due = sum(
                term.factor(0.0, step - first) > 0
                for player in phase.players for term in player.terms if term.every > 1
            )  # fmt: skip
            self.now += 1.0 + self.lazy * due
            self.step = step + 1


def test_what_is_due_every_eighth_step_counts_an_eighth(monkeypatch):
    game = named("rare").phases[-1]
    rate = sum(1 / term.every for player in game.players for term in player.terms
               if term.every > 1)  # fmt: skip
    assert game.period == 8
    for lazy in (0.0, 4.0):
        cost = calibrate(lambda lazy=lazy: Timed(lazy, monkeypatch)) * named("rare").batch_size
        assert cost == pytest.approx(1 + game.share * lazy * rate)


def test_same_seed_gives_the_same_bytes_and_another_seed_others():
    runs = [trainer(seed=seed) for seed in (0, 0, 1)]
    for run in runs:
        run.advance(run.run.steps)
    assert weights(runs[0]) == weights(runs[1]) != weights(runs[2])


def test_a_run_restored_from_its_checkpoint_ends_with_the_same_bytes(tmp_path):
    whole, first, second = trainer(), trainer(), trainer()
    whole.advance(10)
    first.advance(4)
    save_checkpoint(tmp_path / "c.pt", {"fingerprint": "f", "trainer": first.state()})
    second.restore(load_checkpoint(tmp_path / "c.pt", "f")["trainer"])
    second.advance(10)
    assert weights(second) == weights(whole)


def test_a_run_set_to_stop_says_so_and_goes_on_to_the_same_result(tmp_path):
    def look(_):
        return 1.0, 1.0

    def go(checkpoint):
        return fit(trainer(640), checkpoint=checkpoint, fingerprint="f", look=look, looks=2)

    whole = go(None)
    alarm = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    alarm.start()
    with pytest.raises(Stopped, match=r"Repeat the same call to go on\."):
        go(tmp_path / "c.pt")
    alarm.join()
    resumed = go(tmp_path / "c.pt")
    again = resumed.weights["generator"]
    assert all(torch.equal(v, again[k]) for k, v in whole.weights["generator"].items())
    assert [p.images_seen for p in resumed.curve] == [p.images_seen for p in whole.curve]


def test_the_weights_of_the_best_look_are_kept_and_earlier_ones_with_them():
    scores = iter([0.0, 5.0, 2.0, 3.0])
    seen = []

    def look(networks):
        seen.append({k: v.clone() for k, v in networks["generator"].state_dict().items()})
        return 1.0, next(scores)

    fitted = fit(trainer(), checkpoint=None, fingerprint="", look=look, looks=4)
    assert [point.score for point in fitted.curve] == [0.0, 5.0, 2.0, 3.0]
    # The first look lies before the second half of the game: for the curve only.
    assert all(torch.equal(v, seen[2][k]) for k, v in fitted.weights["generator"].items())


@pytest.mark.parametrize("recipe", ["rare", "dcgan"])
def test_a_run_is_known_again_in_another_process_and_another_run_is_not(recipe):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_fitting as t, torch;"
        f"torch.set_num_threads(1); print(t.trainer(recipe='{recipe}').run.fingerprint('data'))"
    )
    command = [sys.executable, "-c", script, str(Path(__file__).parent)]
    first, second = (subprocess.check_output(command, text=True) for _ in range(2))
    assert first == second
    prints = {
        trainer(images, seed, recipe=recipe).run.fingerprint("data")
        for images in (320, 640)
        for seed in (0, 1)
    }
    assert len(prints) == 4


def test_checkpoints_of_another_run_and_broken_ones_are_refused(tmp_path):
    path = tmp_path / "c.pt"
    save_checkpoint(path, {"fingerprint": "one"})
    with pytest.raises(InputError, match="expected one of this very call"):
        load_checkpoint(path, "other")
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(Damaged, match="checkpoint cannot be read"):
        load_checkpoint(path, "one")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.gpu
def test_training_moves_on_cuda():
    machine = trainer(device="cuda")
    before = weights(machine)
    machine.advance(machine.run.steps)
    assert weights(machine) != before
    assert all(torch.isfinite(v).all() for v in machine.average.state_dict().values())


@pytest.mark.slow
def test_kill_minus_nine_leaves_a_checkpoint_that_resumes_to_the_same_bytes(tmp_path):
    script = textwrap.dedent(
        """
        import sys, hashlib, pathlib, torch
        torch.set_num_threads(1)
        sys.path.insert(0, sys.argv[2])
        import test_fitting as t
        from synthaug.training import fit, fitting
        fitting.SAVE_EVERY = 0.2
        f = fit(t.trainer(3200), checkpoint=pathlib.Path(sys.argv[1]), fingerprint="f",
                look=lambda _: (1.0, 1.0), looks=1)
        kept = f.weights["generator"].values()
        print(hashlib.sha256(b"".join(v.numpy().tobytes() for v in kept)).hexdigest())
        """
    )
    here = str(Path(__file__).parent)

    def start(path):
        return subprocess.Popen(
            [sys.executable, "-c", script, str(path), here], stdout=subprocess.PIPE, text=True
        )

    whole = start(tmp_path / "whole.pt").communicate()[0]
    killed = start(tmp_path / "killed.pt")
    while not (tmp_path / "killed.pt").exists():
        time.sleep(0.05)
    killed.kill()
    killed.communicate()
    assert start(tmp_path / "killed.pt").communicate()[0] == whole
