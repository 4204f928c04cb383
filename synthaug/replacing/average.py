"""The second rung: the statistical face."""

from __future__ import annotations

from pathlib import Path

from synthaug.networks.faces import FaceModel
from synthaug.replacing.network_rung import OURS, NetworkRung
from synthaug.weights.kept import read_network

__all__ = ["AVERAGE_FILE", "AverageFace"]

AVERAGE_FILE = "average.safetensors"


class AverageFace(NetworkRung):
    """The statistical face: what surroundings and conditions foretell, and a person's own part.

    Args:
        folder: where ``average.safetensors`` lies; the package's own by default.

    Raises:
        InputError: no weights there, or of another kind.
        Damaged: they are not what was written.
    """

    name = "average"

    def __init__(self, folder: Path | str | None = None) -> None:
        path = Path(folder or OURS) / AVERAGE_FILE
        super().__init__(*read_network(path, {"face model": FaceModel}))
