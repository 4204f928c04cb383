"""Recipes known for one layer in otherwise plain networks."""

from __future__ import annotations

from synthaug.textbook.entry import entry
from synthaug.textbook.recipe import Recipe

__all__ = ["ENTRIES"]

ENTRIES = (
    entry(
        Recipe(
            stabilizers=["minibatch discrimination"],
            name="minibatch-discrimination",
            summary="DCGAN whose discriminator sees how near each image is to the others.",
            source="Salimans et al. 2016",
            when="when a generator repeats the same few images.",
        ),
        shows="keeps more modes of the 8-Gaussian ring than the same networks without",
    ),
    entry(
        Recipe(
            stabilizers=["minibatch stddev"],
            name="minibatch-stddev",
            summary="DCGAN whose discriminator sees one number: how much its batch varies.",
            source="Karras, Aila, Laine, Lehtinen 2018",
            when="as a cheaper step against repeated images, without settings.",
        ),
        shows="the number falls to zero when all images are equal, and the answer changes",
    ),
    entry(
        Recipe(
            stabilizers=["virtual batch norm"],
            name="virtual-batch-norm",
            summary="DCGAN normalised by a batch that is fixed at the start.",
            source="Salimans et al. 2016",
            when="when images of one batch share a tint, or the slope at one image is penalised.",
        ),
        shows="no image and no answer depends on the rest of its batch",
    ),
    entry(
        Recipe(
            stabilizers=["spectral norm"],
            name="spectral-norm",
            summary="SNGAN: every weight of the discriminator divided by its largest singular "
            "value.",
            source="Miyato, Kataoka, Koyama, Yoshida 2018",
            when="when training is unstable: it bounds the discriminator without a penalty.",
        ),
        shows="the largest singular value of every weight is 1, by NumPy's SVD",
    ),
    entry(
        Recipe(
            penalties=["r1"],
            stabilizers=["equalized learning rate", "pixel norm"],
            name="equalized-learning-rate",
            summary="DCGAN with weights of unit variance, scaled where they are used.",
            source="Karras, Aila, Laine, Lehtinen 2018",
            when="without batch normalisation, so that wide and narrow layers learn equally fast.",
        ),
        shows="stored weights keep unit variance, layers move equally fast",
    ),
    entry(
        Recipe(
            stabilizers=["pixel norm"],
            name="pixel-norm",
            summary="DCGAN whose generator normalises each pixel in place of each batch.",
            source="Karras, Aila, Laine, Lehtinen 2018",
            when="when images of one batch should not depend on one another.",
        ),
        shows="every pixel has unit mean square, whatever its batch",
    ),
)
