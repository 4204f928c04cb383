"""Translation terms: what a picture of the other side has to satisfy.

A step's images are pairs stacked along channels, source first. Where they are larger than the
networks' resolution, a random part of that size is cut out (the papers' jitter), the same for
every term of a step.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from synthaug.objectives.stage import Stage

__all__ = ["ConditionalPatches", "Cycle", "Jitter", "PairedDistance"]


@dataclasses.dataclass(frozen=True)
class Jitter:
    """Source and target of a step, cut at random and mirrored at random.

    Args:
        flip: mirror half of the pictures left to right.
        together: both sides alike, as pairs need; False moves each by itself.

    Source: Isola et al. 2017, appendix 6.2; Zhu et al. 2017, appendix 7.1 (load at 286, cut
    256, mirror). Differs: none.
    """

    flip: bool = True
    together: bool = True

    def sides(self, step: Stage) -> tuple[Tensor, Tensor]:
        """Source and target, float (N, C, R, R) in [-1, 1]; the same whoever asks."""
        return step.once("sides", lambda: self._cut(step))

    @torch.no_grad()
    def _cut(self, step: Stage) -> tuple[Tensor, Tensor]:
        generator: Any = step.network("generator")
        first = generator.source_channels
        source, target = step.real[:, :first], step.real[:, first:]
        draws = torch.rand(2, 3, len(source), generator=step.rng, device=source.device)
        if self.together:
            draws[1] = draws[0]
        moved = [
            self._moved(side, draw, generator.resolution)
            for side, draw in zip((source, target), draws, strict=True)
        ]
        return moved[0], moved[1]

    def _moved(self, side: Tensor, draws: Tensor, resolution: int) -> Tensor:
        room = side.shape[-1] - resolution
        tops, lefts = (draws[:2] * (room + 1)).long().clamp(max=room).tolist()
        parts = [
            picture[:, top : top + resolution, left : left + resolution]
            for picture, top, left in zip(side, tops, lefts, strict=True)
        ]
        cut = torch.stack(parts)
        if self.flip:
            cut = torch.where((draws[2] < 0.5)[:, None, None, None], cut.flip(-1), cut)
        return cut.contiguous(memory_format=torch.channels_last)


@dataclasses.dataclass(frozen=True)
class ConditionalPatches:
    """The logistic game over patches of pairs: source beside real or beside made target.

    Args:
        jitter: of the pairs.
        critic: role of the discriminator, which sees pairs stacked along channels.

    Source: Isola et al. 2017, equation 1 and section 3.3. Differs: none (the generator plays
    the non-saturating form, the discriminator's loss is halved, as there).
    """

    jitter: Jitter = dataclasses.field(default_factory=Jitter)
    critic: str = "discriminator"

    def discriminator(self, step: Stage) -> Tensor:
        """The discriminator's loss."""
        source, target = self.jitter.sides(step)
        made = made_target(step, self.jitter).detach()
        pairs = torch.cat([torch.cat([source, target], 1), torch.cat([source, made], 1)])
        real, fake = step.network(self.critic)(pairs).realness.float().chunk(2)
        return 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())

    def generator(self, step: Stage) -> Tensor:
        """The generator's loss."""
        source, _ = self.jitter.sides(step)
        pairs = torch.cat([source, made_target(step, self.jitter)], 1)
        return F.softplus(-step.network(self.critic)(pairs).realness.float()).mean()


@dataclasses.dataclass(frozen=True)
class PairedDistance:
    """How far the made target lies from the true one, a mean over pixels.

    Args:
        jitter: of the pairs.
        norm: ``"l1"`` (absolute) or ``"l2"`` (squared).

    Source: Isola et al. 2017, equation 3. Differs: none.
    """

    jitter: Jitter = dataclasses.field(default_factory=Jitter)
    norm: Literal["l1", "l2"] = "l1"

    def __call__(self, step: Stage) -> Tensor:
        """The loss, a scalar, in units of pixels in [-1, 1] (squared for L2)."""
        _, target = self.jitter.sides(step)
        apart = (made_target(step, self.jitter) - target).float()
        return apart.abs().mean() if self.norm == "l1" else apart.square().mean()


