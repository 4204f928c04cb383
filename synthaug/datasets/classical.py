"""Classical augmentation: a real image, moved, relit and partly covered.

The one module that imports albumentations. Nothing is mirrored or turned far: a mirrored
digit or traffic sign is another class, or none.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from typing import Any

import torch

from synthaug.errors import InputError

__all__ = ["CLASSICAL_RECIPE", "augment_classical", "augment_classical_each"]

CLASSICAL_RECIPE = "classical-1"  # the name in provenance; new settings, new number


def augment_classical(image: torch.Tensor, *, seed: int) -> torch.Tensor:
    """The image as another photograph of the same thing might show it.

    A random shift, turn (10 degrees at most), shear and zoom, light, contrast and gamma,
    now and then blur or noise, and a patch of random colour over a part. The same image
    and seed give the same bytes; no global random state is read or changed.

    Args:
        image: uint8 (C, H, W), C 1 or 3.
        seed: any non-negative integer.

    Returns:
        uint8 (C, H, W).

    Raises:
        InputError: the image is not uint8 (C, H, W) with one or three channels.

    Example:
        >>> import torch
        >>> grey = torch.full((1, 16, 16), 90, dtype=torch.uint8)
        >>> bool((augment_classical(grey, seed=3) == augment_classical(grey, seed=3)).all())
        True
    """
    if image.dtype != torch.uint8 or image.ndim != 3 or image.shape[0] not in (1, 3):
        raise InputError(
            "image to augment",
            expected="uint8 (C, H, W) with 1 or 3 channels",
            got=f"{str(image.dtype).removeprefix('torch.')} {tuple(image.shape)}",
            remedy="Convert it with synthaug.datasets first.",
        )
    pipeline = _pipeline()
    pipeline.set_random_seed(seed)
    changed = pipeline(image=image.permute(1, 2, 0).contiguous().numpy())["image"]
    return torch.from_numpy(changed.reshape(*image.shape[1:], -1)).permute(2, 0, 1).contiguous()


def augment_classical_each(images: torch.Tensor, seeds: Sequence[int]) -> torch.Tensor:
    """Every image of a batch under `augment_classical` with its own seed.

    Args:
        images: uint8 (N, C, H, W).
        seeds: N non-negative integers.

    Returns:
        uint8 (N, C, H, W).
    """
    changed = torch.empty_like(images)
    for number, seed in enumerate(seeds):
        changed[number] = augment_classical(images[number], seed=int(seed))
    return changed


@functools.cache
def _pipeline() -> Any:
    # albumentations asks its maker's server for a newer version unless told not to.
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    import albumentations as A
    import cv2

    border = cv2.BORDER_REFLECT_101
    return A.Compose(
        [
            A.Affine(
                scale=(0.85, 1.15),
                rotate=(-10, 10),
                translate_percent=(-0.1, 0.1),
                shear=(-6, 6),
                border_mode=border,
                p=0.9,
            ),
            A.RandomBrightnessContrast(0.25, 0.3, p=0.8),
            A.RandomGamma((70, 140), p=0.3),
            A.OneOf([A.GaussianBlur((3, 3)), A.GaussNoise((0.02, 0.06))], p=0.3),
            A.CoarseDropout(
                num_holes_range=(1, 1),
                hole_height_range=(0.1, 0.35),
                hole_width_range=(0.1, 0.35),
                fill="random_uniform",
                p=0.4,
            ),
        ]
    )
