"""What rungs that draw with a network have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from synthaug.errors import InputError
from synthaug.networks.faces import FaceModel
from synthaug.replacing.rung import Hidden

__all__ = ["OURS", "NetworkRung"]

OURS = Path(__file__).parent
"""Where the package's own weights lie."""
_BATCH = 16


class NetworkRung:
    """A rung around a network that takes rings, latents and conditions' vectors."""

    name: str

    def __init__(self, network: nn.Module, sha256: str) -> None:
        facts: Any = network
        self.network, self.sha256 = network, sha256
        self._model: FaceModel = getattr(facts, "model", facts)
        self.resolution, self.z_dim = int(facts.resolution), int(facts.z_dim)

    def __call__(self, faces: Sequence[Hidden]) -> NDArray[np.uint8]:
        """Whole crops, uint8 (N, R, R, 3).

        Raises:
            InputError: a ring or a latent of another size.
        """
        side = self.resolution
        drawn = [self._batch(faces[at : at + _BATCH]) for at in range(0, len(faces), _BATCH)]
        return np.concatenate(drawn) if drawn else np.zeros((0, side, side, 3), np.uint8)

    def _batch(self, faces: Sequence[Hidden]) -> NDArray[np.uint8]:
        for face in faces:
            got = (*face.ring.shape, *face.latent.shape)
            wanted = (self.resolution, self.resolution, 3, self.z_dim)
            if got != wanted:
                raise InputError(
                    "face to draw", expected=f"ring and latent of {wanted}", got=str(got),
                    where=self.name, remedy="Make them for this rung.",
                )  # fmt: skip
        latents = torch.from_numpy(np.stack([face.latent for face in faces]).astype(np.float32))
        told = torch.from_numpy(np.stack([face.conditions.vector() for face in faces]))
        with torch.inference_mode():
            made: Tensor = self.network(_rings(faces), self._model.person(latents), told)
        pixels = made.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
        return np.ascontiguousarray(pixels.permute(0, 2, 3, 1).numpy())


def _rings(faces: Sequence[Hidden]) -> Tensor:
    """Rings as networks take them: float (N, 3, R, R) in [-1, 1], 0 where nothing is known."""
    rings = torch.from_numpy(np.stack([face.ring for face in faces])).permute(0, 3, 1, 2)
    known = (rings > 0).any(1, keepdim=True)
    return (rings.float() / 127.5 - 1) * known
