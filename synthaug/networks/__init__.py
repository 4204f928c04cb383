"""Networks: tensors in, tensors out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from synthaug.errors import InputError
from synthaug.networks.coded import CodedGenerator
from synthaug.networks.dcgan import DCGANGenerator
from synthaug.networks.dense import DenseGenerator
from synthaug.networks.faces import FaceGenerator, FaceModel
from synthaug.networks.naming import NamingCritic
from synthaug.networks.progressive import ProgressiveGenerator
from synthaug.networks.rare import RareEncoder, RareGenerator
from synthaug.networks.stylegan import StyleGenerator
from synthaug.networks.translation import ResidualTranslator, UNet

__all__ = ["build"]

_KINDS: dict[str, Callable[..., nn.Module]] = {
    "coded": CodedGenerator.restored,
    "dcgan": DCGANGenerator,
    "dense": DenseGenerator,
    "face generator": FaceGenerator,
    "face model": FaceModel,
    "progressive": ProgressiveGenerator,
    "naming critic": NamingCritic,
    "rare": RareGenerator,
    "rare encoder": RareEncoder,
    "style": StyleGenerator,
    "residual translator": ResidualTranslator,
    "u-net": UNet,
}
"""Networks that are saved: each has a ``config`` that begins with its kind."""


def build(config: dict[str, Any]) -> nn.Module:
    """The network that a saved ``config`` describes, with fresh weights.

    Raises:
        InputError: a kind this version does not know.
    """
    arguments = dict(config)
    kind = arguments.pop("kind", None)
    if kind not in _KINDS:
        raise InputError(
            "kind of network", expected=" or ".join(_KINDS), got=repr(kind),
            where="config.json", remedy="Use the synthaug version that wrote it, or train again.",
        )  # fmt: skip
    if "inner" in arguments:  # a network around another
        arguments["inner"] = build(arguments["inner"])
    return _KINDS[kind](**arguments)
