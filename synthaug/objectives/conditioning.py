"""Conditioning terms: what makes an image look like its class."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import functional as F

from synthaug.errors import InternalError

if TYPE_CHECKING:
    from synthaug.objectives.stage import Judgement, Stage

__all__ = ["AuxiliaryClassifier"]


@dataclasses.dataclass(frozen=True)
class AuxiliaryClassifier:
    """Cross-entropy of the discriminator's class logits: on real images for it, on fakes for G.

    Args:
        critic: role of a discriminator that names classes.

    Source: Odena, Olah, Shlens 2017, "Conditional Image Synthesis with Auxiliary Classifier
    GANs", equations 2 and 3. Differs: the discriminator's part uses real images only, so that
    it never learns to call bad images by their label.
    """

    critic: str = "discriminator"

    def discriminator(self, step: Stage) -> Tensor:
        """The discriminator's loss."""
        real, _ = step.judged_apart(self.critic)
        return F.cross_entropy(_named(real, self.critic), step.labels)

    def generator(self, step: Stage) -> Tensor:
        """The generator's loss."""
        _, fake = step.judged_for_generator(self.critic)
        return F.cross_entropy(_named(fake, self.critic), step.labels)


def _named(answer: Judgement, critic: str) -> Tensor:
    if answer.class_logits is None:
        raise InternalError(
            "auxiliary classifier", expected="a critic that names classes",
            got="one without class logits", where=f"network {critic}",
            remedy="Build it with a classifier.",
        )  # fmt: skip
    return answer.class_logits.float()
