"""The story of ``synthaug sample``: images of one class from a trained generator."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from synthaug.datasets import write_png
from synthaug.errors import InputError
from synthaug.jobs.outputs import file_to_write, in_place, new_files
from synthaug.jobs.train import load_generator
from synthaug.latent import label_of, tiled
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
    target = file_to_write(out, ".png") if grid else Path(out)
    model = load_generator(generator)
    label = label_of(model, class_name)
    total = grid[0] * grid[1] if grid else count
    if total < 1:
        raise InputError("count", expected="at least 1", got=str(total), remedy="Ask for one.")
    seeds = [latent_seed(seed, class_name, index) for index in range(total)]
    images = model.sample(
        [label] * total, seeds, truncation_psi=truncation_psi, attributes=attributes
    )
    recipe = str(model.card.get("recipe", ""))

    def origin_of(index: int) -> Provenance:
        return Provenance(
            kind="gan",
            class_name=class_name,
            index=index,
            latent_seed=seeds[index],
            generator=model.sha256,
            recipe=recipe,
            version=version("synthaug"),
        )

    if grid:
        origin = dataclasses.replace(origin_of(0), tool=f"grid of {grid[0]} by {grid[1]} draws")
        write_png(in_place(target), tiled(images, columns=grid[0]), origin)
        return [target]
    names = [f"{class_name.replace('/', '_')}_{i:05d}.png" for i in range(total)]
    with new_files(target, names) as folder:
        for index, (name, image) in enumerate(zip(names, images, strict=True)):
            write_png(folder / name, image, origin_of(index))
    return [target / name for name in names]
