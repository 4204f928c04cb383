"""The story of ``synthaug translate train``: from pictures of two sides to a translator."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from synthaug import datasets
from synthaug.datasets.grouping import group_ids
from synthaug.datasets.pairs import Domains, Masks, Pairs, domains, paired_folders, side_by_side
from synthaug.datasets.sides import Side
from synthaug.errors import InputError
from synthaug.features import Extractor, embedded
from synthaug.jobs.fitting import device_named, loaded, planned
from synthaug.jobs.train import refuse_taken
from synthaug.jobs.work import work_folder
from synthaug.metrics import frechet_distance
from synthaug.textbook import entry_of, named
from synthaug.training import (
    Budget,
    Callback,
    Progress,
    Routine,
    Run,
    Shape,
    SideFacts,
    Trainer,
    Translator,
    fit,
    parse_budget,
    tell,
)

__all__ = ["load_translator", "translate_train"]

SIZES = (32, 64, 128, 256)
_FEWEST = 4
_LOOK_PICTURES = 192
_IN_MEMORY = 256 * 1024**2
_LARGER = 286 / 256  # the papers load so much larger than they train, and cut at random
_MASKS = {
    "auto": (None, None), "none": (False, False), "a": (True, False), "b": (False, True),
    "both": (True, True),
}  # fmt: skip


def translate_train(
    a: str | Path | None = None,
    b: str | Path | None = None,
    *,
    out: str | Path,
    pairs: str | Path | None = None,
    recipe: str | Routine = "pix2pix",
    budget: str | float = "10min",
    size: int | str = "auto",
    masks: str = "auto",
    groups: Any = None,
    seed: int = 0,
    device: str = "auto",
    resume: bool = True,
    force: bool = False,
    skip_bad: bool = False,
    callbacks: Sequence[Callback] = (),
) -> Translator:
    """A trained translator from pictures of side A to side B, saved in ``out``.

    A fifth of the pictures (whole groups) is kept apart; the weights handed over are those
    under which translated pictures lie nearest to them in Fréchet distance.

    Args:
        a: folder of side A.
        b: folder of side B: partners of the same names, endings apart, or another domain.
        out: folder to write; appears when training is over.
        pairs: in place of both, a folder of pictures that show A left and B right.
        recipe: ``"pix2pix"``, ``"pix2pix-l2"``, ``"l1-only"`` (pairs), ``"cyclegan"`` (two
            domains), or a routine of `synthaug.textbook.catalogue.translation`.
        budget: ``"10min"``, ``"50000 images"``, ...
        size: ``"auto"``, 32, 64, 128 or 256 pixels.
        masks: which sides hold masks, resized without new values: ``"auto"`` (at most 16
            colours in every picture), ``"none"``, ``"a"``, ``"b"`` or ``"both"``.
        groups: which pictures show one object; see `synthaug.datasets.open`. Of pairs the
            names of side B count.
        seed: of everything random.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        resume: go on from an interrupted call of the same kind.
        force: replace what stands at ``out``.
        skip_bad: leave out pictures that cannot be read, or have no partner.
        callbacks: told of progress.

    Raises:
        InputError: data or arguments that cannot be used; nothing is written.
        Stopped: interrupted; the same call goes on.
    """
    target = Path(out)
    refuse_taken(target, force, "a translator")
    routine, chosen_device = named(recipe, data=("pairs", "domains")), device_named(device)
    amount = parse_budget(budget)
    sides, warnings, paired = _read(a, b, pairs, recipe, routine, masks, skip_bad)
    resolution = _resolution(sides, size)
    parted = _parted(sides, groups, paired, seed)
    shape = Shape(
        1, sides[0].channels + sides[1].channels, resolution, source_channels=sides[0].channels
    )
    _refuse_other(routine, shape)
    for warning in warnings:
        tell(callbacks, Progress(phase="read", message=warning))
    eyes = embedded(chosen_device)
    with work_folder(target, resume=resume) as work:
        translator = _trained(
            sides, parted, shape, routine=routine, paired=paired, budget=amount, work=work,
            extractor=eyes, seed=seed, device=chosen_device, callbacks=callbacks,
        )  # fmt: skip
        part = work / "translator"
        translator.save(part)
        if target.exists():
            shutil.rmtree(target)
        part.replace(target)
    return translator


def load_translator(folder: str | Path) -> Translator:
    """The translator that `translate_train` saved in a folder.

    Raises:
        InputError: no translator there.
        Damaged: it cannot be read.
    """
    return Translator.load(folder)


@dataclasses.dataclass
class _Parted:
    """Rows of both sides that are learnt from, and those kept apart."""

    train: tuple[NDArray[np.int64], NDArray[np.int64]]
    heldout: tuple[NDArray[np.int64], NDArray[np.int64]]


def _read(
    a: str | Path | None, b: str | Path | None, pairs: str | Path | None,
    recipe: str | Routine, routine: Routine, masks: str, skip_bad: bool,
) -> tuple[tuple[Side, Side], list[str], bool]:  # fmt: skip
    """Both sides, what was left out of them, and whether they are pairs."""
    if masks not in _MASKS:
        raise InputError(
            "masks", expected="one of " + ", ".join(_MASKS), got=repr(masks), remedy="Use auto."
        )
    which: Masks = _MASKS[masks]
    # A routine of the caller's own is for domains if it also learns the way back.
    paired = entry_of(recipe).data == "pairs" if isinstance(recipe, str) else "back" not in (
        routine.keeps
    )  # fmt: skip
    if pairs is not None and a is None and b is None:
        one, two, warnings = side_by_side(Path(pairs), masks=which, skip_bad=skip_bad)
        if not paired:
            one.channels = two.channels = max(one.channels, two.channels)
    elif pairs is None and a is not None and b is not None:
        read = paired_folders if paired else domains
        one, two, warnings = read(Path(a), Path(b), masks=which, skip_bad=skip_bad)
    else:
        raise InputError(
            "pictures", expected="two folders, or one of pictures side by side",
            got="both" if pairs is not None else "one folder" if a or b else "neither",
            remedy="Give A_DIR B_DIR, or --side-by-side DIR alone.", code="input.pairs",
        )  # fmt: skip
    return (one, two), warnings, paired


def _resolution(sides: tuple[Side, Side], size: int | str) -> int:
    if str(size) == "auto":
        shorts = np.concatenate([side.sizes.min(axis=1) for side in sides])
        # Above 64 px a core needs hours.
        return 64 if np.median(shorts) >= 64 else 32
    if str(size) not in map(str, SIZES):
        raise InputError(
            "size", expected="auto or one of " + ", ".join(map(str, SIZES)), got=repr(size),
            where="argument size", remedy="Use auto unless you know better.", code="input.size",
        )  # fmt: skip
    return int(size)


def _parted(sides: tuple[Side, Side], groups: Any, paired: bool, seed: int) -> _Parted:
    """A fifth of each side held out, whole groups; of pairs the same rows of both sides."""
    train, heldout = [], []
    for side in sides[1:] if paired else sides:
        if len(side) < _FEWEST:
            raise InputError(
                "pairs" if paired else "pictures", expected=f"at least {_FEWEST}",
                got=str(len(side)), where=side.name, remedy="Add some.", code="input.empty",
            )  # fmt: skip
        nothing = np.zeros(len(side), np.int64)
        split = datasets.split(nothing, group_ids(groups, side), heldout=0.2, seed=seed)
        if len(split.heldout) < 2 or len(split.train) < 2:
            raise InputError(
                "groups", expected="enough to keep two pictures apart", got="too few",
                where=side.name, remedy="Give finer groups.", code="input.groups",
            )  # fmt: skip
        train.append(split.train)
        heldout.append(split.heldout)
    return _Parted((train[0], train[-1]), (heldout[0], heldout[-1]))


def _refuse_other(routine: Routine, shape: Shape) -> None:
    """A routine of the caller's own must translate, not draw from nothing."""
    if not hasattr(routine.build(shape)["generator"], "source_channels"):
        raise InputError(
            "recipe", expected="one that translates", got=routine.name,
            where="networks of the recipe", code="input.recipe",
            remedy="Use pix2pix or cyclegan, or synthaug train for class folders.",
        )  # fmt: skip


