"""What a term may ask of a training step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

__all__ = ["Judgement", "Stage"]

Value = TypeVar("Value")


class Judgement(Protocol):
    """A critic's answer to a batch; `synthaug.networks.answer.Answer` is one."""

    @property
    def realness(self) -> Tensor:
        """Logits, float (N,) or (N, heads)."""

    @property
    def class_logits(self) -> Tensor | None:
        """Class logits, float (N, num_classes), where the critic names classes."""

    @property
    def features(self) -> Tensor | None:
        """Float (N, F), one layer before the decision, where the critic tells."""

    @property
    def codes(self) -> Tensor | None:
        """Float (N, P), parameters of Q(code | image), where the critic guesses codes."""


class Stage(Protocol):
    """The side of a training step that terms see; `synthaug.training.step.Step` is one."""

    real: Tensor
    labels: Tensor
    attributes: Tensor | None
    done: float
    index: int
    rng: torch.Generator

    @property
    def latents(self) -> Tensor:
        """What ``fake`` was made from, float (N, z_dim + noise_dim)."""

    @property
    def fake(self) -> Tensor:
        """Generated images, float (N, C, R, R) in [-1, 1], with their graph."""

    @property
    def real_shown(self) -> Tensor:
        """Real images as discriminators see them."""

    @property
    def fake_shown(self) -> Tensor:
        """Generated images as discriminators see them, with their graph."""

    @property
    def condition(self) -> tuple[Tensor, ...]:
        """What networks are told beside images or latents: labels, and attributes if any."""

    def judged_apart(self, critic: str) -> tuple[Judgement, Judgement]:
        """Answers to real and to detached fake images: for the critic's own player."""

    def judged_for_generator(self, critic: str) -> tuple[Judgement, Judgement]:
        """Answers to real (no gradient) and fake images (gradient to the generator)."""

    def network(self, role: str) -> nn.Module:
        """The network of a role."""

    def with_networks(self, **networks: nn.Module) -> Stage:
        """The same images and randomness before other networks; nothing judged yet."""

    def once(self, key: str, make: Callable[[], Value]) -> Value:
        """What ``make`` gave when first asked under ``key`` in this step, by any term."""

    def latent(self, n: int) -> Tensor:
        """Fresh latents for n images."""

    def normal_like(self, tensor: Tensor) -> Tensor:
        """Standard normal numbers of a tensor's shape."""
