"""The rare recipe: a GAN for few images, made for minutes of one CPU core."""

from __future__ import annotations

from torch import nn

from synthaug.diffaug import DiffAugment
from synthaug.networks.rare import RareDiscriminator, RareEncoder, RareGenerator
from synthaug.objectives.adversarial import Relativistic
from synthaug.objectives.conditioning import AuxiliaryClassifier
from synthaug.objectives.penalties import R1
from synthaug.objectives.reconstruction import HalfSizeReconstruction
from synthaug.textbook.catalogue.warm import warm_start
from synthaug.textbook.entry import Entry
from synthaug.training import Phase, Player, Routine, Shape, Term
from synthaug.training.routine import fade_out, flat_then_cosine

__all__ = ["ENTRIES", "rare"]


def rare() -> Routine:
    """Start warm as a variational autoencoder, then play the relativistic game.

    The warm start gives every training image a latent before the game begins; a fading
    reconstruction term keeps it so while the discriminator takes over. The discriminator also
    names classes, and the generator is held to the name.
    """
    game, classes = Relativistic(), AuxiliaryClassifier()
    return Routine(
        name="rare",
        summary="Few images a class, minutes of CPU: VAE warm start, then a relativistic GAN.",
        source=(
            "Kingma and Welling 2014; Larsen et al. 2016; Odena et al. 2017; "
            "Jolicoeur-Martineau 2019; "
            "Miyato and Koyama 2018; Mescheder et al. 2018; Zhao et al. 2020"
        ),
        build=_networks,
        views=(DiffAugment().view,),
        batch_size=16,
        phases=(
            warm_start(share=0.15),
            Phase(
                "game",
                share=0.85,
                averaging=0.03,
                players=(
                    Player(
                        "discriminator",
                        updates=("discriminator",),
                        terms=(
                            Term("relativistic", game.discriminator),
                            Term("class", classes.discriminator, weight=0.2),
                            Term("r1", R1(), weight=0.3, every=8),
                        ),
                        learning_rate=1e-3,
                        schedule=flat_then_cosine(),
                    ),
                    Player(
                        "generator",
                        updates=("generator",),
                        terms=(
                            Term("relativistic", game.generator),
                            Term("class", classes.generator, weight=0.1),
                            Term(
                                "reconstruction",
                                HalfSizeReconstruction(),
                                weight=2.0,
                                schedule=fade_out(0.5),
                                every=4,
                            ),
                        ),
                        schedule=flat_then_cosine(),
                    ),
                ),
            ),
        ),
    )


def _networks(shape: Shape) -> dict[str, nn.Module]:
    arguments = (shape.num_classes, shape.channels, shape.resolution)
    return {
        "generator": RareGenerator(*arguments),
        "discriminator": RareDiscriminator(*arguments),
        "encoder": RareEncoder(shape.channels, shape.resolution),
    }


ENTRIES = (
    Entry(
        name="rare",
        summary=rare().summary,
        source=rare().source,
        when="for balancing: it is what `augment` trains.",
        parts=(
            "vae warm start",
            "relativistic",
            "r1",
            "auxiliary classifier",
            "projection",
            "diffaugment",
            "averaging",
            "residual",
        ),
        shows="benchmarks against DCGAN and cGAN-PD at equal CPU seconds",
        make=rare,
    ),
)
