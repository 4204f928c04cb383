"""Fixtures every test may use."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
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


@pytest.fixture(scope="session")
def moving_face() -> Callable[[Path, int], Path]:
    """Writes an MP4 of up to 30 frames, 320x256 at 25 a second: one face that moves right.

    Frame ``n`` is the astronaut's portrait from column ``60 - 2 * n`` on.
    """
    import av
    import numpy as np

    portrait = pytest.importorskip("skimage.data", reason="needs scikit-image").astronaut()

    def write(path: Path, count: int) -> Path:
        with av.open(str(path), "w") as out:
            stream = out.add_stream("libx264", rate=25, options={"crf": "16", "preset": "veryfast"})
            stream.width, stream.height, stream.pix_fmt = 320, 256, "yuv420p"
            stream.codec_context.time_base = Fraction(1, 12800)
            for index in range(count):
                shown = np.ascontiguousarray(portrait[:256, 60 - 2 * index : 380 - 2 * index])
                frame = av.VideoFrame.from_ndarray(shown, format="rgb24")
                frame.pts, frame.time_base = index * 512, Fraction(1, 12800)
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        return path

    return write
