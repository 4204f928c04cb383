"""The story of ``synthaug sample``: images of one class from a trained generator."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from synthaug.datasets import write_png
from synthaug.errors import InputError
from synthaug.jobs.train import load_generator
from synthaug.provenance import Provenance, latent_seed

__all__ = ["sample"]


def sample(
    generator: str | Path,
    *,
    class_name: str,
    count: int = 16,
    out: str | Path,
    seed: int = 0,
    truncation_psi: float = 1.0,
    grid: tuple[int, int] | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> list[Path]:
    """PNG files of one class, each with its provenance; nothing judges them.

    Args:
        generator: folder of the generator, or of the output that contains it.
        class_name: the class.
        count: images; ignored with ``grid``.
        out: folder for the images, or the file of the grid.
        seed: of the latents; see `synthaug.provenance.latent_seed`.
        truncation_psi: 1 draws from the whole distribution, 0 gives the class's mean image.
        grid: columns and rows of one picture in place of single files.
        attributes: attribute to value, in the units of the training data; the rest at its mean.

    Returns:
        The files written.

    Raises:
        InputError: an unknown class or attribute, or a count below 1.
    """
    model = load_generator(generator)
    if class_name not in model.classes:
        raise InputError(
            "class",
            expected="one of " + ", ".join(model.classes),
            got=repr(class_name),
            where="--class",
            remedy="Use a class the generator was trained on.",
            code="input.class",
        )
    total = grid[0] * grid[1] if grid else count
    if total < 1:
        raise InputError("count", expected="at least 1", got=str(total), remedy="Ask for one.")
    label = model.classes.index(class_name)
    seeds = [latent_seed(seed, class_name, index) for index in range(total)]
    images = model.sample(
        [label] * total, seeds, truncation_psi=truncation_psi, attributes=attributes
    )
    recipe = str(model.card.get("recipe", ""))

    def origin(index: int) -> Provenance:
        return Provenance(
            kind="gan",
            class_name=class_name,
            index=index,
            latent_seed=seeds[index],
            generator=model.sha256,
            recipe=recipe,
            version=version("synthaug"),
        )

    target = Path(out)
    if grid:
        picture = _tiled(images, columns=grid[0])
        target.parent.mkdir(parents=True, exist_ok=True)
        write_png(target, picture, origin(0))
        return [target]
    target.mkdir(parents=True, exist_ok=True)
    files = [target / f"{class_name.replace('/', '_')}_{i:05d}.png" for i in range(total)]
    for index, (file, image) in enumerate(zip(files, images, strict=True)):
        write_png(file, image, origin(index))
    return files


def _tiled(images: Tensor, *, columns: int) -> Tensor:
    rows = [torch.cat(list(row), dim=2) for row in torch.split(images, columns)]
    return torch.cat(rows, dim=1)
