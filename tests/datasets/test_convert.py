"""uint8 and network floats: there and back."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from synthaug.datasets import to_float, to_uint8

LEVELS = torch.arange(256, dtype=torch.uint8)


def test_every_level_comes_back():
    floats = to_float(LEVELS)
    assert floats.dtype == torch.float32
    assert (floats.min(), floats.max()) == (-1, 1)
    assert torch.equal(to_uint8(floats), LEVELS)


def test_bfloat16_comes_back_to_within_its_precision():
    back = to_uint8(to_float(LEVELS).bfloat16())
    assert (back.int() - LEVELS.int()).abs().max() <= 1


@given(st.lists(st.floats(-3, 3, width=32), min_size=1))
def test_the_nearest_level_is_taken(values):
    found = to_uint8(torch.tensor(values)).numpy().astype(np.float64)
    exact = np.clip((np.array(values) + 1) * 127.5, 0, 255)
    assert np.abs(found - exact).max() <= 0.5 + 1e-4


def test_the_input_is_left_alone():
    floats = torch.tensor([-1.0, 0.5])
    to_uint8(floats)
    assert floats.tolist() == [-1.0, 0.5]
