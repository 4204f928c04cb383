"""Penalties: what keeps a discriminator's slope and weights in bounds."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from synthaug.objectives.stage import Stage

__all__ = ["R1", "R2", "GradientPenalty", "NoiseRegularizer", "WeightClipping", "WeightPenalty"]


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
        _, squared = slopes(step, self.critic, step.real_shown)
        return 0.5 * squared.mean()


@dataclasses.dataclass(frozen=True)
class R2:
    """Half the mean squared gradient of the logits at generated images, in float32.

    Args:
        critic: role of the discriminator.

    Source: Mescheder, Geiger, Nowozin 2018, "Which training methods for GANs do actually
    converge?", equation 10. Differs: none.
    """

    critic: str = "discriminator"

    def __call__(self, step: Stage) -> Tensor:
        """The penalty, a scalar."""
        _, squared = slopes(step, self.critic, step.fake_shown)
        return 0.5 * squared.mean()


@dataclasses.dataclass(frozen=True)
class GradientPenalty:
    """The mean squared distance of the critic's gradient norm from 1 between real and fake.

    Each place lies on the line from a real to a generated image of the same class, at a
    uniformly random share of the way; float32.

    Args:
        critic: role of the critic.

    Source: Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville 2017, "Improved Training of
    Wasserstein GANs", equation 3. Differs: none.
    """

    critic: str = "discriminator"

    def __call__(self, step: Stage) -> Tensor:
        """The penalty, a scalar."""
        real, fake = step.real_shown.detach(), step.fake_shown.detach()
        share = torch.rand(len(real), 1, 1, 1, generator=step.rng, device=real.device)
        _, squared = slopes(step, self.critic, real + share * (fake - real))
        # The root has no finite derivative at 0.
        return (squared.clamp_min(1e-12).sqrt() - 1).square().mean()


@dataclasses.dataclass(frozen=True)
class NoiseRegularizer:
    """What training with noise on the discriminator's inputs comes to, without the noise.

    Squared gradients of the logits, each weighted with how wrong the discriminator is there:
    (1 - sigmoid)² at real images, sigmoid² at generated ones; halved; float32.

    Args:
        critic: role of a discriminator whose sigmoid is a probability.

    Source: Roth, Lucchi, Nowozin, Hofmann 2017, "Stabilizing Training of Generative
    Adversarial Networks through Regularization", algorithm 1. Differs: none.
    """

    critic: str = "discriminator"

    def __call__(self, step: Stage) -> Tensor:
        """The penalty, a scalar."""
        real, at_real = slopes(step, self.critic, step.real_shown)
        fake, at_fake = slopes(step, self.critic, step.fake_shown)
        on_real = ((1 - real.sigmoid()).square() * at_real).mean()
        return 0.5 * (on_real + (fake.sigmoid().square() * at_fake).mean())


@dataclasses.dataclass(frozen=True)
class WeightPenalty:
    """Half the sum of squared weights of a network; biases and gains of norms are left free.

    Args:
        role: of the network.

    Source: Krogh and Hertz 1991, "A Simple Weight Decay Can Improve Generalization",
    equation 1. Differs: none.
    """

    role: str = "discriminator"

    def __call__(self, step: Stage) -> Tensor:
        """The penalty, a scalar."""
        squares = [
            parameter.float().square().sum()
            for parameter in step.network(self.role).parameters()
            if parameter.ndim > 1
        ]
        return 0.5 * torch.stack(squares).sum()


@dataclasses.dataclass(frozen=True)
class WeightClipping:
    """A hook after the critic's moves: every parameter is brought back into ± ``limit``.

    Args:
        limit: largest absolute value.
        critic: role of the critic.

    Source: Arjovsky, Chintala, Bottou 2017, "Wasserstein GAN", algorithm 1. Differs: none.
    """

    limit: float = 0.01
    critic: str = "discriminator"

    def __call__(self, step: Stage) -> None:
        """Clip, in place."""
        for parameter in step.network(self.critic).parameters():
            parameter.clamp_(-self.limit, self.limit)


def slopes(step: Stage, critic: str, images: Tensor) -> tuple[Tensor, Tensor]:
    """Logits of images, heads added up, and the squared norm of their gradient, both (N,).

    Only for critics that answer to each image alone. The gradient can be differentiated by
    the critic's parameters.
    """
    images = images.detach().requires_grad_(True)
    # Second derivatives lose too much in bfloat16.
    with torch.autocast(images.device.type, enabled=False):
        logits: Tensor = step.network(critic)(images, *step.condition).realness
        (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return logits.reshape(len(images), -1).sum(1), gradient.square().sum(dim=(1, 2, 3))
