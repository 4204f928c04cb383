"""Hold a generator to the gates in a test suite: pytest test_my_generator.py."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from synthaug.integrations.pytest import assert_synthetic

digits, labels = load_digits(n_class=2, return_X_y=True)
order = np.random.default_rng(0).permutation(len(labels))
images, labels = (digits.reshape(-1, 8, 8)[order] * 15.9).astype(np.uint8), labels[order]
TRAIN, HELDOUT = (images[:120], labels[:120]), (images[120:240], labels[120:240])


def my_generator(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Stands for yours; this one hands out digits nobody has seen."""
    return images[240 : 240 + count], labels[240 : 240 + count]


def test_my_generator_is_as_good_as_fresh_images() -> None:
    assert_synthetic(HELDOUT, my_generator(120), train=TRAIN)


def test_a_generator_that_copies_is_caught() -> None:
    with pytest.raises(AssertionError, match="copy"):
        assert_synthetic(HELDOUT, TRAIN, train=TRAIN, gates=["copy"])
