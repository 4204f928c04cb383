"""Recipes with an encoder: the other family, and where it meets the game."""

from __future__ import annotations

from torch import nn

from synthaug.networks.critic import Critic
from synthaug.networks.dcgan import DCGANGenerator, dcgan_trunk
from synthaug.networks.rare import RareEncoder
from synthaug.objectives.adversarial import NonSaturating
from synthaug.objectives.reconstruction import (
    Divergence,
    LearnedSimilarity,
    PlainELBO,
)
from synthaug.textbook.catalogue.warm import warm_start
from synthaug.textbook.entry import Entry
from synthaug.training import Phase, Player, Routine, Shape, Term
from synthaug.training.routine import warm_up

__all__ = ["ENTRIES", "cvae", "vae", "vae_gan"]


def vae(*, sd: float = 0.2) -> Routine:
    """Encoder and decoder raise the evidence lower bound; the class is not used.

    Args:
        sd: what of a pixel is noise, in units of [-1, 1]; see `PlainELBO`.
    """
    return Routine(
        name="vae",
        summary="An encoder and a decoder raise a bound on the likelihood; no game is played.",
        source="Kingma, Welling 2014",
        build=_autoencoder,
        phases=(_elbo_phase(sd),),
        keeps=("generator", "encoder"),
        conditional=False,
    )


def cvae(*, sd: float = 0.2) -> Routine:
    """The same with the class and attributes told to the decoder.

    Args:
        sd: as in `vae`.
    """
    return Routine(
        name="cvae",
        summary="A variational autoencoder whose decoder is told class and attributes.",
        source="Kingma, Welling 2014; Sohn, Lee, Yan 2015",
        build=_told_autoencoder,
        phases=(_elbo_phase(sd),),
        keeps=("generator", "encoder"),
        attributes="taken",
    )


def vae_gan(*, similarity: float = 40.0) -> Routine:
    """A warm start on pixels, then a game in which features judge the reconstruction.

    Args:
        similarity: weight of the reconstruction in the loss of encoder and generator.

    Source: Larsen, Sønderby, Larochelle, Winther 2016, "Autoencoding beyond pixels using a
    learned similarity metric", algorithm 1. Differs: a warm start on pixels; the game shows
    the discriminator draws from the prior only; it is told class and attributes.
    """
    game = NonSaturating()
    rates = {"learning_rate": 2e-4, "betas": (0.5, 0.999)}
    return Routine(
        name="vae-gan",
        summary="Starts as a variational autoencoder, then a discriminator judges likeness.",
        source="Larsen, Sønderby, Larochelle, Winther 2016",
        build=_all_three,
        keeps=("generator", "encoder"),
        attributes="taken",
        phases=(
            warm_start(share=0.15),
            Phase(
                "game",
                share=0.85,
                players=(
                    Player(
                        "discriminator",
                        updates=("discriminator",),
                        terms=(Term("non-saturating", game.discriminator),),
                        **rates,  # type: ignore[arg-type]
                    ),
                    # The divergence moves the encoder only, the game the generator only: what
                    # both share is the likeness, and one pass serves them.
                    Player(
                        "generator",
                        updates=("encoder", "generator"),
                        terms=(
                            Term("non-saturating", game.generator),
                            Term("likeness", LearnedSimilarity(), weight=similarity),
                            Term("divergence", Divergence(), weight=1e-2),
                        ),
                        **rates,  # type: ignore[arg-type]
                    ),
                ),
            ),
        ),
    )


def _elbo_phase(sd: float) -> Phase:
    return Phase(
        "elbo",
        share=1.0,
        players=(
            Player(
                "autoencoder",
                updates=("encoder", "generator"),
                terms=(Term("elbo, nats a pixel", PlainELBO(sd)),),
                learning_rate=1e-3,
                betas=(0.9, 0.999),
                schedule=warm_up(0.05),
            ),
        ),
    )


def _pair(shape: Shape, classes: int, attributes: int) -> dict[str, nn.Module]:
    return {
        "generator": DCGANGenerator(classes, shape.channels, shape.resolution, attributes),
        "encoder": RareEncoder(shape.channels, shape.resolution),
    }


def _autoencoder(shape: Shape) -> dict[str, nn.Module]:
    return _pair(shape, 0, 0)


def _told_autoencoder(shape: Shape) -> dict[str, nn.Module]:
    return _pair(shape, shape.num_classes, shape.num_attributes)


def _all_three(shape: Shape) -> dict[str, nn.Module]:
    def trunk(channels: int) -> nn.Module:
        return dcgan_trunk(channels, shape.resolution)[0]

    features = dcgan_trunk(1, shape.resolution)[1]
    critic = Critic(
        trunk, features, shape.channels, shape.num_classes, shape.num_attributes, batchwise=True
    )
    return {**_told_autoencoder(shape), "discriminator": critic}


ENTRIES = tuple(
    Entry(
        name=routine.name, summary=routine.summary, source=routine.source, when=when,
        parts=parts, shows=shows, make=make,
    )
    for make, routine, when, parts, shows in (
        (
            vae, vae(),
            "to encode, decode and invert images; without labels, and where a game fails.",
            ("elbo", "encoder", "dcgan"),
            "held-out images are rebuilt nearer than any draw lies to them",
        ),
        (
            cvae, cvae(),
            "as a VAE that draws the class, and the attributes, it is asked for.",
            ("elbo", "encoder", "concatenation", "dcgan"),
            "the bound's divergence agrees with a Monte Carlo estimate",
        ),
        (
            vae_gan, vae_gan(),
            "to invert images as a VAE does and draw sharper ones.",
            ("vae warm start", "non-saturating", "learned similarity", "projection", "dcgan"),
            "its reconstructions agree with images in features, not only in pixels",
        ),
    )
)  # fmt: skip
