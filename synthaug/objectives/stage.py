"""What a term may ask of a training step."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn

__all__ = ["Stage"]


class Stage(Protocol):
    """The side of a training step that terms see; `synthaug.training.step.Step` is one."""

    real: Tensor
    labels: Tensor

    @property
    def fake(self) -> Tensor:
        """Generated images, float (N, C, R, R) in [-1, 1], with their graph."""

    @property
    def real_shown(self) -> Tensor:
        """Real images as discriminators see them."""

    def judged_apart(self, critic: str) -> tuple[Tensor, Tensor]:
        """Logits of real and of detached fake images."""

    def judged_for_generator(self, critic: str) -> tuple[Tensor, Tensor]:
        """Logits of real (no gradient) and fake images (gradient to the generator)."""

    def class_logits(self, critic: str, of: str) -> Tensor:
        """Class logits of what the player's objective showed the critic: "real" or "fake"."""

    def network(self, role: str) -> nn.Module:
        """The network of a role."""

    def latent(self, n: int) -> Tensor:
        """Fresh latents for n images."""

    def normal_like(self, tensor: Tensor) -> Tensor:
        """Standard normal numbers of a tensor's shape."""
