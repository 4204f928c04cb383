"""Anything that shows an image, made uint8 sRGB or grey, upright and opaque.

The limits are compared with the header, so nothing large is allocated for a lying file.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from synthaug.datasets.limits import Limits
from synthaug.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BadImage", "Picture", "decode", "decode_files_by"]

# Formats PIL decodes by itself: no EPS or PDF, which call other programs. PIL's JPEG opener
# also reads MPO, which has no opener of its own.
_FORMATS = (
    "AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP",
)  # fmt: skip
# What PIL's format plugins raise on broken files.
_BROKEN = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, ArithmeticError,
    struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip
_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Resampling filters overshoot a little; a normalized image overshoots a lot.
_FLOAT_SLACK = 0.01


class BadImage(InputError):
    """One image that cannot be used; `skip_bad` leaves it out."""

    default_code = "input.image"


@dataclasses.dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image.

    Args:
        pixels: uint8 (H, W) if grey, (H, W, 3) sRGB if not.
        had_alpha: whether something transparent was composited on white.
        frames: images in the file; only the first is used.
    """

    pixels: NDArray[np.uint8]
    had_alpha: bool = False
    frames: int = 1


FileDecoder = Callable[[str | Path | bytes, str, Limits], Picture]
_elsewhere: FileDecoder | None = None


def decode_files_by(decoder: FileDecoder | None) -> None:
    """From now on have this process' files decoded by somebody else; None: here again.

    For programs that read pictures of strangers and let a process with limits do it.

    Args:
        decoder: takes what `decode` takes of files and bytes, and answers and raises as it does.
    """
    global _elsewhere
    _elsewhere = decoder


def decode(raw: Any, where: str, limits: Limits) -> Picture:
    """The image shown by a path, encoded bytes, a PIL image, an array or a tensor.

    Args:
        raw: what the source gave.
        where: name of the item in messages.
        limits: largest image allowed.

    Raises:
        BadImage: broken, over the limits, or NaN.
        InputError: pixels in a range or shape that is no image's.
    """
    if isinstance(raw, str | Path | bytes):
        if _elsewhere is not None:
            return _elsewhere(raw, where, limits)
        image, frames = _from_file(raw, where, limits)
        return dataclasses.replace(_from_pil(image, where, limits), frames=frames)
    if isinstance(raw, Image.Image):
        return _from_pil(raw, where, limits)
    return _from_array(raw, where, limits)


@functools.cache
def _formats() -> tuple[str, ...]:
    """Those of the formats that this PIL was built with."""
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def _from_file(raw: str | Path | bytes, where: str, limits: Limits) -> tuple[Image.Image, int]:
    """The upright PIL image of a file or of encoded bytes, and how many images it holds."""
    with warnings.catch_warnings():
        # PIL warns of bombs, odd EXIF and palettes; our limits and conversions answer them.
        warnings.simplefilter("ignore")
        try:
            # PIL maps files it opens by name, and then turns rotated TIFFs into noise.
            with _stream(raw) as stream, Image.open(stream, formats=_formats()) as image:
                _refuse(image, where, limits)
                image.load()
                frames = getattr(image, "n_frames", 1)
                turn = _UPRIGHT.get(_orientation(image))
                upright = image.transpose(turn) if turn is not None else image.copy()
        except BadImage:
            raise
        except _BROKEN as error:
            raise BadImage(_reason(raw, error), where=where) from error
    return upright, frames


def _stream(raw: str | Path | bytes) -> IO[bytes]:
    return io.BytesIO(raw) if isinstance(raw, bytes) else Path(raw).open("rb")


def _reason(raw: str | Path | bytes, error: Exception) -> str:
    size = len(raw) if isinstance(raw, bytes) else _size(Path(raw))
    if size == 0:
        return "is an empty file"
    if isinstance(error, UnidentifiedImageError):
        return "is not an image PIL can read"
    if isinstance(error, Image.DecompressionBombError):
        return "claims more pixels than allowed"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"cannot be decoded, {text[:1].lower()}{text[1:]}" if text else "cannot be decoded"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _refuse(image: Image.Image, where: str, limits: Limits) -> None:
    complaint = limits.complaint(*image.size)
    if complaint:
        raise BadImage(complaint, where=where)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except _BROKEN:  # damaged EXIF around a good picture
        return 1