def _trained(
    sides: tuple[Side, Side], parted: _Parted, shape: Shape, *, routine: Routine,
    paired: bool, budget: Budget, work: Path, extractor: Extractor, seed: int, device: str,
    callbacks: Sequence[Callback],
) -> Translator:  # fmt: skip
    """The translator at the best look."""
    a, b = sides
    loaded_at = round(shape.resolution * _LARGER)
    bytes_needed = (len(a) * a.channels + len(b) * b.channels) * loaded_at**2
    file = work / "pictures" if bytes_needed > _IN_MEMORY else None
    images: Pairs | Domains
    if paired:
        images, rows = Pairs(a, b, loaded_at, file=file), parted.train[0]
    else:
        images = Domains(a, b, loaded_at, parted.train, file=file)
        rows = np.arange(len(images))
    facts = (SideFacts(a.name, a.channels, a.masks), SideFacts(b.name, b.channels, b.masks))
    watch = _Watch(sides, facts, parted, shape.resolution, extractor, seed)

    def make(images_in_all: int) -> Trainer:
        return Trainer(Run(routine, shape, images_in_all, seed, device), images, rows)

    learnt = hashlib.sha256(b"/".join(each.tobytes() for each in parted.train)).hexdigest()
    data = f"{images.fingerprint}-{learnt[:16]}"
    plan = planned(
        make, watch, data=data, routine=routine, budget=budget, seed=seed, work=work,
        callbacks=callbacks,
    )  # fmt: skip
    trainer = make(plan["images"])
    fitted = fit(
        trainer, checkpoint=work / "checkpoint.pt", fingerprint=trainer.run.fingerprint(data),
        look=watch, looks=plan["looks"], callbacks=callbacks,
    )  # fmt: skip
    networks = loaded(trainer.averages, fitted.weights)
    best = min(fitted.curve, key=lambda point: point.score)
    card = {
        "recipe": routine.name, "trained on pictures": sum(map(len, parted.train[: 2 - paired])),
        "held out": sum(map(len, parted.heldout[: 2 - paired])), "seed": seed, "device": device,
        "Fréchet distance to held-out pictures": round(best.frechet, 1),
        "images seen": fitted.images_seen, "training seconds": round(fitted.seconds, 1),
        "synthaug": version("synthaug"), "torch": torch.__version__,
    }  # fmt: skip
    return Translator(networks["generator"], facts, card, networks.get("back"))


