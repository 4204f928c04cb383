"""Motion between frames, kept so small that a long video's fits beside its detections."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CELLS", "STILL", "MotionFinder", "moved"]

CELLS = (18, 32)  # rows and columns of the grid over a frame
STILL: NDArray[np.int8] = np.zeros((*CELLS, 2), np.int8)
_SIDE = 256  # longest side of the small picture that motion is measured in, pixels
_UNITS = 8  # of the numbers kept: an eighth of a small picture's pixel


class MotionFinder:
    """Told one picture after the other, says where each part of the one before has gone.

    Dense inverse search on a picture of 256 pixels takes less than a millisecond.

    Source: Kroeger, Timofte, Dai, Van Gool 2016, "Fast Optical Flow using Dense Inverse
    Search". Differs: averaged over a grid of 18x32 cells.
    """

    def __init__(self) -> None:
        self._before: NDArray[np.uint8] | None = None
        self._flow: Any = None

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.int8]:
        """Movement since the picture before, int8 (18, 32, 2); zeros for the first one."""
        cv2 = _cv2()
        if self._flow is None:
            self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        scale = _SIDE / max(image.shape[:2])
        size = tuple(max(16, round(side * scale)) for side in image.shape[1::-1])
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        grey: NDArray[np.uint8] = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        before, self._before = self._before, grey
        if before is None or before.shape != grey.shape:
            return STILL
        flow = self._flow.calc(before, grey, None)
        cells = cv2.resize(flow, CELLS[::-1], interpolation=cv2.INTER_AREA)
        steps: NDArray[np.int8] = np.clip(np.rint(cells * _UNITS), -127, 127).astype(np.int8)
        return steps


def moved(
    box: NDArray[np.float32],
    motion: NDArray[np.int8],
    size: tuple[int, int],
    *,
    back: bool = False,
) -> NDArray[np.float32]:
    """How far what a box shows moved, x and y in pixels, float32 (2,).

    Args:
        box: left, top, width, height; may reach outside.
        motion: of the grid, as `MotionFinder` gave it.
        size: width and height of the frames.
        back: from the later frame to the earlier one.
    """
    rows, columns = CELLS
    # Half a face around it too: one cell of a small face holds little else than noise.
    left, top = box[:2] - box[2:] / 4
    right, bottom = box[:2] + box[2:] * 1.25
    x = np.clip(np.array([left, right]) / size[0] * columns, 0, columns)
    y = np.clip(np.array([top, bottom]) / size[1] * rows, 0, rows)
    x0, y0 = min(int(x[0]), columns - 1), min(int(y[0]), rows - 1)
    part = motion[y0 : max(y0 + 1, -int(-y[1] // 1)), x0 : max(x0 + 1, -int(-x[1] // 1))]
    step = np.median(part.reshape(-1, 2).astype(np.float32), axis=0)
    step *= max(size) / (_SIDE * _UNITS)
    return np.asarray(-step if back else step, np.float32)


@functools.cache
def _cv2() -> Any:
    import cv2

    return cv2
