"""`Client.evaluate`: image sets go, verdicts and numbers come back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from synthaug.client.jobs import Order, Sent, carry_out
from synthaug.client.packing import images_of
from synthaug.client.pending import Pending, key_of
from synthaug.client.results import evaluation_of
from synthaug.client.wire import Wire
from synthaug.errors import InputError
from synthaug.training.progress import Callback
from synthaug.v1 import dataset_pb2, quality_pb2

if TYPE_CHECKING:
    from synthaug.jobs.evaluate import Evaluation

__all__ = ["evaluate"]


def evaluate(
    wire: Wire,
    sets: Mapping[str, Any],
    groups: Mapping[str, Any],
    *,
    alpha: float,
    seed: int,
    callbacks: Iterable[Callback],
) -> Evaluation:
    """See `Client.evaluate`; ``sets`` are its image sets by name, None where there is none."""
    unknown = sorted(groups.keys() - {"real", "train"})
    if unknown:
        raise InputError(
            "groups", expected="those of real and train", got=unknown[0], remedy="Drop the rest.",
            code="input.groups",
        )  # fmt: skip
    images = {
        name: images_of(source, name, groups=groups.get(name), one_class=True)
        for name, source in sets.items()
        if source is not None
    }
    files: dict[str, Sent] = {}
    tables = {}
    for name, one in images.items():
        files |= one.files()
        tables[name] = one.groups(groups.get(name))
        files |= tables[name]

    def message(names: dict[str, str]) -> Any:
        request = quality_pb2.EvaluateQualityRequest(alpha=alpha, seed=seed)
        for name, one in images.items():
            getattr(request, name).CopyFrom(one.message(names))
            for label in tables[name]:
                told = dataset_pb2.Groups(table=names[label])
                getattr(request, f"{name}_groups").CopyFrom(told)
        return request

    # Nothing is written here, so nothing is kept beside it: a call that is left ends its job.
    pending = Pending(None, key_of())
    order = Order(files, message, wire.quality.EvaluateQuality)
    done = carry_out(wire, order, pending, callbacks)
    report = quality_pb2.GetReportRequest(name=done.result.report)
    return evaluation_of(wire.ask(wire.quality.GetReport, report).report)
