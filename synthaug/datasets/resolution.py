"""Which square size to work at, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from synthaug.datasets.image_set import ImageSet

__all__ = ["RESOLUTIONS", "choose_resolution"]

RESOLUTIONS = (16, 32, 64, 128)
_MANY = 20_000  # below this many images 128 px asks for more than the set and the time can give


def choose_resolution(images: ImageSet) -> tuple[int, str]:
    """The working resolution in pixels and one sentence with the reason.

    The largest of 16, 32, 64 and 128 that the median image fills without being enlarged, and
    no more than 64 below 20,000 images.

    Args:
        images: the set; only sizes and count are looked at.
    """
    short = int(np.median(images.sizes.min(1)))
    fitting = max((r for r in RESOLUTIONS if r <= short), default=RESOLUTIONS[0])
    median = f"the median image is {short} px on its short side"
    if short < RESOLUTIONS[0]:
        return fitting, f"{fitting} px: {median}, and {fitting} is the smallest size offered"
    if fitting > 64 and len(images) < _MANY:
        return 64, (
            f"64 px: {median}, but {len(images):,} images are too few for {fitting} px "
            f"(from {_MANY:,} on)"
        )
    reason = "the largest size it fills" if short != fitting else "exactly this size"
    return fitting, f"{fitting} px: {median}, {reason}"