def made_target(step: Stage, jitter: Jitter) -> Tensor:
    """The generator's pictures of this step's sources, with their graph; made once."""

    def make() -> Tensor:
        source, _ = jitter.sides(step)
        made: Tensor = step.network("generator")(source, step.latent(len(source)))
        return made

    return step.once("made target", make)


@dataclasses.dataclass(frozen=True)
class Cycle:
    """Two generators that undo each other, two critics that judge by squares.

    Roles: ``generator`` leads from A to B, ``back`` from B to A; ``discriminator a`` and
    ``discriminator b`` judge pictures of A and B; ``pool a`` and ``pool b`` remember what was
    made.

    Args:
        jitter: of both domains, each by itself.
        identity: whether `unchanged` is one of the terms.

    Source: Zhu et al. 2017, equations 1 to 3 with the squares of section 4, identity loss of
    section 5.2. Differs: none (the discriminators' losses are halved, as there).
    """

    jitter: Jitter = dataclasses.field(default_factory=lambda: Jitter(together=False))
    identity: bool = True

    def discriminator_a(self, step: Stage) -> Tensor:
        """The loss of the critic of A."""
        return self._judge(step, "a", self.jitter.sides(step)[0], self._made_a(step))

    def discriminator_b(self, step: Stage) -> Tensor:
        """The loss of the critic of B."""
        return self._judge(step, "b", self.jitter.sides(step)[1], self._made_b(step))

    def deceive_a(self, step: Stage) -> Tensor:
        """How far pictures made for A are from being called real."""
        return _squares(step, "a", self._made_a(step), 1.0)

    def deceive_b(self, step: Stage) -> Tensor:
        """How far pictures made for B are from being called real."""
        return _squares(step, "b", self._made_b(step), 1.0)

    def cycle(self, step: Stage) -> Tensor:
        """Absolute error of both ways there and back, a mean over pixels each."""
        a, b = self.jitter.sides(step)
        again_a = step.network("back")(self._made_b(step), step.latent(len(a)))
        again_b = step.network("generator")(self._made_a(step), step.latent(len(b)))
        return _apart(again_a, a) + _apart(again_b, b)

    def unchanged(self, step: Stage) -> Tensor:
        """Absolute change to pictures that are of the wanted domain already."""
        a, b = self.jitter.sides(step)
        return _apart(self._ways(step, "generator")[1], b) + _apart(self._ways(step, "back")[1], a)

    def _made_b(self, step: Stage) -> Tensor:
        return self._ways(step, "generator")[0]

    def _made_a(self, step: Stage) -> Tensor:
        return self._ways(step, "back")[0]

    def _ways(self, step: Stage, role: str) -> tuple[Tensor, Tensor]:
        """What a generator makes of its source and, for the identity loss, of its target."""

        def make() -> tuple[Tensor, Tensor]:
            a, b = self.jitter.sides(step)
            given = [a, b] if role == "generator" else [b, a]
            # One pass over both is a quarter faster than two.
            both = torch.cat(given if self.identity else given[:1])
            made = step.network(role)(both, step.latent(len(both)))
            return made[: len(a)], made[len(a) :]

        return step.once(f"made by {role}", make)

    def _judge(self, step: Stage, side: str, real: Tensor, made: Tensor) -> Tensor:
        pool: Any = step.network(f"pool {side}")
        shown = step.once(f"shown {side}", lambda: pool.exchange(made, step.rng))
        return 0.5 * (_squares(step, side, real, 1.0) + _squares(step, side, shown, 0.0))


def _apart(made: Tensor, wanted: Tensor) -> Tensor:
    return (made - wanted).float().abs().mean()


def _squares(step: Stage, side: str, pictures: Tensor, wanted: float) -> Tensor:
    realness: Tensor = step.network(f"discriminator {side}")(pictures).realness
    return (realness.float() - wanted).square().mean()
