"""Unrolling: the generator plays against the discriminator of some steps later."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from synthaug.objectives.stage import Judgement, Stage

__all__ = ["Unrolled"]


class Weighted(Protocol):
    """A weighted part of a player's loss; `synthaug.training.Term` is one."""

    @property
    def function(self) -> Callable[[Stage], Tensor]:
        """Takes a step, returns a scalar."""

    def factor(self, done: float, index: int) -> float:
        """Its weight at a step; 0 where it is not evaluated."""


@dataclasses.dataclass(frozen=True)
class Unrolled:
    """A generator's term before a discriminator that has answered its images ``steps`` times.

    The discriminator's virtual steps are differentiated, so the generator feels how it would
    react: an image on which all others crowd gains nothing once the discriminator has seen it.
    Its real weights are not changed.

    Args:
        term: the generator's term.
        against: the discriminator's terms; the virtual steps lower their weighted sum.
        steps: virtual steps, at least 1; they see the images of this step again.
        learning_rate: of the virtual steps, plain gradient descent.
        critic: role of the discriminator.

    Source: Metz, Poole, Pfau, Sohl-Dickstein 2017, "Unrolled Generative Adversarial
    Networks", equations 7 to 10. Differs: none; the paper leaves the inner optimizer open.
    """

    term: Callable[[Stage], Tensor]
    against: Sequence[Weighted]
    steps: int = 5
    learning_rate: float = 0.1
    critic: str = "discriminator"

    def __call__(self, step: Stage) -> Tensor:
        """The generator's loss, with its graph through the virtual steps."""
        # Second derivatives lose too much in bfloat16.
        with torch.autocast(step.real.device.type, enabled=False):
            # All terms of the generator play against the same virtual discriminator.
            return self.term(step.once(f"unrolled {self.critic}", lambda: self._ahead(step)))

    def _ahead(self, step: Stage) -> Any:
        factors = ((each.factor(step.done, step.index), each.function) for each in self.against)
        due = [(factor, function) for factor, function in factors if factor]
        weights: dict[str, Tensor] = dict(step.network(self.critic).named_parameters())
        for _ in range(self.steps):
            ahead: Any = _Ahead(step, self.critic, weights)
            loss = torch.stack([factor * function(ahead) for factor, function in due]).sum()
            gradients = torch.autograd.grad(
                loss, list(weights.values()), create_graph=True, allow_unused=True
            )
            weights = {
                name: weight if gradient is None else weight - self.learning_rate * gradient
                for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
            }
        return _Ahead(step, self.critic, weights)


class _Virtual(nn.Module):
    """A network with other parameters; its buffers are copies, so nothing of it changes."""

    def __init__(self, network: nn.Module, weights: dict[str, Tensor]) -> None:
        super().__init__()
        self.batchwise = getattr(network, "batchwise", False)
        self._network = (network,)  # in a tuple: its parameters are not this module's
        self._weights = weights | {name: kept.clone() for name, kept in network.named_buffers()}

    def named_parameters(self, *_: Any, **__: Any) -> Any:
        names = dict(self._network[0].named_parameters())
        return ((name, self._weights[name]) for name in names)

    def forward(self, images: Tensor, *condition: Tensor) -> Any:
        return functional_call(self._network[0], self._weights, (images, *condition))


class _Ahead:
    """A step before a virtual critic, whose answers keep their graph to the generator."""

    def __init__(self, step: Stage, critic: str, weights: dict[str, Tensor]) -> None:
        self._critic = critic
        self._step = step.with_networks(**{critic: _Virtual(step.network(critic), weights)})
        self._judged: tuple[Judgement, Judgement] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._step, name)

    def judged_apart(self, critic: str) -> tuple[Judgement, Judgement]:
        """As a step's, but not detached: what the critic learns depends on the generator."""
        if critic != self._critic:
            return self._step.judged_apart(critic)
        if self._judged is None:
            network, told = self._step.network(critic), self._step.condition
            self._judged = (
                network(self._step.real_shown, *told), network(self._step.fake_shown, *told),
            )  # fmt: skip
        return self._judged

    judged_for_generator = judged_apart
