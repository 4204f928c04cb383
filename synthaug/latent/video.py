"""A walk through latent space that ends where it began, and video files that say so."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthaug.datasets.png import write_error
from synthaug.errors import InputError, OutOfResources, SynthaugError
from synthaug.latent.codes import Codes, Space, draw, locate
from synthaug.latent.paths import closed
from synthaug.latent.pictures import refuse_classes_in_z
from synthaug.provenance import Provenance, xmp_packet
from synthaug.training import Generator

__all__ = ["carries_provenance", "loop", "refuse_rate", "save_video", "walk"]

_BATCH = 32
_SHORTEST = 256
"""Videos are enlarged to about this side, pixels: players and codecs blur smaller ones."""
# XMP specification part 3, 1.2.7.1: the uuid box of ISO base media files.
_XMP_BOX = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")
_X264 = {"crf": "16", "preset": "veryfast"}


def walk(
    generator: Generator, labels: Sequence[int], seeds: Sequence[int],
    *, frames: int, space: Space = "auto", truncation_psi: float = 1.0,
) -> Tensor:  # fmt: skip
    """Frames of a smooth closed walk past the images of seeds.

    Args:
        generator: where.
        labels: classes; one for all seeds, or one a seed.
        seeds: at least two; frame 0 is the image of the first.
        frames: how many; the frame after the last would be the first again.
        space: ``"w"``, ``"z"``, or ``"auto"``: w where the generator has it.
        truncation_psi: as in `Generator.sample`.

    Returns:
        uint8 (frames, C, R, R).

    Raises:
        InputError: fewer than two seeds or frames, or different classes in z.
    """
    stops = locate(generator, labels, seeds, space=space, truncation_psi=truncation_psi)
    return torch.cat(list(loop(generator, stops, frames=frames)))


def loop(generator: Generator, stops: Codes, *, frames: int) -> Iterator[Tensor]:
    """The frames of `walk` past points, uint8 (n, C, R, R) at a time.

    Raises:
        InputError: fewer than two points or frames, or different classes in z.
    """
    if len(stops) < 2 or frames < 2:
        raise InputError(
            "walk", expected="at least two images to pass and two frames",
            got=f"{len(stops)} and {frames}", remedy="Ask for more.",
        )  # fmt: skip
    refuse_classes_in_z(stops)
    values = closed(stops.values, sphere=stops.space == "z")
    noise = closed(stops.noise, sphere=True)

    def frames_at(times: Tensor) -> Tensor:
        nearest = times.mul(len(stops)).round().long().remainder(len(stops))
        here = Codes(
            stops.space, stops.labels[nearest], values(times), noise(times), stops.truncation_psi
        )
        return draw(generator, here)

    return map(frames_at, torch.split(torch.arange(frames) / frames, _BATCH))


def save_video(
    path: str | Path, frames: Tensor | Iterable[Tensor], *, fps: float, provenance: Provenance
) -> int:
    """Write frames as an MP4 file that carries its record and IPTC digital source type.

    Small frames are enlarged by a whole factor, pixel by pixel, to a side of 256 or more.
    The file appears whole or not at all.

    Args:
        path: the file; its folder must exist.
        frames: uint8 (F, C, R, R), or such parts one after another.
        fps: frames a second, above 0 and at most 240.
        provenance: stands in the file as XMP, as in a PNG.

    Returns:
        The number of frames written.

    Raises:
        InputError: a rate out of range, or a place that cannot be written.
        OutOfResources: the disk is full.
    """
    path = Path(path)
    refuse_rate(fps)
    part = path.with_name(f".{path.stem[:80]}.{os.getpid()}.part.mp4")
    try:
        try:
            part.write_bytes(b"")
            count = _encode(part, [frames] if isinstance(frames, Tensor) else frames, fps)
            with part.open("ab") as stream:
                stream.write(_box(provenance))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        if isinstance(error, SynthaugError):
            raise
        raise write_error(error, path) from error
    return count


def refuse_rate(fps: float) -> None:
    """Refuse a frame rate no player keeps.

    Raises:
        InputError: it is not above 0 and at most 240.
    """
    if not (math.isfinite(fps) and 0 < fps <= 240):
        raise InputError(
            "frame rate", expected="above 0 and at most 240", got=str(fps), where="--fps",
            remedy="Use 24.",
        )  # fmt: skip


def carries_provenance(path: Path) -> bool:
    """Whether a video is one that `save_video` wrote."""
    content = path.read_bytes()
    at = content.rfind(_XMP_BOX)
    return at >= 0 and b"urn:synthaug:provenance" in content[at:]


def _encode(path: Path, parts: Iterable[Tensor], fps: float) -> int:
    import av

    count = 0
    try:
        with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as out:
            stream: Any = out.add_stream(
                "libx264", rate=Fraction(fps).limit_denominator(1001), options=_X264
            )
            stream.pix_fmt = "yuv420p"
            for picture in (_enlarged(image) for images in parts for image in images):
                if not count:
                    stream.height, stream.width = picture.shape[:2]
                out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
                count += 1
            out.mux(stream.encode(None))
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise write_error(error, path) from error
        raise OutOfResources(
            "video cannot be written", got=str(error), where=path.name,
            remedy="Make room and run the same command again.",
        ) from error  # fmt: skip
    return count


def _enlarged(image: Tensor) -> NDArray[np.uint8]:
    """A frame as RGB (H, W, 3), its sides even and long enough."""
    factor = max(1, math.ceil(_SHORTEST / image.shape[-1]))
    pixels = np.moveaxis(image.expand(3, -1, -1).numpy(), 0, 2)
    return np.ascontiguousarray(pixels.repeat(factor, axis=0).repeat(factor, axis=1))


def _box(provenance: Provenance) -> bytes:
    content = _XMP_BOX + xmp_packet(provenance).encode()
    return struct.pack(">I4s", 8 + len(content), b"uuid") + content
