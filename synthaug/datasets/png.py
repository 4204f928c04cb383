"""PNG files that say where their picture comes from."""

from __future__ import annotations

import errno
import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from synthaug.errors import InputError, OutOfResources
from synthaug.provenance import Provenance, xmp_packet

if TYPE_CHECKING:
    import torch

__all__ = ["encode_png", "png_chunks", "read_provenance", "write_error", "write_png"]

_KEYWORD = "XML:com.adobe.xmp"
_PROVENANCE = "{urn:synthaug:provenance:1}provenance"
_DESCRIPTION = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_png(path: str | Path, image: torch.Tensor, provenance: Provenance) -> None:
    """Write one synthetic image with its record and IPTC digital source type as XMP.

    The same image and provenance give the same bytes, and the file appears whole or not
    at all: it is written under another name and renamed.

    Args:
        path: the file to write; its folder must exist.
        image: uint8 (C, H, W), C = 1 or 3.
        provenance: what stands in the file, less the name of the nearest real image.

    Raises:
        InputError: the tensor is no such image, or the place cannot be written.
        OutOfResources: the disk is full.

    Source: PNG specification, third edition, 11.3.3.4 iTXt; XMP specification part 3,
    1.1.5 PNG: keyword "XML:com.adobe.xmp", not compressed.
    """
    path = Path(path)
    content = encode_png(image, provenance)
    part = path.with_name(f".{path.name[:80]}.{os.getpid()}.part")
    try:
        try:
            part.write_bytes(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise write_error(error, path) from error


def encode_png(image: torch.Tensor, provenance: Provenance | None = None) -> bytes:
    """The bytes of a PNG file; see `write_png`. Without provenance it carries no XMP."""
    if image.ndim != 3 or image.shape[0] not in (1, 3) or str(image.dtype) != "torch.uint8":
        raise InputError(
            "image",
            expected="a uint8 tensor (C, H, W) with 1 or 3 channels",
            got=f"{image.dtype} {tuple(image.shape)}".replace("torch.", ""),
            remedy="Convert it with synthaug.datasets.convert first.",
        )
    pixels = image.detach().cpu().numpy()
    picture = Image.fromarray(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, 2).copy())
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", pnginfo=png_chunks(provenance), compress_level=6)
    return buffer.getvalue()


def png_chunks(provenance: Provenance | None) -> PngImagePlugin.PngInfo:
    """What a PNG file says of itself, for ``PIL.Image.save``; nothing without provenance."""
    chunks = PngImagePlugin.PngInfo()
    if provenance is not None:
        chunks.add_itxt(_KEYWORD, xmp_packet(provenance), zip=False)
    return chunks


def read_provenance(path: str | Path) -> Provenance | None:
    """The provenance a PNG carries, without ``nearest_name``; None where it carries none.

    Raises:
        InputError: the file is no readable image, or its record is not one of ours.
    """
    path = Path(path)
    try:
        with Image.open(path) as picture:
            packet = picture.info.get(_KEYWORD)
    except (OSError, UnidentifiedImageError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(
            "image", expected="a readable PNG file", got=str(error), where=str(path)
        ) from error
    record = _record(packet) if isinstance(packet, str) else None
    if record is None:
        return None
    try:
        return Provenance.from_dict(json.loads(record))
    except (TypeError, ValueError) as error:
        raise InputError(
            "provenance", expected="a record of this version", got=str(error), where=str(path),
            remedy="Read it with the version of synthaug that wrote it.",
        ) from error  # fmt: skip


def write_error(error: OSError, path: Path) -> InputError | OutOfResources:
    """What to raise for a failed write: OutOfResources where the disk is full."""
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return OutOfResources(
            "output",
            expected="room on the disk",
            got=reason,
            where=str(path),
            remedy="Free some space or choose another disk, then run the same call again.",
            code="resources.disk",
        )
    return InputError(
        "output",
        expected="a place that can be written",
        got=reason,
        where=str(path),
        remedy="Choose another folder or change its permissions.",
        code="output.unwritable",
    )


def _record(packet: str) -> str | None:
    """Our attribute of an XMP packet; None where the packet is someone else's."""
    try:
        root = ElementTree.fromstring(packet)
    except ElementTree.ParseError:
        return None
    for description in root.iter(_DESCRIPTION):
        if (record := description.get(_PROVENANCE)) is not None:
            return record
    return None
