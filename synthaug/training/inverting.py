"""From images back to latents, and along the codes among the latents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from synthaug.errors import InputError
from synthaug.training.reading import batches

if TYPE_CHECKING:
    from synthaug.training.generator import Generator

__all__ = ["encode", "traverse"]


def encode(generator: Generator, images: Tensor) -> Tensor:
    """The most likely latents behind images: the encoder's means, all noise at zero.

    Args:
        generator: one that kept its encoder (recipes vae, cvae, vae-gan).
        images: uint8 (N, C, R, R).

    Returns:
        float32 (N, latent_dim), on the CPU.

    Raises:
        InputError: a generator without an encoder, or images of another shape.
    """
    encoder = generator.companions.get("encoder")
    if encoder is None:
        raise InputError(
            "encoder", expected="a generator that kept one", got="one without",
            where=f"recipe {generator.card.get('recipe', 'unknown')}",
            remedy="Train with the recipe vae, cvae or vae-gan, or project the images instead.",
            code="input.encoder",
        )  # fmt: skip
    parts = batches(images, generator.channels, generator.resolution, where="Generator.encode")
    device = next(encoder.parameters()).device
    with torch.inference_mode():
        means = [encoder(part.to(device))[0].cpu() for part in parts]
    style = torch.cat(means) if means else torch.empty(0, generator.latent_dim)
    noise = style.new_zeros(len(images), generator.latent_dim - style.shape[1])
    return torch.cat([style, noise], dim=1).clone()


def traverse(
    generator: Generator,
    code: str,
    values: Sequence[float],
    *,
    seeds: Sequence[int] = (0,),
    label: int = 0,
) -> Tensor:
    """Images in which one code takes each of the values, everything else being equal.

    Args:
        generator: trained with codes (recipe infogan).
        code: one of ``Generator.codes``.
        values: V of them: whole numbers from 0 for a category, numbers in [-1, 1] otherwise.
        seeds: S, one row each.
        label: class of all images, where the generator is told classes.

    Returns:
        uint8 (S, V, C, R, R).

    Raises:
        InputError: a generator without codes, an unknown code, or a value outside its range.

    Source: Chen et al. 2016, "InfoGAN", figure 2.
    """
    network: Any = generator.network
    if not generator.codes:
        raise InputError(
            "code", expected="a generator trained with codes", got="one without",
            where=f"recipe {generator.card.get('recipe', 'unknown')}",
            remedy="Train with the recipe infogan.", code="input.code",
        )  # fmt: skip
    latents = generator.latents(seeds)
    columns = [network.placed(latents, code, value) for value in values]
    flat = torch.stack(columns, dim=1).flatten(0, 1)
    images = generator.render(flat, [label] * len(flat))
    return images.reshape(len(latents), len(columns), *images.shape[1:])
