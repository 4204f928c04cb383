"""Mutual information between a generator's codes and its images, from below."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from synthaug.errors import InternalError

if TYPE_CHECKING:
    from synthaug.objectives.stage import Judgement, Stage

__all__ = ["Information", "categorical_bound", "continuous_bound"]


def categorical_bound(guess: Tensor, chosen: Tensor) -> Tensor:
    """H(c) + E[log Q(c | image)] of a uniform category, nats; at most log K.

    Args:
        guess: float (N, K), logits of Q.
        chosen: int64 (N,), the values the images were made with.
    """
    return math.log(guess.shape[1]) - F.cross_entropy(guess.float(), chosen)


def continuous_bound(guess: Tensor, numbers: Tensor) -> Tensor:
    """H(c) + E[log Q(c | image)] of codes uniform in (-1, 1), nats, added up over codes.

    Args:
        guess: float (N, 2 C), means of Q and then logarithms of its variances.
        numbers: float (N, C), the codes the images were made with.
    """
    mean, log_variance = guess.float().chunk(2, dim=1)
    # Between sd 0.006 and 7: beyond, one image would outweigh the batch.
    log_variance = log_variance.clamp(-10, 4)
    error = (numbers - mean).square() / log_variance.exp()
    log_q = -0.5 * (error + log_variance + math.log(2 * math.pi))
    return (math.log(2) + log_q).sum(1).mean()


@dataclasses.dataclass(frozen=True)
class Information:
    """The variational bound on the information that images carry about their codes.

    The discriminator's head that guesses codes is Q; both players raise the bound, on
    generated images only.

    Args:
        codes: ``"categorical"``, ``"continuous"`` or ``"all"``.
        critic: role of a discriminator that guesses codes.

    Source: Chen et al. 2016, "InfoGAN: Interpretable Representation Learning by Information
    Maximizing Generative Adversarial Nets", equation 5. Differs: none.
    """

    codes: Literal["categorical", "continuous", "all"] = "all"
    critic: str = "discriminator"

    def discriminator(self, step: Stage) -> Tensor:
        """The discriminator's loss: the bound with its sign turned."""
        _, fake = step.judged_apart(self.critic)
        return -self.bound(step, fake)

    def generator(self, step: Stage) -> Tensor:
        """The generator's loss: the bound with its sign turned."""
        _, fake = step.judged_for_generator(self.critic)
        return -self.bound(step, fake)

    def reported(self, step: Stage) -> Tensor:
        """The bound itself, nats, without a gradient: beside a loss it only stands in the log."""
        _, fake = step.judged_for_generator(self.critic)
        return self.bound(step, fake).detach()

    def bound(self, step: Stage, fake: Judgement) -> Tensor:
        """The bound for the images of a step, nats, a scalar."""
        generator: Any = step.network("generator")
        guess = fake.codes
        if guess is None or not hasattr(generator, "codes"):
            raise InternalError(
                "information", expected="a critic that guesses codes and a generator with codes",
                got="one without", where=f"networks generator and {self.critic}",
                remedy="Build them with the part named information.",
            )  # fmt: skip
        chosen, numbers = generator.codes(step.latents)
        total = torch.zeros((), device=guess.device)
        if self.codes != "continuous":
            sizes = list(generator.categories)
            heads = torch.split(guess[:, : sum(sizes)], sizes, dim=1)
            for place, head in enumerate(heads):
                total = total + categorical_bound(head, chosen[:, place])
        if self.codes != "categorical" and generator.continuous:
            total = total + continuous_bound(guess[:, sum(generator.categories) :], numbers)
        return total
