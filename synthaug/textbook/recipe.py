"""A recipe: named parts that make a training routine, or a reason why they cannot."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import nn

from synthaug.errors import InputError
from synthaug.spelling import did_you_mean
from synthaug.textbook.part import Architecture, Part
from synthaug.textbook.parts import ARCHITECTURES, PARTS
from synthaug.training import Phase, Player, Routine, Shape
from synthaug.training.routine import Hook, Schedule, constant, square_root_frequency

if TYPE_CHECKING:
    from synthaug.objectives.stage import Stage

__all__ = ["Recipe"]

_FREE: dict[str, Any] = {
    "learning_rates": (2e-4, 2e-4),
    "betas": (0.5, 0.999),
    "optimizer": "adam",
    "critic_steps": 1,
    "batch_size": 32,
    "averaging": 0.03,
}


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What to train with: an objective, networks, and whatever else of the textbook.

    Parts are given by name (`synthaug.textbook.parts.names()`), or built with settings of
    their own, such as ``parts.make("r1", weight=1.0)``.

    Args:
        objective: what the two players play for.
        penalties: what bounds the discriminator's slope.
        conditioning: how the class reaches the networks; ``"none"`` ignores it.
        architecture: the networks.
        stabilizers: everything else, in any order.
        learning_rates: of generator and discriminator (TTUR where they differ).
        betas: Adam's decay rates.
        optimizer: ``"adam"``, ``"rmsprop"`` or ``"sgd"``.
        critic_steps: steps of the discriminator for one of the generator.
        batch_size: real images a step.
        averaging: half-life of the averaged generator as a share of the run; 0 is none.
        schedule: of the learning rates.
        sampling: class probabilities from class counts.
        name: for messages and the model card.
        summary: what it is, in one sentence.
        source: the paper.
        when: when to use it, in one sentence.

    Raises:
        InputError: an unknown part, or parts that make no sense together, with the reason.

    Example:
        >>> recipe = Recipe("relativistic", stabilizers=["diffaugment"])
        >>> recipe.parts
        ('relativistic', 'projection', 'diffaugment', 'dcgan')
    """

    objective: str | Part = "non-saturating"
    penalties: Sequence[str | Part] = ()
    conditioning: str | Part = "projection"
    architecture: str | Architecture = "dcgan"
    stabilizers: Sequence[str | Part] = ()
    learning_rates: tuple[float, float] | None = None
    betas: tuple[float, float] | None = None
    optimizer: str | None = None
    critic_steps: int | None = None
    batch_size: int | None = None
    averaging: float | None = None
    schedule: Schedule = constant
    sampling: Callable[[NDArray[np.int64]], NDArray[np.float64]] = square_root_frequency
    name: str = "custom"
    summary: str = "Parts put together by the caller."
    source: str = ""
    when: str = ""

    def __post_init__(self) -> None:
        self._check()

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of all parts, the objective first and the architecture last."""
        return (*(part.name for part in self._parts), self._architecture.name)

    @functools.cached_property
    def _parts(self) -> tuple[Part, ...]:
        wanted = (self.objective, *self.penalties, self.conditioning, *self.stabilizers)
        return tuple(part if isinstance(part, Part) else _part(part) for part in wanted)

    @functools.cached_property
    def _architecture(self) -> Architecture:
        if isinstance(self.architecture, Architecture):
            return self.architecture
        if self.architecture not in ARCHITECTURES:
            raise _unknown("architecture", self.architecture, list(ARCHITECTURES))
        return ARCHITECTURES[self.architecture]

    @functools.cached_property
    def _options(self) -> dict[str, Any]:
        """What the parts ask of the architecture."""
        options: dict[str, Any] = {}
        for part in self._parts:
            for option, value in part.options.items():
                if option not in self._architecture.options:
                    raise _senseless(
                        part.name, self._architecture.name,
                        f"its networks have no place for {option.replace('_', ' ')}",
                    )  # fmt: skip
                if options.get(option, value) != value:
                    raise _senseless(
                        part.name, "another part", f"both decide on {option.replace('_', ' ')}"
                    )
                options[option] = value
        return options

    def _check(self) -> None:
        asked = {name: value for part in self._parts for name, value in part.options.items()}
        owners = {self._architecture.name: self._architecture.has(asked)}
        owners |= {part.name: part.has for part in self._parts}
        for part in self._parts:
            others = {name: has for name, has in owners.items() if name != part.name}
            for property_, reason in part.refuses.items():
                for name, has in others.items():
                    if property_ in has:
                        raise _senseless(part.name, name, reason)
            for property_, reason in part.needs.items():
                if not any(property_ in has for has in others.values()):
                    raise _senseless(part.name, "the rest of this recipe", reason)
        _ = self._options  # after the reasons above, which say more

    def _setting(self, name: str) -> Any:
        """A number of the recipe: the caller's, a part's, the architecture's, or the usual.

        Later parts win: a stabilizer that is all about a number (TTUR) over an objective.
        """
        own = getattr(self, name)
        if own is not None:
            return own
        known = [part.settings for part in reversed(self._parts)] + [self._architecture.settings]
        return next((each[name] for each in known if name in each), _FREE[name])

    @property
    def _attributes(self) -> Literal["refused", "taken", "needed"]:
        """What becomes of numbers beside the class."""
        if any("needs attributes" in part.has for part in self._parts):
            return "needed"
        return "taken" if any("tells" in part.has for part in self._parts) else "refused"

    def routine(self) -> Routine:
        """What the training loop runs."""
        parts, architecture = self._parts, self._architecture
        rate_g, rate_d = self._setting("learning_rates")
        common = {
            "betas": self._setting("betas"),
            "optimizer": self._setting("optimizer"),
            "schedule": self.schedule,
        }
        ready = [part.ready for part in parts if part.ready]
        against = sum((part.discriminator for part in parts), ())
        terms = sum((part.generator for part in parts), ())
        for part in parts:
            terms = part.rewrite(against, terms) if part.rewrite else terms
        return Routine(
            name=self.name,
            summary=self.summary,
            source=self.source,
            build=functools.partial(_networks, architecture, self._options, parts),
            views=tuple(view for part in parts for view in part.views),
            batch_size=self._setting("batch_size"),
            sampling=self.sampling,
            conditional=not any("unconditional" in part.has for part in parts),
            attributes=self._attributes,
            unlabelled=next((part.unlabelled for part in parts if part.unlabelled), ""),
            keeps=("generator", *(role for part in parts for role in part.keeps)),
            ready=functools.partial(_in_turn, tuple(ready)) if ready else None,
            phases=(
                Phase(
                    "game",
                    share=1.0,
                    averaging=self._setting("averaging"),
                    before=architecture.before + sum((part.before for part in parts), ()),
                    players=(
                        Player(
                            "discriminator",
                            updates=("discriminator",),
                            terms=against,
                            learning_rate=rate_d,
                            after=sum((part.after_discriminator for part in parts), ()),
                            **common,
                        ),
                        Player(
                            "generator",
                            updates=("generator",),
                            terms=terms,
                            learning_rate=rate_g,
                            every=self._setting("critic_steps"),
                            after=sum((part.after_generator for part in parts), ()),
                            **common,
                        ),
                    ),
                ),
            ),
        )


def _networks(
    architecture: Architecture, options: Mapping[str, Any], parts: tuple[Part, ...], shape: Shape
) -> dict[str, nn.Module]:
    """The architecture's networks and those that parts bring along."""
    if shape.resolution not in architecture.sizes:
        raise InputError(
            "size", expected="one of " + ", ".join(map(str, architecture.sizes)),
            got=str(shape.resolution), where=f"architecture {architecture.name}",
            remedy="Pass --size with one of them.", code="input.size",
        )  # fmt: skip
    networks = architecture.build(shape, options)
    for part in parts:
        if part.networks:
            networks |= part.networks(shape)
        if part.rebuild:
            networks |= part.rebuild(networks, shape)
    return networks


def _in_turn(hooks: tuple[Hook, ...], step: Stage) -> None:
    """What every part does before the first step."""
    for hook in hooks:
        hook(step)


def _part(name: str) -> Part:
    if name not in PARTS:
        raise _unknown("part of a recipe", name, list(PARTS))
    return PARTS[name]()


def _unknown(what: str, got: str, known: list[str]) -> InputError:
    return InputError(
        what, expected="one of " + ", ".join(sorted(known)), got=repr(got),
        remedy=did_you_mean(got, known, otherwise="Take one of these."),
        code="input.recipe",
    )  # fmt: skip


def _senseless(part: str, other: str, reason: str) -> InputError:
    return InputError(
        "recipe", expected="parts that go together", got=f"{part} with {other}: {reason}",
        remedy=f"Leave out one of the two, or choose another in place of {part}.",
        code="input.recipe",
    )  # fmt: skip
