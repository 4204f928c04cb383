"""Inverting a generator: the point whose image is nearest to a given one."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from synthaug.datasets import to_float
from synthaug.errors import InputError
from synthaug.latent.codes import Codes, Space, draw, join, locate, mean_style, space_of
from synthaug.latent.likeness import Likeness
from synthaug.training import Callback, Generator, Progress, tell

__all__ = ["Projection", "project"]

_STARTS = 4
"""Starts an image; the best one goes on after the first quarter of the steps."""
_GROUP = 8
"""Images at a time."""
_BATCH = 32
"""Draws compared at a time."""
_RATE = 0.1
# Weights of what keeps a point where the generator knows its way, in units of the distance.
_PRIOR, _LAYERS_APART, _NOISE = 1e-3, 1e-2, 1e-2


@dataclasses.dataclass(frozen=True)
class Projection:
    """Points found for given images, and how near their images come.

    Args:
        codes: the points.
        images: uint8 (N, C, R, R): what the generator makes of them.
        targets: uint8 (N, C, R, R): what was asked for.
        error: float (N,): `Likeness` of image and target, 0 for the same image.
        pixel_error: float (N,): root mean square difference, levels of 255.
        drawn_error: float (N,): `Likeness` of the nearest random draw, to compare with.
    """

    codes: Codes
    images: Tensor
    targets: Tensor
    error: NDArray[np.float64]
    pixel_error: NDArray[np.float64]
    drawn_error: NDArray[np.float64]


def project(
    generator: Generator,
    images: Tensor,
    labels: ArrayLike | None = None,
    *,
    space: Space = "auto",
    steps: int = 200,
    draws: int = 64,
    seed: int = 0,
    callbacks: Sequence[Callback] = (),
) -> Projection:
    """Points of latent space whose images come nearest to given ones.

    The nearest of some random draws and, where the class is given, the encoder's answer (of
    generators that kept one) and the class's mean are improved by gradient descent on
    `Likeness`. In w each layer may leave the common style a little, and pixel noise a little
    its mean, both at a price.

    Args:
        generator: what is inverted.
        images: uint8 (N, C, R, R), of the generator's size and channels; see `read_image`.
        labels: classes, int (N,); None starts in the four whose draws come nearest and keeps
            the one that gets nearest.
        space: ``"w"``, ``"z"``, or ``"auto"``: w where the generator has it.
        steps: of descent, at least 1.
        draws: random images to start from (of each class where no label is given).
        seed: of the draws.
        callbacks: told of progress.

    Raises:
        InputError: images of another shape, labels that do not fit, no steps or draws.

    Source: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN",
    section 5; Abdal, Qin, Wonka 2019, "Image2StyleGAN", section 4. Differs: several starts,
    penalties in place of noise added to w and of a regularizer of the noise maps.
    """
    _check(generator, images, steps, draws)
    kind = space_of(generator, space)
    wanted = None if labels is None else np.asarray(labels, np.int64).reshape(-1)
    if wanted is not None and len(wanted) != len(images):
        raise InputError(
            "labels", expected=f"one an image ({len(images)})", got=str(len(wanted)),
            remedy="Give as many labels as images.",
        )  # fmt: skip
    groups = torch.split(torch.arange(len(images)), _GROUP)
    found, drawn = [], []
    for done, rows in enumerate(groups):
        search = _Search(generator, images[rows], kind)
        mine = None if wanted is None else wanted[rows.numpy()]
        starts, nearest = search.starts(mine, draws, seed)
        report = _Report(callbacks, done * steps, len(groups) * steps)
        found.append(search.descend(starts, steps, report))
        drawn.append(nearest)
    codes = join(found)
    made = draw(generator, codes)
    with torch.no_grad():
        error = torch.cat([
            Likeness(to_float(images[rows]))(to_float(made[rows])) for rows in groups
        ])  # fmt: skip
    apart = (made.float() - images.float()).square().mean((1, 2, 3)).sqrt()
    return Projection(
        codes, made, images, error.double().numpy(), apart.double().numpy(),
        torch.cat(drawn).double().numpy(),
    )  # fmt: skip


def _check(generator: Generator, images: Tensor, steps: int, draws: int) -> None:
    shape = (generator.channels, generator.resolution, generator.resolution)
    if images.dtype != torch.uint8 or tuple(images.shape[1:]) != shape or not len(images):
        raise InputError(
            "images to project", expected=f"uint8 (N, {', '.join(map(str, shape))}), N >= 1",
            got=f"{images.dtype} {tuple(images.shape)}".replace("torch.", ""),
            remedy="Read them with synthaug.latent.read_image.",
        )  # fmt: skip
    if steps < 1 or draws < 1:
        raise InputError(
            "projection", expected="at least one step and one draw", got=f"{steps} and {draws}",
            remedy="Use 200 and 64.",
        )  # fmt: skip


@dataclasses.dataclass
class _Report:
    """Tells of steps done, over all groups."""

    callbacks: Sequence[Callback]
    before: int
    total: int

    def __call__(self, step: int) -> None:
        tell(self.callbacks, Progress(
            phase="project", images_seen=self.before + step, total=self.total, unit="steps",
        ))  # fmt: skip


class _Search:
    """The descent for up to `_GROUP` images."""

    def __init__(self, generator: Generator, images: Tensor, kind: str) -> None:
        self.generator, self.kind = generator, kind
        self.network: Any = generator.network
        self.device = next(generator.network.parameters()).device
        self.targets = to_float(images)
        self.likeness = Likeness(self.targets.to(self.device))

    def starts(
        self, labels: NDArray[np.int64] | None, draws: int, seed: int
    ) -> tuple[Codes, Tensor]:
        """`_STARTS` points an image, image by image, and the distance of the nearest draw."""
        classes = range(len(self.generator.classes))
        tried = sorted(set(classes if labels is None else labels.tolist()))
        seeds = np.random.default_rng(seed).integers(0, 2**62, draws * len(tried)).tolist()
        pool = locate(self.generator, np.repeat(tried, draws).tolist(), seeds, space=self.kind)  # type: ignore[arg-type]
        distances = self._distances(pool)
        if labels is not None:
            wrong = pool.labels[:, None] != torch.as_tensor(labels)
            distances = distances.masked_fill(wrong.T, math.inf)
        order = distances.argsort(1)
        nearest = distances.gather(1, order[:, :1])[:, 0]
        label = pool.labels[order[:, 0]]
        rows = []
        for i, ranked in enumerate(order):
            if labels is None:
                # The nearest draw's class need not be the image's: each start tries another.
                seen = pool.labels[ranked].tolist()
                ranked = ranked[sorted(seen.index(each) for each in set(seen))]
            known = [] if labels is None else self._informed(i, int(label[i]))
            rows.append(join([*known, pool[ranked[:_STARTS]]])[:_STARTS])
        fewest = min(len(row) for row in rows)
        return join([row[:fewest] for row in rows]), nearest

    def _informed(self, row: int, label: int) -> list[Codes]:
        """Points that were not drawn: the encoder's, and in w the class's mean."""
        labels = torch.tensor([label])
        rest = torch.zeros(1, self.network.noise_dim)
        silent = (
            rest
            if self.kind == "z"
            else self.network.noise(rest.new_zeros(1, self.generator.latent_dim))
        )
        points = []
        encoder = self.generator.companions.get("encoder")
        if encoder is not None:
            with torch.no_grad():
                answer = encoder(self.targets[row : row + 1].to(self.device))
            z = (answer[0] if isinstance(answer, tuple) else answer).cpu()
            if z.shape == (1, self.network.z_dim):
                latents = torch.cat([z, rest], dim=1)
                values = self.generator.styles(latents, labels) if self.kind == "w" else z
                points.append(Codes(self.kind, labels, values, silent))
        if self.kind == "w":
            mean = mean_style(self.generator, label)[None]
            points.append(Codes("w", labels, mean, silent))
        return points

    def _distances(self, pool: Codes) -> Tensor:
        """Float (images, points)."""
        drawn = to_float(draw(self.generator, pool)).to(self.device)
        with torch.no_grad():
            found = [self.likeness.to_all(part) for part in torch.split(drawn, _BATCH)]
        return torch.cat(found).T.cpu()

    def descend(self, starts: Codes, steps: int, report: _Report) -> Codes:
        """The best point an image after so many steps from its starts."""
        n = len(self.targets)
        rows = torch.arange(n).repeat_interleave(len(starts) // n)
        first = max(1, steps // 4)
        variables = _Variables(self.generator, starts, self.device)
        for step in range(steps):
            if step == first:
                best = self._best(self._losses(variables, rows)[0], rows)
                variables, rows = variables.only(best), rows[best]
            losses, price = self._losses(variables, rows)
            variables.move((losses + price).sum(), _rate(step / steps))
            report(step + 1)
        best = self._best(self._losses(variables, rows)[0], rows)
        return variables.codes()[best]

    def _losses(self, variables: _Variables, rows: Tensor) -> tuple[Tensor, Tensor]:
        return self.likeness(variables.images(), rows), variables.price()

    def _best(self, losses: Tensor, rows: Tensor) -> Tensor:
        found = losses.detach().cpu()
        places = [
            int(found.masked_fill(rows != i, math.inf).argmin()) for i in range(len(self.targets))
        ]
        return torch.tensor(places)


def _rate(done: float) -> float:
    """Adam's rate over the descent: up over a twentieth, down along half a cosine at the end."""
    down = 0.5 - 0.5 * math.cos(math.pi * min(1.0, (1.0 - done) / 0.5))
    return _RATE * min(1.0, 0.1 + done / 0.05) * down


