"""The story of ``synthaug train``: a class-conditional generator from a labelled set."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from synthaug.errors import InputError
from synthaug.features import embedded
from synthaug.jobs.fitting import device_named, train_generator
from synthaug.jobs.preparing import packed_for, prepare
from synthaug.jobs.work import work_folder
from synthaug.textbook import Recipe, named
from synthaug.training import (
    Callback,
    Classifier,
    Generator,
    Routine,
    TensorBoard,
    WeightsAndBiases,
    parse_budget,
)

__all__ = ["load_classifier", "load_generator", "refuse_taken", "train"]


def train(
    dataset: Any,
    *,
    out: str | Path,
    groups: Any = None,
    attributes: Any = None,
    unlabelled: str | None = None,
    size: int | str = "auto",
    budget: str | float = "10min",
    recipe: str | Recipe = "rare",
    seed: int = 0,
    device: str = "auto",
    resume: bool = True,
    force: bool = False,
    skip_bad: bool = False,
    callbacks: Sequence[Callback] = (),
    tensorboard: str | Path | None = None,
    wandb: str | Path | None = None,
) -> Generator:
    """A trained generator, saved as safetensors, config and model card in ``out``.

    Args:
        dataset: whatever `synthaug.datasets.open` reads.
        out: folder to write; appears when training is over.
        groups: see `synthaug.datasets.open`.
        attributes: what each image carries beside its class: a CSV file with the column
            ``path`` and one column an attribute, or a mapping of attribute to one value an
            image; for recipes that take attributes.
        unlabelled: the class whose images have no label, for semi-supervised recipes; None
            leaves the name to the recipe (``"unlabelled"``).
        size: ``"auto"``, 16, 32, 64 or 128 pixels.
        budget: ``"10min"``, ``"50000 images"``, ...
        recipe: its name, or a `synthaug.Recipe`.
        seed: of everything random.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        resume: go on from an interrupted call of the same kind.
        force: replace what stands at ``out``.
        skip_bad: leave out images that cannot be read.
        callbacks: told of progress.
        tensorboard: folder for TensorBoard events.
        wandb: folder for an offline Weights & Biases run.

    Raises:
        InputError: data or arguments that cannot be used; nothing is written.
        Stopped: interrupted; the same call goes on.
    """
    target = Path(out)
    refuse_taken(target, force)
    what, chosen_device = _what(recipe, unlabelled), device_named(device)
    amount = parse_budget(budget)
    eyes = embedded(chosen_device)
    prepared = prepare(
        dataset, "balance", groups=groups, size=size, extractor=eyes, seed=seed,
        skip_bad=skip_bad, attributes=attributes, routine=what,
    )  # fmt: skip
    with (
        _boards(tensorboard, wandb) as boards,
        work_folder(target, resume=resume) as work,
    ):
        training = train_generator(
            packed_for(prepared, work),
            prepared.train,
            prepared.heldout,
            routine=what,
            budget=amount,
            work=work,
            extractor=eyes,
            seed=seed,
            device=chosen_device,
            callbacks=[*callbacks, *boards],
        )
        part = work / "generator"
        training.generator.save(part)
        if target.exists():
            shutil.rmtree(target)
        part.replace(target)
    return training.generator


def _what(recipe: str | Recipe | Routine, unlabelled: str | None) -> Routine:
    """The routine asked for, with its class of unlabelled images."""
    found = named(recipe, data=["classes"])
    if unlabelled is None:
        return found
    if not found.unlabelled:
        raise InputError(
            "unlabelled", expected="a recipe that learns from images without labels",
            got=f"recipe {found.name}", remedy="Use the recipe semi-supervised.",
            code="input.recipe",
        )  # fmt: skip
    return dataclasses.replace(found, unlabelled=unlabelled)


@contextlib.contextmanager
def _boards(
    tensorboard: str | Path | None, wandb: str | Path | None
) -> Iterator[list[TensorBoard | WeightsAndBiases]]:
    """The boards asked for, their files finished when the block ends, however it ends."""
    boards: list[TensorBoard | WeightsAndBiases] = []
    try:
        if tensorboard is not None:
            boards.append(TensorBoard(Path(tensorboard)))
        if wandb is not None:
            boards.append(WeightsAndBiases(Path(wandb)))
        yield boards
    finally:
        for board in boards:
            board.close()


def refuse_taken(target: Path, force: bool, what: str = "a generator") -> None:
    """Refuse a folder in use, unless ``force`` and it holds a model of ours.

    Raises:
        InputError: it does not, or ``force`` was not asked for.
    """
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    ours = target.is_dir() and (target / "config.json").exists()
    if force and ours:
        return
    raise InputError(
        "output folder",
        expected=f"{what} to replace" if force else "a new or empty folder",
        got="something else that is in use" if force else "one that is in use",
        where=str(target),
        remedy="Choose another." if force else "Choose another, or pass --force to replace it.",
        code="output.exists",
    )


def load_generator(folder: str | Path) -> Generator:
    """The generator saved in a folder, or in the ``generator/`` folder of an output.

    Raises:
        InputError: no generator there.
        Damaged: it cannot be read.
    """
    return Generator.load(_inner(Path(folder)))


def load_classifier(folder: str | Path) -> Classifier:
    """The classifier that semi-supervised training saved in a folder.

    Raises:
        InputError: no generator there, or one trained without a classifier.
        Damaged: it cannot be read.
    """
    return Classifier.load(_inner(Path(folder)))


def _inner(folder: Path) -> Path:
    inner = folder / "generator"
    return inner if (inner / "config.json").exists() else folder
