"""What a critic says about a batch of images."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

__all__ = ["Answer"]


class Answer(NamedTuple):
    """A critic's answer; every discriminator of this package returns one.

    Args:
        realness: logits, float (N,) or (N, heads); heads add up in every objective;
            of a patch critic (N, patches), averaged by the translation terms.
        class_logits: float (N, num_classes), where the critic also names classes.
        features: float (N, F), what it saw one layer before deciding, where it tells.
        codes: float (N, P), parameters of Q(code | image), where it guesses latent codes.
    """

    realness: Tensor
    class_logits: Tensor | None = None
    features: Tensor | None = None
    codes: Tensor | None = None
