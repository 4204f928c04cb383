"""Recipes that turn pictures of one side into pictures of another."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Literal

from torch import nn

from synthaug.errors import InputError
from synthaug.networks.translation import ImagePool, PatchCritic, ResidualTranslator, UNet
from synthaug.objectives.translation import ConditionalPatches, Cycle, Jitter, PairedDistance
from synthaug.textbook.entry import Entry
from synthaug.training import Phase, Player, Routine, Shape, Term
from synthaug.training.routine import flat_then_linear

__all__ = ["ENTRIES", "cyclegan", "pix2pix"]

_PIX2PIX = "Isola, Zhu, Zhou, Efros 2017"
_CYCLEGAN = "Zhu, Park, Isola, Efros 2017"
_PATCH_LAYERS = {32: 1, 64: 2}
"""Strided layers of the critics: patches of about a quarter to a half of the side; 3 above."""


def pix2pix(
    *,
    distance: Literal["l1", "l2"] = "l1",
    weight: float = 100.0,
    adversarial: bool = True,
    flip: bool = True,
    dropout: float = 0.5,
    width: int = 32,
    batch_size: int = 4,
    name: str = "pix2pix",
) -> Routine:
    """A U-Net that a patch critic and a pixel distance hold to the true partner.

    Args:
        distance: ``"l1"`` or ``"l2"``.
        weight: of the distance; the paper's lambda.
        adversarial: False leaves the distance alone: the paper's baseline.
        flip: mirror half of the pairs.
        dropout: of the U-Net; its noise.
        width: channels after the first layer of both networks.
        batch_size: pairs a step.
        name: for messages and the model card.

    Source: Isola et al. 2017. Differs: batches of 4 in place of 1 (pictures do not mix, see
    `UNet`), linear decay of the step size in the second half (their code, not their paper),
    averaged weights.
    """
    jitter = Jitter(flip=flip)
    game, near = ConditionalPatches(jitter), PairedDistance(jitter, distance)
    rate = {"learning_rate": 2e-4, "betas": (0.5, 0.999), "schedule": flat_then_linear()}
    generator_terms = [Term(distance, near, weight=weight)]
    players = []
    if adversarial:
        terms = (Term("patches", game.discriminator),)
        players.append(Player("discriminator", ("discriminator",), terms, **rate))  # type: ignore[arg-type]
        generator_terms.insert(0, Term("patches", game.generator))
    players.append(Player("generator", ("generator",), tuple(generator_terms), **rate))  # type: ignore[arg-type]
    return Routine(
        name=name,
        summary="Pairs: a U-Net with dropout noise, a patch critic and a pixel distance."
        if adversarial
        else "Pairs: the same U-Net with the pixel distance alone.",
        source=_PIX2PIX,
        build=functools.partial(
            _pair_networks, width=width, dropout=dropout, adversarial=adversarial
        ),
        phases=(Phase("translation", 1.0, tuple(players)),),
        batch_size=batch_size,
        conditional=False,
    )


def cyclegan(
    *,
    cycle: float = 10.0,
    identity: float = 0.5,
    flip: bool = True,
    width: int = 16,
    pool: int = 50,
    batch_size: int = 1,
    name: str = "cyclegan",
) -> Routine:
    """Two residual generators that undo each other, trained without pairs.

    Args:
        cycle: weight of the way there and back; the paper's lambda.
        identity: weight of leaving the wanted domain alone, as a share of ``cycle``.
        flip: mirror half of the pictures.
        width: channels of the generators at full size; critics have twice as many.
        pool: made pictures that the critics are shown again.
        batch_size: pictures of each domain a step.
        name: for messages and the model card.

    Source: Zhu et al. 2017. Differs: averaged weights; networks as said there.
    """
    terms = Cycle(Jitter(flip=flip, together=False), identity=identity > 0)
    rate = {"learning_rate": 2e-4, "betas": (0.5, 0.999), "schedule": flat_then_linear()}
    generators = (
        Term("b is real", terms.deceive_b),
        Term("a is real", terms.deceive_a),
        Term("cycle", terms.cycle, weight=cycle),
        *([Term("identity", terms.unchanged, weight=cycle * identity)] if identity else []),
    )
    critics = (Term("a", terms.discriminator_a), Term("b", terms.discriminator_b))
    return Routine(
        name=name,
        summary="Two folders without pairs: generators both ways that undo each other.",
        source=_CYCLEGAN,
        build=functools.partial(_domain_networks, width=width, pool=pool),
        phases=(
            Phase(
                "translation",
                1.0,
                (
                    Player("generators", ("generator", "back"), generators, **rate),  # type: ignore[arg-type]
                    Player(
                        "discriminators",
                        ("discriminator a", "discriminator b"),
                        critics,
                        **rate,  # type: ignore[arg-type]
                    ),
                ),
            ),
        ),
        batch_size=batch_size,
        keeps=("generator", "back"),
        conditional=False,
    )


def _pair_networks(
    shape: Shape, *, width: int, dropout: float, adversarial: bool
) -> dict[str, nn.Module]:
    first, second, side = _sides(shape)
    networks: dict[str, nn.Module] = {
        "generator": UNet(first, second, side, width=width, dropout=dropout)
    }
    if adversarial:
        layers = _PATCH_LAYERS.get(side, 3)
        networks["discriminator"] = PatchCritic(shape.channels, layers=layers, width=width)
    return networks


def _domain_networks(shape: Shape, *, width: int, pool: int) -> dict[str, nn.Module]:
    first, second, side = _sides(shape)
    layers = _PATCH_LAYERS.get(side, 3)
    return {
        "generator": ResidualTranslator(first, second, side, width=width),
        "back": ResidualTranslator(second, first, side, width=width),
        "discriminator a": PatchCritic(first, layers=layers, width=2 * width),
        "discriminator b": PatchCritic(second, layers=layers, width=2 * width),
        "pool a": ImagePool(first, side, size=pool),
        "pool b": ImagePool(second, side, size=pool),
    }


def _sides(shape: Shape) -> tuple[int, int, int]:
    """Channels of source and target, and the side of both."""
    if not shape.source_channels:
        raise InputError(
            "data of a translation", expected="pictures of two sides", got="single images",
            where="networks of a translation", remedy="Use synthaug translate train.",
            code="input.recipe",
        )  # fmt: skip
    return shape.source_channels, shape.channels - shape.source_channels, shape.resolution


def _entry(routine: Routine, make: object, parts: Sequence[str], **rest: str) -> Entry:
    return Entry(
        name=routine.name, summary=routine.summary, source=routine.source, parts=tuple(parts),
        make=make, **rest,  # type: ignore[arg-type]
    )  # fmt: skip


_L2 = functools.partial(pix2pix, distance="l2", name="pix2pix-l2")
_L1_ONLY = functools.partial(pix2pix, adversarial=False, name="l1-only")

ENTRIES = (
    _entry(
        pix2pix(), pix2pix,
        ("u-net", "dropout noise", "patch critic", "conditional", "l1", "jitter", "averaging"),
        when="where every picture has its partner, such as masks and photographs.",
        shows="mask to photograph on magnetic_tile beats the L1-only net in Fréchet distance",
        data="pairs",
    ),
    _entry(
        _L2(), _L2,
        ("u-net", "dropout noise", "patch critic", "conditional", "l2", "jitter", "averaging"),
        when="in place of pix2pix where outliers of the pairs matter; it blurs more.",
        shows="the distance term is the mean square, by hand",
        data="pairs",
    ),
    _entry(
        _L1_ONLY(), _L1_ONLY, ("u-net", "dropout noise", "l1", "jitter", "averaging"),
        when="as the baseline of pix2pix: what the patch critic adds.",
        shows="its pictures are the blurred median that pix2pix is compared with",
        data="pairs",
    ),
    _entry(
        cyclegan(), cyclegan,
        ("residual", "two generators", "patch critics", "lsgan", "cycle", "identity",
         "image pool", "jitter", "averaging"),
        when="where two folders show two domains and nothing pairs them.",
        shows="magnetic_tile free and blowhole tiles come back from the way there and back",
        data="domains",
    ),
)  # fmt: skip
