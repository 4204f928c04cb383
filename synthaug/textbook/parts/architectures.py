"""Architectures: pairs of networks, built from the options that parts ask for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from torch import nn

from synthaug.networks.critic import Critic, kaiming
from synthaug.networks.dcgan import DCGANGenerator, Norm, dcgan_trunk
from synthaug.networks.dense import DenseGenerator, dense_trunk
from synthaug.networks.normalising import Referenced
from synthaug.networks.progressive import (
    Growth,
    ProgressiveGenerator,
    ProgressiveTrunk,
    progressive_widths,
)
from synthaug.networks.rare import RareGenerator, RareTrunk
from synthaug.networks.rescaled import equalize, normalise_spectrum
from synthaug.networks.stylegan import StyleGenerator
from synthaug.textbook.part import Architecture
from synthaug.training import Shape

if TYPE_CHECKING:
    from synthaug.objectives.stage import Stage

__all__ = ["ARCHITECTURES", "Growing"]

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
    side, size = shape.resolution, options.get("reference", 0)
    norm: Norm = "virtual" if size else "batch"
    critics_norm: Norm = norm if options.get("batch_norm", True) else "none"

    def trunk(channels: int) -> nn.Module:
        return dcgan_trunk(channels, side, norm=critics_norm, reference=size)[0]

    generator = DCGANGenerator(
        classes_told(shape, options), shape.channels, side, shape.num_attributes,
        norm="pixel" if options.get("pixel_norm") else norm, reference=size,
        equalized=options.get("equalized", False),
    )  # fmt: skip
    judge = critic(
        trunk, dcgan_trunk(1, side)[1], shape, options, batchwise=critics_norm == "batch"
    )
    weighted(judge, options)
    if critics_norm != "virtual":
        return {"generator": generator, "discriminator": judge}
    referenced = Referenced(judge, size, shape.channels, side, shape.num_attributes)
    return {"generator": generator, "discriminator": referenced}


def _dcgan_has(options: Mapping[str, Any]) -> frozenset[str]:
    normed = options.get("batch_norm", True) and not options.get("reference")
    return _has(options) | ({"batchwise discriminator"} if normed else frozenset())


def _dense(shape: Shape, options: Mapping[str, Any]) -> dict[str, nn.Module]:
    side = shape.resolution
    generator = DenseGenerator(
        classes_told(shape, options), shape.channels, side, shape.num_attributes,
        equalized=options.get("equalized", False),
    )  # fmt: skip
    judge = critic(
        lambda channels: dense_trunk(channels, side)[0], dense_trunk(1, side)[1], shape, options
    )
    return {"generator": generator, "discriminator": weighted(judge, options)}


def _residual(shape: Shape, options: Mapping[str, Any]) -> dict[str, nn.Module]:
    side = shape.resolution
    generator = RareGenerator(
        classes_told(shape, options), shape.channels, side, shape.num_attributes
    )
    judge = critic(
        lambda channels: RareTrunk(channels, side, features=_FEATURES), _FEATURES, shape, options
    )
    kaiming(judge)
    return {"generator": generator, "discriminator": weighted(judge, options)}


def _progressive(shape: Shape, options: Mapping[str, Any]) -> dict[str, nn.Module]:
    generator = ProgressiveGenerator(
        classes_told(shape, options), shape.channels, shape.resolution, shape.num_attributes
    )
    return {"generator": generator, "discriminator": _growing_critic(shape, options)}


def _stylegan(shape: Shape, options: Mapping[str, Any]) -> dict[str, nn.Module]:
    generator = StyleGenerator(
        classes_told(shape, options), shape.channels, shape.resolution, shape.num_attributes
    )
    return {"generator": generator, "discriminator": _growing_critic(shape, options)}


def _growing_critic(shape: Shape, options: Mapping[str, Any]) -> Critic:
    judge = critic(
        lambda channels: ProgressiveTrunk(channels, shape.resolution),
        progressive_widths(shape.resolution)[0], shape, options,
    )  # fmt: skip
    equalize(judge, gain=1)
    return judge


def weighted(judge: Critic, options: Mapping[str, Any]) -> Critic:
    """The critic with its weights seen through the scale that the options ask for."""
    if options.get("equalized"):
        equalize(judge.trunk)
        equalize(judge, gain=1)
    if options.get("spectral"):
        normalise_spectrum(judge)
    return judge


def _has(options: Mapping[str, Any]) -> frozenset[str]:
    """Properties of every architecture here whose networks the options did not change."""
    batchwise = options.get("layer") is not None
    return frozenset({"features", *(["batchwise discriminator"] if batchwise else [])})


def _equalized_has(options: Mapping[str, Any]) -> frozenset[str]:
    return _has(options) | {"equalized weights"}


@dataclasses.dataclass(frozen=True)
class Growing:
    """Both players grow with the run: 4x4 pixels first, then twice the size, faded in.

    Args:
        until: share of the run at which they are fully grown.

    Source: Karras, Aila, Laine, Lehtinen 2018, "Progressive Growing of GANs", section 2 and
    appendix A. Differs: all stretches but the last are equally long.
    """

    until: float = 0.6

    def __call__(self, step: Stage) -> None:
        """Set stage and alpha of every growing network of a step."""
        for role in ("generator", "discriminator"):
            for module in step.network(role).modules():
                if isinstance(module, Growth):
                    module.grow(*module.at(step.done, self.until))


_FEATURES = 128

ARCHITECTURES = (
    Architecture(
        name="dcgan",
        source="Radford, Metz, Chintala 2016",
        build=_dcgan,
        options=HEADS | {"batch_norm", "equalized", "pixel_norm", "reference", "spectral"},
        has=_dcgan_has,
    ),
    Architecture(
        name="fully connected",
        source="Goodfellow et al. 2014",
        build=_dense,
        options=HEADS | {"batch_norm", "equalized", "spectral"},
        has=_has,
    ),
    Architecture(
        name="residual",
        source="Miyato, Koyama 2018; Karras, Laine, Aila 2019",
        build=_residual,
        options=HEADS | {"batch_norm", "spectral"},
        has=_has,
        settings={"learning_rates": (5e-4, 1e-3), "betas": (0.0, 0.99)},
    ),
    Architecture(
        name="progressive",
        source="Karras, Aila, Laine, Lehtinen 2018",
        build=_progressive,
        options=HEADS | {"batch_norm", "equalized", "pixel_norm"},
        has=_equalized_has,
        settings={"learning_rates": (1e-3, 1e-3), "betas": (0.0, 0.99)},
        before=(Growing(),),
    ),
    Architecture(
        name="stylegan",
        source="Karras, Laine, Aila 2019",
        build=_stylegan,
        options=HEADS | {"batch_norm", "equalized"},
        has=_equalized_has,
        settings={"learning_rates": (1e-3, 1e-3), "betas": (0.0, 0.99)},
    ),
)
"""Each also understands what it has anyway (``batch_norm=False`` where nothing is normalised)."""
