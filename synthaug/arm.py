"""An arm: one remedy for a rare class, as plain data."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

__all__ = ["Arm"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One way to train on an imbalanced set.

    Args:
        name: as printed, e.g. ``"oversampling + classical"``.
        sampling: ``"plain"`` draws every real image equally often, ``"balanced"`` every class.
        class_weights: whether the loss weighs each class by the inverse of its count.
        classical: whether images are classically augmented when they are drawn.
        gan_share: share of a filled class's extra draws that are generated images, 0 to 1;
            the extra draws are those beyond its real images, up to the largest class.

    Example:
        >>> Arm(name="class weights", sampling="plain", class_weights=True, classical=False,
        ...     gan_share=0.0).needs_gan
        False
    """

    name: str
    sampling: Literal["plain", "balanced"]
    class_weights: bool = False
    classical: bool = False
    gan_share: float = 0.0

    @property
    def needs_gan(self) -> bool:
        """Whether generated images are part of it."""
        return self.gan_share > 0

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Arm:
        """Read what `to_dict` gave."""
        return cls(**fields)
