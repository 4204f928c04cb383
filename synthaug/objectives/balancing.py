"""Terms and hooks that keep the two players in step with each other."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from synthaug.objectives.adversarial import sum_of_means

if TYPE_CHECKING:
    from synthaug.objectives.stage import Stage

__all__ = [
    "FeatureMatching",
    "HistoricalAverage",
    "InstanceNoise",
    "LeCam",
    "OneSidedSmoothing",
]


@dataclasses.dataclass(frozen=True)
class OneSidedSmoothing:
    """What moves the real images' target from 1 to ``target``, beside a loss that has targets.

    Cross-entropy against α differs from cross-entropy against 1 by (1 - α) times the logit,
    and so does half the squared distance, up to a constant. The fake target stays 0.

    Args:
        target: α, above 0.5, at most 1.
        critic: role of the discriminator.

    Source: Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen 2016, "Improved Techniques
    for Training GANs", section 3.4. Differs: none.
    """

    target: float = 0.9
    critic: str = "discriminator"

    def __call__(self, step: Stage) -> Tensor:
        """The difference of the discriminator's losses, a scalar of either sign."""
        real, _ = step.judged_apart(self.critic)
        return (1 - self.target) * sum_of_means(real.realness)


@dataclasses.dataclass(frozen=True)
class InstanceNoise:
    """A view: normal noise on every image a discriminator sees, fading out over the run.

    Args:
        sd: its standard deviation at the start, in units of [-1, 1].
        until: share of the run at which it has gone, above 0; it falls linearly.

    Source: Sønderby, Caballero, Theis, Shi, Huszár 2017, "Amortised MAP Inference for Image
    Super-resolution", section 4; Arjovsky and Bottou 2017, "Towards Principled Methods for
    Training Generative Adversarial Networks", section 3. Differs: none.
    """

    sd: float = 0.2
    until: float = 1.0

    def __call__(self, images: Tensor, step: Stage) -> Tensor:
        """The images with noise, float (N, C, R, R), beyond [-1, 1] where it takes them."""
        sd = self.sd * max(0.0, 1 - step.done / self.until)
        return images + sd * step.normal_like(images) if sd else images


@dataclasses.dataclass(frozen=True)
class FeatureMatching:
    """The generator's mean features against the real ones: their mean squared difference.

    Args:
        critic: role of a discriminator that tells its features.

    Source: Salimans et al. 2016, "Improved Techniques for Training GANs", section 3.1.
    Differs: the mean over features in place of their sum, so that the weight does not depend
    on the width; the features are those just before the decision.
    """

    critic: str = "discriminator"

    def __call__(self, step: Stage) -> Tensor:
        """The loss, a scalar."""
        _, fake = step.judged_for_generator(self.critic)
        with torch.no_grad():
            # Those kept from the discriminator's own step are of its weights before it.
            real = step.network(self.critic)(step.real_shown, *step.condition)
        apart: Tensor = real.features.float().mean(0) - fake.features.float().mean(0)  # type: ignore[union-attr]
        return apart.square().mean()


@dataclasses.dataclass(frozen=True)
class HistoricalAverage:
    """The squared distance of a network's parameters from their average over all steps.

    It pulls a player that circles around a balance towards the middle of its orbit.

    Args:
        role: of the network.
        memory: role of the `synthaug.networks.memory.Memory` that keeps the average.

    Source: Salimans et al. 2016, "Improved Techniques for Training GANs", section 3.3.
    Differs: none.
    """

    role: str
    memory: str = "history"

    def __call__(self, step: Stage) -> Tensor:
        """The distance, a scalar; 0 before the first move."""
        now = self._parameters(step)
        kept = dict(step.network(self.memory).named_buffers())
        past = kept.get(self.role)
        return now.sum() * 0 if past is None else (now - past).square().sum()

    def update(self, step: Stage) -> None:
        """A hook after each move: take the parameters into the average."""
        memory: Any = step.network(self.memory)
        now, moves = self._parameters(step), memory.get_buffer(f"{self.role} moves")
        moves += 1
        if self.role in dict(memory.named_buffers()):
            memory.get_buffer(self.role).lerp_(now, 1 / moves)
        else:
            memory.keep(self.role, now)

    def _parameters(self, step: Stage) -> Tensor:
        parameters = step.network(self.role).parameters()
        return torch.cat([parameter.float().flatten() for parameter in parameters])


@dataclasses.dataclass(frozen=True)
class LeCam:
    """The discriminator's distance from its own slow averages, real against fake.

    The mean squared difference of real logits from the moving average of fake ones, and of
    fake logits from that of real ones: logits that run apart, which is what they do when few
    images are learnt by heart, become expensive.

    Args:
        decay: of the moving averages, a move.
        critic: role of the discriminator.
        memory: role of a `synthaug.networks.memory.Memory` with ``real`` and ``fake``.

    Source: Tseng, Jiang, Liu, Yang, Yang 2021, "Regularizing Generative Adversarial Networks
    under Limited Data", section 3.2. Differs: the averages start at 0, undecided, and count
    from the first step on.
    """

    decay: float = 0.99
    critic: str = "discriminator"
    memory: str = "lecam"

    def __call__(self, step: Stage) -> Tensor:
        """The penalty, a scalar."""
        real, fake = step.judged_apart(self.critic)
        memory = step.network(self.memory)
        from_fake = real.realness - memory.get_buffer("fake")
        from_real = fake.realness - memory.get_buffer("real")
        return sum_of_means(from_fake.square()) + sum_of_means(from_real.square())

    def update(self, step: Stage) -> None:
        """A hook after the discriminator's moves: take its answers into the averages."""
        memory = step.network(self.memory)
        for name, answer in zip(("real", "fake"), step.judged_apart(self.critic), strict=True):
            memory.get_buffer(name).lerp_(answer.realness.float().mean(), 1 - self.decay)