class _Watch:
    """Looks at a translator: Fréchet distance of translated to real held-out pictures.

    Where there is a way back, both ways are added.
    """

    def __init__(
        self, sides: tuple[Side, Side], facts: tuple[SideFacts, SideFacts], parted: _Parted,
        resolution: int, extractor: Extractor, seed: int,
    ) -> None:  # fmt: skip
        rng = np.random.default_rng(seed)
        self.facts, self.extractor = facts, extractor
        chosen = [np.sort(rng.permutation(rows)[:_LOOK_PICTURES]) for rows in parted.heldout]
        self.pictures = [
            torch.from_numpy(side.read(rows, resolution))
            for side, rows in zip(sides, chosen, strict=True)
        ]
        self.real = [extractor(pictures) for pictures in self.pictures]
        self.seeds = [int(s) for s in rng.integers(0, 2**62, max(map(len, self.pictures)))]

    def __call__(self, networks: Mapping[str, nn.Module]) -> tuple[float, float]:
        now = Translator(networks["generator"], self.facts, back=networks.get("back"))
        distance = self._distance(now.translate, 0, "a2b")
        if now.back is not None:
            distance += self._distance(now.translate, 1, "b2a")
        return distance, distance

    def _distance(self, translate: Callable[..., Any], source: int, direction: str) -> float:
        pictures = self.pictures[source]
        made = translate(pictures, self.seeds[: len(pictures)], direction=direction)
        return frechet_distance(self.extractor(made), self.real[1 - source])
