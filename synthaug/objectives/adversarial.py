"""Adversarial objectives: what discriminator and generator play for.

Every objective has a ``discriminator`` and a ``generator`` term. Logits are float (N,) or
(N, heads): the mean over images, heads added up. A positive logit means real.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from synthaug.objectives.stage import Stage

__all__ = ["Hinge", "LeastSquares", "Minimax", "NonSaturating", "Relativistic", "Wasserstein"]


@dataclasses.dataclass(frozen=True)
class Minimax:
    """The zero-sum logistic game: the generator minimises log(1 - D(fake)).

    Its gradient fades as the discriminator wins: sigmoid(logit) of what it would be at an
    undecided one.

    Args:
        critic: role of the discriminator.

    Source: Goodfellow et al. 2014, "Generative Adversarial Nets", equation 1. Differs: none.
    """

    critic: str = "discriminator"

    def discriminator(self, step: Stage) -> Tensor:
        """The discriminator's loss."""
        return _logistic(step, self.critic)

    def generator(self, step: Stage) -> Tensor:
        """The generator's loss, at most 0."""
        _, fake = step.judged_for_generator(self.critic)
        return -sum_of_means(F.softplus(fake.realness))


@dataclasses.dataclass(frozen=True)
class NonSaturating:
    """The logistic game with a generator that maximises log D(fake).

    Args:
        critic: role of the discriminator.

    Source: Goodfellow et al. 2014, "Generative Adversarial Nets", section 3. Differs: none.
    """

    critic: str = "discriminator"

    def discriminator(self, step: Stage) -> Tensor:
        """The discriminator's loss."""
        return _logistic(step, self.critic)

    def generator(self, step: Stage) -> Tensor:
        """The generator's loss."""
        _, fake = step.judged_for_generator(self.critic)
        return sum_of_means(F.softplus(-fake.realness))


@dataclasses.dataclass(frozen=True)
class LeastSquares:
    """Half the squared distance of the discriminator's answer from 1 (real) and 0 (fake).

    Args:
        critic: role of the discriminator; its answers are taken without a sigmoid.

    Source: Mao, Li, Xie, Lau, Wang, Smolley 2017, "Least Squares Generative Adversarial
    Networks", equation 9 (a = 0, b = c = 1). Differs: none.
    """

    critic: str = "discriminator"

    def discriminator(self, step: Stage) -> Tensor:
        """The discriminator's loss."""
        real, fake = step.judged_apart(self.critic)
        away = sum_of_means((real.realness - 1).square()) + sum_of_means(fake.realness.square())
        return 0.5 * away

    def generator(self, step: Stage) -> Tensor:
        """The generator's loss."""
        _, fake = step.judged_for_generator(self.critic)
        return 0.5 * sum_of_means((fake.realness - 1).square())


@dataclasses.dataclass(frozen=True)
class Wasserstein:
    """The difference of the critic's means, an estimate of the earth mover's distance.

    It means something only while the critic's slope is bounded: by `WeightClipping`, by
    `GradientPenalty`, or by its layers.

    Args:
        critic: role of the critic.

    Source: Arjovsky, Chintala, Bottou 2017, "Wasserstein GAN", equation 2 and algorithm 1.
    Differs: none.
    """

    critic: str = "discriminator"

    def discriminator(self, step: Stage) -> Tensor:
        """The critic's loss: minus the estimated distance."""
        real, fake = step.judged_apart(self.critic)
        return sum_of_means(fake.realness) - sum_of_means(real.realness)

    def generator(self, step: Stage) -> Tensor:
        """The generator's loss."""
        _, fake = step.judged_for_generator(self.critic)
        return -sum_of_means(fake.realness)


@dataclasses.dataclass(frozen=True)
class Hinge:
    """The discriminator pays only for answers inside the margin of ± 1.

    Args:
        critic: role of the discriminator.

    Source: Lim and Ye 2017, "Geometric GAN"; Miyato et al. 2018, "Spectral Normalization for
    Generative Adversarial Networks", equations 16 and 17. Differs: none.
    """

    critic: str = "discriminator"

    def discriminator(self, step: Stage) -> Tensor:
        """The discriminator's loss."""
        real, fake = step.judged_apart(self.critic)
        return sum_of_means(F.relu(1 - real.realness)) + sum_of_means(F.relu(1 + fake.realness))

    def generator(self, step: Stage) -> Tensor:
        """The generator's loss."""
        _, fake = step.judged_for_generator(self.critic)
        return -sum_of_means(fake.realness)


@dataclasses.dataclass(frozen=True)
class Relativistic:
    """The relativistic pairing loss (RpGAN): real images against fake ones, pair by pair.

    Args:
        critic: role of the discriminator.

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


def _logistic(step: Stage, critic: str) -> Tensor:
    real, fake = step.judged_apart(critic)
    return sum_of_means(F.softplus(-real.realness)) + sum_of_means(F.softplus(fake.realness))


def sum_of_means(losses: Tensor) -> Tensor:
    """The mean over images, added up over heads, of losses (N,) or (N, heads)."""
    return losses.float().flatten(1).mean(0).sum() if losses.ndim > 1 else losses.float().mean()
