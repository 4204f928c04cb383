"""Trained networks on disk: safetensors for the weights, the config for what rebuilds them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import nn

from synthaug.networks import build

__all__ = ["load_network", "save_network", "sha256_of"]


def save_network(network: nn.Module, folder: Path, role: str) -> None:
    """Write ``ROLE.safetensors``."""
    state = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
    save_file(state, folder / f"{role}.safetensors")


def load_network(folder: Path, role: str, config: dict[str, Any]) -> nn.Module:
    """The network of a role, standing still.

    Raises:
        OSError, RuntimeError, SafetensorError: the file is missing, broken or another's.
    """
    network = build(config)
    network.load_state_dict(load_file(folder / f"{role}.safetensors"))
    return network.eval().requires_grad_(False)


def sha256_of(network: nn.Module) -> str:
    """Hash of a network's weights and of what rebuilds it."""
    digest = hashlib.sha256(json.dumps(network.config, sort_keys=True).encode())
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
