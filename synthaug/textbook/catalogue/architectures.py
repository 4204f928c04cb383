"""Recipes known for their networks."""

from __future__ import annotations

from synthaug.textbook.entry import entry
from synthaug.textbook.recipe import Recipe

__all__ = ["ENTRIES"]

ENTRIES = (
    entry(
        Recipe(
            architecture="fully connected",
            name="fully-connected",
            summary="The first GAN: rectifiers against maxout, every layer fully connected.",
            source="Goodfellow et al. 2014",
            when="to see what convolutions add; it is quick at 16 px and large at 128.",
        ),
        shows="latents are uniform, rectifiers and maxout, no convolution; images follow the data",
    ),
    entry(
        Recipe(
            name="dcgan",
            summary="Strided and transposed convolutions with batch normalisation.",
            source="Radford, Metz, Chintala 2016",
            when="as the plain baseline that every later technique is compared with.",
        ),
        shows="no pooling and no hidden dense layer; trained on digits it beats noise",
    ),
    entry(
        Recipe(
            "relativistic",
            penalties=["r1"],
            architecture="residual",
            name="residual",
            summary="The rare recipe's networks alone: no warm start, no classifier, no views.",
            source="Miyato, Koyama 2018; Karras, Laine, Aila 2019",
            when="to see what the rest of the rare recipe adds, or as networks for your own parts.",
        ),
        shows="takes every head and condition, and nothing it has no place for",
    ),
    entry(
        Recipe(
            penalties=["r1"],
            architecture="progressive",
            name="progressive",
            summary="Both networks grow from 4x4 pixels, each size faded in over the one before.",
            source="Karras, Aila, Laine, Lehtinen 2018",
            when="from 64 px upwards, where early steps at small sizes save time.",
        ),
        shows="at alpha 0 growing changes nothing, at alpha 1 the old path has no influence",
    ),
    entry(
        Recipe(
            penalties=["r1"],
            architecture="stylegan",
            name="stylegan",
            summary="A mapping to styles steers every size of the image: AdaIN, noise, mixing.",
            source="Karras, Laine, Aila 2019",
            when="to mix styles, walk between images or truncate; it wants many images.",
        ),
        shows="AdaIN gives the style's mean and sd, psi 0 one image, coarse styles coarse changes",
    ),
)
