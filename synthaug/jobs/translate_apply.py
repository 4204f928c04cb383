"""The story of ``synthaug translate apply``: pictures in, pictures of the other side out."""

from __future__ import annotations

import glob
import shutil
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synthaug.datasets.decode import BadImage, decode
from synthaug.datasets.folder import IMAGE_ENDINGS, images_below
from synthaug.datasets.limits import Limits
from synthaug.datasets.png import write_png
from synthaug.datasets.resampling import nearest, stretched
from synthaug.datasets.sides import square
from synthaug.datasets.sources import first_names
from synthaug.datasets.writing import new_folder, refuse_if_taken
from synthaug.errors import InputError
from synthaug.jobs.translate_train import load_translator
from synthaug.provenance import Provenance, latent_seed
from synthaug.training.translator import Direction, SideFacts, Translator

__all__ = ["translate_apply"]


def translate_apply(
    model: str | Path | Translator,
    pictures: str | Path,
    *,
    out: str | Path,
    direction: Direction = "a2b",
    seed: int = 0,
    with_input: bool = False,
) -> list[Path]:
    """PNG files of the other side, one a picture, of the same name, size and shape.

    Each picture is squashed to the working square, translated, and brought back to its own
    size: nothing finer than the square is made. What comes out is grey or RGB as the other
    side was in training, and carries its provenance.

    Args:
        model: folder that `translate_train` wrote, or what it returned.
        pictures: a folder (with all below it), a file, or a pattern with stars.
        out: folder to write; new or empty, appears when all are done.
        direction: ``"a2b"``, or ``"b2a"`` where that was learnt.
        seed: of the noise; a picture depends on it, its own name and pixels, nothing else.
        with_input: write into ``images/``, and the inputs, byte for byte, beside them into
            ``masks/`` (``inputs/`` where they were no masks): labelled segmentation data.

    Returns:
        The translated files.

    Raises:
        InputError: no pictures, one that cannot be read, a direction that was not learnt, or
            a folder in use; nothing is written.
    """
    translator = model if isinstance(model, Translator) else load_translator(model)
    _, source, target = translator.from_to(direction)
    files = _files(str(pictures))
    refuse_if_taken(Path(out), force=False)
    facts: dict[str, Any] = {
        "generator": translator.sha256, "recipe": str(translator.card.get("recipe", "")),
        "version": version("synthaug"), "class_name": target.name, "kind": "gan",
    }  # fmt: skip
    kept = "masks" if source.masks else "inputs"
    names = []
    with new_folder(Path(out)) as folder:
        for index, (name, file) in enumerate(files.items()):
            number = latent_seed(seed, name, 0)
            made = _translated(translator, file, name, source, target, direction, number)
            path = folder / "images" / f"{name}.png" if with_input else folder / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_png(path, made, Provenance(index=index, latent_seed=number, **facts))
            names.append(path.relative_to(folder))
            if with_input:
                copy = folder / kept / f"{name}{file.suffix}"
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
    return [Path(out) / name for name in names]


def _translated(
    translator: Translator, file: Path, name: str, source: SideFacts, target: SideFacts,
    direction: Direction, seed: int,
) -> Tensor:  # fmt: skip
    """One picture of the other side at the size of its input, uint8 (C, H, W)."""
    try:
        pixels = decode(file, f"{name}{file.suffix}", Limits()).pixels
    except BadImage as error:
        raise InputError(
            "picture", expected="one that can be read", got=error.what, where=str(error.where),
            remedy="Repair it, or take it out.", code="input.image",
        ) from error  # fmt: skip
    squashed = square(pixels, translator.resolution, source.channels, masks=source.masks)
    batch = torch.from_numpy(np.ascontiguousarray(squashed))[None]
    made = translator.translate(batch, [seed], direction=direction)[0]
    shown = made.permute(1, 2, 0).numpy() if len(made) == 3 else made[0].numpy()
    resize = nearest if target.masks else stretched
    back = resize(np.ascontiguousarray(shown), *pixels.shape[:2])
    channels_first = back[None] if back.ndim == 2 else np.moveaxis(back, 2, 0)
    return torch.from_numpy(np.ascontiguousarray(channels_first))


def _files(pictures: str) -> dict[str, Path]:
    """Files by the name of what is made of them, sorted; endings kept where stems collide."""
    path = Path(pictures)
    if path.is_dir():
        found = [(file, path / file) for file in images_below(path)[0]]
    elif path.is_file():
        found = [(path.name, path)]
    else:
        matched = [Path(file) for file in sorted(glob.glob(pictures, recursive=True))]  # noqa: PTH207
        images = [file for file in matched if file.suffix.lower() in IMAGE_ENDINGS]
        found = [(file.name, file) for file in images if file.is_file()]
    if not found:
        raise InputError(
            "pictures", expected="a folder, a file or a pattern", where=pictures,
            got="no images there" if path.exists() else "nothing there", remedy="Check the path.",
            code="input.path",
        )  # fmt: skip
    twice = [name for name, count in Counter(name for name, _ in found).items() if count > 1]
    if twice:
        raise InputError(
            "names of pictures", expected="different ones", got=f"two of {first_names(twice)}",
            where=pictures, remedy="Give their common folder.", code="input.path",
        )  # fmt: skip
    stems = Counter(_stem(name) for name, _ in found)
    return {name if stems[_stem(name)] > 1 else _stem(name): file for name, file in found}


def _stem(name: str) -> str:
    return name[: len(name) - len(Path(name).suffix)]
