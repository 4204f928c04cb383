"""A trained generator: what is left when training is over, and what users keep."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from synthaug.errors import Damaged, InputError
from synthaug.networks import build_generator

__all__ = ["Generator"]

_CHUNK = 32
"""Images a forward pass; fixed, so that an image's bytes do not depend on its neighbours."""


@dataclasses.dataclass
class Generator:
    """A class-conditional generator with everything needed to draw from it again.

    Args:
        network: takes latents (N, z_dim + noise_dim) and labels (N,), gives float images
            (N, C, R, R) in [-1, 1]; its ``config`` rebuilds it.
        classes: names, in label order.
        card: facts for the model card: recipe, data name, images seen, seconds, version, ...
    """

    network: nn.Module
    classes: tuple[str, ...]
    card: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def config(self) -> dict[str, Any]:
        """What rebuilds the network."""
        config: dict[str, Any] = self.network.config  # type: ignore[assignment]
        return config

    @property
    def resolution(self) -> int:
        """Side of the images, pixels."""
        return int(self.config["resolution"])

    @property
    def channels(self) -> int:
        """1 or 3."""
        return int(self.config["channels"])

    @property
    def sha256(self) -> str:
        """Hash of the weights and of what rebuilds them."""
        digest = hashlib.sha256(json.dumps(self.config, sort_keys=True).encode())
        for name, tensor in sorted(self.network.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def sample(
        self, labels: ArrayLike, seeds: Sequence[int], *, truncation_psi: float = 1.0
    ) -> Tensor:
        """Images of the given classes, one a seed.

        Args:
            labels: int (N,), 0 to num_classes - 1.
            seeds: N integers; image i is a function of ``labels[i]`` and ``seeds[i]`` only.
            truncation_psi: 1 draws from the whole distribution, 0 gives each class's mean
                image; between, less variety and fewer failures.

        Returns:
            uint8 (N, C, R, R).

        Raises:
            InputError: a label outside the range, or another number of seeds.
        """
        wanted = np.asarray(labels, dtype=np.int64).reshape(-1)
        if len(wanted) != len(seeds):
            raise InputError(
                "seeds", expected=f"one a label ({len(wanted)})", got=str(len(seeds)),
                where="Generator.sample", remedy="Give as many seeds as labels.",
            )  # fmt: skip
        if len(wanted) and not (0 <= wanted.min() and wanted.max() < len(self.classes)):
            raise InputError(
                "labels", expected=f"0 to {len(self.classes) - 1}",
                got=f"{wanted.min()} to {wanted.max()}", where="Generator.sample",
                remedy="Use the index of the class in .classes.",
            )  # fmt: skip
        pieces = [slice(start, start + _CHUNK) for start in range(0, len(wanted), _CHUNK)]
        chunks = [self._chunk(wanted[piece], seeds[piece], truncation_psi) for piece in pieces]
        empty = torch.empty(0, self.channels, self.resolution, self.resolution, dtype=torch.uint8)
        return torch.cat(chunks) if chunks else empty

    def _chunk(self, labels: ArrayLike, seeds: Sequence[int], psi: float) -> Tensor:
        device = next(self.network.parameters()).device
        network: Any = self.network
        size = network.z_dim + network.noise_dim
        latents = torch.zeros(_CHUNK, size)
        padded = torch.zeros(_CHUNK, dtype=torch.int64)
        padded[: len(seeds)] = torch.as_tensor(labels)
        for row, seed in enumerate(seeds):
            latents[row] = torch.randn(size, generator=torch.Generator().manual_seed(int(seed)))
        with torch.inference_mode():
            images: Tensor = network(latents.to(device), padded.to(device), truncation_psi=psi)
        pixels: Tensor = images[: len(seeds)].float().add(1).mul(127.5).round().clamp(0, 255)
        return pixels.to("cpu", torch.uint8).contiguous()

    def save(self, folder: Path) -> None:
        """Write ``generator.safetensors``, ``config.json`` and a model card (``README.md``)."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {k: v.detach().cpu().contiguous() for k, v in self.network.state_dict().items()}
        save_file(state, folder / "generator.safetensors")
        config = {"network": self.config, "classes": list(self.classes), "card": self.card}
        (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
        (folder / "README.md").write_text(self._model_card())

    @classmethod
    def load(cls, folder: Path | str) -> Generator:
        """The generator that `save` wrote.

        Raises:
            InputError: no generator there.
            Damaged: files there that cannot be read.
        """
        folder = Path(folder)
        if not (folder / "config.json").exists():
            raise InputError(
                "generator", expected="a folder with config.json and generator.safetensors",
                got="none", where=str(folder),
                remedy="Point to the generator/ folder of an output.",
            )  # fmt: skip
        try:
            config = json.loads((folder / "config.json").read_text())
            network = build_generator(config["network"])
            network.load_state_dict(load_file(folder / "generator.safetensors"))
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise Damaged(
                "generator cannot be read", where=str(folder), remedy="Copy or train it again."
            ) from error
        network = network.eval().requires_grad_(False)
        return cls(network, tuple(config["classes"]), config["card"])

    def _model_card(self) -> str:
        parameters = sum(p.numel() for p in self.network.parameters())
        rows = "\n".join(f"| {name} | {value} |" for name, value in self.card.items())
        return (
            "# Class-conditional image generator\n\n"
            f"Draws {self.resolution}x{self.resolution} "
            f"{'grey' if self.channels == 1 else 'RGB'} images of {len(self.classes)} classes: "
            f"{', '.join(self.classes)}. {parameters:,} parameters.\n\n"
            f"| fact | value |\n|---|---|\n{rows}\n| weights | sha256 {self.sha256} |\n\n"
            "Made by synthaug for balancing the data set it was trained on. Its images resemble "
            "that data, its gaps and its errors included; judge them before use "
            "(`synthaug evaluate`), and do not show them as photographs. The right to use them is "
            "bounded by the rights in the training images.\n\n"
            "```python\nimport synthaug\n\n"
            'generator = synthaug.load_generator("PATH")\n'
            "images = generator.sample(labels=[0, 0], seeds=[1, 2])  # uint8 (N, C, R, R)\n```\n"
        )
