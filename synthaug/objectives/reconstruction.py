"""Reconstruction terms: an encoder and the generator as an autoencoder."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from synthaug.objectives.stage import Stage

__all__ = ["HalfSizeReconstruction", "NegativeELBO"]


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
        mean, log_variance = step.network("encoder")(step.real)
        images = _decode(step, mean, log_variance, *step.condition)
        full = (images - step.real).abs().mean()
        quarter = (F.avg_pool2d(images, 4) - F.avg_pool2d(step.real, 4)).abs().mean()
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        loss: Tensor = full + quarter + self.beta * divergence
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


def _decode(step: Stage, mean: Tensor, log_variance: Tensor, *condition: Tensor) -> Tensor:
    z = mean + step.normal_like(mean) * (0.5 * log_variance).exp()
    noise = step.latent(len(z))[:, z.shape[1] :]
    images: Tensor = step.network("generator")(torch.cat([z, noise], dim=1), *condition)
    return images
