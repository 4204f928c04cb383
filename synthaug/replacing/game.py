"""Terms of the face generator: drawn faces against real ones in the same surroundings.

A step's images are whole crops. For its first half the latents are those that describe the
crops themselves, so that these faces have a right answer; for the second half they are drawn,
as they will be in use, and only the critic judges.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from synthaug.diffaug import brightness, contrast, cutout
from synthaug.networks.efficientnet import normalise
from synthaug.networks.faces import around_features, outside_oval, shrunk

if TYPE_CHECKING:
    from synthaug.objectives.stage import Stage

__all__ = ["Drawn", "FaceGame", "surroundings"]


_STAGES = (1, 2, 3)
_OPENNESS_SD = (0.085, 0.07, 0.07)
"""Usual deviation of mouths and eyes, as `synthaug.faces.openness` reads them."""


class Drawn(NamedTuple):
    """The pictures of one step.

    Attributes:
        real: whole crops, float (N, 3, R, R) in [-1, 1], 0 outside their frames.
        around: the same without the face.
        made: generated faces in the same rings, with their graph.
        known: how many of the first have latents of their own.
        base: the statistical faces that the others were refined from.
    """

    real: Tensor
    around: Tensor
    made: Tensor
    known: int
    base: Tensor


@dataclasses.dataclass(frozen=True)
class FaceGame:
    """The relativistic pairing game over patches, and what holds faces to their conditions.

    Args:
        critic: role of the discriminator.
        share: of the step's latents that describe the crops themselves.
        colour: largest change of brightness, and of contrast, of what the critic sees.
        hole: side of the square that is blanked, a share of the crop's.
        apart: ratio that two latents' faces should keep: their mean difference over that
            between made and real.

    Source: Huang, Gokaslan, Kuleshov, Tompkin 2024, "The GAN is dead; long live the GAN!",
    eq. 2; Isola et al. 2017, eq. 3; Mao et al. 2019, "Mode Seeking Generative Adversarial
    Networks", eq. 2. Differs: means over patches; a hinge in place of the ratio itself.
    """

    critic: str = "discriminator"
    share: float = 0.5
    colour: float = 0.2
    hole: float = 0.25
    apart: float = 0.7

    def discriminator(self, step: Stage) -> Tensor:
        """The critic's loss."""
        real, made = self._seen(step)
        answers = self._asked(step, torch.cat([real, made.detach()]))
        real_logits, made_logits = answers.chunk(2)
        step.once("real logits", real_logits.detach)
        return F.softplus(made_logits - real_logits).mean()

    def generator(self, step: Stage) -> Tensor:
        """The generator's loss; the real faces' logits are one update old."""
        _, made = self._seen(step)
        real_logits = step.once("real logits", lambda: self._unlearnt(step))
        return F.softplus(real_logits - self._asked(step, made)).mean()

    def slope(self, step: Stage) -> Tensor:
        """R1: half the mean squared gradient of the critic's mean logit at real crops."""
        real = self._seen(step)[0].detach().requires_grad_(True)
        logits = self._asked(step, real)
        (gradient,) = torch.autograd.grad(logits.mean(1).sum(), real, create_graph=True)
        return 0.5 * gradient.square().sum(dim=(1, 2, 3)).mean()

    def distance(self, step: Stage) -> Tensor:
        """Mean absolute distance of faces whose latents are known to the true ones."""
        drawn = self.drawn(step)
        return (drawn.made[: drawn.known] - drawn.real[: drawn.known]).abs().mean()

    def likeness(self, step: Stage) -> Tensor:
        """The same in a frozen network's feature maps, at 64 px, each map by its own size."""
        drawn = self.drawn(step)
        eyes: Any = step.network("eyes")
        made, real = (
            normalise(shrunk(crops[: drawn.known], 64)) for crops in (drawn.made, drawn.real)
        )
        with torch.no_grad():
            wanted = eyes.features(real, _STAGES)
        losses = [
            (a - b).abs().mean() / b.abs().mean()
            for a, b in zip(eyes.features(made, _STAGES), wanted, strict=True)
        ]
        return torch.stack(losses).mean()

    def obeying(self, step: Stage) -> Tensor:
        """How far points, mouth and eyes lie from where they are in the real face, all faces."""
        drawn = self.drawn(step)
        reader = step.network("reader")
        with torch.no_grad():
            wanted = reader(drawn.real)
        return F.smooth_l1_loss(reader(drawn.made), wanted)

    def expressing(self, step: Stage) -> Tensor:
        """How far mouth and eyes are from as open as in the real face, all faces, read closely."""
        drawn, told = self.drawn(step), self._told(step)
        lids = step.network("lids")
        usual = torch.tensor(_OPENNESS_SD, device=told.device)
        with torch.no_grad():
            wanted = lids(around_features(drawn.real, told, 48))
        read = lids(around_features(drawn.made, told, 48))
        return F.smooth_l1_loss(read / usual, wanted / usual)

    def anchor(self, step: Stage) -> Tensor:
        """How far faces without a right answer stray from the statistical ones, at 32 px."""
        drawn = self.drawn(step)
        return (shrunk(drawn.made[drawn.known :], 32) - shrunk(drawn.base, 32)).abs().mean()

    def rim(self, step: Stage) -> Tensor:
        """The same of all faces, just outside the oval."""
        drawn = self.drawn(step)
        generator: Any = step.network("generator")
        blend: Tensor = generator.blend
        outside = (drawn.around != 0).any(1, keepdim=True) * (blend > 0)
        return ((drawn.made - drawn.real) * outside).abs().mean()

    def ignoring(self, step: Stage) -> Tensor:
        """How much too alike the faces of two latents are: 0 where the ratio is kept."""
        drawn = self.drawn(step)
        generator: Any = step.network("generator")
        few = slice(drawn.known, drawn.known + 6)
        around, told = drawn.around[few], self._told(step)[few]
        other = generator(around, generator.model.person(step.latent(len(told))), told)
        between = (drawn.made[few] - other).abs().mean()
        error = (drawn.made[few] - drawn.real[few]).abs().mean().detach()
        return F.relu(self.apart - between / error.clamp_min(1e-3))

    def drawn(self, step: Stage) -> Drawn:
        """The step's pictures, made once."""
        return step.once("drawn faces", lambda: self._draw(step))

    def _draw(self, step: Stage) -> Drawn:
        generator: Any = step.network("generator")
        told = self._told(step)
        known = round(self.share * len(told))
        with torch.no_grad():
            around, real = surroundings(step.real)
            latents = generator.model.person(step.latent(len(told)))
            if known:
                latents[:known] = generator.model.describe(real[:known], told[:known])
            base = generator.model(around[known:], latents[known:], told[known:])
        return Drawn(real, around, generator(around, latents, told), known, base)

    def _seen(self, step: Stage) -> tuple[Tensor, Tensor]:
        """Real and made crops as the critic sees them: the same changes for both."""

        def change() -> tuple[Tensor, Tensor]:
            drawn = self.drawn(step)
            both = torch.cat([drawn.real, drawn.made])
            both = contrast(brightness(both, self.colour, step.rng), self.colour, step.rng)
            seen = cutout(both, self.hole, step.rng)
            return seen[: len(drawn.real)], seen[len(drawn.real) :]

        return step.once("seen faces", change)

    def _asked(self, step: Stage, crops: Tensor) -> Tensor:
        told = self._told(step)
        labels = step.labels
        if len(crops) > len(told):
            told, labels = torch.cat([told, told]), torch.cat([labels, labels])
        logits: Tensor = step.network(self.critic)(crops, labels, told).realness
        return logits.float()

    def _unlearnt(self, step: Stage) -> Tensor:
        with torch.no_grad():
            return self._asked(step, self._seen(step)[0])

    def _told(self, step: Stage) -> Tensor:
        assert step.attributes is not None  # the routine needs them
        return step.attributes


def surroundings(crops: Tensor) -> tuple[Tensor, Tensor]:
    """Rings and whole crops, 0 where nothing is known, of crops (N, 3, R, R) in [-1, 1]."""
    known = (crops > -1).any(1, keepdim=True)
    whole = crops * known
    return whole * outside_oval(crops.shape[-1]).to(crops.device), whole
