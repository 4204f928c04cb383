"""Painting into a decoded frame in its own pixel format: what is not painted is not touched."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaug.errors import InputError

__all__ = ["paint", "picture", "reformat"]


def reformat(frame: Any, **wanted: Any) -> Any:
    """The frame in another size or pixel format, the same bytes each time.

    libswscale's threads write a few samples past the end of their rows where rows are not
    padded to its vectors, so with more than one thread the first samples of the next
    thread's rows depend on who comes last.
    """
    return frame.reformat(**wanted, threads=1)


def picture(frame: Any) -> NDArray[np.uint8]:
    """A frame as RGB, uint8 (H, W, 3), as stored (not turned)."""
    rgb: NDArray[np.uint8] = reformat(frame, format="rgb24").to_ndarray()
    return rgb


def paint(frame: Any, left: int, top: int, rgb: NDArray[np.uint8], mask: NDArray[np.bool_]) -> None:
    """Set the masked pixels of a frame to new colours, in place.

    Only the frame's own planes are written, and only where the mask is: a frame that goes
    through RGB and back changes everywhere. Where colour is stored for several pixels at
    once, it changes if any of them is masked.

    Args:
        frame: ``av.VideoFrame``.
        left: column of the patch's first pixel.
        top: row of it; the patch may reach outside the frame.
        rgb: uint8 (h, w, 3), the patch.
        mask: bool (h, w), which of its pixels are set.

    Raises:
        InputError: a pixel format that cannot be painted (palettes, Bayer patterns).
    """
    import av

    # Down to whole chroma samples, and inside the frame.
    across, down = _steps(frame)
    x0, y0 = max(0, left) // across * across, max(0, top) // down * down
    x1 = min(frame.width, -(-(left + rgb.shape[1]) // across) * across)
    y1 = min(frame.height, -(-(top + rgb.shape[0]) // down) * down)
    if x0 >= x1 or y0 >= y1 or not mask.any():
        return
    pad = ((top - y0, y1 - top - rgb.shape[0]), (left - x0, x1 - left - rgb.shape[1]))
    patch = _fitted(rgb, pad, edge=True)
    chosen = _fitted(mask, pad, edge=False)
    made = reformat(
        av.VideoFrame.from_ndarray(np.ascontiguousarray(patch), format="rgb24"),
        format=frame.format.name,
        dst_colorspace=int(frame.colorspace),
        dst_color_range=int(frame.color_range),
    )
    frame.make_writable()
    for target, source, plane in zip(_planes(frame), _planes(made), frame.planes, strict=True):
        wide, tall = _ratio(frame.width, plane.width), _ratio(frame.height, plane.height)
        part = target[y0 // tall : -(-y1 // tall), x0 // wide : -(-x1 // wide)]
        where = _any_of(chosen, tall, wide)[: part.shape[0], : part.shape[1]]
        part[where] = source[: part.shape[0], : part.shape[1]][where]


def _steps(frame: Any) -> tuple[int, int]:
    """Pixels across and down that share one colour sample."""
    ratios = [
        (_ratio(frame.width, plane.width), _ratio(frame.height, plane.height))
        for plane in frame.planes
    ]
    return max(r[0] for r in ratios), max(r[1] for r in ratios)


def _ratio(whole: int, part: int) -> int:
    return -(-whole // part) if part < whole else 1


def _fitted(
    array: NDArray[Any], pad: tuple[tuple[int, int], tuple[int, int]], *, edge: bool
) -> NDArray[Any]:
    """An array with rows and columns added (positive) or taken off (negative) at its ends."""
    cut = tuple(slice(max(0, -a), array.shape[n] - max(0, -b)) for n, (a, b) in enumerate(pad))
    more = [(max(0, a), max(0, b)) for a, b in pad] + [(0, 0)] * (array.ndim - 2)
    if not any(a or b for a, b in more):
        return array[cut]
    return np.pad(array[cut], more, mode="edge" if edge else "constant")


def _planes(frame: Any) -> list[NDArray[Any]]:
    """Views of a frame's planes: (h, w) numbers, or (h, w, bytes) where pixels are packed."""
    parts = frame.format.components
    if frame.format.has_palette or frame.format.is_bit_stream:
        raise InputError(
            "video", expected="a pixel format that can be painted", got=frame.format.name,
            remedy="Convert it first.", code="input.video",
        )  # fmt: skip
    views = []
    for index, plane in enumerate(frame.planes):
        here = [part for part in parts if part.plane == index]
        deep = max(part.bits for part in here) > 8
        kind = np.dtype(np.uint16 if deep else np.uint8)
        rows = np.frombuffer(plane, kind).reshape(plane.height, plane.line_size // kind.itemsize)
        each = len(here)
        rows = rows[:, : plane.width * each]
        views.append(rows if each == 1 else rows.reshape(plane.height, plane.width, each))
    return views


def _any_of(mask: NDArray[np.bool_], tall: int, wide: int) -> NDArray[np.bool_]:
    """Whether any pixel of each block of ``tall`` by ``wide`` is masked."""
    if tall == wide == 1:
        return mask
    down, across = -mask.shape[0] % tall, -mask.shape[1] % wide
    whole = np.pad(mask, ((0, down), (0, across))) if down or across else mask
    blocks = whole.reshape(whole.shape[0] // tall, tall, whole.shape[1] // wide, wide)
    return np.asarray(blocks.any(axis=(1, 3)))
