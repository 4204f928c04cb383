"""What a single image may claim before anything is allocated for it."""

from __future__ import annotations

import dataclasses

__all__ = ["Limits"]


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """The largest image that is decoded; compared with the header, before decoding.

    A 17 KB PNG can claim 12,000 x 12,000 pixels and would take 400 MB once decoded.

    Args:
        max_pixels: width times height, pixels.
        max_side: width or height, pixels.

    Example:
        >>> Limits().complaint(12_000, 12_000)
        'claims 12,000 x 12,000 pixels, more than the 50,000,000 allowed'
        >>> Limits().complaint(640, 480)
        ''
    """

    max_pixels: int = 50_000_000
    max_side: int = 20_000

    def complaint(self, width: int, height: int) -> str:
        """Why an image of this size is refused; empty if it is not."""
        if width * height > self.max_pixels:
            allowed = f"more than the {self.max_pixels:,} allowed"
        elif max(width, height) > self.max_side:
            allowed = f"a side longer than the {self.max_side:,} allowed"
        else:
            return ""
        return f"claims {width:,} x {height:,} pixels, {allowed}"
