"""Where things stand on a chart: positions are per cent of its width or height."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

__all__ = ["Histogram", "LogScale", "Scale", "histogram"]


@dataclasses.dataclass(frozen=True, slots=True)
class Scale:
    """A linear axis between two round numbers.

    Args:
        low: value at 0 %.
        high: value at 100 %.
        ticks: round values from ``low`` to ``high``.
    """

    low: float
    high: float
    ticks: tuple[float, ...]

    @classmethod
    def around(cls, values: Sequence[float], *, steps: int = 5, zero: bool = False) -> Scale:
        """The axis that holds all values with about ``steps`` steps of 1, 2 or 5 times 10^k.

        Args:
            values: at least one finite number.
            steps: steps wished for.
            zero: whether 0 is on the axis.

        Example:
            >>> Scale.around([0.62, 0.81]).ticks
            (0.6, 0.65, 0.7, 0.75, 0.8, 0.85)
        """
        low, high = min(values), max(values)
        if zero:
            low, high = min(low, 0.0), max(high, 0.0)
        if low == high:
            low, high = low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)
        rough = (high - low) / steps
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.75)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        ticks = tuple(float(f"{number * step:.10g}") for number in range(first, last + 1))
        return cls(ticks[0], ticks[-1], ticks)

    def at(self, value: float) -> float:
        """Where a value stands, per cent from the low end, kept on the axis."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(max(share, 0.0), 1.0), 2)


@dataclasses.dataclass(frozen=True, slots=True)
class LogScale:
    """A logarithmic axis between two of 1, 2, 5, 10, 20, ...

    Args:
        low: value at 0 %, above 0.
        high: value at 100 %.
        ticks: values from ``low`` to ``high`` that are marked.
    """

    low: float
    high: float
    ticks: tuple[float, ...]

    @classmethod
    def around(cls, values: Sequence[float]) -> LogScale:
        """The axis that holds all positive values; others stand at its low end.

        Example:
            >>> LogScale.around([0.3, 4.0]).ticks
            (0.2, 0.5, 1.0, 2.0, 5.0)
        """
        positive = [value for value in values if value > 0] or [1.0]
        low, high = min(positive), max(positive)
        powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
        steps = [float(f"{m}e{power}") for power in powers for m in (1, 2, 5)]
        first = max(at for at, step in enumerate(steps) if step <= low)
        last = min(at for at, step in enumerate(steps) if step >= high)
        last = max(last, first + 1)
        ticks = steps[first : last + 1]
        if len(ticks) > 7:  # whole powers tell enough over many decades
            ticks = [t for t in ticks if t in (steps[first], steps[last]) or f"{t:e}"[0] == "1"]
        return cls(steps[first], steps[last], tuple(ticks))

    def at(self, value: float) -> float:
        """Where a value stands, per cent from the low end, kept on the axis."""
        if value <= self.low:
            return 0.0
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return round(100 * min(share, 1.0), 2)


@dataclasses.dataclass(frozen=True, slots=True)
class Histogram:
    """Two samples counted in the same bins.

    Args:
        scale: the axis of the values.
        edges: bin edges, per cent; one more than bins.
        upper: share of the first sample in each bin, relative to the fullest bin of both.
        lower: the same for the second.
    """

    scale: Scale
    edges: list[float]
    upper: list[float]
    lower: list[float]


def histogram(
    upper: Sequence[float], lower: Sequence[float], *, mark: float | None = None, bins: int = 36
) -> Histogram:
    """Both samples over one axis that starts at 0; ``mark`` is a value the axis must hold."""
    values = np.array([v for v in (*upper, *lower, mark) if v is not None and math.isfinite(v)])
    scale = Scale.around(values.tolist(), zero=True)
    edges = np.linspace(scale.low, scale.high, bins + 1)
    shares = [np.histogram(v, edges)[0] / max(1, len(v)) for v in (upper, lower)]
    fullest = max(float(s.max()) for s in shares) or 1.0
    return Histogram(
        scale,
        [scale.at(float(edge)) for edge in edges],
        *([round(float(share), 4) for share in s / fullest] for s in shares),
    )
