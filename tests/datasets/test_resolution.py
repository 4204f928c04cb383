"""The working resolution and the sentence that explains it."""

import dataclasses

import numpy as np
import pytest

import synthaug.datasets
from synthaug.datasets import choose_resolution


@pytest.mark.parametrize(
    ("side", "count", "chosen", "reason"),
    [
        (8, 100, 16, "8 px on its short side, and 16 is the smallest size offered"),
        (16, 100, 16, "16 px on its short side, exactly this size"),
        (41, 3000, 32, "41 px on its short side, the largest size it fills"),
        (108, 1344, 64, "108 px on its short side, the largest size it fills"),
        (
            600,
            1344,
            64,
            "600 px on its short side, but 1,344 images are too few for 128 px (from 20,000 on)",
        ),
        (600, 20_000, 128, "600 px on its short side, the largest size it fills"),
    ],
)
def test_choices(side, count, chosen, reason):
    images = synthaug.datasets.open((np.zeros((2, 8, 8), np.uint8), [0, 1]))
    sizes = np.full((count, 2), [side, side + 5], np.int32)
    images = dataclasses.replace(images, sizes=sizes, labels=np.zeros(count, np.int64))
    assert choose_resolution(images) == (chosen, f"{chosen} px: the median image is {reason}")
