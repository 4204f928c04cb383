"""The child that decodes pictures of strangers: no torch, no files, no network, little memory."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, ImageOps

from synthaug.v1 import media_pb2
from synthaug_server.children import decode_for

__all__ = ["main"]

_MEMORY = 3 << 29  # bytes of address space: 64 million pixels decoded, turned and converted
_CPU_SECONDS = 20  # of one picture
_FORMATS: dict[int, tuple[str, ...]] = {
    media_pb2.IMAGE_FORMAT_PNG: ("PNG",),
    media_pb2.IMAGE_FORMAT_JPEG: ("JPEG",),
    media_pb2.IMAGE_FORMAT_WEBP: ("WEBP",),
    media_pb2.IMAGE_FORMAT_UNSPECIFIED: ("PNG", "JPEG", "WEBP"),
}
_NUMBERS = {names[0]: number for number, names in _FORMATS.items() if len(names) == 1}


def main() -> None:
    """Decode what comes until the parent is gone."""
    # Plugins are imported before there is a limit on open files.
    decode_for(_answer, warm=Image.init, memory=_MEMORY, seconds=_CPU_SECONDS)


def _answer(head: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    try:
        told, pixels = _decoded(data, head["format"], head["pixels"])
    # Decoders raise anything on broken files.
    except Exception:
        told, pixels = {"bad": "unreadable"}, b""
    return {"id": head["id"], **told}, pixels


def _decoded(data: bytes, format_: int, most: int) -> tuple[dict[str, Any], bytes]:
    with Image.open(io.BytesIO(data), formats=_FORMATS[format_]) as picture:
        # The header's word, before anything is allocated for it.
        if picture.width * picture.height > most or max(picture.size) > 16384:
            return {"bad": "large"}, b""
        number = _NUMBERS[str(picture.format)]
        upright = ImageOps.exif_transpose(picture)
        if upright.mode.startswith("I"):  # 16 bits: scaled, not cut
            upright = upright.convert("F").point(lambda v: v / 257).convert("L")
        if upright.has_transparency_data:
            white = Image.new("RGBA", upright.size, "white")
            upright = Image.alpha_composite(white, upright.convert("RGBA"))
        shown = upright.convert("RGB")
        width, height = shown.size
        return {"width": width, "height": height, "format": int(number)}, shown.tobytes()


if __name__ == "__main__":
    main()