def _from_pil(image: Image.Image, where: str, limits: Limits) -> Picture:
    _refuse(image, where, limits)
    try:
        image.load()
    except _BROKEN as error:
        raise BadImage(f"cannot be decoded, {error}", where=where) from error
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        return Picture(*_on_white(image))
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Picture(_deep(np.asarray(image), where))
    mode = "L" if image.mode in ("1", "L") else "RGB"
    return Picture(np.array(image.convert(mode)))


def _on_white(image: Image.Image) -> tuple[NDArray[np.uint8], bool]:
    grey = image.mode in ("1", "L", "LA", "La")
    if image.mode in ("La", "RGBa", "PA") or image.mode.startswith("I"):
        image = image.convert("RGBA")
    pixels = np.asarray(image.convert("LA" if grey else "RGBA"))
    return _composite(pixels)


def _composite(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], bool]:
    """Pixels (H, W, 2 or 4) on white, and whether anything shone through."""
    alpha = pixels[..., -1:].astype(np.float32) / 255
    flat = pixels[..., :-1] * alpha + 255 * (1 - alpha)
    rounded = np.rint(flat).astype(np.uint8)
    return rounded[..., 0] if rounded.shape[-1] == 1 else rounded, bool((alpha < 1).any())


def _deep(values: NDArray[Any], where: str) -> NDArray[np.uint8]:
    """More than 8 bits a pixel, scaled to 8: 0 stays 0 and the largest level becomes 255."""
    if values.dtype.kind == "f":
        return _unit_floats(values, where)
    if values.size and (values.min() < 0 or values.max() > 65535):
        got = f"{values.min()} to {values.max()}"
        raise BadImage(f"holds levels {got}, not 16-bit ones", where=where)
    scaled: NDArray[np.uint8] = ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return scaled


def _unit_floats(values: NDArray[Any], where: str) -> NDArray[np.uint8]:
    if not np.isfinite(values).all():
        raise BadImage("holds pixels that are NaN or infinite", where=where)
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    if low < -_FLOAT_SLACK or high > 1 + _FLOAT_SLACK:
        raise InputError(
            "float image",
            expected="pixels from 0 to 1",
            got=f"{low:.3g} to {high:.3g}",
            where=where,
            remedy="Pass the images before Normalize (uint8, or floats divided by their maximum).",
            code="input.normalized",
        )
    scaled: NDArray[np.uint8] = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return scaled


def _from_array(raw: Any, where: str, limits: Limits) -> Picture:
    channels_first = hasattr(raw, "detach")  # a tensor; numpy arrays end with channels
    array = np.asarray(raw.detach().cpu() if channels_first else raw)
    array = _channels_last(array, channels_first, where)
    complaint = limits.complaint(array.shape[1], array.shape[0])
    if complaint:
        raise BadImage(complaint, where=where)
    pixels = _to_bytes(array, where)
    if pixels.shape[-1] in (2, 4):
        return Picture(*_composite(pixels))
    return Picture(np.ascontiguousarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels))


def _channels_last(array: NDArray[Any], channels_first: bool, where: str) -> NDArray[Any]:
    if array.ndim == 2:
        array = array[..., None]
    elif array.ndim == 3:
        first, last = (array.shape[end] in (1, 2, 3, 4) for end in (0, -1))
        if first and (channels_first or not last):
            array = np.moveaxis(array, 0, -1)
    if array.ndim != 3 or array.shape[-1] not in (1, 2, 3, 4) or 0 in array.shape:
        raise InputError(
            "image shape",
            expected="(H, W), (H, W, C) or (C, H, W) with 1 to 4 channels",
            got=f"{array.shape}",
            where=where,
            remedy="Give each item as one image.",
            code="input.shape",
        )
    return array


def _to_bytes(array: NDArray[Any], where: str) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind == "f":
        return _unit_floats(array, where)
    if array.dtype == np.uint16:
        return _deep(array, where)
    if array.dtype.kind in "iu" and 0 <= array.min() and array.max() <= 255:
        return array.astype(np.uint8)
    raise InputError(
        "image pixels",
        expected="uint8, uint16, or floats from 0 to 1",
        got=f"{array.dtype}" + _span(array),
        where=where,
        remedy="Convert the images to uint8.",
        code="input.pixels",
    )


def _span(array: NDArray[Any]) -> str:
    return f" from {array.min()} to {array.max()}" if array.dtype.kind in "iu" else ""
