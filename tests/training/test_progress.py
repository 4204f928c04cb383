"""What a run tells reaches the boards people watch."""

from __future__ import annotations

import pytest

from synthaug.training import Progress, TensorBoard, WeightsAndBiases, tell

EVENT = Progress(
    phase="train", images_seen=320, total=640, images_per_second=80.0, frechet=12.5,
    losses={"generator/relativistic": 0.7},
)  # fmt: skip


def test_tensorboard_holds_losses_speed_and_distance_over_images_seen(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = TensorBoard(tmp_path)
    tell([board], EVENT)
    tell([board], Progress(phase="choose", message="no numbers"))
    board.close()
    events = EventAccumulator(str(tmp_path)).Reload()
    assert set(events.Tags()["scalars"]) == {
        "generator/relativistic", "images_per_second", "frechet",
    }  # fmt: skip
    (scalar,) = events.Scalars("frechet")
    assert (scalar.step, scalar.value) == (320, 12.5)


def test_weights_and_biases_writes_an_offline_run(tmp_path):
    pytest.importorskip("wandb", reason="the wandb extra is not installed")
    board = WeightsAndBiases(tmp_path)
    tell([board], EVENT)
    board.close()
    assert list(tmp_path.rglob("*.wandb"))
