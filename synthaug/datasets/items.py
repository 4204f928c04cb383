"""The form in which a data set hands out its images, and how to give a new image that form."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image

from synthaug.errors import InputError

__all__ = ["ItemForm"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ItemForm:
    """What an image of a data set is: its type, its mode or dtype, its axes, its size.

    Args:
        type: ``"pil"``, ``"array"`` (numpy) or ``"tensor"`` (torch).
        dtype: dtype name of arrays and tensors; mode of PIL images.
        channels: channels; 0 for arrays and tensors of two axes.
        channels_first: axes are (C, H, W) rather than (H, W, C).
        size: height and width every image of the set has; None where they differ.
    """

    type: Literal["pil", "array", "tensor"]
    dtype: str
    channels: int = 0
    channels_first: bool = False
    size: tuple[int, int] | None = None

    @classmethod
    def of(cls, image: Any, *, same_size: bool = False) -> ItemForm:
        """The form of one image, its size included where every image has the same.

        Raises:
            InputError: it is no PIL image, array or tensor with two or three axes.

        Example:
            >>> ItemForm.of(np.zeros((28, 20), np.uint8), same_size=True)
            ItemForm(type='array', dtype='uint8', channels=0, channels_first=False, size=(28, 20))
        """
        if isinstance(image, Image.Image):
            size = (image.height, image.width) if same_size else None
            return cls(type="pil", dtype=image.mode, size=size)
        if not isinstance(image, np.ndarray | torch.Tensor) or image.ndim not in (2, 3):
            got = type(image).__name__ + (
                f" {tuple(image.shape)}" if hasattr(image, "shape") else ""
            )
            raise InputError("image", expected="a PIL image, array or tensor", got=got)
        tensor = isinstance(image, torch.Tensor)
        shape = tuple(int(side) for side in image.shape)
        first = _channels_first(shape, prefer_first=tensor)
        height, width = shape if len(shape) == 2 else (shape[1:] if first else shape[:2])
        return cls(
            type="tensor" if tensor else "array",
            dtype=str(image.dtype).removeprefix("torch."),
            channels=0 if len(shape) == 2 else shape[0 if first else 2],
            channels_first=first,
            size=(height, width) if same_size else None,
        )

    def make(self, image: torch.Tensor) -> Any:
        """A uint8 (C, H, W) image in this form; floats are in [0, 1], 16 bits use their range."""
        pixels = image.numpy()
        picture = Image.fromarray(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, 2))
        if self.size is not None and (picture.height, picture.width) != self.size:
            picture = picture.resize(self.size[::-1], Image.Resampling.BICUBIC)
        if self.type == "pil":
            return _with_mode(picture, self.dtype)
        mode = {0: "L", 1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[self.channels]
        values = np.array(picture.convert(mode))
        if self.channels == 1:
            values = values[..., None]
        if self.channels_first:
            values = np.ascontiguousarray(np.moveaxis(values, 2, 0))
        values = _with_dtype(values, self.dtype)
        if self.type == "array":
            return values
        return torch.from_numpy(values).to(getattr(torch, self.dtype))

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> ItemForm:
        """The inverse of `to_dict`."""
        size = fields["size"]
        return cls(**{**fields, "size": None if size is None else (size[0], size[1])})


def _channels_first(shape: tuple[int, ...], *, prefer_first: bool) -> bool:
    """Whether axis 0 holds the channels; the preference decides where both could."""
    if len(shape) == 2:
        return False
    first, last = shape[0] <= 4, shape[-1] <= 4
    if not first and not last:
        raise InputError("image", expected="at most 4 channels", got=f"shape {shape}")
    return first and (prefer_first or not last)


def _with_mode(picture: Image.Image, mode: str) -> Image.Image:
    if mode.startswith("I"):  # 16-bit pictures, and the 32-bit ones PIL opens some of them as
        grey = np.array(picture.convert("L")).astype(np.int32) * 257
        return Image.fromarray(grey if mode == "I" else grey.astype(np.uint16))
    if mode == "P":
        return picture.convert("RGB").quantize()
    return picture.convert(mode)


def _with_dtype(values: np.ndarray[Any, Any], dtype: str) -> np.ndarray[Any, Any]:
    if dtype in {"bfloat16", "float16", "float32", "float64"}:
        unit = values.astype(np.float64) / 255
        return unit.astype("float32" if dtype == "bfloat16" else dtype)
    if dtype == "uint16":
        return values.astype(np.uint16) * 257
    return values >= 128 if dtype == "bool" else values.astype(dtype)
