"""One training step's tensors, made when a term first asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from synthaug.networks.answer import Answer
from synthaug.training.routine import Networks, View

__all__ = ["Step"]

Value = TypeVar("Value")


class Step:
    """What the players of one step see.

    A tensor is made once and shared: the discriminator's fakes are the very images the
    generator is then corrected for, so the generator runs forward once a step.

    Args:
        networks: by role.
        real: float (N, C, R, R) in [-1, 1].
        labels: int64 (N,) of ``real``; the fakes carry the same.
        attributes: float (N, A) of ``real``, standardised; None where there are none.
        done: share of the phase that is done, 0 to 1.
        index: steps done in this phase.
        rng: the step's own random source, on the networks' device.
        views: changes to every image a discriminator sees, in order.
    """

    def __init__(
        self,
        networks: Networks,
        real: Tensor,
        labels: Tensor,
        *,
        attributes: Tensor | None = None,
        done: float,
        index: int,
        rng: torch.Generator,
        views: Sequence[View] = (),
    ) -> None:
        self.networks = networks
        self.real = real
        self.labels = labels
        self.attributes = attributes
        self.done = done
        self.index = index
        self.rng = rng
        self.views = tuple(views)
        self._kept: dict[str, Any] = {}
        self._answers: dict[tuple[str, str], tuple[Answer, Answer]] = {}
        self._real_answers: dict[str, Answer] = {}

    @property
    def condition(self) -> tuple[Tensor, ...]:
        """What networks are told beside images or latents: labels, and attributes if any."""
        return (self.labels,) if self.attributes is None else (self.labels, self.attributes)

    def latent(self, n: int) -> Tensor:
        """Fresh latents, float (n, z_dim + noise_dim), standard normal."""
        generator: Any = self.networks["generator"]
        size = generator.z_dim + generator.noise_dim
        return torch.randn(n, size, generator=self.rng, device=self.real.device)

    def normal_like(self, tensor: Tensor) -> Tensor:
        """Standard normal numbers of a tensor's shape."""
        return torch.randn(tensor.shape, generator=self.rng, device=tensor.device)

    def network(self, role: str) -> nn.Module:
        """The network of a role."""
        return self.networks[role]

    def with_networks(self, **networks: nn.Module) -> Step:
        """The same images and randomness before other networks; nothing judged yet."""
        other = Step(
            {**self.networks, **networks}, self.real, self.labels, attributes=self.attributes,
            done=self.done, index=self.index, rng=self.rng, views=self.views,
        )  # fmt: skip
        # Images already made are shared with their graph: only the judges are others.
        for name in ("latents", "fake", "real_shown", "fake_shown"):
            other.__dict__[name] = getattr(self, name)
        return other

    def once(self, key: str, make: Callable[[], Value]) -> Value:
        """What ``make`` gave when first asked under ``key`` in this step, by any term."""
        if key not in self._kept:
            self._kept[key] = make()
        value: Value = self._kept[key]
        return value

    def forget(self, roles: Iterable[str]) -> None:
        """Drop the answers of critics that have just been updated."""
        for role in roles:
            self._answers = {key: kept for key, kept in self._answers.items() if key[0] != role}

    @cached_property
    def latents(self) -> Tensor:
        """What ``fake`` was made from, float (N, z_dim + noise_dim)."""
        return self.latent(len(self.labels))

    @cached_property
    def fake(self) -> Tensor:
        """Generated images, float (N, C, R, R), with their graph."""
        images: Tensor = self.networks["generator"](self.latents, *self.condition)
        return images

    @cached_property
    def real_shown(self) -> Tensor:
        """The real images as discriminators see them."""
        return self._shown(self.real)

    @cached_property
    def fake_shown(self) -> Tensor:
        """The generated images as discriminators see them, with their graph."""
        return self._shown(self.fake)

    def judged_apart(self, critic: str) -> tuple[Answer, Answer]:
        """Answers to real and to detached fake images; one pass, whoever asks, until it learns.

        A critic with ``batchwise`` set mixes the images of a batch (batch normalisation,
        minibatch layers) and sees real and fake ones apart.
        """
        if (critic, "apart") not in self._answers:
            network = self.networks[critic]
            fake = self.fake_shown.detach()
            if getattr(network, "batchwise", False):
                both = (network(self.real_shown, *self.condition), network(fake, *self.condition))
            else:
                images = torch.cat([self.real_shown, fake])
                twice = (torch.cat([told, told]) for told in self.condition)
                both = _halves(network(images, *twice))
            self._answers[critic, "apart"] = both
            self._real_answers[critic] = _each(both[0], Tensor.detach)
        return self._answers[critic, "apart"]

    def judged_for_generator(self, critic: str) -> tuple[Answer, Answer]:
        """Answers to real (no gradient) and to fake images (gradient to the generator).

        Those to real images are the ones the discriminator's own step gave, one update old:
        asking again would cost a tenth of the step.
        """
        if (critic, "fake") not in self._answers:
            network = self.networks[critic]
            if critic not in self._real_answers:
                with torch.no_grad():
                    self._real_answers[critic] = network(self.real_shown, *self.condition)
            answer = network(self.fake_shown, *self.condition)
            self._answers[critic, "fake"] = (self._real_answers[critic], answer)
        return self._answers[critic, "fake"]

    def _shown(self, images: Tensor) -> Tensor:
        for view in self.views:
            images = view(images, self)
        return images


def _halves(answer: Answer) -> tuple[Answer, Answer]:
    half = len(answer.realness) // 2
    return _each(answer, lambda part: part[:half]), _each(answer, lambda part: part[half:])


def _each(answer: Answer, change: Callable[[Tensor], Tensor]) -> Answer:
    rest = [None if part is None else change(part) for part in answer[1:]]
    return Answer(change(answer.realness), *rest)
