"""What is painted shows, and nothing else in the frame has changed by one bit."""

from __future__ import annotations

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthaug.media.editing import paint, picture

FORMATS = (
    "yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "nv12", "gray",
    "rgb24", "bgra", "gbrp",
)  # fmt: skip


def frame_of(name: str, width: int = 50, height: int = 38) -> av.VideoFrame:
    y, x = np.mgrid[:height, :width]
    rgb = np.stack([x * 4 % 256, y * 5 % 256, (x + y) * 2 % 256], -1).astype(np.uint8)
    return av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=name)


def planes(frame: av.VideoFrame) -> list[np.ndarray]:
    return [np.frombuffer(p, np.uint8).reshape(p.height, p.line_size).copy() for p in frame.planes]


@pytest.mark.parametrize("name", FORMATS)
@given(
    left=st.integers(-20, 60), top=st.integers(-20, 45),
    width=st.integers(1, 30), height=st.integers(1, 30), seed=st.integers(0, 99),
)  # fmt: skip
def test_only_masked_pixels_change(name, left, top, width, height, seed):
    frame = frame_of(name)
    before = planes(frame)
    mask = np.random.default_rng(seed).random((height, width)) < 0.4
    paint(frame, left, top, np.full((height, width, 3), 200, np.uint8), mask)
    whole = np.zeros((38, 50), bool)
    for y, x in np.argwhere(mask):
        if 0 <= top + y < 38 and 0 <= left + x < 50:
            whole[top + y, left + x] = True
    near = whole.copy()  # colour may be shared by two pixels across and two down
    for y, x in np.argwhere(whole):
        near[y // 2 * 2 : y // 2 * 2 + 2, x // 2 * 2 : x // 2 * 2 + 2] = True
    packed = {"yuv420p10le": 2, "yuv422p10le": 2, "rgb24": 3, "bgra": 4}.get(name, 1)
    for now, then, plane in zip(planes(frame), before, frame.planes, strict=True):
        wide, tall = -(-50 // plane.width), -(-38 // plane.height)
        each = 2 if name == "nv12" and wide == 2 else packed
        changed = (now != then)[:, : plane.width * each]
        changed = changed.reshape(plane.height, plane.width, each).any(-1)
        assert not (changed & ~near[::tall, ::wide][: plane.height, : plane.width]).any()


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_painted_shows(name):
    frame = frame_of(name)
    colour = np.array([180, 90, 60], np.uint8)
    patch = np.broadcast_to(colour, (12, 16, 3)).copy()
    paint(frame, 8, 6, patch, np.ones((12, 16), bool))
    seen = picture(frame)[8:16, 10:22].astype(int)
    if name == "gray":
        assert np.abs(seen - (0.299 * 180 + 0.587 * 90 + 0.114 * 60)).max() < 4
    else:
        assert np.abs(seen - colour).max() < 6
