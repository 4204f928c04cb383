"""Adversarial objectives: what discriminator and generator play for."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from synthaug.objectives.stage import Stage

__all__ = ["NonSaturating", "Relativistic"]


@dataclasses.dataclass(frozen=True)
class Relativistic:
    """The relativistic pairing loss (RpGAN): real images against fake ones, pair by pair.

    Args:
        critic: role of the discriminator, whose logits are (N,) or (N, heads); heads add up.

    Source: Jolicoeur-Martineau 2019, "The relativistic discriminator", equation 3;
    Huang, Gokaslan, Kuleshov, Tompkin 2024, "The GAN is dead; long live the GAN!", eq. 2.
    Differs: pairs have the same class.
    """

    critic: str = "discriminator"

    def discriminator(self, step: Stage) -> Tensor:
        """The discriminator's loss."""
        real, fake = step.judged_apart(self.critic)
        return sum_of_means(F.softplus(fake.realness - real.realness))

    def generator(self, step: Stage) -> Tensor:
        """The generator's loss."""
        real, fake = step.judged_for_generator(self.critic)
        return sum_of_means(F.softplus(real.realness - fake.realness))


@dataclasses.dataclass(frozen=True)
class NonSaturating:
    """The non-saturating logistic loss.

    Args:
        critic: role of the discriminator, whose logits are (N,) or (N, heads); heads add up.

    Source: Goodfellow et al. 2014, "Generative Adversarial Nets", section 3.
    """

    critic: str = "discriminator"

    def discriminator(self, step: Stage) -> Tensor:
        """The discriminator's loss."""
        real, fake = step.judged_apart(self.critic)
        return sum_of_means(F.softplus(-real.realness)) + sum_of_means(F.softplus(fake.realness))

    def generator(self, step: Stage) -> Tensor:
        """The generator's loss."""
        _, fake = step.judged_for_generator(self.critic)
        return sum_of_means(F.softplus(-fake.realness))


def sum_of_means(losses: Tensor) -> Tensor:
    """The mean over images, added up over heads, of losses (N,) or (N, heads)."""
    return losses.float().flatten(1).mean(0).sum() if losses.ndim > 1 else losses.float().mean()
