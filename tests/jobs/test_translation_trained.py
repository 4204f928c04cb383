"""Translations trained on real photographs, and whether they do what their papers say.

The photographs of magnetic tiles are not part of the repository: SYNTHAUG_TILES names their
folder (``train/CLASS/*.jpg``, ``masks/CLASS/*.png``, ``groups.csv``).
"""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import synthaug
from synthaug.datasets.sides import Side, files_of
from synthaug.features import embedded
from synthaug.metrics import frechet_distance

TILES = Path(os.environ.get("SYNTHAUG_TILES", ""))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(7200),
    pytest.mark.skipif(
        not os.environ.get("SYNTHAUG_TILES"), reason="SYNTHAUG_TILES names no folder of tiles"
    ),
]


def tile_of() -> dict[str, str]:
    """The tile on each photograph, by ``CLASS/NAME``."""
    with (TILES / "groups.csv").open() as rows:
        found = {row["path"]: row["group"] for row in csv.DictReader(rows)}
    return {path.removeprefix("train/").removesuffix(".jpg"): g for path, g in found.items()}


def parted(names: list[str], share: float = 0.3) -> tuple[list[str], list[str]]:
    """Names of tiles to learn from and of tiles never shown, no tile on both sides."""
    tiles = tile_of()
    order = np.random.default_rng(0).permutation(sorted(set(tiles.values())))
    unseen = set(order[: round(share * len(order))])
    return [n for n in names if tiles[n] not in unseen], [n for n in names if tiles[n] in unseen]


def copied(files: dict[str, Path], names: list[str], folder: Path) -> Path:
    for name in names:
        target = folder / f"{name}{files[name].suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(files[name], target)
    return folder


def squares(files: dict[str, Path], names: list[str], size: int, **options) -> torch.Tensor:
    side = Side("side", {name: files[name] for name in names}, **options)
    return torch.from_numpy(side.read(range(len(side)), size))


def test_pix2pix_makes_tiles_nearer_to_real_ones_than_the_distance_alone(tmp_path):
    masks, photos = files_of(TILES / "masks"), files_of(TILES / "train")
    seen, unseen = parted([name for name in masks if name in photos])
    a = copied(masks, seen, tmp_path / "masks")
    b = copied(photos, seen, tmp_path / "photos")
    given = squares(masks, unseen, 64, masks=True)
    eyes = embedded()
    real = eyes(squares(photos, unseen, 64, masks=False))
    distance = {}
    for recipe in ("l1-only", "pix2pix"):
        translator = synthaug.translate_train(
            a, b, out=tmp_path / recipe, recipe=recipe, size=64, budget="4000 images",
            groups=tile_of().get, device="cpu",
        )  # fmt: skip
        made = translator.translate(given, range(len(given)))
        distance[recipe] = frechet_distance(eyes(made), real)
    print(distance, "unseen tiles:", len(unseen))
    assert distance["pix2pix"] < 0.8 * distance["l1-only"]


def test_cyclegan_brings_tiles_back_from_the_way_there_and_back(tmp_path):
    photos = files_of(TILES / "train")
    halves = [
        parted([name for name in photos if name.startswith(f"{kind}/")])
        for kind in ("free", "blowhole")
    ]
    a, b = (
        copied(photos, seen, tmp_path / kind)
        for (seen, _), kind in zip(halves, ("free", "blowhole"), strict=True)
    )
    translator = synthaug.translate_train(
        a, b, out=tmp_path / "out", recipe="cyclegan", size=32, budget="3000 images",
        groups=tile_of().get, device="cpu",
    )  # fmt: skip
    for (_, unseen), there, back in zip(halves, ("a2b", "b2a"), ("b2a", "a2b"), strict=True):
        given = squares(photos, unseen, 32, masks=False)
        seeds = range(len(given))
        other = translator.translate(given, seeds, direction=there)
        again = translator.translate(other, seeds, direction=back)
        shuffled = given[np.random.default_rng(0).permutation(len(given))]
        error, chance, moved = (
            (x.float() - given.float()).abs().mean().item() for x in (again, shuffled, other)
        )
        print(there, "cycle", error, "random other", chance, "changed by", moved)
        assert error < 0.4 * chance
