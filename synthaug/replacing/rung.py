"""One face to be replaced, and what can replace it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from synthaug.faces.conditions import Conditions
from synthaug.faces.geometry import Placement, oval, ring

__all__ = ["Hidden", "Rung", "hidden"]


@dataclasses.dataclass(frozen=True, eq=False)
class Hidden:
    """One face to be replaced; no pixel of the face is in it.

    Args:
        ring: what surrounds the face, uint8 (R, R, 3), 0 inside the oval and outside the frame.
        mask: the oval, bool (R, R).
        conditions: what the generator is told.
        latent: float32 (z_dim,), standard normal, the same for all frames of a track.
    """

    ring: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    conditions: Conditions
    latent: NDArray[np.float32]


class Rung(Protocol):
    """A step of the ladder that draws faces.

    ``sha256`` is of its weights, ``resolution`` the side of its crops, ``z_dim`` the length of
    its latents. A face is a function of what stands in its `Hidden` and of nothing else; up to
    one level of 255, it does not depend on the others in the call.
    """

    name: str
    sha256: str
    resolution: int
    z_dim: int

    def __call__(self, faces: Sequence[Hidden]) -> NDArray[np.uint8]:
        """Whole crops, uint8 (N, R, R, 3): the face in the oval, about the ring around it."""


def hidden(
    picture: NDArray[np.uint8],
    where: Placement,
    told: Conditions,
    latent: NDArray[np.float32],
    resolution: int,
) -> Hidden:
    """What a rung may see of a face in a picture, uint8 (H, W, 3)."""
    return Hidden(ring(picture, where, resolution), oval(resolution), told, latent)
