from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from synthaug.errors import InputError
from synthaug.integrations.extras import MissingExtra
from synthaug.verdict import Verdicts

pytest_plugins = ["synthaug.integrations.pytest"]


def noise(seed: int, count: int = 60) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 8), dtype=np.uint8)


def test_fresh_images_pass_and_copies_fail_with_a_table(
    assert_synthetic: Callable[..., Verdicts],
) -> None:
    gates = ["copy"]
    passed = assert_synthetic(noise(1), noise(2), train=noise(0), gates=gates)
    assert {verdict.gate for verdict in passed} == {"copy"}
    with pytest.raises(AssertionError) as caught:
        assert_synthetic(noise(1), noise(0), train=noise(0), gates=gates)
    assert str(caught.value).startswith("synthetic images, judged by copy:\nFAIL")


def test_a_gate_that_does_not_exist_is_no_pass(assert_synthetic: Callable[..., Verdicts]) -> None:
    with pytest.raises(AssertionError, match="no verdict"):
        assert_synthetic(noise(1), noise(2), train=noise(0), gates=["beauty"])


def test_a_missing_library_is_an_import_error_that_names_the_extra() -> None:
    error = MissingExtra("datasets", "huggingface")
    assert isinstance(error, ImportError)
    assert isinstance(error, InputError)
    assert str(error).endswith("Run: pip install 'synthaug[huggingface]'")
