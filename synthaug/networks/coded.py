"""A generator some of whose latents are codes: a category, and numbers between -1 and 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synthaug.errors import InputError

__all__ = ["CodedGenerator"]

_INSIDE = 1 - 1e-6
"""Largest code that still has a finite normal behind it."""


class CodedGenerator(nn.Module):
    """Any generator, the first of its latents turned into codes.

    Latents stay standard normal, so an image is still a function of its seed. Of each category
    with K values the first K unused normals are taken: the largest of them names the value,
    uniformly, and the generator sees it one-hot. Each continuous code is one normal put through
    the normal distribution function, so uniform in (-1, 1).

    Args:
        inner: the generator that receives codes and remaining latents in place of its own.
        categories: number of values of each categorical code.
        continuous: number of continuous codes.

    Raises:
        InputError: codes that leave the generator no latent of its own.

    Source: Chen et al. 2016, "InfoGAN", section 5. Differs: codes are computed from normals
    instead of drawn from their own distributions.
    """

    def __init__(
        self, inner: nn.Module, *, categories: Sequence[int] = (10,), continuous: int = 2
    ) -> None:
        super().__init__()
        known: Any = inner
        self.inner = inner
        self.categories, self.continuous = tuple(categories), continuous
        self.z_dim, self.noise_dim = int(known.z_dim), int(known.noise_dim)
        self.length = sum(self.categories) + continuous
        if self.length >= self.z_dim:
            raise InputError(
                "codes", expected=f"fewer than the {self.z_dim} latents of the generator",
                got=str(self.length), where="InfoGAN", remedy="Ask for fewer codes.",
                code="input.recipe",
            )  # fmt: skip
        self.config: dict[str, Any] = {
            "kind": "coded", "inner": known.config, "categories": list(self.categories),
            "continuous": continuous, "channels": known.config["channels"],
            "resolution": known.config["resolution"],
        }  # fmt: skip

    @classmethod
    def restored(cls, inner: nn.Module, **config: Any) -> CodedGenerator:
        """The network of a saved config, around an inner one that is built already."""
        return cls(inner, categories=config["categories"], continuous=config["continuous"])

    @property
    def names(self) -> tuple[str, ...]:
        """What the codes are called: ``category``, ``category 2``, ..., ``continuous``, ..."""
        counts = (("category", len(self.categories)), ("continuous", self.continuous))
        return tuple(
            kind if number == 0 else f"{kind} {number + 1}"
            for kind, count in counts
            for number in range(count)
        )

    def forward(
        self, latents: Tensor, labels: Tensor, attributes: Tensor | None = None,
        *, truncation_psi: float = 1.0,
    ) -> Tensor:  # fmt: skip
        """Float images (N, C, R, R) in [-1, 1] from latents (N, z_dim + noise_dim)."""
        chosen, numbers = self.codes(latents)
        hot = [
            F.one_hot(chosen[:, place], values).to(latents.dtype)
            for place, values in enumerate(self.categories)
        ]
        coded = torch.cat([*hot, numbers, latents[:, self.length :]], dim=1)
        told = (labels,) if attributes is None else (labels, attributes)
        images: Tensor = self.inner(coded, *told, truncation_psi=truncation_psi)
        return images

    def codes(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Values of the categories, int64 (N, sets), and continuous codes, float (N, C)."""
        places = torch.split(latents[:, : sum(self.categories)], list(self.categories), dim=1)
        chosen = [part.argmax(dim=1) for part in places]
        empty = latents.new_zeros(len(latents), 0, dtype=torch.int64)
        normals = latents[:, sum(self.categories) : self.length]
        numbers = torch.erf(normals / math.sqrt(2))
        return (torch.stack(chosen, dim=1) if chosen else empty), numbers

    def placed(self, latents: Tensor, code: str, value: float) -> Tensor:
        """The latents with one code set and everything else as it was.

        Args:
            latents: float (N, z_dim + noise_dim).
            code: one of `names`.
            value: a whole number from 0 for a category, a number in [-1, 1] otherwise.

        Raises:
            InputError: no such code or value.
        """
        if code not in self.names:
            raise _refused("one of " + ", ".join(self.names), repr(code), "Use one of its codes.")
        place = self.names.index(code)
        changed = latents.clone()
        if place < len(self.categories):
            values, first = self.categories[place], sum(self.categories[:place])
            if value != int(value) or not 0 <= value < values:
                raise _refused(f"0 to {values - 1}", f"{value:g}", "Use one of its values.", code)
            normals = latents[:, first : first + values]
            # The largest normal changes places with the one of the wanted value: the set of
            # numbers, and with it how likely the latent is, stays the same.
            largest, at = normals.max(dim=1, keepdim=True)
            wanted = normals[:, int(value), None].clone()
            swapped = normals.scatter(1, at, wanted)
            swapped[:, int(value)] = largest[:, 0]
            changed[:, first : first + values] = swapped
            return changed
        if not -1 <= value <= 1:
            raise _refused("-1 to 1", f"{value:g}", "Use a value in that range.", code)
        inside = torch.tensor(float(value)).clamp(-_INSIDE, _INSIDE)
        column = sum(self.categories) + place - len(self.categories)
        changed[:, column] = torch.erfinv(inside) * math.sqrt(2)
        return changed


def _refused(expected: str, got: str, remedy: str, where: str = "") -> InputError:
    return InputError(
        "code", expected=expected, got=got, where=where, remedy=remedy, code="input.code"
    )
