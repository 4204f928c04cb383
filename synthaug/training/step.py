"""One training step's tensors, made when a term first asks for them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthaug.training.recipe import Networks

__all__ = ["Step"]


class Step:
    """What the players of one step see.

    A tensor is made once and shared: the discriminator's fakes are the very images the
    generator is then corrected for, so the generator runs forward once a step.

    Args:
        networks: by role.
        real: float (N, C, R, R) in [-1, 1].
        labels: int64 (N,) of ``real``; the fakes carry the same.
        done: share of the phase that is done, 0 to 1.
        index: steps done in this phase.
        rng: the step's own random source, on the networks' device.
        augment: the differentiable augmentation, or None.
    """

    def __init__(
        self,
        networks: Networks,
        real: Tensor,
        labels: Tensor,
        *,
        done: float,
        index: int,
        rng: torch.Generator,
        augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
    ) -> None:
        self.networks = networks
        self.real = real
        self.labels = labels
        self.done = done
        self.index = index
        self.rng = rng
        self.augment = augment

    def latent(self, n: int) -> Tensor:
        """Fresh latents, float (n, z_dim + noise_dim), standard normal."""
        generator: Any = self.networks["generator"]
        size = generator.z_dim + generator.noise_dim
        return torch.randn(n, size, generator=self.rng, device=self.real.device)

    def normal_like(self, tensor: Tensor) -> Tensor:
        """Standard normal numbers of a tensor's shape."""
        return torch.randn(tensor.shape, generator=self.rng, device=tensor.device)

    @cached_property
    def fake(self) -> Tensor:
        """Generated images, float (N, C, R, R), with their graph."""
        images: Tensor = self.networks["generator"](self.latent(len(self.labels)), self.labels)
        return images

    @cached_property
    def _real_logits(self) -> dict[str, Tensor]:
        """Logits of the real images by critic, as the discriminators' steps left them."""
        return {}

    @cached_property
    def _class_logits(self) -> dict[str, Tensor]:
        """Class logits by critic and what it last looked at, ``critic/real`` or ``/fake``."""
        return {}

    @cached_property
    def real_shown(self) -> Tensor:
        """The real images as discriminators see them."""
        return self._shown(self.real)

    @cached_property
    def fake_shown(self) -> Tensor:
        """The generated images as discriminators see them, with their graph."""
        return self._shown(self.fake)

    def judged_apart(self, critic: str) -> tuple[Tensor, Tensor]:
        """Logits of real and of detached fake images, in one pass of a critic."""
        both = torch.cat([self.real_shown, self.fake_shown.detach()])
        logits = self._ask(critic, both, torch.cat([self.labels, self.labels]), "real")
        real, fake = logits.chunk(2)
        self._real_logits[critic] = real.detach()
        return real, fake

    def judged_for_generator(self, critic: str) -> tuple[Tensor, Tensor]:
        """Logits of real (no gradient) and of fake images (gradient to the generator).

        Those of real images are the ones the discriminator's own step gave, one update old:
        asking again would cost a tenth of the step.
        """
        if critic not in self._real_logits:
            with torch.no_grad():
                real = self._ask(critic, self.real_shown, self.labels, "real")
                self._real_logits[critic] = real
        return self._real_logits[critic], self._ask(critic, self.fake_shown, self.labels, "fake")

    def class_logits(self, critic: str, of: str) -> Tensor:
        """A critic's class logits (N, classes) of what the player's objective showed it.

        Args:
            critic: its role; the term must stand after the objective that asks it.
            of: ``"real"`` or ``"fake"``.
        """
        return self._class_logits[f"{critic}/{of}"][: len(self.labels)]

    def _ask(self, critic: str, images: Tensor, labels: Tensor, of: str) -> Tensor:
        """Realness logits; class logits, where the critic gives them too, are put aside."""
        answer = self.networks[critic](images, labels)
        if isinstance(answer, tuple):
            answer, self._class_logits[f"{critic}/{of}"] = answer
        logits: Tensor = answer
        return logits

    def network(self, role: str) -> nn.Module:
        """The network of a role."""
        return self.networks[role]

    def _shown(self, images: Tensor) -> Tensor:
        return self.augment(images, self.rng) if self.augment else images
