"""Reconstruction terms: an encoder and the generator as an autoencoder."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from synthaug.errors import InternalError

if TYPE_CHECKING:
    from synthaug.objectives.stage import Stage

__all__ = [
    "Divergence",
    "HalfSizeReconstruction",
    "LearnedSimilarity",
    "NegativeELBO",
    "PlainELBO",
    "divergence",
]


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of normal distributions from the standard one, nats, float (N,).

    Args:
        mean: float (N, Z).
        log_variance: float (N, Z).

    Source: Kingma and Welling 2014, "Auto-Encoding Variational Bayes", appendix B.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)


@dataclasses.dataclass(frozen=True)
class PlainELBO:
    """The negative evidence lower bound with normally distributed pixels.

    Args:
        sd: standard deviation of a pixel around the decoder's image, in units of [-1, 1]; it
            says what error is still noise, and by that how much the latent may cost.

    Source: Kingma and Welling 2014, "Auto-Encoding Variational Bayes", equation 10. Differs:
    the decoder's variance is fixed (their equation 11 learns it).
    """

    sd: float = 0.2

    def __call__(self, step: Stage) -> Tensor:
        """The loss, a scalar, nats a pixel and channel; above the negative log likelihood."""
        mean, log_variance = _posterior(step)
        images = _decode(step, mean, log_variance, *step.condition)
        error = (images - step.real).float().square().flatten(1)
        likelihood = -0.5 * (error / self.sd**2 + math.log(2 * math.pi * self.sd**2))
        bound = likelihood.sum(1) - divergence(mean, log_variance)
        return -bound.mean() / error.shape[1]


@dataclasses.dataclass(frozen=True)
class Divergence:
    """The divergence of q(z | image) from the standard normal alone, for an encoder's loss.

    Source: Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity
    metric", equation 6. Differs: none.
    """

    def __call__(self, step: Stage) -> Tensor:
        """The divergence, a scalar, nats an image."""
        return divergence(*_posterior(step)).mean()


@dataclasses.dataclass(frozen=True)
class LearnedSimilarity:
    """Reconstruction error in a discriminator's features instead of in pixels.

    Args:
        critic: role of a discriminator that tells its features.

    Source: Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity
    metric", equation 8. Differs: a mean over features in place of a sum.
    """

    critic: str = "discriminator"

    def __call__(self, step: Stage) -> Tensor:
        """Half the mean squared difference of features, a scalar."""
        real, _ = step.judged_for_generator(self.critic)
        rebuilt = self._features(step)
        if real.features is None or rebuilt is None:
            raise InternalError(
                "learned similarity", expected="a critic that tells its features",
                got="one that does not", where=f"network {self.critic}",
                remedy="Use one that does.",
            )  # fmt: skip
        return 0.5 * (rebuilt - real.features.detach()).float().square().mean()

    def _features(self, step: Stage) -> Tensor | None:
        mean, log_variance = _posterior(step)
        images = _decode(step, mean, log_variance, *step.condition)
        features: Tensor | None = step.network(self.critic)(images, *step.condition).features
        return features


@dataclasses.dataclass(frozen=True)
class NegativeELBO:
    """L1 reconstruction at two scales plus a weighted Kullback-Leibler term.

    Args:
        beta: weight of the divergence of q(z | image, class) from the standard normal, a
            latent, summed over latent dimensions.

    Source: Kingma and Welling 2014, "Auto-Encoding Variational Bayes", equation 10. Differs:
    Laplace likelihood (L1) at full and at a quarter of the size, beta < 1 (Higgins et al.
    2017) because the decoder is wanted sharp, not the bound tight.
    """

    beta: float = 1e-3

    def __call__(self, step: Stage) -> Tensor:
        """The loss, a scalar, in units of mean absolute pixel error."""
        mean, log_variance = _posterior(step)
        images = _decode(step, mean, log_variance, *step.condition)
        full = (images - step.real).abs().mean()
        quarter = (F.avg_pool2d(images, 4) - F.avg_pool2d(step.real, 4)).abs().mean()
        loss: Tensor = full + quarter + self.beta * divergence(mean, log_variance).mean()
        return loss


@dataclasses.dataclass(frozen=True)
class HalfSizeReconstruction:
    """L1 error at half size of real images sent through encoder and generator.

    Beside a fading weight it keeps the latent honest while the adversarial game takes over:
    every training image still has a latent that gives it.

    Args:
        images: how many images of the step are used.
    """

    images: int = 16

    def __call__(self, step: Stage) -> Tensor:
        """The loss, a scalar, in units of mean absolute pixel error."""
        real, told = step.real[: self.images], [x[: self.images] for x in step.condition]
        with torch.no_grad():
            mean, log_variance = step.network("encoder")(real)
        images = _decode(step, mean, log_variance, *told)
        return (F.avg_pool2d(images, 2) - F.avg_pool2d(real, 2)).abs().mean()


def _posterior(step: Stage) -> tuple[Tensor, Tensor]:
    """Mean and log variance of q(z | image), float (N, Z) each."""
    mean, log_variance = step.network("encoder")(step.real)
    return mean, log_variance


def _decode(step: Stage, mean: Tensor, log_variance: Tensor, *condition: Tensor) -> Tensor:
    z = mean + step.normal_like(mean) * (0.5 * log_variance).exp()
    noise = step.latent(len(z))[:, z.shape[1] :]
    images: Tensor = step.network("generator")(torch.cat([z, noise], dim=1), *condition)
    return images
