"""The start that several recipes share: first an autoencoder, then the game."""

from __future__ import annotations

from synthaug.objectives.reconstruction import NegativeELBO
from synthaug.training import Phase, Player, Term
from synthaug.training.routine import warm_up

__all__ = ["warm_start"]


def warm_start(*, share: float) -> Phase:
    """A phase in which encoder and generator raise the evidence lower bound.

    Every training image has a latent before the game begins.

    Args:
        share: of the budget, 0 to 1.

    Source: Larsen, Sønderby, Larochelle, Winther 2016, "Autoencoding beyond pixels using a
    learned similarity metric", section 2. Differs: it ends before the game begins.
    """
    return Phase(
        "warm start",
        share=share,
        averaging=0.0,
        players=(
            Player(
                "autoencoder",
                updates=("encoder", "generator"),
                terms=(Term("elbo", NegativeELBO(), weight=100.0),),
                learning_rate=1e-3,
                betas=(0.9, 0.99),
                schedule=warm_up(0.05),
            ),
        ),
    )
