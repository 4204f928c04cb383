"""Recipes known for what the networks are told: class, attributes, codes, or a few labels."""

from __future__ import annotations

from synthaug.textbook.entry import entry
from synthaug.textbook.recipe import Recipe

__all__ = ["ENTRIES"]

ENTRIES = (
    entry(
        Recipe(
            conditioning="concatenation",
            name="cgan",
            summary="The class stands beside the latent and as channels beside the image.",
            source="Mirza, Osindero 2014",
            when="as the first conditional GAN, to compare later ones with.",
        ),
        shows="the discriminator's answer changes with the class it is told, by hand",
    ),
    entry(
        Recipe(
            conditioning="auxiliary classifier",
            name="acgan",
            summary="The discriminator names the class, and the generator is held to the name.",
            source="Odena, Olah, Shlens 2017",
            when="where images must look like their class more than they must vary.",
        ),
        shows="real images teach the discriminator, generated ones the generator",
    ),
    entry(
        Recipe(
            conditioning="projection",
            name="projection",
            summary="The discriminator's features are compared with an embedding of the class.",
            source="Miyato, Koyama 2018",
            when="as the conditional GAN to begin with where there are many classes.",
        ),
        shows="the class adds an inner product with the features, by hand",
    ),
    entry(
        Recipe(
            conditioning="attributes",
            name="attributes",
            summary="Numbers beside the class, such as age or depth, steer the image.",
            source="Mirza, Osindero 2014",
            when="with --attributes FILE.csv, to ask for images of a given age, depth, site.",
        ),
        shows="an attribute that sets the brightness is learnt and asked for in its own unit",
    ),
    entry(
        Recipe(
            conditioning="none",
            stabilizers=["information"],
            name="infogan",
            summary="Codes among the latents that a head of the discriminator must read again.",
            source="Chen et al. 2016",
            when="to find what varies in images without labels: one class will do.",
        ),
        shows="the codes raise mutual information, and traversing them changes the image",
    ),
    entry(
        Recipe(
            objective="semi-supervised",
            conditioning="none",
            architecture="naming",
            name="semi-supervised",
            summary="A discriminator of K + 1 classes learns from a few labels and many images.",
            source="Salimans et al. 2016",
            when="with a folder named unlabelled beside the classes; it hands over a classifier.",
        ),
        shows="with 10 labels a class on digits it beats the same net trained on labels alone",
    ),
)
