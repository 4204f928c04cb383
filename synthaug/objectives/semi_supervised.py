"""Learning classes from a few labels and many images without: K + 1 classes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import functional as F

from synthaug.errors import InternalError

if TYPE_CHECKING:
    from synthaug.objectives.stage import Judgement, Stage

__all__ = ["SemiSupervised"]


@dataclasses.dataclass(frozen=True)
class SemiSupervised:
    """Classes of labelled images, real or generated for all, and matched features.

    Labels from K on, K being the length of the critic's class logits, mean "not known". The
    critic's realness must be the logarithm of the sum of the exponentials of its class logits.

    Args:
        critic: role of the discriminator.

    Source: Salimans et al. 2016, "Improved Techniques for Training GANs", section 5 for the
    discriminator, section 3.1 for the generator. Differs: none.
    """

    critic: str = "discriminator"

    def classes(self, step: Stage) -> Tensor:
        """Cross-entropy of the labelled images' classes; 0 where a batch has none."""
        real, _ = step.judged_apart(self.critic)
        logits, _ = _told(real, self.critic)
        known = step.labels < logits.shape[1]
        # Without a labelled image the mean would be 0 / 0.
        losses = F.cross_entropy(logits[known].float(), step.labels[known], reduction="sum")
        return losses / known.sum().clamp(min=1)

    def discriminator(self, step: Stage) -> Tensor:
        """Cross-entropy of real against generated, labelled or not."""
        real, fake = step.judged_apart(self.critic)
        return F.softplus(-real.realness).mean() + F.softplus(fake.realness).mean()

    def generator(self, step: Stage) -> Tensor:
        """Squared distance between the mean features of real and of generated images."""
        real, fake = step.judged_for_generator(self.critic)
        there, here = (_told(answer, self.critic)[1].float().mean(0) for answer in (real, fake))
        return (here - there.detach()).square().sum()


def _told(answer: Judgement, critic: str) -> tuple[Tensor, Tensor]:
    """Class logits and features of an answer."""
    if answer.class_logits is None or answer.features is None:
        raise InternalError(
            "semi-supervised", expected="a critic that names classes and tells its features",
            got="one that does not", where=f"network {critic}",
            remedy="Use the architecture named naming.",
        )  # fmt: skip
    return answer.class_logits, answer.features
