"""What a training run is made of: terms, players, phases, and the routine that holds them."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from synthaug.errors import InputError

if TYPE_CHECKING:
    from synthaug.objectives.stage import Stage

__all__ = [
    "Hook",
    "Networks",
    "Phase",
    "Player",
    "Routine",
    "Shape",
    "Term",
    "View",
    "constant",
    "described",
    "fade_out",
    "flat_then_cosine",
    "flat_then_linear",
    "square_root_frequency",
    "warm_up",
]

Schedule = Callable[[float], float]
"""A factor as a function of the share of its phase that is done, 0 to 1."""

Networks = Mapping[str, nn.Module]
"""The networks of a run by role: generator, discriminator, encoder, ..."""

View = Callable[[Tensor, "Stage"], Tensor]
"""A change to every image a discriminator sees, real and generated, differentiable."""

Hook = Callable[["Stage"], None]
"""Something done at a step without gradients: clip, grow, adapt."""


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """What the data asks of the networks.

    Args:
        num_classes: classes, at least 1.
        channels: 1 (grey) or 3 (RGB).
        resolution: side of the square images, pixels.
        num_attributes: numbers each image carries beside its class.
        source_channels: how many of ``channels`` show the source of a pair; 0 where images
            are single.
    """

    num_classes: int
    channels: int
    resolution: int
    num_attributes: int = 0
    source_channels: int = 0


def constant(_: float) -> float:
    """The schedule that is 1 throughout."""
    return 1.0


def fade_out(until: float) -> Schedule:
    """A schedule that falls linearly from 1 to 0 at ``until`` and stays there."""
    return lambda done: max(0.0, 1.0 - done / until)


def flat_then_cosine(flat: float = 0.5) -> Schedule:
    """A schedule that is 1 until ``flat``, then falls to 0 along half a cosine."""

    def schedule(done: float) -> float:
        if done <= flat:
            return 1.0
        return 0.5 * (1.0 + math.cos(math.pi * min(1.0, (done - flat) / (1.0 - flat))))

    return schedule


def flat_then_linear(flat: float = 0.5) -> Schedule:
    """A schedule that is 1 until ``flat``, then falls linearly to 0."""
    return lambda done: min(1.0, max(0.0, (1.0 - done) / (1.0 - flat)))


def warm_up(share: float) -> Schedule:
    """A schedule that rises linearly from 0 to 1 at ``share`` and stays there."""
    return lambda done: min(1.0, done / share) if share > 0 else 1.0


@dataclasses.dataclass(frozen=True)
class Term:
    """One weighted part of a player's loss.

    Args:
        name: as logged.
        function: takes the step's tensors, returns a scalar tensor.
        weight: factor of the scalar, multiplied with ``schedule``.
        schedule: change of the weight over the phase.
        every: evaluated on every n-th step only, its weight multiplied by n (lazy
            regularization: Karras et al. 2020, "Analyzing and Improving the Image
            Quality of StyleGAN", section 2).
    """

    name: str
    function: Callable[[Stage], Tensor]
    weight: float = 1.0
    schedule: Schedule = constant
    every: int = 1

    def factor(self, done: float, index: int) -> float:
        """The weight at this step; 0 where the term is not evaluated."""
        if index % self.every:
            return 0.0
        return self.weight * self.every * self.schedule(done)


@dataclasses.dataclass(frozen=True)
class Player:
    """Networks that share one loss and one optimizer.

    Args:
        name: as logged: ``"discriminator"``, ``"generator"``, ``"autoencoder"``.
        updates: roles of the networks it updates; all others stand still.
        terms: parts of its loss.
        learning_rate: step size at schedule 1.
        betas: Adam's decay rates.
        schedule: of the learning rate over the phase.
        every: moves on every n-th step only, the last of each n.
        optimizer: ``"adam"``, ``"rmsprop"`` or ``"sgd"``.
        after: done after each of its moves, without gradients.
    """

    name: str
    updates: tuple[str, ...]
    terms: tuple[Term, ...]
    learning_rate: float = 5e-4
    betas: tuple[float, float] = (0.0, 0.99)
    schedule: Schedule = constant
    every: int = 1
    optimizer: str = "adam"
    after: tuple[Hook, ...] = ()


@dataclasses.dataclass(frozen=True)
class Phase:
    """A stretch of the budget during which the same players play.

    Args:
        name: as shown in progress.
        share: of the budget, 0 to 1; the shares of a recipe add up to 1.
        players: in the order they step.
        averaging: half-life of the averaged generator weights, as a share of the phase, so
            that short and long budgets end equally settled; 0 copies the weights.
        before: done at the start of each step, without gradients.
    """

    name: str
    share: float
    players: tuple[Player, ...]
    averaging: float = 0.03
    before: tuple[Hook, ...] = ()

    @property
    def period(self) -> int:
        """Steps in which everything is due that is not due at every step."""
        terms = (term.every for player in self.players for term in player.terms)
        return math.lcm(*(player.every for player in self.players), *terms)


def square_root_frequency(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Class probabilities in proportion to the square root of their counts.

    Between the data's own proportions (the rare class is hardly ever drawn) and equal ones
    (each rare image is seen so often that it is learnt by heart).
    """
    weights = np.sqrt(counts.astype(np.float64))
    return np.asarray(weights / weights.sum())


@dataclasses.dataclass(frozen=True)
class Routine:
    """A complete, runnable choice of networks, losses, schedules and sampling.

    Args:
        name: as typed on the command line.
        summary: one sentence for people.
        source: papers it is built from.
        build: makes the networks for a shape; must contain ``"generator"``.
        phases: in order; shares add up to 1.
        sampling: class probabilities from class counts.
        views: changes to every image discriminators see, in order.
        batch_size: real images a step.
        precision: ``"bf16"`` (autocast), ``"fp32"``, or ``"auto"``: bf16 on a GPU and on CPUs
            with AMX, fp32 elsewhere (without AMX bf16 was measured 1.5 times slower).
        keeps: roles of the networks that are averaged and handed over, the generator first.
        conditional: whether the class is told to the networks; if not, one class will do.
        attributes: what it does with numbers beside the class: ``"refused"`` (its networks
            have no place for them), ``"taken"`` where there are any, or ``"needed"``.
        unlabelled: name of the class whose images have no label; empty where all have one.
        ready: done once before the first step, with its batch.

    Raises:
        InputError: shares that do not add up to 1, or a player without terms.
    """

    name: str
    summary: str
    source: str
    build: Callable[[Shape], dict[str, nn.Module]]
    phases: tuple[Phase, ...]
    sampling: Callable[[NDArray[np.int64]], NDArray[np.float64]] = square_root_frequency
    views: tuple[View, ...] = ()
    batch_size: int = 32
    precision: str = "auto"
    keeps: tuple[str, ...] = ("generator",)
    conditional: bool = True
    attributes: Literal["refused", "taken", "needed"] = "refused"
    unlabelled: str = ""
    ready: Hook | None = None

    def facts(self) -> dict[str, Any]:
        """Names and numbers that decide a run, the same in every process; no code addresses."""
        return {
            "name": self.name,
            "batch_size": self.batch_size,
            "precision": self.precision,
            "networks": described(self.build),
            "sampling": described(self.sampling),
            "views": [described(view) for view in self.views],
            "keeps": self.keeps,
            "unlabelled": self.unlabelled,
            "ready": described(self.ready) if self.ready else "",
            "phases": [
                {
                    "name": phase.name,
                    "share": phase.share,
                    "averaging": phase.averaging,
                    "before": [described(hook) for hook in phase.before],
                    "players": [_player_facts(player) for player in phase.players],
                }
                for phase in self.phases
            ],
        }

    @property
    def sha256(self) -> str:
        """Hash of `facts`: two routines of one name that would train differently differ."""
        return hashlib.sha256(repr(self.facts()).encode()).hexdigest()

    def __post_init__(self) -> None:
        total = sum(phase.share for phase in self.phases)
        if not math.isclose(total, 1.0, abs_tol=1e-6):
            raise InputError(
                "phases of a recipe",
                expected="shares that add up to 1",
                got=f"{total:g}",
                where=f"recipe {self.name}",
                remedy="Correct the shares.",
            )
        for phase in self.phases:
            for player in phase.players:
                if not player.terms or not player.updates:
                    raise InputError(
                        "player of a recipe",
                        expected="at least one term and one network to update",
                        got="none",
                        where=f"recipe {self.name}, phase {phase.name}, player {player.name}",
                        remedy="Add a term, or leave the player out.",
                    )


def _player_facts(player: Player) -> dict[str, Any]:
    return {
        "name": player.name,
        "updates": player.updates,
        "learning_rate": player.learning_rate,
        "betas": player.betas,
        "schedule": _course(player.schedule),
        "every": player.every,
        "optimizer": player.optimizer,
        "after": [described(hook) for hook in player.after],
        "terms": [
            (
                term.name,
                term.weight,
                term.every,
                _course(term.schedule),
                described(term.function),
            )
            for term in player.terms
        ],
    }


def described(part: Any) -> str:
    """A part by name and settings, the same in every process: no code addresses.

    Parts are functions, partials of them, methods and instances of dataclasses, and what
    these hold.
    """
    if isinstance(part, functools.partial):
        settings = [*map(described, part.args), *_settings(part.keywords)]
        return f"{described(part.func)}({', '.join(settings)})"
    owner = getattr(part, "__self__", None)
    if dataclasses.is_dataclass(owner):
        return f"{described(owner)}.{part.__name__}"
    if dataclasses.is_dataclass(part) and not isinstance(part, type):
        fields = {f.name: getattr(part, f.name) for f in dataclasses.fields(part) if f.repr}
        return f"{type(part).__qualname__}({', '.join(_settings(fields))})"
    if isinstance(part, Mapping):
        return "{" + ", ".join(_settings(part)) + "}"
    if isinstance(part, tuple | list | set | frozenset):
        members = map(described, part)
        return f"[{', '.join(sorted(members) if isinstance(part, set | frozenset) else members)}]"
    if callable(part):
        return f"{part.__module__}.{part.__qualname__}"
    return repr(part)


def _settings(values: Mapping[str, Any]) -> list[str]:
    return [f"{name}={described(value)}" for name, value in sorted(values.items())]


def _course(schedule: Schedule) -> list[float]:
    """A schedule by its values: two of one course are the same, whatever code they are."""
    return [round(schedule(done / 8), 9) for done in range(9)]
