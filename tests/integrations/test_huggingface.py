from __future__ import annotations

from typing import Any

import datasets
import numpy as np
import pytest
import torch

from synthaug.arm import Arm
from synthaug.datasets import AugmentedDataset, ImageSet
from synthaug.facts import AugmentFacts
from synthaug.integrations.huggingface import balance
from synthaug.jobs import augment as augment_module
from synthaug.provenance import Provenance
from synthaug.verdict import Verdicts


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The calls of the job, which adds one grey square of class rare and asks no gate."""
    calls = []

    def augment(images: ImageSet, targets: Any, **options: Any) -> AugmentedDataset:
        calls.append((images, targets, options))
        record = Provenance(
            kind="classical", class_name="rare", index=0, latent_seed=1, recipe="none", version="0"
        )
        return AugmentedDataset(
            images,
            [torch.full((1, 8, 8), 7, dtype=torch.uint8)],
            [1],
            ["classical"],
            [record],
            verdicts=Verdicts(),
            report=AugmentFacts(version="0", source="test"),
            arm=Arm(name="plain", sampling="plain"),
        )

    monkeypatch.setattr(augment_module, "augment", augment)
    return calls


def pictures() -> datasets.Dataset:
    random = np.random.default_rng(0)
    return datasets.Dataset.from_dict(
        {
            "photo": list(random.integers(0, 256, (5, 8, 8), dtype=np.uint8)),
            "kind of tile": [0, 0, 0, 1, 1],
            "tile": ["a", "a", "b", "c", "d"],
        },
        features=datasets.Features(
            {
                "photo": datasets.Image(),
                "kind of tile": datasets.ClassLabel(names=["fine", "rare"]),
                "tile": datasets.Value("string"),
            }
        ),
    )


def test_synthetic_rows_follow_the_real_ones(asked: list[Any]) -> None:
    real = pictures()
    balanced = balance(real, {"rare": 3}, seed=5)
    assert len(balanced) == 6
    for before, after in zip(real, balanced, strict=False):
        assert (np.asarray(before["photo"]) == np.asarray(after["photo"])).all()
        assert (after["tile"], after["kind"]) == (before["tile"], "real")
        assert after["provenance"] is None
    made = balanced[5]
    assert (np.asarray(made["photo"]) == 7).all()
    assert (made["kind of tile"], made["kind"], made["tile"]) == (1, "classical", None)
    assert '"class_name": "rare"' in made["provenance"]
    assert balanced.features["kind of tile"].names == ["fine", "rare"]
    assert asked[0][1:] == ({"rare": 3}, {"seed": 5})


def test_rows_of_one_object_are_one_group(asked: list[Any]) -> None:
    balance(pictures(), group_column="tile")
    groups = asked[0][0].groups
    assert groups[0] == groups[1]
    assert len(set(groups.tolist())) == 4


def test_the_format_of_the_data_set_does_not_matter(asked: list[Any]) -> None:
    assert len(balance(pictures().with_format("numpy"))) == 6
