"""The first rung: a face that a trained generator draws."""

from __future__ import annotations

from pathlib import Path

import torch

from synthaug.networks.faces import FaceGenerator
from synthaug.replacing.network_rung import OURS, NetworkRung
from synthaug.weights.kept import read_network

__all__ = ["GENERATED_FILE", "GeneratedFace"]

GENERATED_FILE = "generated.safetensors"


class GeneratedFace(NetworkRung):
    """A face that a trained generator draws.

    Args:
        folder: where ``generated.safetensors`` lies, as `synthaug train faces` writes it; the
            package's own by default.

    Raises:
        InputError: no weights there, or of another kind.
        Damaged: they are not what was written.
    """

    name = "generated"

    def __init__(self, folder: Path | str | None = None) -> None:
        path = Path(folder or OURS) / GENERATED_FILE
        network, sha256 = read_network(path, {"face generator": FaceGenerator})
        super().__init__(network.to(memory_format=torch.channels_last), sha256)
