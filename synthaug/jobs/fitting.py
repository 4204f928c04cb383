"""From a packed set and a budget to a trained generator: calibrated, watched, resumable."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from synthaug.errors import InputError
from synthaug.features import Extractor
from synthaug.jobs.conditions import Conditions, conditions_of
from synthaug.metrics import frechet_distance, kid
from synthaug.training import (
    Budget,
    Callback,
    Fitted,
    Generator,
    Look,
    Progress,
    Routine,
    Run,
    Seen,
    Shape,
    Trainer,
    Weights,
    calibrate,
    fit,
    tell,
)

if TYPE_CHECKING:
    from synthaug.datasets import Packed

__all__ = ["Training", "device_named", "loaded", "planned", "train_generator"]

_LOOK_IMAGES = 192
_WATCHING = 0.05  # largest share of the training time spent on looks


@dataclasses.dataclass
class Training:
    """A trained generator and how it came about.

    Args:
        generator: at the chosen look.
        fitted: curve, earlier weights, images seen, seconds.
        floor: Fréchet distance of real training to real held-out images at equal n.
    """

    generator: Generator
    fitted: Fitted
    floor: float

    def with_weights(self, weights: Weights) -> Generator:
        """The generator as it was at another look."""
        kept = {"generator": self.generator.network, **self.generator.companions}
        networks = loaded(kept, weights)
        return dataclasses.replace(
            self.generator, network=networks.pop("generator"), companions=networks
        )


def device_named(device: str) -> str:
    """``"cpu"`` or ``"cuda"``, ``"auto"`` resolved.

    Raises:
        InputError: an unknown name, or CUDA where there is none.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device not in ("cpu", "cuda"):
        raise InputError(
            "device", expected="auto, cpu or cuda", got=repr(device), remedy="Use auto."
        )
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "device",
            expected="a CUDA device",
            got="none on this machine",
            remedy="Use --device cpu, or check the driver with: synthaug doctor.",
        )
    return device


def train_generator(
    packed: Packed,
    train: NDArray[np.int64],
    heldout: NDArray[np.int64],
    *,
    routine: Routine,
    budget: Budget,
    work: Path | None,
    extractor: Extractor,
    seed: int = 0,
    device: str = "cpu",
    callbacks: Sequence[Callback] = (),
) -> Training:
    """A generator trained on ``train`` and chosen on ``heldout``.

    Args:
        packed: all images at working resolution.
        train: int64 indices the generator may see.
        heldout: int64 indices it is watched against.
        routine: what to do.
        budget: seconds of training, or images.
        work: folder for plan and checkpoint; None keeps neither (no resume).
        extractor: eyes of the watch.
        seed: of everything random.
        device: ``"cpu"`` or ``"cuda"``.
        callbacks: told of progress.
    """
    conditions = conditions_of(packed, routine)
    packed, scale = conditions.packed, packed.scale
    shape = Shape(
        len(conditions.named), packed.channels, packed.resolution,
        num_attributes=len(scale.names) if scale else 0,
    )  # fmt: skip
    watch = _Watch(conditions, train, heldout, extractor, seed)

    def make(images: int) -> Trainer:
        return Trainer(Run(routine, shape, images, seed, device), packed, train)

    plan = planned(
        make, watch, data=packed.fingerprint, routine=routine, budget=budget, seed=seed,
        work=work, callbacks=callbacks,
    )  # fmt: skip
    trainer = make(plan["images"])
    fitted = fit(
        trainer,
        checkpoint=work / "checkpoint.pt" if work else None,
        fingerprint=trainer.run.fingerprint(packed.fingerprint),
        look=watch,
        looks=plan["looks"],
        callbacks=callbacks,
    )
    networks = loaded(trainer.averages, fitted.weights)
    card = {
        "recipe": routine.name, "trained on images": len(train), "seed": seed, "device": device,
        "images seen": fitted.images_seen, "training seconds": round(fitted.seconds, 1),
        "synthaug": version("synthaug"), "torch": torch.__version__,
    }  # fmt: skip
    names: tuple[str, ...] = ()
    if scale:
        each = zip(scale.names, scale.mean, scale.sd, strict=True)
        card["attributes"] = {name: {"mean": mean, "sd": sd} for name, mean, sd in each}
        names = scale.names
    if "discriminator" in networks:
        card["classifier of"] = list(conditions.named)
    generator = Generator(networks.pop("generator"), conditions.classes, card, networks, names)
    return Training(generator, fitted, watch.floor)


