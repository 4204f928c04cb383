from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from imblearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    estimator_checks_generator,
)
from numpy.typing import ArrayLike, NDArray

from synthaug.errors import InputError
from synthaug.integrations.imblearn import SynthaugSampler


class RepeatingSampler(SynthaugSampler):
    """The sampler with the one step replaced that trains: it repeats real images."""

    def _make(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64],
        targets: dict[int, int],
        groups: ArrayLike | None,
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        self.made_from = images
        parts = [
            np.resize(np.flatnonzero(labels == label), total - (labels == label).sum())
            for label, total in targets.items()
        ]
        chosen = np.concatenate(parts) if parts else np.empty(0, int)
        return images[chosen].astype(float), labels[chosen]


# imbalanced-learn reads from the sampler's tags that pictures hold no words, NaN or sparse
# rows and leaves those checks out, except this one.
NOT_FOR_IMAGES = {"check_samplers_pandas_sparse": "pixels are dense"}
# The checks bring tables of 2 to 20 columns: read as pictures of one line.
ONE_LINE = RepeatingSampler(image_shape=(1, -1), random_state=0)
CHECKS = [
    *(check for _, check in estimator_checks_generator(ONE_LINE)),
    partial(check_param_validation, "RepeatingSampler"),
    partial(check_dataframe_column_names_consistency, "RepeatingSampler"),
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.func.__name__)
def test_estimator_checks(check: Any) -> None:
    if reason := NOT_FOR_IMAGES.get(check.func.__name__):
        with pytest.raises(TypeError, match="dense"):
            check(ONE_LINE)
        pytest.xfail(reason)
    check(ONE_LINE)


def images_and_labels(dtype: Any = np.uint8) -> tuple[NDArray[Any], NDArray[Any]]:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (30, 6, 4, 3)).astype(dtype)
    return images, np.array(["crack"] * 8 + ["fine"] * 22)


def test_images_keep_their_axes_and_rows_give_the_same() -> None:
    images, labels = images_and_labels()
    balanced, names = RepeatingSampler().fit_resample(images, labels)
    assert balanced.shape == (44, 6, 4, 3)
    assert balanced.dtype == np.uint8
    assert (balanced[:30] == images).all()
    assert (names[30:] == "crack").all()
    rows, _ = RepeatingSampler(image_shape=(6, 4, 3)).fit_resample(images.reshape(30, -1), labels)
    assert (rows == balanced.reshape(44, -1)).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, np.float64])
def test_any_range_goes_to_pixels_and_back(dtype: Any) -> None:
    images, labels = images_and_labels(dtype)
    shown = images if dtype == np.uint8 else images * 16 - 5
    sampler = RepeatingSampler()
    balanced, _ = sampler.fit_resample(shown.astype(dtype), labels)
    assert sampler.made_from.min() == images.min()
    assert sampler.made_from.max() == images.max()
    np.testing.assert_allclose(balanced[30:38], shown[:8], atol=1e-3)


def test_a_class_can_be_named() -> None:
    images, labels = images_and_labels()
    sampler = RepeatingSampler(sampling_strategy={"crack": 12})
    _, names = sampler.fit_resample(images, labels)
    assert (names == "crack").sum() == 12


def test_rows_without_a_shape_are_refused() -> None:
    images, labels = images_and_labels()
    with pytest.raises(InputError) as caught:
        RepeatingSampler().fit_resample(images.reshape(30, -1), labels)
    assert str(caught.value) == (
        "X: expected images (n, height, width) or rows with image_shape=, "
        "got rows of 72 numbers. Pass SynthaugSampler(image_shape=(height, width))."
    )


@pytest.mark.parametrize("shape", [(6, 4), (6, 6, 2), (72,), (-1, -1)])
def test_a_shape_that_does_not_fit_is_refused(shape: tuple[int, ...]) -> None:
    images, labels = images_and_labels()
    with pytest.raises(InputError, match="image_shape: expected"):
        RepeatingSampler(image_shape=shape).fit_resample(images.reshape(30, -1), labels)
