"""The One-Euro filter: steady where nothing moves, prompt where something does."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["one_euro"]


def one_euro(
    values: NDArray[np.float32],
    times: NDArray[np.float64],
    *,
    min_cutoff: float = 1.0,
    beta: float = 0.02,
    d_cutoff: float = 1.0,
) -> NDArray[np.float32]:
    """Values over time, smoothed forwards and backwards, so that nothing lags behind.

    Args:
        values: float32 (T, ...), each number on its own.
        times: seconds, rising, float64 (T,).
        min_cutoff: cut-off frequency of what stands still, hertz.
        beta: how much the cut-off rises with speed, hertz per unit a second.
        d_cutoff: cut-off frequency of the speed, hertz.

    Source: Casiez, Roussel, Vogel 2012, "1 € Filter: A Simple Speed-based Low-pass Filter for
    Noisy Input in Interactive Systems". Differs: run both ways and averaged, since all
    frames are known.
    """
    settings = (min_cutoff, beta, d_cutoff)
    there = _one_way(values, np.diff(times), *settings)
    back = _one_way(values[::-1], np.diff(times)[::-1], *settings)[::-1]
    return np.asarray((there + back) / 2, np.float32)


def _one_way(
    values: NDArray[np.float32],
    steps: NDArray[np.float64],
    min_cutoff: float,
    beta: float,
    d_cutoff: float,
) -> NDArray[np.float64]:
    smooth = values.astype(np.float64)
    speed = np.zeros(values.shape[1:])
    for at in range(1, len(values)):
        step = max(float(steps[at - 1]), 1e-6)
        raw = (values[at] - smooth[at - 1]) / step
        speed += _share(d_cutoff, step) * (raw - speed)
        cutoff = min_cutoff + beta * np.abs(speed)
        smooth[at] = smooth[at - 1] + _share(cutoff, step) * (values[at] - smooth[at - 1])
    return smooth


def _share(cutoff: NDArray[np.float64] | float, step: float) -> NDArray[np.float64] | float:
    """How much of a new value an exponential filter of this cut-off takes in one step."""
    return 1.0 / (1.0 + 1.0 / (2 * math.pi * np.maximum(cutoff, 1e-9) * step))