class _Variables:
    """What the descent moves: a common place in units of its spread, offsets, noise."""

    def __init__(self, generator: Generator, codes: Codes, device: torch.device) -> None:
        self.generator, self.start, self.device = generator, codes, device
        self.network: Any = generator.network
        self.labels = codes.labels.to(device)
        self.middle, self.spread = _scale(generator, codes)
        common = codes.values if codes.space == "z" else codes.values.mean(1)
        self.place = ((common - self.middle) / self.spread).to(device).requires_grad_()
        self.apart = torch.zeros_like(codes.values, device=device)
        self.noise = codes.noise.to(device, copy=True).requires_grad_()
        moved = [self.place, self.noise]
        if codes.space == "w":
            moved.append(self.apart.requires_grad_())
        self.optimizer = torch.optim.Adam(moved, betas=(0.9, 0.99))

    def values(self) -> Tensor:
        middle, spread = self.middle.to(self.device), self.spread.to(self.device)
        if self.start.space == "z":
            return self.place * spread + middle
        return (self.place * spread + middle)[:, None] + self.apart * spread[:, None]

    def images(self) -> Tensor:
        if self.start.space == "w":
            images: Tensor = self.network.synthesize(self.values(), self.noise)
            return images
        latents = torch.cat([self.values(), self.noise], dim=1)
        attributes = self.generator.attributes
        told = [latents.new_zeros(len(latents), len(attributes))] if attributes else []
        drawn: Tensor = self.network(latents, self.labels, *told)
        return drawn

    def price(self) -> Tensor:
        """What leaving the known costs, float (M,)."""
        price = _PRIOR * self.place.square().mean(1) + _LAYERS_APART * (
            self.apart.square().flatten(1).mean(1)
        )
        if self.noise.shape[1]:
            price = price + _NOISE * self.noise.square().mean(1)
        return price

    def move(self, loss: Tensor, rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()

    def codes(self) -> Codes:
        return dataclasses.replace(
            self.start, values=self.values().detach().cpu(), noise=self.noise.detach().cpu()
        )

    def only(self, rows: Tensor) -> _Variables:
        """The same for some rows, the optimizer begun anew."""
        fewer = _Variables(self.generator, self.start[rows], self.device)
        with torch.no_grad():
            for name in ("place", "apart", "noise"):
                getattr(fewer, name).copy_(getattr(self, name)[rows.to(self.device)])
        return fewer


def _scale(generator: Generator, codes: Codes) -> tuple[Tensor, Tensor]:
    """Mean and deviation of the values of each point's class, float (M, D)."""
    if codes.space == "z":
        return torch.zeros_like(codes.values), torch.ones_like(codes.values)
    middles, spreads = {}, {}
    for label in set(codes.labels.tolist()):
        drawn = locate(generator, [label], range(256), space="w").values.mean(1)
        middles[label] = drawn.mean(0)
        # One spread for all dimensions: some hardly vary over draws, and must be free to move.
        spreads[label] = drawn.var(0).mean().sqrt().clamp_min(1e-6).expand(drawn.shape[1])
    labels = codes.labels.tolist()
    return torch.stack([middles[k] for k in labels]), torch.stack([spreads[k] for k in labels])