class _Watch:
    """Looks at a generator: Fréchet distance to held-out images, and the score that chooses.

    The score adds to the distance, in units of the real-vs-real floor, the kernel distance in
    units of its own: one sees blur, the other is unbiased at small n.
    """

    def __init__(
        self, conditions: Conditions, train: NDArray[np.int64], heldout: NDArray[np.int64],
        extractor: Extractor, seed: int,
    ) -> None:  # fmt: skip
        packed = conditions.packed
        rng = np.random.default_rng(seed)
        n = min(_LOOK_IMAGES, len(train), len(heldout))
        chosen = rng.permutation(heldout)[:n]
        # Each look draws the held-out images' own labels, so class proportions never differ.
        same = [rng.choice(_of_class(packed, train, label)) for label in packed.labels[chosen]]
        self.labels = conditions.labels(packed.labels[chosen])
        told = packed.attributes
        self.attributes = None if told is None else told[chosen]
        self.names = packed.scale.names if packed.scale else ()
        self.seeds = [int(s) for s in rng.integers(0, 2**62, n)]
        self.classes = conditions.classes
        self.extractor = extractor
        self.real = extractor(packed.read(chosen))
        reference = extractor(packed.read(np.asarray(same)))
        self.floor = frechet_distance(reference, self.real)
        self.kernel_floor = max(1e-3, abs(kid(reference, self.real)[0]))

    def __call__(self, networks: Mapping[str, nn.Module]) -> Seen:
        # Without a card its unit is the standardised one, in which the set holds attributes.
        generator = Generator(networks["generator"], self.classes, attributes=self.names)
        images = generator.sample(self.labels, self.seeds, attributes=self.attributes)
        features = self.extractor(images)
        distance = frechet_distance(features, self.real)
        kernel = kid(features, self.real)[0]
        score = distance / max(self.floor, 1e-9) + kernel / self.kernel_floor
        return Seen(distance, score, kernel)


def _of_class(packed: Packed, among: NDArray[np.int64], label: int) -> NDArray[np.int64]:
    mine = among[packed.labels[among] == label]
    return mine if len(mine) else among


def planned(
    make: Callable[[int], Trainer], watch: Look, *, data: str, routine: Routine, budget: Budget,
    seed: int, work: Path | None, callbacks: Sequence[Callback],
) -> dict[str, int]:  # fmt: skip
    """Images and looks of a run: as an interrupted call wrote them down, or measured now.

    Args:
        make: gives a fresh trainer of so many images.
        watch: what a look does.
        data: fingerprint of the images.
        routine: what will be done.
        budget: seconds of training, or images.
        seed: of the run.
        work: folder the plan is kept in; None keeps none.
        callbacks: told of the measurement.
    """
    plan = _planned(work, data, routine, budget, seed)
    if plan is None:
        tell(callbacks, Progress(phase="calibrate", message="measuring this machine's speed"))
        plan = _plan(make, budget, watch)
        _remember(work, data, routine, budget, seed, plan)
    return plan


def _plan(make: Callable[[int], Trainer], budget: Budget, watch: Look) -> dict[str, int]:
    """Images and looks that fit the budget on this machine."""
    import time

    begun = time.perf_counter()
    trainer = make(10_000)
    started = time.perf_counter()
    watch(trainer.averages)
    look_seconds = time.perf_counter() - started
    per_image = calibrate(lambda: make(10_000))
    seconds = budget.seconds or (budget.images or 0) * per_image
    looks = int(min(12, max(2, _WATCHING * seconds / look_seconds)))
    if budget.images is not None:
        return {"images": budget.images, "looks": looks}
    measuring = time.perf_counter() - begun
    training = max(0.0, seconds - measuring - looks * look_seconds)
    return {"images": max(1, math.floor(training / per_image)), "looks": looks}


def _key(data: str, routine: Routine, budget: Budget, seed: int) -> dict[str, Any]:
    return {"data": data, "recipe": routine.sha256, "budget": str(budget), "seed": seed}


def _planned(
    work: Path | None, data: str, routine: Routine, budget: Budget, seed: int
) -> dict[str, int] | None:
    """What an earlier, interrupted call of the same kind wrote down."""
    if work is None or not (work / "plan.json").exists():
        return None
    saved = json.loads((work / "plan.json").read_text())
    wanted = _key(data, routine, budget, seed)
    if {name: saved.get(name) for name in wanted} != wanted:
        return None
    return {"images": int(saved["images"]), "looks": int(saved["looks"])}


def _remember(
    work: Path | None, data: str, routine: Routine, budget: Budget, seed: int, plan: dict[str, int]
) -> None:
    """Write the plan down: from here on the run depends on no clock."""
    if work is None:
        return
    work.mkdir(parents=True, exist_ok=True)
    temporary = work / "plan.writing"
    temporary.write_text(json.dumps({**_key(data, routine, budget, seed), **plan}) + "\n")
    temporary.replace(work / "plan.json")
    (work / "checkpoint.pt").unlink(missing_ok=True)


def loaded(like: Mapping[str, nn.Module], weights: Weights) -> dict[str, nn.Module]:
    """Networks built like others, with weights of their own, on the CPU."""
    from synthaug.networks import build

    networks = {}
    for role, network in like.items():
        networks[role] = build(network.config).eval().requires_grad_(False)  # type: ignore[arg-type]
        networks[role].load_state_dict(weights[role])
    return networks
