"""`Client.augment`: an image set goes, a balanced one comes back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthaug.client.downloads import fetch
from synthaug.client.jobs import Order, carry_out, noted
from synthaug.client.packing import Images, images_of
from synthaug.client.pending import Pending, key_of
from synthaug.client.requests import budget_of, reject_of, side_of, targets_of
from synthaug.client.results import unpack
from synthaug.client.wire import Wire
from synthaug.training.progress import Callback, Progress, tell
from synthaug.v1 import augmentation_pb2, model_pb2

if TYPE_CHECKING:
    from synthaug.datasets import AugmentedDataset

__all__ = ["augment"]


def augment(
    wire: Wire,
    dataset: Any,
    wishes: dict[str, Any],
    *,
    out: Path | None,
    resume: bool,
    copy_real: bool,
    force: bool,
    callbacks: Iterable[Callback],
) -> AugmentedDataset:
    """See `Client.augment`; ``wishes`` are the other arguments, by name."""
    from synthaug.datasets.writing import refuse_if_taken

    images = images_of(dataset, "dataset", groups=wishes["groups"], skip_bad=wishes["skip_bad"])
    table = images.groups(wishes["groups"])
    request = augmentation_pb2.CreateAugmentJobRequest(
        target_counts=targets_of(
            wishes["target_counts"], images.counts(), subsample=wishes["subsample"]
        ),
        size=side_of(wishes["size"]), budget=budget_of(wishes["budget"]),
        on_reject=reject_of(wishes["on_reject"]),
        **{name: wishes[name] for name in ("recipe", "seed", "strict", "subsample", "skip_bad")},
    )  # fmt: skip
    if out is not None:
        refuse_if_taken(out, force)

    def message(names: dict[str, str]) -> Any:
        request.dataset.CopyFrom(images.message(names))
        for label in table:
            request.groups.table = names[label]
        return request

    wanted = request.SerializeToString(deterministic=True).hex()
    key = key_of("augment", wire.address, images.facts(), wanted, str(wishes["groups"]))
    pending = Pending(out, key, resume=resume)
    order = Order({**images.files(), **table}, message, wire.augmentation.CreateAugmentJob)
    done = carry_out(wire, order, pending, callbacks)
    made = _made(wire, done.result, images, tuple(callbacks))
    if out is not None:
        made.save(out, copy_real=copy_real, force=force)
    pending.forget()
    return made


def _made(
    wire: Wire,
    result: augmentation_pb2.AugmentResult,
    images: Images,
    callbacks: Iterable[Callback],
) -> AugmentedDataset:
    """The set a job made, in memory, its real part the user's own."""
    from synthaug.jobs.train import load_generator

    note = noted(callbacks, "download")
    with tempfile.TemporaryDirectory(prefix="synthaug-") as place:
        here = Path(place)
        folder = unpack(fetch(wire, result.artifact, here / "set.tar", note=note), here / "set")
        if result.model:
            tell(callbacks, Progress(phase="job", message=f"{result.model} is its generator"))
            request = model_pb2.GetModelRequest(name=result.model)
            model = wire.ask(wire.models.GetModel, request).model
            packed = fetch(wire, model.artifact, here / "model.tar", note=note)
            unpack(packed, folder / "generator")
        page = (folder / "report.html").read_bytes()
        made = images.made(folder, load_generator)
        made.images = [made.images[index] for index in range(len(made.images))]

    def render(_: AugmentedDataset, into: Path) -> None:
        (into / "report.html").write_bytes(page)

    made.render = render
    return made
