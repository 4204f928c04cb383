"""Still pictures: read with their own depth and channels, written as they were but for faces."""

from __future__ import annotations

import base64
import dataclasses
import io
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaug.errors import Damaged, InputError
from synthaug.media.clip import Limits
from synthaug.media.marking import is_own_packet

__all__ = [
    "STILL_ENDINGS",
    "Still",
    "as_rgb",
    "described_still",
    "encoded",
    "pixels_of",
    "put",
]

STILL_ENDINGS = frozenset(".jpg .jpeg .jpe .jfif .png .webp .bmp".split())
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
_CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}
_MOST_FRAMES = 10_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Still:
    """A picture file as its header describes it; may be animated.

    Args:
        path: the file.
        format: ``"JPEG"``, ``"PNG"``, ``"WEBP"`` or ``"BMP"``.
        width: upright, pixels.
        height: upright, pixels.
        mode: ``"L"``, ``"LA"``, ``"RGB"``, ``"RGBA"`` or ``"CMYK"``.
        depth: bits of a number, 8 or 16.
        orientation: EXIF's, 1 to 8; frames are handed over upright.
        frames: how many.
        settings: what the encoder is told: JPEG's tables, whether WebP is lossless.
        profile: the colour profile.
        left_out: what a copy will not carry, in words.
    """

    path: Path
    format: str
    width: int
    height: int
    mode: str
    depth: int
    orientation: int
    frames: int
    settings: dict[str, Any]
    profile: bytes
    left_out: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of a frame."""
        return self.height, self.width, _CHANNELS[self.mode]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of a frame's numbers."""
        return np.dtype(np.uint16 if self.depth == 16 else np.uint8)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready values."""
        fields = dataclasses.asdict(self)
        profile = base64.b64encode(self.profile).decode()
        return {**fields, "path": str(self.path), "profile": profile}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Still:
        """The inverse of `to_dict`.

        Raises:
            ValueError: values that no picture has.
        """
        numbers = ("width", "height", "depth", "orientation", "frames")
        still = cls(
            path=Path(fields["path"]),
            format=str(fields["format"]),
            mode=str(fields["mode"]),
            settings=dict(fields["settings"]),
            profile=base64.b64decode(fields["profile"]),
            left_out=tuple(str(each) for each in fields["left_out"]),
            **{name: int(fields[name]) for name in numbers},
        )
        if (
            still.mode not in _CHANNELS
            or still.format not in _FORMATS
            or still.depth not in (8, 16)
        ):
            raise ValueError(f"{still.format} {still.mode} {still.depth}")
        return still


def described_still(path: Path, limits: Limits) -> Still:
    """What a picture file is, from its header, read in this very process.

    Raises:
        InputError: not a picture, or beyond the limits.
    """
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # our own limits hold before anything is decoded
    if not path.is_file():
        raise InputError("picture", expected="a file", got="none", where=str(path))
    try:
        image = Image.open(path, formats=_FORMATS)
    except (OSError, ValueError, SyntaxError) as error:
        got = "an empty file" if path.stat().st_size == 0 else "another file"
        raise InputError(
            "picture", expected="jpg, png, webp or bmp", got=got, where=str(path),
            remedy="Check that it opens, or convert it first.", code="input.image",
        ) from error  # fmt: skip
    with image:
        frames = int(getattr(image, "n_frames", 1))
        if image.width * image.height > limits.pixels or frames > _MOST_FRAMES:
            raise InputError(
                "picture", expected=f"at most {limits.pixels:,} pixels",
                got=f"{image.width}x{image.height}" + (f", {frames} frames" if frames > 1 else ""),
                where=str(path), remedy="Raise --max-pixels if you trust the file.",
                code="input.limit",
            )  # fmt: skip
        orientation = _orientation(image)
        width, height = image.size if orientation < 5 else image.size[::-1]
        mode, depth = _mode(image, path)
        return Still(
            path=path, format=str(image.format), width=width, height=height, mode=mode, depth=depth,
            orientation=orientation, frames=frames, settings=_settings(image, path),
            profile=image.info.get("icc_profile") or b"", left_out=_left_out(image),
        )  # fmt: skip


def pixels_of(still: Still) -> Iterator[tuple[NDArray[Any], int, bool]]:
    """Frames upright, (H, W, C), each with its duration in milliseconds and whether it is whole.

    Raises:
        Damaged: nothing of it can be decoded.
    """
    from PIL import Image, ImageFile

    Image.MAX_IMAGE_PIXELS = None
    if still.depth == 16:
        yield _deep(still), 0, True
        return
    whole = True
    with Image.open(still.path, formats=_FORMATS) as image:
        for number in range(still.frames):
            try:
                image.seek(number)
                image.load()
            except (OSError, SyntaxError, ValueError, EOFError) as error:
                if number or isinstance(error, EOFError):
                    raise Damaged(
                        "picture breaks off", got=f"{number} of {still.frames} frames",
                        where=str(still.path),
                    ) from error  # fmt: skip
                ImageFile.LOAD_TRUNCATED_IMAGES, whole = True, False
            if not whole:
                with Image.open(still.path, formats=_FORMATS) as again:
                    yield _upright(_array(again, still), still.orientation), 0, False
                return
            duration = int(image.info.get("duration") or 0)
            yield _upright(_array(image, still), still.orientation), duration, True


def as_rgb(pixels: NDArray[Any], mode: str) -> NDArray[np.uint8]:
    """A frame as it is seen, uint8 (H, W, 3); transparent parts keep their hidden colours."""
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if mode in ("L", "LA"):
        return np.ascontiguousarray(np.repeat(pixels[..., :1], 3, -1))
    if mode == "CMYK":
        ink = 255 - pixels.astype(np.uint16)
        return (ink[..., :3] * ink[..., 3:] // 255).astype(np.uint8)
    return np.ascontiguousarray(pixels[..., :3])


def put(
    pixels: NDArray[Any],
    mode: str,
    left: int,
    top: int,
    rgb: NDArray[np.uint8],
    mask: NDArray[np.bool_],
) -> None:
    """Set the masked pixels of a frame to new colours, in place; they become opaque.

    Args:
        pixels: (H, W, C).
        mode: of them.
        left: column of the patch's first pixel, inside the frame.
        top: row of it.
        rgb: uint8 (h, w, 3), the patch.
        mask: bool (h, w), which of its pixels are set.
    """
    part = pixels[top : top + mask.shape[0], left : left + mask.shape[1]]
    if mode in ("L", "LA"):
        grey = (rgb.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32) + 0.5)[
            ..., None
        ]
        colours = grey.astype(np.uint8)
    elif mode == "CMYK":
        colours = np.concatenate([255 - rgb, np.zeros_like(rgb[..., :1])], -1)
    else:
        colours = rgb
    if mode in ("LA", "RGBA"):
        colours = np.concatenate([colours, np.full_like(colours[..., :1], 255)], -1)
    scale = 257 if pixels.dtype == np.uint16 else 1
    part[mask] = colours[mask].astype(pixels.dtype) * scale


def encoded(
    still: Still, frames: Sequence[NDArray[Any]], durations: Sequence[int], xmp: bytes
) -> bytes:
    """The bytes of a picture file of the same kind that says what it is.

    Args:
        still: what it was.
        frames: (H, W, C) each.
        durations: milliseconds each.
        xmp: packet that stands in it.
    """
    if still.depth == 16:
        return _with_png_text(_deep_png(frames[0], still), xmp)
    from PIL import Image, PngImagePlugin

    modes = {1: "L", 2: "LA", 3: "RGB", 4: "CMYK" if still.mode == "CMYK" else "RGBA"}
    images = [
        Image.fromarray(
            each[..., 0] if each.shape[-1] == 1 else np.ascontiguousarray(each),
            modes[each.shape[-1]],
        )
        for each in frames
    ]
    options: dict[str, Any] = {"icc_profile": still.profile} if still.profile else {}
    file = io.BytesIO()
    if still.format == "JPEG":
        options |= _jpeg_options(still)
        images[0].save(file, "JPEG", **options)
        content = file.getvalue()
        segment = b"http://ns.adobe.com/xap/1.0/\0" + xmp
        return content[:2] + struct.pack(">HH", 0xFFE1, len(segment) + 2) + segment + content[2:]
    if still.format == "BMP":
        images[0].save(file, "BMP")
        return file.getvalue()
    if len(images) > 1:
        options |= {"save_all": True, "append_images": images[1:], "duration": list(durations)}
        options["loop"] = int(still.settings.get("loop", 0))
    if still.format == "WEBP":
        quality = {"lossless": True} if still.settings.get("lossless") else {"quality": 95}
        images[0].save(file, "WEBP", xmp=xmp, **quality, **options)
        return file.getvalue()
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", xmp.decode())
    images[0].save(file, "PNG", pnginfo=text, **options)
    return file.getvalue()


def _mode(image: Any, path: Path) -> tuple[str, int]:
    """Channels and depth in which a picture is handed over."""
    if image.format == "PNG":
        with path.open("rb") as file:
            head = file.read(26)
        if head[24] == 16:
            return {0: "L", 2: "RGB", 4: "LA", 6: "RGBA"}[head[25]], 16
    if image.mode in ("1", "L", "I", "F", "I;16"):
        return ("LA" if "transparency" in image.info else "L"), 8
    if image.mode in ("LA", "La", "CMYK"):
        return image.mode.upper(), 8
    seen_through = image.mode in ("RGBA", "RGBa", "PA") or "transparency" in image.info
    return ("RGBA" if seen_through else "RGB"), 8


def _array(image: Any, still: Still) -> NDArray[Any]:
    pixels = np.asarray(image.convert(still.mode))
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _deep(still: Still) -> NDArray[np.uint16]:
    import cv2

    content = np.frombuffer(still.path.read_bytes(), np.uint8)
    image = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.uint16:
        raise Damaged("picture", expected="pixels", got="none", where=str(still.path))
    if image.ndim == 2:
        image = image[..., None]
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[image.shape[-1]]
    image = image[..., order]
    if still.mode == "LA" and image.shape[-1] == 4:
        image = image[..., [0, 3]]
    return _upright(np.ascontiguousarray(image), still.orientation)


def _deep_png(pixels: NDArray[Any], still: Still) -> bytes:
    import cv2

    if still.mode == "LA":  # OpenCV writes no grey with alpha
        pixels = pixels[..., [0, 0, 0, 1]]
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[pixels.shape[-1]]
    return bytes(cv2.imencode(".png", np.ascontiguousarray(pixels[..., order]))[1])


def _with_png_text(content: bytes, xmp: bytes) -> bytes:
    """A PNG with the packet in a text chunk before its pixels."""
    import zlib

    chunk = b"iTXt" + b"XML:com.adobe.xmp\0\0\0\0\0" + xmp
    whole = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return content[:33] + whole + content[33:]


def _orientation(image: Any) -> int:
    try:
        value = int(image.getexif().get(0x0112, 1))
    except (ValueError, TypeError, SyntaxError, OSError, KeyError):
        return 1
    return value if 1 <= value <= 8 else 1


def _upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Pixels turned and mirrored as EXIF says."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _settings(image: Any, path: Path) -> dict[str, Any]:
    if image.format == "JPEG":
        from PIL import JpegImagePlugin

        tables = {
            str(n): [int(x) for x in table]
            for n, table in (getattr(image, "quantization", None) or {}).items()
        }
        return {
            "tables": tables,
            "sampling": JpegImagePlugin.get_sampling(image),
            "progressive": bool(image.info.get("progressive")),
        }
    if image.format == "WEBP":
        with path.open("rb") as file:
            lossless = b"VP8L" in file.read(1 << 16)
        return {"lossless": lossless, "loop": int(image.info.get("loop") or 0)}
    return {"loop": int(image.info.get("loop") or 0)}


def _jpeg_options(still: Still) -> dict[str, Any]:
    """The source's own tables: what was not painted is coded again as it was."""
    options: dict[str, Any] = {"progressive": still.settings.get("progressive", False)}
    tables = still.settings.get("tables") or {}
    fits = tables and all(
        len(table) == 64 and all(0 < x < 256 for x in table) for table in tables.values()
    )
    if not fits:
        return {**options, "quality": 95}
    ordered = [tables[name] for name in sorted(tables, key=int)]
    if still.orientation > 4:  # blocks have been turned, and their frequencies with them
        ordered = [np.reshape(table, (8, 8)).T.ravel().tolist() for table in ordered]
    options["qtables"] = ordered
    sampling = still.settings.get("sampling", -1)
    if sampling in (0, 1, 2):
        options["subsampling"] = sampling
    return options


def _left_out(image: Any) -> tuple[str, ...]:
    """Metadata that may tell who photographed whom, where and when."""
    found = []
    try:
        exif = image.getexif()
        if len(exif):
            found.append("metadata EXIF")
        if exif.get_ifd(0x8825):
            found.append("metadata EXIF GPS position")
        if exif.get_ifd(0x014A) or exif.get_ifd(1):
            found.append("thumbnail")
    except (ValueError, TypeError, SyntaxError, OSError, KeyError):
        found.append("metadata EXIF")
    names = {"xmp": "XMP", "XML:com.adobe.xmp": "XMP", "photoshop": "IPTC", "comment": "comment",
             "Comment": "comment", "parsed_exif": ""}  # fmt: skip
    for name, value in image.info.items():
        if names.get(name) == "XMP" and isinstance(value, str | bytes) and is_own_packet(value):
            continue  # it says that faces were replaced
        if names.get(name):
            found.append(f"metadata {names[name]}")
        elif image.format == "PNG" and isinstance(value, str):
            found.append(f"metadata {name}")
    return tuple(sorted(set(found)))
