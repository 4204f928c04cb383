"""Balance a Hugging Face ``datasets.Dataset`` and get one back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from synthaug.integrations.extras import MissingExtra

if TYPE_CHECKING:
    import datasets

    from synthaug.provenance import Provenance

__all__ = ["balance"]


def balance(
    dataset: datasets.Dataset,
    target_counts: str | int | Mapping[str, int | str] = "balance",
    *,
    label_column: str | None = None,
    group_column: str | None = None,
    **options: Any,
) -> datasets.Dataset:
    """The data set with synthetic rows appended, real rows untouched and first.

    Two columns are added: ``kind`` (real, gan or classical) and ``provenance`` (JSON, None
    for real rows). Columns other than image and label are None in synthetic rows.

    Args:
        dataset: one split, with an image and a class-label column.
        target_counts: as `synthaug.augment` takes it.
        label_column: name of the label column; found by its type where None.
        group_column: rows with the same value here show one object.
        options: passed on to `synthaug.augment`, such as ``budget`` or ``seed``.

    Raises:
        MissingExtra: the ``datasets`` library is not installed.
        InputError: the columns cannot be used, or a count cannot be met.
    """
    try:
        import datasets as library
    except ImportError as error:
        raise MissingExtra("datasets", "huggingface") from error
    from synthaug.datasets import open as open_images
    from synthaug.datasets.huggingface import HuggingFace
    from synthaug.jobs.augment import augment

    plain = dataset.with_format(None)
    source = HuggingFace(plain, label_column)
    groups = plain[group_column] if group_column else None
    images = open_images(plain, groups, labels=source.label_column)
    balanced = augment(images, target_counts, **options)
    made = np.flatnonzero(balanced.is_synthetic).tolist()
    columns = {
        source.image_column: [balanced[index][0] for index in made],
        source.label_column: [balanced[index][1] for index in made],
        "kind": balanced.kind[made].tolist(),
        "provenance": [_record(balanced.provenance[index]) for index in made],
    }
    text = library.Value("string")
    real = dataset.add_column("kind", ["real"] * len(dataset), feature=text)
    real = real.add_column("provenance", [None] * len(dataset), feature=text)
    features = library.Features({name: real.features[name] for name in columns})
    fresh = library.Dataset.from_dict(columns, features=features)
    joined: datasets.Dataset = library.concatenate_datasets([real, fresh])
    return joined


def _record(provenance: Provenance | None) -> str | None:
    return None if provenance is None else json.dumps(provenance.to_dict())
