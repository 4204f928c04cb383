"""A network on disk in one safetensors file, in half precision, that knows its own hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from synthaug.errors import Damaged, InputError

__all__ = ["digest", "read_network", "write_network"]


def write_network(network: nn.Module, path: Path, *, card: Mapping[str, str] | None = None) -> str:
    """Write weights as float16 with what rebuilds them; the hash of both.

    Args:
        network: with a ``config`` that begins with its kind.
        path: file to write.
        card: facts of its training, text only.
    """
    config: Any = network.config
    state = {
        name: tensor.detach().cpu().half().contiguous()
        for name, tensor in network.state_dict().items()
    }
    told = json.dumps(config, sort_keys=True)
    sha256 = digest(state, told)
    save_file(state, path, {"config": told, "sha256": sha256, **(card or {})})
    return sha256


def read_network(path: Path, kinds: Mapping[str, type[nn.Module]]) -> tuple[nn.Module, str]:
    """The network that `write_network` wrote, in float32 and standing still, and its hash.

    Args:
        path: the file.
        kinds: classes by the kind their config names.

    Raises:
        InputError: no such file, or a network of another kind or version.
        Damaged: the file is broken, or is not what was written.
    """
    if not path.is_file():
        raise InputError(
            "weights of a network", expected="a file", got="none", where=str(path),
            remedy="Install synthaug again, or train: synthaug train faces.",
            code="input.weights",
        )  # fmt: skip
    try:
        with safe_open(path, "pt") as file:
            facts = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise _damaged(path, "a safetensors file", str(error).splitlines()[0]) from error
    told, wanted = facts.get("config", ""), facts.get("sha256", "")
    got = digest(state, told)
    if got != wanted:
        raise _damaged(path, f"SHA-256 {wanted[:12] or 'in the file'}", got[:12])
    config = json.loads(told)
    kind = config.pop("kind")
    if kind not in kinds:
        raise InputError(
            "weights of a network", expected=" or ".join(kinds), got=repr(kind), where=str(path),
            remedy="Use a file that synthaug train faces wrote.", code="input.weights",
        )  # fmt: skip
    try:
        network = kinds[kind](**config)
        network.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    except (RuntimeError, TypeError) as error:
        raise InputError(
            "weights of a network", expected="those of this version",
            got=str(error).splitlines()[0], where=str(path),
            remedy="Train again: synthaug train faces.", code="input.weights",
        ) from error  # fmt: skip
    return network.eval().requires_grad_(False), got


def digest(state: Mapping[str, Tensor], config: str) -> str:
    """Hash of weights and of what rebuilds them."""
    hashed = hashlib.sha256(config.encode())
    for name, tensor in sorted(state.items()):
        hashed.update(name.encode())
        hashed.update(tensor.contiguous().view(torch.uint8).numpy().tobytes())
    return hashed.hexdigest()


def _damaged(path: Path, expected: str, got: str) -> Damaged:
    return Damaged(
        "weights of a network", expected=expected, got=got, where=str(path),
        remedy="Install synthaug again, or train: synthaug train faces.",
    )  # fmt: skip
