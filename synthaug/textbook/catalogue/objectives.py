"""Recipes known for what the two players play for; all on the networks of DCGAN."""

from __future__ import annotations

from synthaug.textbook.entry import entry
from synthaug.textbook.recipe import Recipe

__all__ = ["ENTRIES"]

ENTRIES = (
    entry(
        Recipe(
            "minimax",
            name="minimax",
            summary="The zero-sum game: the generator lowers what the discriminator raises.",
            source="Goodfellow et al. 2014",
            when="to see why nobody does: its gradient fades where the generator is worst.",
        ),
        shows="its gradient fades with the discriminator's certainty, LSGAN's does not",
    ),
    entry(
        Recipe(
            "non-saturating",
            name="non-saturating",
            summary="The logistic game whose generator raises log D in place of lowering 1 - D.",
            source="Goodfellow et al. 2014",
            when="as the first choice where nothing else is known; collapse is common.",
        ),
        shows="both losses are those of an independent rewrite; its gradient does not fade",
    ),
    entry(
        Recipe(
            "lsgan",
            name="lsgan",
            summary="Squared distances of the discriminator's answers from 1 and 0.",
            source="Mao, Li, Xie, Lau, Wang, Smolley 2017",
            when="where the discriminator wins early and the logistic game stands still.",
        ),
        shows="gradients reach the generator where minimax saturates",
    ),
    entry(
        Recipe(
            "wgan",
            name="wgan",
            summary="An estimate of the earth mover's distance; the critic's weights are clipped.",
            source="Arjovsky, Chintala, Bottou 2017",
            when="for a loss that falls as images get better; slow, and WGAN-GP is its successor.",
        ),
        shows="every weight of the critic stays in ± 0.01",
    ),
    entry(
        Recipe(
            "wgan-gp",
            stabilizers=("no batch norm",),
            name="wgan-gp",
            summary="The earth mover's distance with a critic whose slope is held at 1.",
            source="Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville 2017",
            when="where training must not collapse and there is time for five critic steps.",
        ),
        shows="the critic's gradient norm is near 1 after training",
    ),
    entry(
        Recipe(
            "hinge",
            name="hinge",
            summary="The discriminator pays only for answers inside a margin.",
            source="Lim, Ye 2017; Miyato, Kataoka, Koyama, Yoshida 2018",
            when="beside spectral normalisation and projection, with which it is usually run.",
        ),
        shows="no gradient from images outside the margin",
    ),
    entry(
        Recipe(
            "relativistic",
            stabilizers=("no batch norm",),
            penalties=("r1", "r2"),
            name="relativistic",
            summary="Real images against generated ones, pair by pair, with R1 and R2.",
            source="Jolicoeur-Martineau 2019; Huang, Gokaslan, Kuleshov, Tompkin 2024",
            when="as a modern baseline without tricks; the penalties are part of its stability.",
        ),
        shows="losses depend on the difference of real and generated logits alone",
    ),
)
