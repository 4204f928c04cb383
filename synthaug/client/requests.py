"""The arguments of the local functions as messages; what a server does not know is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synthaug.datasets.targets import parse_targets
from synthaug.errors import InputError
from synthaug.training.budget import parse_budget
from synthaug.v1 import anonymization_pb2, augmentation_pb2

__all__ = [
    "budget_of", "here_only", "numbers_of", "reject_of", "side_of", "spans_of", "targets_of",
    "zones_of",
]  # fmt: skip

_SIZES = {"auto": 0, "16": 16, "32": 32, "64": 64, "128": 128}


def here_only(**options: tuple[Any, Any]) -> None:
    """Refuse options that only a local call has.

    Args:
        options: name to what was given and what means that nothing was.

    Raises:
        InputError: one was given.

    Example:
        >>> here_only(device=("auto", "auto"))
    """
    for name, (given, nothing) in options.items():
        if given != nothing:
            raise InputError(
                name, expected="nothing where a server does the work", got=repr(given),
                remedy="The service has no such option: leave it out, or run without a server.",
                code="input.option",
            )  # fmt: skip


def targets_of(
    wanted: object, counts: Mapping[str, int], *, subsample: bool
) -> augmentation_pb2.TargetCounts:
    """The targets of `synthaug.augment` for a set with so many images of each class.

    Raises:
        InputError: as the local call.
    """
    found = parse_targets(wanted, tuple(counts), counts, subsample=subsample)
    if wanted == "balance":
        # The server counts again: images it cannot read may be left out there.
        return augmentation_pb2.TargetCounts(balance=True)
    message = augmentation_pb2.TargetCounts()
    changed = {name: count for name, count in found.items() if count != counts[name]}
    for name, count in (changed or found).items():
        message.classes.targets[name].count = count
    return message


def budget_of(text: str | float) -> augmentation_pb2.Budget:
    """A budget as `synthaug.augment` takes it."""
    found = parse_budget(text)
    message = augmentation_pb2.Budget()
    if found.images is not None:
        message.images = found.images
    else:
        message.time.FromMilliseconds(round((found.seconds or 0.0) * 1000))
    return message


def side_of(size: int | str) -> int:
    """The side of images, 0 for ``"auto"``."""
    if str(size) not in _SIZES:
        raise InputError(
            "size", expected="auto, 16, 32, 64 or 128", got=repr(size), remedy="Use auto.",
            code="input.size",
        )  # fmt: skip
    return _SIZES[str(size)]


def reject_of(name: str) -> str:
    """The number of an ``on_reject``, by its name in the protos."""
    full = f"ON_REJECT_{name.upper()}"
    if full not in augmentation_pb2.OnReject.keys()[1:]:
        raise InputError(
            "on_reject", expected="redraw, classical or keep", got=repr(name),
            remedy="Use redraw unless you know better.", code="input.on_reject",
        )  # fmt: skip
    return full


def numbers_of(given: Mapping[str, Any] | None) -> dict[str, float]:
    """Attributes of a sample; a server takes numbers only."""
    found = {}
    for name, value in (given or {}).items():
        if isinstance(value, str):
            here_only(**{f"attribute {name}": (value, None)})
        found[name] = float(value)
    return found


def zones_of(given: Sequence[Any], source: Path) -> list[anonymization_pb2.Zone]:
    """Zones in pixels as shares of the picture."""
    if not given:
        return []
    from synthaug.media import probe
    from synthaug.media.reading import probe_still
    from synthaug.media.stills import STILL_ENDINGS

    look: Any = probe_still if source.suffix.lower() in STILL_ENDINGS else probe
    clip = look(source)
    width, height = clip.width, clip.height
    if round(getattr(clip, "rotation", 0) / 90) % 2:
        width, height = height, width
    found = []
    for zone in given:
        if zone.start > 0 or zone.stop != math.inf:
            here_only(**{"zone's span": (f"{zone.start:g} to {zone.stop:g} s", None)})
        left, top = max(0.0, zone.left), max(0.0, zone.top)
        found.append(
            anonymization_pb2.Zone(
                left=left / width,
                top=top / height,
                width=min(1.0, (zone.left + zone.width - left) / width),
                height=min(1.0, (zone.top + zone.height - top) / height),
            )
        )
    return found


def spans_of(given: Sequence[tuple[float, float]]) -> list[anonymization_pb2.TimeSpan]:
    """Spans of seconds; one without end lasts to the end."""
    found = []
    for start, end in given:
        span = anonymization_pb2.TimeSpan()
        span.start.FromNanoseconds(round(start * 1e9))
        if math.isfinite(end):
            span.end.FromNanoseconds(round(end * 1e9))
        found.append(span)
    return found
