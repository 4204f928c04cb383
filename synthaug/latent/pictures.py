"""Pictures of a latent space: images between images, and images that share styles."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from synthaug.errors import InputError
from synthaug.latent.codes import Codes, Space, draw, join, locate
from synthaug.latent.paths import slerp
from synthaug.training import Generator

__all__ = ["between", "interpolate", "mix", "refuse_classes_in_z", "tiled"]


def interpolate(
    generator: Generator, labels: Sequence[int], seeds: Sequence[int],
    *, steps: int = 8, space: Space = "auto", truncation_psi: float = 1.0,
) -> Tensor:  # fmt: skip
    """Images on the way from one seed to the next, both ends included.

    In w the way is straight, and may lead from class to class; in z it follows the sphere,
    inside one class. Pixel noise follows the sphere in both.

    Args:
        generator: where.
        labels: classes; one for all seeds, or one a seed.
        seeds: at least two; the image at each end is the one `Generator.sample` gives.
        steps: images a way, at least 2.
        space: ``"w"``, ``"z"``, or ``"auto"``: w where the generator has it.
        truncation_psi: as in `Generator.sample`.

    Returns:
        uint8 (K - 1, steps, C, R, R): a row a way.

    Raises:
        InputError: fewer than two seeds or steps, or different classes in z.

    Source: White 2016, "Sampling Generative Networks", section 2.1 (z); Karras, Laine,
    Aila 2019, "A Style-Based Generator Architecture", section 4.1 (w).
    """
    if len(seeds) < 2 or steps < 2:
        raise InputError(
            "interpolation", expected="at least two images and two steps",
            got=f"{len(seeds)} and {steps}", remedy="Ask for more.",
        )  # fmt: skip
    ends = locate(generator, labels, seeds, space=space, truncation_psi=truncation_psi)
    shares = torch.linspace(0, 1, steps)
    ways = [between(ends, at, at + 1, shares) for at in range(len(ends) - 1)]
    images = draw(generator, join(ways))
    return images.reshape(len(ways), steps, *images.shape[1:])


def between(codes: Codes, start: int, end: int, shares: Tensor) -> Codes:
    """The points at shares (T,), 0 to 1, of the way from one point to another.

    Raises:
        InputError: points of different classes in z, where a class is no place.
    """
    refuse_classes_in_z(codes[[start, end]])
    a, b = codes[[start]], codes[[end]]
    t = shares[:, None]
    noise = slerp(a.noise.expand(len(t), -1), b.noise.expand(len(t), -1), t)
    if codes.space == "z":
        values = slerp(a.values.expand(len(t), -1), b.values.expand(len(t), -1), t)
    else:
        values = torch.lerp(a.values, b.values, t[:, :, None])
    labels = torch.where(shares < 0.5, a.labels, b.labels)
    return dataclasses.replace(codes, labels=labels, values=values, noise=noise)


def refuse_classes_in_z(codes: Codes) -> None:
    """Refuse points of different classes in z.

    Raises:
        InputError: they are.
    """
    if codes.space == "z" and len(set(codes.labels.tolist())) > 1:
        raise InputError(
            "classes", expected="one, on a way through z", got="several",
            remedy="Name one class, or use a generator with styles (rare, stylegan) and w.",
            code="input.class",
        )  # fmt: skip


def mix(generator: Generator, rows: Codes, columns: Codes, *, cut: int | None = None) -> Tensor:
    """Images with the coarse styles of the rows' sources and the fine ones of the columns'.

    Args:
        generator: one with styles.
        rows: points in w, from `locate`: give layout and shape.
        columns: points in w: give the details.
        cut: layers, counted from 4x4 pixels, whose styles come from the row; half of them by
            default. 0 takes all from the column, the number of layers all from the row.

    Returns:
        uint8 (rows, columns, C, R, R). Pixel noise is the row's.

    Raises:
        InputError: a generator without styles, or a cut outside the layers.

    Source: Karras, Laine, Aila 2019, "A Style-Based Generator Architecture", section 3.1,
    figure 3.
    """
    if rows.space != "w" or columns.space != "w":
        raise InputError(
            "style mixing", expected="points in w", got="points in z",
            remedy="Use a generator with styles (rare, stylegan).", code="input.styles",
        )  # fmt: skip
    layers = rows.values.shape[1]
    cut = layers // 2 if cut is None else cut
    if not 0 <= cut <= layers:
        raise InputError(
            "cut", expected=f"0 to {layers}, the layers of this generator", got=str(cut),
            where="--cut", remedy="Leave it out for half of them.",
        )  # fmt: skip
    shape = (len(rows), len(columns))
    coarse = rows.values[:, None, :cut].expand(*shape, -1, -1)
    fine = columns.values[None, :, cut:].expand(*shape, -1, -1)
    styles = torch.cat([coarse, fine], dim=2).flatten(0, 1)
    noise = rows.noise[:, None].expand(*shape, -1).flatten(0, 1)
    images = generator.render_styles(styles, noise)
    return images.reshape(*shape, *images.shape[1:])


def tiled(images: Tensor, *, columns: int) -> Tensor:
    """One picture (C, H, W) of images (N, C, R, R), row after row; a short row ends black.

    Example:
        >>> tiled(torch.zeros(6, 1, 2, 2, dtype=torch.uint8), columns=3).shape
        torch.Size([1, 4, 6])
    """
    missing = -len(images) % columns
    full = torch.cat([images, images.new_zeros(missing, *images.shape[1:])])
    rows = [torch.cat(list(row), dim=2) for row in torch.split(full, columns)]
    return torch.cat(rows, dim=1)
