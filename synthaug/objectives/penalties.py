"""Penalties: what keeps a discriminator's slope in bounds."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from synthaug.objectives.stage import Stage

__all__ = ["R1"]


@dataclasses.dataclass(frozen=True)
class R1:
    """Half the mean squared gradient of the logits at real images, in float32.

    Use it with ``Term(every=…)``: the term's weight is γ, laziness is the term's business.

    Args:
        critic: role of the discriminator.

    Source: Mescheder, Geiger, Nowozin 2018, "Which training methods for GANs do actually
    converge?", equation 9. Differs: none.
    """

    critic: str = "discriminator"

    def __call__(self, step: Stage) -> Tensor:
        """The penalty, a scalar."""
        images = step.real_shown.detach().requires_grad_(True)
        # Second derivatives lose too much in bfloat16.
        with torch.autocast(images.device.type, enabled=False):
            logits = step.network(self.critic)(images, *step.condition).realness
            (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
        return 0.5 * gradient.square().sum(dim=(1, 2, 3)).mean()
