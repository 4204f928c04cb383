"""Labelled images of any source behind one face."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synthaug.datasets.decode import decode
from synthaug.datasets.folder import Folder
from synthaug.datasets.limits import Limits
from synthaug.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from synthaug.datasets.sources import Source

__all__ = ["ImageSet"]


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """Checked, labelled, grouped images, decoded when asked for; made by `open`.

    Args:
        name: short name for people, never a full path.
        classes: class names; label i is ``classes[i]``.
        labels: int64 (N,).
        groups: int64 (N,); equal numbers stay on one side of every split.
        mode: ``"L"`` if every image is grey, else ``"RGB"``.
        sizes: int32 (N, 2), height and width once upright, pixels.
        digests: uint64 (N,), hashes of the decoded pixels.
        thumbnails: uint8 (N, T, T), grey, squashed.
        warnings: what a reader of any result must know.
        source: where the images come from.
        items: int64 (N,), number of each image inside the source.
        limits: largest image that is decoded.
        attributes: float32 (N, A), numbers beside the class in the user's units, if any.
        attribute_names: of their columns.
    """

    name: str
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    mode: str
    sizes: NDArray[np.int32]
    digests: NDArray[np.uint64]
    thumbnails: NDArray[np.uint8]
    warnings: list[str]
    source: Source = dataclasses.field(repr=False)
    items: NDArray[np.int64] = dataclasses.field(repr=False)
    limits: Limits = dataclasses.field(default_factory=Limits, repr=False)
    attributes: NDArray[np.float32] | None = None
    attribute_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def channels(self) -> int:
        """1 if grey, 3 if colour."""
        return 1 if self.mode == "L" else 3

    def path(self, index: int) -> str:
        """What messages call an image: ``"crack/17.png"`` or ``"item 17"``."""
        return self.source.path(int(self.items[index]))

    def file(self, index: int) -> Path | None:
        """The file an image is, absolute; None where the source is not a folder of files."""
        if not isinstance(self.source, Folder):
            return None
        return Path(self.source.location(int(self.items[index])))

    def pixels(self, index: int) -> NDArray[np.uint8]:
        """uint8 (H, W) if the set is grey, (H, W, 3) if not; upright and opaque."""
        raw, _ = self.source.read(int(self.items[index]))
        found = decode(raw, self.path(index), self.limits).pixels
        if self.mode == "RGB" and found.ndim == 2:
            return np.repeat(found[..., None], 3, axis=2)
        return found

    def image(self, index: int) -> Tensor:
        """uint8 (C, H, W), upright, with the channels of the set's mode."""
        import torch

        found = self.pixels(index)
        found = found[None] if found.ndim == 2 else found.transpose(2, 0, 1)
        return torch.from_numpy(np.array(found, order="C"))

    def original(self, index: int) -> tuple[Any, Any]:
        """(image, label) as the source gives it.

        Datasets, arrays and Hugging Face rows come back untouched; folders and shards give
        an upright PIL image in the set's mode and the label's number, as torchvision does.
        """
        given = self.source.original(int(self.items[index]))
        if given is not None:
            return given
        from PIL import Image

        return Image.fromarray(self.pixels(index)), int(self.labels[index])

    def subset(self, indices: Sequence[int] | NDArray[np.int64]) -> ImageSet:
        """The same set with only these images, in this order; classes stay.

        Args:
            indices: int (M,).
        """
        at = np.asarray(indices, np.int64)
        rows = ["labels", "groups", "sizes", "digests", "thumbnails", "items"]
        if self.attributes is not None:
            rows.append("attributes")
        return dataclasses.replace(self, **{name: getattr(self, name)[at] for name in rows})

    def with_groups(self, groups: NDArray[np.int64]) -> ImageSet:
        """The same set with other groups, such as those `near_duplicates` found."""
        if groups.shape != self.labels.shape:
            raise InputError(
                "groups",
                expected=f"one for each of {len(self)} images",
                got=f"{groups.shape}",
                remedy="Give one group an image.",
                code="input.groups",
            )
        return dataclasses.replace(self, groups=groups.astype(np.int64))

    def counts(self) -> dict[str, int]:
        """Images of each class, class order."""
        numbers = np.bincount(self.labels, minlength=len(self.classes))
        return dict(zip(self.classes, numbers.tolist(), strict=True))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of pixels, labels, class names and attributes: equal for the same content."""
        digest = hashlib.sha256("\0".join((self.mode, *self.classes)).encode())
        for part in (self.digests, self.labels, self.sizes):
            digest.update(np.ascontiguousarray(part).tobytes())
        if self.attributes is not None:
            digest.update("\0".join(self.attribute_names).encode())
            digest.update(np.ascontiguousarray(self.attributes).tobytes())
        return digest.hexdigest()
