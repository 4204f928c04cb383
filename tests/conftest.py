"""Fixtures every test may use."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> str:
    """Each device in turn; the CUDA case is skipped where there is none."""
    if request.param == "cuda":
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")
    return str(request.param)


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a text with tests/golden/NAME; SYNTHAUG_GOLDEN=write writes it instead."""

    def compare(name: str, text: str) -> None:
        path = Path(__file__).parent / "golden" / name
        if os.environ.get("SYNTHAUG_GOLDEN") == "write":
            path.write_text(text)
        assert text == path.read_text()

    return compare


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the real clips and models, ``SYNTHAUG_SHARED`` or beside the repository."""
    own = os.environ.get("SYNTHAUG_SHARED")
    folder = Path(own) if own else Path(__file__).parents[2] / "shared" / "data"
    if not (folder / "FACES.md").is_file():
        pytest.skip("the shared data is not here: set SYNTHAUG_SHARED to its folder")
    return folder
