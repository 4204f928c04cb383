"""A part of a recipe: what one technique adds to the game, and what it cannot stand beside."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from synthaug.training import Shape, Term
from synthaug.training.routine import Hook, View

__all__ = ["Architecture", "Part", "Rewrite"]

Rewrite = Callable[[tuple[Term, ...], tuple[Term, ...]], tuple[Term, ...]]
"""Terms of discriminator and generator to other terms of the generator."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """One technique: terms for the players, changes to networks, or both.

    Args:
        name: as typed, with its settings where they differ from the paper's.
        source: the paper.
        discriminator: terms of the discriminator's loss.
        generator: terms of the generator's loss.
        rewrite: what becomes of the generator's terms, of all parts, given the discriminator's.
        views: changes to every image the discriminator sees.
        after_discriminator: done after each of its moves.
        after_generator: done after each of its moves.
        before: done at the start of each step.
        ready: done once, before the first step, with its batch.
        networks: makes further networks by role (what a term has to remember between steps
            stands in buffers of such a network, so that it is saved with the run).
        rebuild: networks in place of those made so far (one wrapped in another), by role.
        keeps: roles of networks that are handed over beside the generator.
        options: what it asks of the architecture, by the architecture's own names.
        needs: properties some other part must have, with the reason.
        refuses: properties no other part may have, with the reason.
        has: its own properties, for others to need or refuse.
        settings: fields of `Recipe` it sets where the caller left them alone.
        unlabelled: name of the class whose images it takes as having no label.
    """

    name: str
    source: str = ""
    discriminator: tuple[Term, ...] = ()
    generator: tuple[Term, ...] = ()
    rewrite: Rewrite | None = None
    views: tuple[View, ...] = ()
    after_discriminator: tuple[Hook, ...] = ()
    after_generator: tuple[Hook, ...] = ()
    before: tuple[Hook, ...] = ()
    ready: Hook | None = None
    networks: Callable[[Shape], dict[str, nn.Module]] | None = None
    rebuild: Callable[[Mapping[str, nn.Module], Shape], dict[str, nn.Module]] | None = None
    keeps: tuple[str, ...] = ()
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    needs: Mapping[str, str] = dataclasses.field(default_factory=dict)
    refuses: Mapping[str, str] = dataclasses.field(default_factory=dict)
    has: frozenset[str] = frozenset()
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    unlabelled: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Architecture:
    """A pair of networks.

    Args:
        name: as typed.
        source: the paper.
        build: makes ``generator`` and ``discriminator`` for a shape and options; the options
            it does not know are refused before it is called.
        options: names of the options it understands.
        has: its properties, given the options that parts ask for.
        sizes: resolutions it can make.
        settings: fields of `Recipe` it sets where the caller left them alone.
        before: done at the start of each step (growing).
    """

    name: str
    source: str
    build: Callable[[Shape, Mapping[str, Any]], dict[str, nn.Module]]
    options: frozenset[str]
    has: Callable[[Mapping[str, Any]], frozenset[str]] = lambda _: frozenset()
    sizes: tuple[int, ...] = (16, 32, 64, 128)
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    before: tuple[Hook, ...] = ()
