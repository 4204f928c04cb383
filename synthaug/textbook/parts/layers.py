"""Layers as parts: what stands in the networks beside their convolutions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from synthaug.networks.minibatch import MinibatchDiscrimination, MinibatchStddev
from synthaug.networks.normalising import Reference
from synthaug.textbook.part import Part

if TYPE_CHECKING:
    from synthaug.objectives.stage import Stage

__all__ = ["PARTS"]


def minibatch_discrimination(*, kernels: int = 50, dims: int = 5) -> Part:
    """The discriminator sees how near each image is to the others of its batch.

    Args:
        kernels: numbers added to the features of an image, the paper's B.
        dims: the paper's C.
    """
    return Part(
        name="minibatch discrimination",
        source="Salimans et al. 2016",
        options={"layer": functools.partial(MinibatchDiscrimination, kernels=kernels, dims=dims)},
        has=frozenset({"minibatch layer"}),
    )


def minibatch_stddev() -> Part:
    """The discriminator sees how much its batch varies."""
    return Part(
        name="minibatch stddev",
        source="Karras, Aila, Laine, Lehtinen 2018",
        options={"layer": MinibatchStddev},
        has=frozenset({"minibatch layer"}),
    )


def virtual_batch_norm(*, size: int = 32) -> Part:
    """Batch normalisation by a batch fixed at the start, in both players.

    Args:
        size: images in that batch.
    """
    return Part(
        name="virtual batch norm",
        source="Salimans et al. 2016",
        options={"reference": size},
        ready=fix_reference,
        has=frozenset({"generator norm"}),
        refuses={
            "generator norm": "both stand where the generator's batch normalisation stands",
            "minibatch layer": "one makes an answer independent of its batch, the other makes it "
            "depend on it",
        },
    )


def fix_reference(step: Stage) -> None:
    """Fix the reference batches of both players: fresh latents, and the step's real images."""
    for role in ("generator", "discriminator"):
        for module in step.network(role).modules():
            if isinstance(module, Reference):
                inputs = step.real if role == "discriminator" else step.normal_like(module.inputs)
                module.keep(inputs, step.labels, step.attributes)


def spectral_norm() -> Part:
    """Every weight matrix of the discriminator divided by its largest singular value."""
    return Part(
        name="spectral norm",
        source="Miyato, Kataoka, Koyama, Yoshida 2018",
        options={"spectral": True, "batch_norm": False},
        refuses={
            "equalized weights": "dividing a weight by its largest singular value undoes the "
            "scale that equalized learning rate gives it",
            "clipped weights": "clipping a weight that is then divided by its largest singular "
            "value bounds nothing",
        },
    )


def equalized_learning_rate() -> Part:
    """Weights stored at unit variance and scaled where they are used, in both players.

    The discriminator does without batch normalisation, which would undo the scale.
    """
    return Part(
        name="equalized learning rate",
        source="Karras, Aila, Laine, Lehtinen 2018",
        options={"equalized": True, "batch_norm": False},
        has=frozenset({"equalized weights"}),
        refuses={"clipped weights": "stored weights have unit variance; clipping would erase it"},
        settings={"learning_rates": (1e-3, 1e-3), "betas": (0.0, 0.99)},
    )


def pixel_norm() -> Part:
    """Every pixel's features at one length in the generator, in place of batch normalisation."""
    return Part(
        name="pixel norm",
        source="Karras, Aila, Laine, Lehtinen 2018",
        options={"pixel_norm": True},
        has=frozenset({"generator norm"}),
        refuses={
            "generator norm": "both stand where the generator's batch normalisation stands",
        },
    )


PARTS: dict[str, Callable[..., Part]] = {
    "minibatch discrimination": minibatch_discrimination,
    "minibatch stddev": minibatch_stddev,
    "virtual batch norm": virtual_batch_norm,
    "spectral norm": spectral_norm,
    "equalized learning rate": equalized_learning_rate,
    "pixel norm": pixel_norm,
}
