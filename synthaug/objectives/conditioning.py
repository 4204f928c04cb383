"""Conditioning terms: what makes an image look like its class."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from synthaug.objectives.stage import Stage

__all__ = ["AuxiliaryClassifier"]


@dataclasses.dataclass(frozen=True)
class AuxiliaryClassifier:
    """Cross-entropy of the discriminator's class logits: on real images for it, on fakes for G.

    Stands behind the objective in a player's terms and uses the logits of the same pass.

    Args:
        critic: role of a discriminator that returns (realness, class logits).

    Source: Odena, Olah, Shlens 2017, "Conditional Image Synthesis with Auxiliary Classifier
    GANs", equations 2 and 3. Differs: the discriminator's part uses real images only, so that
    it never learns to call bad images by their label.
    """

    critic: str = "discriminator"

    def discriminator(self, step: Stage) -> Tensor:
        """The discriminator's loss."""
        return F.cross_entropy(step.class_logits(self.critic, "real"), step.labels)

    def generator(self, step: Stage) -> Tensor:
        """The generator's loss."""
        return F.cross_entropy(step.class_logits(self.critic, "fake"), step.labels)
