"""The story of ``synthaug doctor``: look at everything the other jobs rely on."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from synthaug.errors import InputError, OutOfResources, SynthaugError

__all__ = ["Check", "examine"]

_NEEDED = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "pillow", "albumentations")
_EXTRAS = {
    "c2pa": "c2pa-python",
    "huggingface": "datasets",
    "webdataset": "webdataset",
    "imbalanced": "imbalanced-learn",
    "tensorboard": "tensorboard",
    "wandb": "wandb",
}
_FREE_BYTES = 1 << 30
_MEMORY_BYTES = 2 << 30


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at.

    Args:
        name: what was looked at.
        found: what was found, in words.
        remedy: one thing to do; empty where nothing is wrong.
        exit_code: 0 where synthaug works as it is, else that of the table in `errors`.
    """

    name: str
    found: str
    remedy: str = ""
    exit_code: int = 0

    @property
    def mark(self) -> str:
        """``ok``, ``note`` (works, but read this) or ``problem``."""
        if self.exit_code:
            return "problem"
        return "note" if self.remedy else "ok"

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready values."""
        return {**dataclasses.asdict(self), "mark": self.mark}


def examine(folder: Path | None = None) -> list[Check]:
    """Every check of this installation, in the order to read them.

    Args:
        folder: where output would be written; the current folder where None.
    """
    return [
        _versions(),
        _torch(),
        _opencv(),
        _weights(),
        _memory(),
        _disk(folder or Path.cwd()),
        _cache(),
        _extras(),
    ]


def opencv_check(version_of: Callable[[str], str | None]) -> Check:
    """Whether both OpenCV wheels are there at one version: they share the folder ``cv2``.

    Args:
        version_of: installed version of a distribution, None where it is not installed.
    """
    names = ("opencv-python", "opencv-python-headless")
    versions = {name: version_of(name) for name in names}
    found = ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())
    if None not in versions.values() and len(set(versions.values())) == 1:
        return Check(name="OpenCV", found=found)
    # The headless one is what albumentations asked for and pip may have moved; follow the other.
    wanted = versions["opencv-python"] or versions["opencv-python-headless"] or "5.0.0.93"
    pins = " ".join(f"{name}=={wanted}" for name in names)
    return Check(
        name="OpenCV",
        found=found,
        remedy="Both write into the same cv2 folder and must be of one version. "
        f"Run: pip install --force-reinstall --no-deps {pins}",
        exit_code=InputError.exit_code,
    )


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _versions() -> Check:
    versions = {name: _version(name) for name in ("synthaug", *_NEEDED)}
    python = ".".join(map(str, sys.version_info[:3]))
    found = [f"Python {python}", *(f"{name} {v or 'missing'}" for name, v in versions.items())]
    missing = [name for name, version in versions.items() if version is None]
    return Check(
        name="versions",
        found=", ".join(found),
        remedy=f"Run: pip install {' '.join(missing)}" if missing else "",
        exit_code=InputError.exit_code if missing else 0,
    )


def _torch() -> Check:
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = f"{torch.get_num_threads()} threads on {cores} cores"
    if not torch.cuda.is_available():
        return Check(name="devices", found=f"CPU, {found}; no CUDA device")
    cards = [
        f"cuda:{index} {torch.cuda.get_device_name(index)} "
        f"({torch.cuda.get_device_properties(index).total_memory / 2**30:.0f} GiB)"
        for index in range(torch.cuda.device_count())
    ]
    return Check(name="devices", found=f"{', '.join(cards)}; CPU, {found}")


def _opencv() -> Check:
    check = opencv_check(_version)
    if check.exit_code:
        return check
    try:
        import cv2
    except ImportError as error:
        return Check(
            name="OpenCV",
            found=f"{check.found}; cannot be imported: {error}",
            remedy="On Debian and Ubuntu: apt-get install libgl1 libglib2.0-0",
            exit_code=InputError.exit_code,
        )
    return Check(name="OpenCV", found=f"{check.found}; cv2 {cv2.__version__} imports")


def _weights() -> Check:
    from synthaug.weights import embedded

    try:
        embedded.efficientnet_lite0_state()
    except SynthaugError as error:
        return Check(
            name="weights", found=str(error), remedy=error.remedy, exit_code=error.exit_code
        )
    found = f"EfficientNet-Lite0, SHA-256 {embedded.EFFICIENTNET_LITE0_SHA256[:12]} as published"
    return Check(name="weights", found=found)


def _memory() -> Check:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return Check(name="memory", found="this system does not say")
    scarce = total < _MEMORY_BYTES
    return Check(
        name="memory",
        found=f"{total / 2**30:.1f} GiB in all",
        remedy="Training wants 2 GiB: choose --size 32 or a larger machine." if scarce else "",
    )


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    scarce = free < _FREE_BYTES
    return Check(
        name="disk",
        found=f"{free / 2**30:.1f} GiB free in {folder}",
        remedy="Checkpoints and images want 1 GiB: make room." if scarce else "",
        exit_code=OutOfResources.exit_code if scarce else 0,
    )


def _cache() -> Check:
    import platformdirs

    folder = Path(os.environ.get("SYNTHAUG_WEIGHTS") or platformdirs.user_cache_dir("synthaug"))
    # Looking must leave no trace: the nearest folder that is there tells as much.
    there = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        return Check(
            name="cache",
            found=f"{folder} cannot be written: {error.strerror}",
            remedy="Set SYNTHAUG_WEIGHTS to a folder that can.",
        )
    return Check(name="cache", found=f"{folder} can be written")


def _extras() -> Check:
    there = {extra: _version(name) for extra, name in _EXTRAS.items()}
    words = [f"{extra} {version}" if version else f"no {extra}" for extra, version in there.items()]
    return Check(name="extras", found=", ".join(words))
