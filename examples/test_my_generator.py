"""Hold a generator to the gates in a test suite: pytest test_my_generator.py."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from synthaug.integrations.pytest import assert_synthetic

digits, labels = load_digits(return_X_y=True)
images = (digits.reshape(-1, 8, 8) * 15.9).astype(np.uint8)
TRAIN, HELDOUT = (images[:400], labels[:400]), (images[400:800], labels[400:800])


def my_generator(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Stands for yours; this one hands out digits nobody has seen."""
    return images[800 : 800 + count], labels[800 : 800 + count]


def test_my_generator_is_as_good_as_fresh_images() -> None:
    assert_synthetic(HELDOUT, my_generator(400), train=TRAIN)


def test_a_generator_that_copies_is_caught() -> None:
    with pytest.raises(AssertionError, match="copy"):
        assert_synthetic(HELDOUT, TRAIN, train=TRAIN, gates=["copy"])
