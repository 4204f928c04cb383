"""Networks that draw a face from its surroundings, coarse conditions and a latent.

The statistical face is linear and fitted in closed form; the generator refines it. Neither has
an input for the face that is replaced: it is not there to be given.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synthaug.networks.answer import Answer
from synthaug.networks.critic import kaiming

__all__ = [
    "FaceCritic",
    "FaceGenerator",
    "FaceModel",
    "FaceReader",
    "OpennessReader",
    "around_features",
    "outside_oval",
]

_SLOPE = 0.2
_POOL = 4
"""Cells a side that the ring's colours are blurred to."""
_BINS = ((10, 6), (11, 3), (12, 2), (13, 1.5))
"""Place in the conditions' vector and half the range of yaw, pitch, mouth and eyes."""
_SMOOTH, _STIFF = 0.22, 0.06
"""Reach of a landmark's pull, in sides, and how little each pull is trusted."""
CLIP = 2.0
"""Standard deviations that a person's own part may lie from the usual."""
SPREAD = 0.6
"""How much of their deviation drawn persons have: the more, the odder."""
NUM_POSED = 12
"""Five points' places, mouth and eyes."""


class FaceModel(nn.Module):
    """A linear model of faces: what conditions and surroundings foretell, and a person's own part.

    Faces are bent so that their five points lie where they usually lie at this yaw, and are
    described by principal components. The components that conditions and the ring's blurred
    colours foretell come from a ridge regression; what it leaves is the person's own part,
    scaled so that latents are standard normal.

    Args:
        resolution: side of the crops it draws, pixels.
        z_dim: components, and length of latents.

    Source: Cootes, Edwards, Taylor 1998, "Active Appearance Models", sections 2 and 3.
    Differs: five points bent by smooth kernels in place of a mesh; their places are given, so
    appearance alone is modelled; regression on conditions.
    """

    components: Tensor  # (z_dim, P) over the pixels of the bent face inside `support`
    mean: Tensor  # (P,)
    foretold: Tensor  # (F, z_dim): components from conditions and ring
    own: Tensor  # (z_dim, z_dim): latents to components
    usual: Tensor  # (5, 10): places of the points as a polynomial of yaw
    posed: Tensor  # (z_dim, NUM_POSED): directions of latents that tell of pose and expression
    support: Tensor  # bool (R, R): the oval and what is blended around it
    blend: Tensor  # (R, R): share of the face in what is drawn
    places: Tensor  # (R * R, 2): middles of the pixels in [-1, 1]
    weight: Tensor  # (P,): how much a pixel counts; features more than hair and background

    def __init__(self, resolution: int = 64, z_dim: int = 96) -> None:
        super().__init__()
        self.resolution, self.z_dim, self.noise_dim = resolution, z_dim, 0
        side = resolution
        level = _level(side)
        support, blend = level <= 1.15, ((1.15 - level) / 0.15).clamp(0, 1)
        self.config: dict[str, Any] = {
            "kind": "face model", "resolution": side, "z_dim": z_dim,
        }  # fmt: skip
        pixels = 3 * int(support.sum())
        for name, tensor in {
            "components": torch.zeros(z_dim, pixels), "mean": torch.zeros(pixels),
            "foretold": torch.zeros(NUM_TOLD, z_dim), "own": torch.eye(z_dim),
            "usual": torch.zeros(5, 10), "posed": torch.zeros(z_dim, NUM_POSED),
        }.items():  # fmt: skip
            self.register_buffer(name, tensor)
        for name, tensor in {
            "support": support, "blend": blend, "places": _places(side),
            "weight": _weight(side)[support].repeat(3),
        }.items():  # fmt: skip
            self.register_buffer(name, tensor, persistent=False)

    def forward(self, around: Tensor, latents: Tensor, told: Tensor) -> Tensor:
        """The statistical face in its ring, float (N, 3, R, R).

        Args:
            around: rings, float (N, 3, R', R') in [-1, 1], R' a multiple of R.
            latents: float (N, z_dim).
            told: conditions' vectors, float (N, 14).
        """
        around = shrunk(around, self.resolution)
        own = latents.clamp(-CLIP, CLIP) @ self.own
        coefficients = self.foretell(around, told) + own
        face = self._bent(self.picture(coefficients), told)
        return around + self.blend * (face - around)

    def person(self, latents: Tensor) -> Tensor:
        """Latents as faces are drawn with: near the usual, and silent about pose.

        What conditions tell is theirs alone to tell: a person's own part has no say in it.
        """
        near = latents.clamp(-CLIP, CLIP) * SPREAD
        return near - (near @ self.posed) @ self.posed.T

    def picture(self, coefficients: Tensor) -> Tensor:
        """Unbent faces, float (N, 3, R, R), of components' coefficients (N, z_dim)."""
        values = self.mean + coefficients @ self.components
        side = self.resolution
        canvas = values.new_zeros(len(values), 3, side * side)
        canvas[:, :, self.support.flatten()] = values.reshape(len(values), 3, -1)
        return canvas.view(-1, 3, side, side)

    def describe(self, faces: Tensor, told: Tensor) -> Tensor:
        """Latents, float (N, z_dim), of whole crops (N, 3, R', R'): for training alone."""
        faces = shrunk(faces, self.resolution)
        around = faces * outside_oval(self.resolution).to(faces.device)
        own = self.coefficients(faces, told) - self.foretell(around, told)
        described: Tensor = torch.linalg.solve(self.own, own, left=False)
        return described

    def coefficients(self, faces: Tensor, told: Tensor) -> Tensor:
        """Components' coefficients of whole crops, float (N, z_dim)."""
        weighed = (self.unbent(faces, told) - self.mean) * self.weight**2
        coefficients: Tensor = weighed @ self.components.T
        return coefficients

    def foretell(self, around: Tensor, told: Tensor) -> Tensor:
        """Coefficients that ring (N, 3, R, R) and conditions foretell."""
        return self.features(around, told) @ self.foretold

    def features(self, around: Tensor, told: Tensor) -> Tensor:
        """What the regression sees, float (N, F): a one, conditions, bins, blurred colours."""
        known = (around != 0).any(1, keepdim=True)
        weight = known * outside_oval(around.shape[-1]).to(around.device)
        cells = F.adaptive_avg_pool2d(torch.cat([around * weight, weight], 1), _POOL)
        total = cells.sum((2, 3), keepdim=True)
        whole = total[:, :3] / total[:, 3:].clamp_min(1e-3)
        # A cell of which little is known, as at the frame's edge, counts as the whole ring.
        share = 0.02
        colours = (cells[:, :3] + share * whole) / (cells[:, 3:] + share)
        colours = colours.flatten(2)[:, :, _rim()].flatten(1)
        bins = [
            F.one_hot(((told[:, at] + 1) * half).round().long(), int(2 * half) + 1)
            for at, half in _BINS
        ]  # fmt: skip
        points = told[:, :10]
        return torch.cat([
            torch.ones_like(told[:, :1]), told, points * told[:, 10:11], points.square(),
            *(each.to(told.dtype) for each in bins), whole.flatten(1), colours,
        ], 1)  # fmt: skip

    def unbent(self, faces: Tensor, told: Tensor) -> Tensor:
        """Pixels (N, P) of crops bent so that their points lie where they usually do."""
        goal = self.usual_points(told)
        bent = _bend(faces, goal, points_of(told), self.places)
        return bent.flatten(2)[:, :, self.support.flatten()].flatten(1)

    def usual_points(self, told: Tensor) -> Tensor:
        """Where the five points usually lie at this yaw, in [-1, 1], float (N, 5, 2)."""
        return (powers(told[:, 10]) @ self.usual).view(-1, 5, 2)

    def _bent(self, pictures: Tensor, told: Tensor) -> Tensor:
        return _bend(pictures, points_of(told), self.usual_points(told), self.places)


