"""Architectures: pairs of networks, built from the options that parts ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from synthaug.networks.critic import Critic
from synthaug.networks.dcgan import DCGANGenerator, dcgan_trunk
from synthaug.textbook.part import Architecture
from synthaug.training import Shape

__all__ = ["ARCHITECTURES"]

HEADS = frozenset({"told", "classifier", "codes", "layer"})
"""Options of every architecture whose discriminator is a `Critic`."""


def classes_told(shape: Shape, options: Mapping[str, Any]) -> int:
    """Classes the generator is told: none without a condition, unless a head names them."""
    told = options.get("told", "none") != "none" or options.get("classifier")
    return shape.num_classes if told else 0


def critic(
    trunk: Callable[[int], nn.Module],
    features: int,
    shape: Shape,
    options: Mapping[str, Any],
    *,
    batchwise: bool = False,
) -> Critic:
    """The discriminator that the heads' options ask for, on a trunk."""
    return Critic(
        trunk,
        features,
        shape.channels,
        shape.num_classes,
        shape.num_attributes,
        told=options.get("told", "none"),
        classifier=shape.num_classes if options.get("classifier") else 0,
        codes=options.get("codes", 0),
        layer=options.get("layer"),
        batchwise=batchwise,
    )


def _dcgan(shape: Shape, options: Mapping[str, Any]) -> dict[str, nn.Module]:
    batch_norm = options.get("batch_norm", True)
    side = shape.resolution

    def trunk(channels: int) -> nn.Module:
        return dcgan_trunk(channels, side, batch_norm=batch_norm)[0]

    return {
        "generator": DCGANGenerator(
            classes_told(shape, options), shape.channels, side, shape.num_attributes
        ),
        "discriminator": critic(
            trunk, dcgan_trunk(1, side)[1], shape, options, batchwise=batch_norm
        ),
    }


def _dcgan_has(options: Mapping[str, Any]) -> frozenset[str]:
    normed = options.get("batch_norm", True) or options.get("layer")
    return frozenset({"features", *(["batchwise discriminator"] if normed else [])})


ARCHITECTURES = (
    Architecture(
        name="dcgan",
        source="Radford, Metz, Chintala 2016",
        build=_dcgan,
        options=HEADS | {"batch_norm"},
        has=_dcgan_has,
    ),
)
