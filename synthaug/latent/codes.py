"""Points of a generator's latent space: where they come from, and the images they give."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from synthaug.errors import InputError
from synthaug.spelling import did_you_mean
from synthaug.training import Generator

__all__ = ["Codes", "Space", "draw", "join", "label_of", "locate", "mean_style", "space_of"]

Space = Literal["auto", "w", "z"]

_DRAWS = 512


@dataclasses.dataclass(frozen=True)
class Codes:
    """Images as points of a latent space.

    Args:
        space: ``"w"`` (a style for each layer) or ``"z"``.
        labels: int64 (N,); in w they only say where a point comes from.
        values: float (N, layers, w_dim) in w, (N, z_dim) in z.
        noise: float (N, P): pixel noise in w; all that stands behind z in z.
        truncation_psi: still to be applied when drawn; in w it is in the values already.
    """

    space: str
    labels: Tensor
    values: Tensor
    noise: Tensor
    truncation_psi: float = 1.0

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: Any) -> Codes:
        """The points of some rows: a slice, or int64 (M,)."""
        return dataclasses.replace(
            self, labels=self.labels[rows], values=self.values[rows], noise=self.noise[rows]
        )


def space_of(generator: Generator, space: Space) -> str:
    """``"w"`` or ``"z"``: what ``"auto"`` means for a generator.

    Raises:
        InputError: another word, or w for a generator without styles.
    """
    if space not in ("auto", "w", "z"):
        raise InputError(
            "space", expected="auto, w or z", got=repr(space), remedy="Use auto.",
            code="input.space",
        )  # fmt: skip
    if space == "w" and not generator.has_styles:
        raise InputError(
            "space", expected="z", got=f"w for a {generator.config['kind']} generator",
            remedy="Use auto: this generator has no styles.", code="input.styles",
        )  # fmt: skip
    return space if space != "auto" else "w" if generator.has_styles else "z"


def label_of(generator: Generator, class_name: str) -> int:
    """The label of a class's name.

    Raises:
        InputError: the generator does not know it; near names are offered.
    """
    if class_name in generator.classes:
        return generator.classes.index(class_name)
    raise InputError(
        "class", expected="one of " + ", ".join(generator.classes), got=repr(class_name),
        where="--class",
        remedy=did_you_mean(
            class_name, generator.classes, otherwise="Use a class the generator was trained on."
        ),
        code="input.class",
    )  # fmt: skip


def locate(
    generator: Generator, labels: Sequence[int], seeds: Sequence[int],
    *, space: Space = "auto", truncation_psi: float = 1.0,
) -> Codes:  # fmt: skip
    """The points of the images that ``generator.sample(labels, seeds)`` gives.

    Args:
        generator: where.
        labels: classes; one for all seeds, or one a seed.
        seeds: of the latents.
        space: ``"w"``, ``"z"``, or ``"auto"``: w where the generator has it.
        truncation_psi: as in `Generator.sample`.

    Raises:
        InputError: labels and seeds that do not fit, or an unknown label or space.
    """
    kind = space_of(generator, space)
    wanted = torch.as_tensor(list(labels) * (len(seeds) if len(labels) == 1 else 1))
    if len(wanted) != len(seeds) or not len(seeds):
        raise InputError(
            "labels", expected=f"one, or one a seed ({len(seeds)})", got=str(len(wanted)),
            remedy="Give as many as seeds, at least one.",
        )  # fmt: skip
    if wanted.min() < 0 or wanted.max() >= len(generator.classes):
        raise InputError(
            "labels", expected=f"0 to {len(generator.classes) - 1}",
            got=f"{wanted.min()} to {wanted.max()}",
            remedy="Use the index of the class in .classes.",
        )  # fmt: skip
    latents, z_dim = generator.latents(seeds), _z_dim(generator)
    if kind == "z":
        return Codes("z", wanted, latents[:, :z_dim], latents[:, z_dim:], truncation_psi)
    network: Any = generator.network
    styles, noise = generator.styles(latents, wanted), network.noise(latents)
    if truncation_psi != 1.0:
        means = {label: mean_style(generator, label) for label in set(wanted.tolist())}
        middle = torch.stack([means[label] for label in wanted.tolist()])
        styles = middle + truncation_psi * (styles - middle)
        noise = noise * truncation_psi
    return Codes("w", wanted, styles, noise)


def draw(generator: Generator, codes: Codes) -> Tensor:
    """Images of points, uint8 (N, C, R, R); those of `locate` are the ones `sample` gives."""
    if codes.space == "w":
        return generator.render_styles(codes.values, codes.noise)
    latents = torch.cat([codes.values, codes.noise], dim=1)
    return generator.render(latents, codes.labels, truncation_psi=codes.truncation_psi)


def join(parts: Sequence[Codes]) -> Codes:
    """Points of one space one after another."""
    return dataclasses.replace(
        parts[0],
        labels=torch.cat([part.labels for part in parts]),
        values=torch.cat([part.values for part in parts]),
        noise=torch.cat([part.noise for part in parts]),
    )


def mean_style(generator: Generator, class_name: str | int | None = None) -> Tensor:
    """The mean style w of a class, float (layers, w_dim): the centre of truncation.

    Args:
        generator: one with styles.
        class_name: the class, by name or label; None for the mean over all classes.

    Raises:
        InputError: a generator without styles, or an unknown class.

    Source: Karras, Laine, Aila 2019, "A Style-Based Generator Architecture", section 5
    (appendix B). Differs: one mean for each class.
    """
    space_of(generator, "w")
    if class_name is None:
        every = range(len(generator.classes))
        return torch.stack([mean_style(generator, label) for label in every]).mean(0)
    label = class_name if isinstance(class_name, int) else label_of(generator, class_name)
    source = torch.Generator().manual_seed(0)
    z = torch.randn(_DRAWS, _z_dim(generator), generator=source)
    rest = torch.zeros(_DRAWS, generator.latent_dim - z.shape[1])
    own = getattr(generator.network, "mean_style", None)
    if own is None:
        return generator.styles(torch.cat([z, rest], dim=1), [label] * _DRAWS).mean(0)
    with torch.no_grad():
        mean: Tensor = own().cpu()
    layers = generator.styles(torch.cat([z, rest], dim=1)[:1], [label]).shape[1]
    # One row where no class is told.
    return mean[label if len(mean) > 1 else 0].expand(layers, -1)


def _z_dim(generator: Generator) -> int:
    network: Any = generator.network
    return int(network.z_dim)