class FaceGenerator(nn.Module):
    """A face refined from the statistical one, at a quarter of the cost of its size.

    Ring and statistical face are folded to 32x32 cells; convolutions are scaled and shifted by
    w, a function of latent and conditions; the result is unfolded and added to the statistical
    face.

    Args:
        resolution: side of the crops, 64, 128 or 256.
        widths: channels at 32, 16 and 8 cells a side.
        z_dim: latent dimensions.
        w_dim: style dimensions.

    Source: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", for
    the styles; Isola et al. 2017 for the translator. Differs: skips are added, maps normalised
    over all positions and channels, no noise (a track's face must hold still).
    """

    blend: Tensor  # (R, R): share of the face in what is drawn

    def __init__(
        self, resolution: int = 128, *, widths: Sequence[int] = (48, 96, 160), z_dim: int = 96,
        w_dim: int = 128, detail: int = 16,
    ) -> None:  # fmt: skip
        super().__init__()
        self.resolution, self.z_dim, self.noise_dim = resolution, z_dim, 0
        self.config: dict[str, Any] = {
            "kind": "face generator", "resolution": resolution, "widths": list(widths),
            "z_dim": z_dim, "w_dim": w_dim, "detail": detail,
        }  # fmt: skip
        self.model = FaceModel(64, z_dim)
        self.fold = resolution // 32
        a, b, c = widths
        self.mapping = nn.Sequential(
            nn.Linear(z_dim + 14, w_dim), nn.LeakyReLU(_SLOPE),
            nn.Linear(w_dim, w_dim), nn.LeakyReLU(_SLOPE),
        )  # fmt: skip
        self.stem = nn.Conv2d(3 * self.fold**2 + 12 + 5, a, 3, padding=1)
        self.at32 = _Styled(a, a, w_dim)
        self.to16 = _Styled(a, b, w_dim, stride=2)
        self.at16 = _Styled(b, b, w_dim)
        self.to8 = _Styled(b, c, w_dim, stride=2)
        self.at8 = nn.ModuleList(_Styled(c, c, w_dim) for _ in range(3))
        self.up16 = _Styled(c, b, w_dim)
        self.back16 = _Styled(b, b, w_dim)
        self.up32 = _Styled(b, a, w_dim)
        self.back32 = _Styled(a, a, w_dim)
        self.unfold = _Styled(a, 4 * detail, w_dim)
        self.out = nn.Conv2d(detail, 3 * (self.fold // 2) ** 2, 3, padding=1)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]
        self.out.weight.data.mul_(0.1)
        level = _level(resolution)
        self.register_buffer("blend", ((1.15 - level) / 0.1).clamp(0, 1), persistent=False)

    def forward(self, around: Tensor, latents: Tensor, told: Tensor) -> Tensor:
        """The face in its ring, float (N, 3, R, R) around [-1, 1].

        Args:
            around: rings, float (N, 3, R, R) in [-1, 1], 0 inside the oval.
            latents: float (N, z_dim).
            told: conditions' vectors, float (N, 14).
        """
        latents = latents.clamp(-CLIP, CLIP)
        base = self.model(around, latents, told)
        w = self.mapping(torch.cat([latents, told], 1))
        points = landmark_maps(told, 32)
        x = torch.cat([F.pixel_unshuffle(around, self.fold), F.pixel_unshuffle(base, 2), points], 1)
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        fine = x = self.at32(x, w)
        x = self.to16(x, w)
        middle = x = x + self.at16(x, w)
        x = self.to8(x, w)
        for block in self.at8:
            x = x + block(x, w)
        x = _doubled(self.up16(x, w)) + middle
        x = x + self.back16(x, w)
        x = _doubled(self.up32(x, w)) + fine
        x = x + self.back32(x, w)
        x = self.out(F.pixel_shuffle(self.unfold(x, w), 2))
        x = F.pixel_shuffle(x, self.fold // 2) if self.fold > 2 else x
        made = enlarged(base, self.resolution) + x.float()
        drawn: Tensor = around + self.blend * (made - around)
        return drawn


class FaceCritic(nn.Module):
    """How real each patch of a crop looks, given where its points lie and what it is said to do.

    Args:
        resolution: side of the crops, 64, 128 or 256.
        widths: channels at 32, 16 and 8 cells a side.

    Source: Isola et al. 2017, section 3.2.2, for patches; Miyato and Koyama 2018, "cGANs with
    Projection Discriminator", equation 4. Differs: input folded by pixel unshuffle.
    """

    def __init__(self, resolution: int = 128, *, widths: Sequence[int] = (64, 96, 128)) -> None:
        super().__init__()
        a, b, c = widths
        self.fold = resolution // 32
        self.stem = nn.Conv2d(3 * self.fold**2 + 5, a, 3, padding=1)
        self.first = _Down(a, b)
        self.second = _Down(b, c)
        self.last = nn.Conv2d(c, c, 3, padding=1)
        self.out = nn.Conv2d(c, 1, 1)
        self.told = nn.Linear(14, c)
        kaiming(self, _SLOPE)

    def forward(self, images: Tensor, labels: Tensor, told: Tensor) -> Answer:
        """One logit a patch, as realness (N, 64), of crops (N, 3, R, R)."""
        x = torch.cat([F.pixel_unshuffle(images, self.fold), landmark_maps(told, 32)], 1)
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        x = F.leaky_relu(self.second(self.first(x)), _SLOPE)
        x = F.leaky_relu(self.last(x), _SLOPE)
        match = (x * self.told(told)[:, :, None, None]).sum(1) / math.sqrt(x.shape[1])
        return Answer((self.out(x)[:, 0] + match).flatten(1).float())


class OpennessReader(nn.Module):
    """How far mouth and both eyes are open, read from a grey crop around them.

    Args:
        resolution: side of the crop.

    Its crops reach from above the eyes to below the mouth: see `synthaug.faces.openness`.
    """

    def __init__(self, resolution: int = 48) -> None:
        super().__init__()
        self.resolution = resolution
        self.config: dict[str, Any] = {"kind": "openness reader", "resolution": resolution}
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(32, 48, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(48, 64, 3, stride=2, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.out = nn.Linear(64 * (resolution // 8) ** 2, 3)

    def forward(self, crops: Tensor) -> Tensor:
        """Mouth, left and right eye, float (N, 3), of crops (N, 1, R, R), each normalised."""
        crops = crops - crops.mean((1, 2, 3), keepdim=True)
        crops = crops / (crops.square().mean((1, 2, 3), keepdim=True).sqrt() + 1e-2)
        numbers: Tensor = self.out(self.body(crops).flatten(1))
        return numbers


class FaceReader(nn.Module):
    """Where points of a face lie and how far mouth and eyes are open, read from a whole crop.

    It teaches the generator to do what it is told: what it reads from a drawn face is held to
    what it reads from the real one.

    Args:
        numbers: what it reads.
        widths: channels at 32, 16, 8 and 4 cells a side.
    """

    def __init__(self, numbers: int = 24, *, widths: Sequence[int] = (24, 48, 72, 96)) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "kind": "face reader", "numbers": numbers, "widths": list(widths),
        }  # fmt: skip
        layers: list[nn.Module] = []
        before = 3
        for width in widths:
            layers += [nn.Conv2d(before, width, 3, stride=2, padding=1), nn.ReLU()]
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU()] if before > 3 else []
            before = width
        self.body = nn.Sequential(*layers)
        self.out = nn.Linear(widths[-1] * 16, numbers)

    def forward(self, crops: Tensor) -> Tensor:
        """Numbers of unit deviation, float (N, numbers), of crops (N, 3, R, R) in [-1, 1]."""
        small = shrunk(crops, 64)
        small = small - small.mean((1, 2, 3), keepdim=True)
        small = small / (small.square().mean((1, 2, 3), keepdim=True).sqrt() + 1e-2)
        numbers: Tensor = self.out(self.body(small).flatten(1))
        return numbers


class _Styled(nn.Module):
    """Convolution, normalisation, scale and shift from w, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, w_dim: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
        self.style = nn.Linear(w_dim, 2 * outputs)
        nn.init.kaiming_normal_(self.conv.weight, _SLOPE)
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]
        nn.init.normal_(self.style.weight, 0, 0.5 / math.sqrt(w_dim))
        nn.init.zeros_(self.style.bias)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        x = self.conv(x)
        size = torch.rsqrt(x.square().mean((1, 2, 3), keepdim=True) + 1e-6)
        scale, shift = self.style(w)[:, :, None, None].chunk(2, dim=1)
        return F.leaky_relu(torch.addcmul(shift, x, (1 + scale) * size), _SLOPE)


class _Down(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(F.leaky_relu(self.first(F.leaky_relu(x, _SLOPE)), _SLOPE))
        total: Tensor = y + self.skip(F.avg_pool2d(x, 2))
        return total * math.sqrt(0.5)


def outside_oval(side: int) -> Tensor:
    """1 outside the oval, float (side, side); a pixel its edge runs through is inside."""
    return (_level(side) > 1 + 0.75 / (side * 0.3)).float()


def shrunk(images: Tensor, resolution: int) -> Tensor:
    """Images averaged down to a side that divides theirs."""
    times = images.shape[-1] // resolution
    return F.avg_pool2d(images, times) if times > 1 else images


def enlarged(images: Tensor, resolution: int) -> Tensor:
    """Images interpolated up to a side."""
    if images.shape[-1] == resolution:
        return images
    return F.interpolate(images, size=resolution, mode="bilinear", align_corners=False)


def landmark_maps(told: Tensor, side: int) -> Tensor:
    """A soft dot for each of the five points, float (N, 5, side, side)."""
    points = points_of(told)
    axis = (torch.arange(side, device=told.device) + 0.5) * 2 / side - 1
    width = 2 / side
    x, y = (torch.exp(-(((axis - points[..., i : i + 1]) / width) ** 2) / 2) for i in (0, 1))
    return y[..., :, None] * x[..., None, :]


def points_of(told: Tensor) -> Tensor:
    """The five points of conditions' vectors, in [-1, 1], float (N, 5, 2)."""
    return told[:, :10].reshape(-1, 5, 2)


def around_features(crops: Tensor, told: Tensor, side: int) -> Tensor:
    """Grey squares around eyes and mouth, float (N, 1, side, side), as openness is read from."""
    points = points_of(told)
    eyes, mouth = points[:, :2].mean(1), points[:, 3:].mean(1)
    reach = 0.5 * 1.65 * (mouth - eyes).norm(dim=1).clamp_min(0.1)
    places = _places(side).to(crops.device) * reach[:, None, None] + ((eyes + mouth) / 2)[:, None]
    grey = (crops * crops.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    return F.grid_sample(grey, places.view(-1, side, side, 2), align_corners=False)


def powers(yaw: Tensor) -> Tensor:
    """Powers 0 to 4 of a yaw in [-1, 1], float (N, 5)."""
    return torch.stack([yaw**power for power in range(5)], 1)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")


def _bend(images: Tensor, where: Tensor, shown: Tensor, places: Tensor) -> Tensor:
    """Images bent so that what was at ``shown`` comes to lie near ``where``, (N, 5, 2) each."""

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return torch.exp(-torch.cdist(a, b).square() / (2 * (2 * _SMOOTH) ** 2))

    near = kernel(where, where) + _STIFF * torch.eye(where.shape[1], device=where.device)
    pulls = torch.linalg.solve(near, shown - where)
    grid = places + kernel(places.expand(len(where), -1, -1), where) @ pulls
    side = images.shape[-1]
    return F.grid_sample(
        images, grid.view(-1, side, side, 2), padding_mode="border", align_corners=False
    )


def _places(side: int) -> Tensor:
    axis = (torch.arange(side) + 0.5) * 2 / side - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([x, y], -1).flatten(0, 1)


@functools.lru_cache(maxsize=8)
def _level(side: int) -> Tensor:
    """As `synthaug.faces.geometry.level` of a crop's pixels, float (side, side)."""
    x, y = _places(side).view(side, side, 2).abs().unbind(-1)
    return ((x / 0.6) ** 5 + (y / 0.72) ** 5) ** 0.2


def _weight(side: int) -> Tensor:
    """How much a pixel of the unbent face counts, float (side, side)."""
    x, y = _places(side).view(side, side, 2).unbind(-1)
    return 0.25 + 0.75 * torch.exp(-((x / 0.42) ** 2 + ((y - 0.12) / 0.45) ** 2) / 2)


def _rim() -> list[int]:
    """The pooled cells that hold some of the ring."""
    return [
        i for i in range(_POOL**2) if i // _POOL in (0, _POOL - 1) or i % _POOL in (0, _POOL - 1)
    ]


NUM_TOLD = 1 + 14 + 10 + 10 + sum(int(2 * half) + 1 for _, half in _BINS) + 3 + 3 * 12
