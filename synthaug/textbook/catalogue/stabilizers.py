"""Recipes known for what keeps the game stable: DCGAN with one technique switched on."""

from __future__ import annotations

from synthaug.textbook.entry import entry
from synthaug.textbook.parts import make
from synthaug.textbook.recipe import Recipe

__all__ = ["ENTRIES"]

ENTRIES = (
    entry(
        Recipe(
            stabilizers=("label smoothing",),
            name="label-smoothing",
            summary="Real images' target is 0.9 instead of 1; that of generated ones stays 0.",
            source="Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen 2016",
            when="where the discriminator becomes too sure; cheap, its effect is small.",
        ),
        shows="the real target is 0.9, the fake target stays 0",
    ),
    entry(
        Recipe(
            stabilizers=("instance noise",),
            name="instance-noise",
            summary="Noise on all the discriminator sees, fading out over the run.",
            source="Sønderby et al. 2017; Arjovsky, Bottou 2017",
            when="where the discriminator tells real from generated at once; blurs at first.",
        ),
        shows="real and generated images get the noise of the schedule, none at the end",
    ),
    entry(
        Recipe(
            make("non-saturating", generator_weight=0),
            stabilizers=("feature matching",),
            name="feature-matching",
            summary="The generator matches the mean of the discriminator's features, no more.",
            source="Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen 2016",
            when="beside a classifier with few labels; images are less sharp than with a game.",
        ),
        shows="the loss is the difference of means computed by hand",
    ),
    entry(
        Recipe(
            stabilizers=("historical averaging",),
            name="historical-averaging",
            summary="Each player is drawn to the average of its own past.",
            source="Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen 2016",
            when="where losses circle; it slows learning, averaging the generator costs less.",
        ),
        shows="a game of two numbers that circles without it settles with it",
    ),
    entry(
        Recipe(
            stabilizers=("unrolled",),
            name="unrolled",
            summary="The generator plays against the discriminator of five steps later.",
            source="Metz, Poole, Pfau, Sohl-Dickstein 2017",
            when="against collapse of small sets; a step costs several times as much.",
        ),
        shows="more of the eight Gaussians on a ring are found than without",
    ),
    entry(
        Recipe(
            penalties=("r1",),
            stabilizers=("no batch norm",),
            name="r1",
            summary="The discriminator's slope at real images is kept small.",
            source="Mescheder, Geiger, Nowozin 2018",
            when="nearly always: it is the cheapest way to a game that settles.",
        ),
        shows="of a linear critic it is half its squared norm; a game that circles settles",
    ),
    entry(
        Recipe(
            penalties=("r2",),
            stabilizers=("no batch norm",),
            name="r2",
            summary="The discriminator's slope at generated images is kept small.",
            source="Mescheder, Geiger, Nowozin 2018",
            when="beside R1 with the relativistic objective; alone R1 is the better one.",
        ),
        shows="of a linear critic it is half its squared norm; a game that circles settles",
    ),
    entry(
        Recipe(
            penalties=("noise regularizer",),
            stabilizers=("no batch norm",),
            name="noise-regularizer",
            summary="The penalty that noise on the discriminator's inputs comes to, noise-free.",
            source="Roth, Lucchi, Nowozin, Hofmann 2017",
            when="in place of instance noise, where images must not be blurred on the way.",
        ),
        shows="of a linear critic it is the value computed by hand",
    ),
    entry(
        Recipe(
            penalties=("weight penalty",),
            name="weight-penalty",
            summary="Large weights of the discriminator are paid for.",
            source="Krogh, Hertz 1991",
            when="to hold back a discriminator that outgrows the generator; R1 is more direct.",
        ),
        shows="its gradient is the weights themselves; trained with it they stay smaller",
    ),
    entry(
        Recipe(
            stabilizers=("ttur",),
            name="ttur",
            summary="The discriminator learns four times as fast as the generator.",
            source="Heusel, Ramsauer, Unterthiner, Nessler, Hochreiter 2017",
            when="in place of several critic steps, at the cost of one.",
        ),
        shows="the first moves of the two players have the ratio of their learning rates",
    ),
    entry(
        Recipe(
            stabilizers=("averaging",),
            name="ema",
            summary="The generator handed over is an average, its half-life a tenth of the run.",
            source="Yazıcı et al. 2019; Karras, Aila, Laine, Lehtinen 2018",
            when="as a longer average than the 3 % all recipes here have; 0 turns it off.",
        ),
        shows="where a game circles, the average stays near its centre",
    ),
    entry(
        Recipe(
            stabilizers=("diffaugment",),
            name="diffaugment",
            summary="The discriminator sees randomly changed images only, real and generated.",
            source="Zhao, Liu, Lin, Zhu, Han 2020",
            when="with fewer than some thousand images: it is the first thing to switch on.",
        ),
        shows="real and generated images are changed alike, gradients pass through",
    ),
    entry(
        Recipe(
            # The paper's 500,000 images are more than a run of minutes has.
            stabilizers=(make("ada", travel=20_000),),
            name="ada",
            summary="As many random changes as the discriminator's overfitting asks for.",
            source="Karras, Aittala, Hellsten, Laine, Lehtinen, Aila 2020",
            when="where it is not known how much augmentation is good; needs a longer run.",
        ),
        shows="p rises while real images are told at sight and falls while they are not",
    ),
    entry(
        Recipe(
            stabilizers=("lecam",),
            name="lecam",
            summary="The discriminator's answers stay near moving averages of the other side's.",
            source="Tseng, Jiang, Liu, Yang, Yang 2021",
            when="with few images, beside augmentation.",
        ),
        shows="answers run apart less than without it; its averages resume to the same bytes",
    ),
)
