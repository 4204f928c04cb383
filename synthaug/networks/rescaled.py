"""Weights seen through a scale: equalized learning rate and spectral normalisation."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

__all__ = ["equalize", "fan_in", "normalise_spectrum"]

_WEIGHTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


class _Scaled(nn.Module):
    """The parametrization ``weight -> scale * weight``."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.scale


def fan_in(module: nn.Module) -> int:
    """How many numbers each output of a convolution or linear map is a sum of.

    A transposed convolution of stride 1 is taken to stand on one pixel, as the first layer
    of a generator does.
    """
    if isinstance(module, nn.Linear):
        return module.in_features
    if isinstance(module, nn.ConvTranspose2d):
        area = math.prod(module.kernel_size) if module.stride[0] > 1 else 1
        return module.in_channels * area // math.prod(module.stride)
    if isinstance(module, nn.Conv2d):
        return module.in_channels // module.groups * math.prod(module.kernel_size)
    raise TypeError(type(module).__name__)


def equalize(
    network: nn.Module, *, gain: float = math.sqrt(2), learning_rate: float = 1.0
) -> nn.Module:
    """The network with equalized learning rate in every convolution and linear map.

    What is stored and trained is drawn from N(0, 1); what is used is the stored weight times
    He's constant, so that an optimizer which normalises its steps (Adam) moves every layer
    equally fast. Biases start at 0. Layers that are equalized already stay as they are.

    Args:
        network: changed in place.
        gain: of the nonlinearity behind each layer; 1 for linear outputs.
        learning_rate: factor on the speed of these layers, biases included.

    Source: Karras, Aila, Laine, Lehtinen 2018, "Progressive Growing of GANs", section 4.1.
    Differs: none.
    """
    for module in list(network.modules()):
        if not isinstance(module, _WEIGHTED) or parametrize.is_parametrized(module):
            continue
        nn.init.normal_(module.weight, 0, 1 / learning_rate)
        scale = _Scaled(learning_rate * gain / math.sqrt(fan_in(module)))
        parametrize.register_parametrization(module, "weight", scale)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
            if learning_rate != 1:
                parametrize.register_parametrization(module, "bias", _Scaled(learning_rate))
    return network


def normalise_spectrum(network: nn.Module) -> nn.Module:
    """The network with every weight matrix divided by its largest singular value.

    Convolutions (as matrices of output channels by everything else), linear maps and
    embeddings are changed in place. Each forward pass in training mode makes one power
    iteration.

    Source: Miyato, Kataoka, Koyama, Yoshida 2018, "Spectral Normalization for Generative
    Adversarial Networks", algorithm 1. Differs: fifteen power iterations before the first step.
    """
    for module in list(network.modules()):
        if isinstance(module, (*_WEIGHTED, nn.Embedding)):
            spectral_norm(module)
    return network
