"""A trained translation: what is left when training is over, and what users keep."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from synthaug.errors import Damaged, InputError
from synthaug.training.saving import load_network, save_network, sha256_of

__all__ = ["Direction", "SideFacts", "Translator"]

Direction = Literal["a2b", "b2a"]

_CHUNK = 4
"""Pictures a forward pass; fixed, so that a picture's bytes do not depend on its neighbours."""


@dataclasses.dataclass(frozen=True)
class SideFacts:
    """What a translation knows of one of its sides.

    Args:
        name: of the folder it was learnt from.
        channels: 1 (grey) or 3 (RGB).
        masks: whether its values are names: resized without new ones.
    """

    name: str
    channels: int
    masks: bool


@dataclasses.dataclass
class Translator:
    """Networks from pictures of one side to pictures of another, and all that runs them.

    Args:
        network: from side A to side B; takes float (N, C, R, R) in [-1, 1] and latents
            (N, z_dim + noise_dim); its ``config`` rebuilds it.
        sides: A and B.
        card: facts for the model card.
        back: the network from B to A, where there is one.
    """

    network: nn.Module
    sides: tuple[SideFacts, SideFacts]
    card: dict[str, Any] = dataclasses.field(default_factory=dict)
    back: nn.Module | None = None

    @property
    def resolution(self) -> int:
        """Side of the pictures it works on, pixels."""
        config: Any = self.network.config
        return int(config["resolution"])

    @property
    def sha256(self) -> str:
        """Hash of the weights of the way from A to B and of what rebuilds them."""
        return sha256_of(self.network)

    def from_to(self, direction: Direction) -> tuple[nn.Module, SideFacts, SideFacts]:
        """The network of a direction, the side it reads and the side it makes.

        Raises:
            InputError: an unknown direction, or one that was not learnt.
        """
        if direction == "a2b":
            return self.network, *self.sides
        if direction == "b2a" and self.back is not None:
            return self.back, self.sides[1], self.sides[0]
        known = "a2b" if self.back is None else "a2b or b2a"
        raise InputError(
            "direction", expected=known, got=repr(direction), where="Translator",
            remedy=f"Recipe {self.card.get('recipe', 'of this model')} learnt no other way; "
            "train with cyclegan, or with the folders exchanged.",
            code="input.direction",
        )  # fmt: skip

    def translate(
        self, pictures: Tensor, seeds: Sequence[int], *, direction: Direction = "a2b"
    ) -> Tensor:
        """Pictures of the other side, one for each.

        Args:
            pictures: uint8 (N, C, R, R) with the channels of the side they are of.
            seeds: N integers; picture i is a function of ``pictures[i]`` and ``seeds[i]``.
            direction: ``"a2b"``, or ``"b2a"`` where that was learnt.

        Returns:
            uint8 (N, C', R, R), with the channels of the other side.

        Raises:
            InputError: pictures of another shape, or a direction that was not learnt.
        """
        network, source, target = self.from_to(direction)
        wanted = (source.channels, self.resolution, self.resolution)
        if pictures.ndim != 4 or tuple(pictures.shape[1:]) != wanted or len(seeds) != len(pictures):
            raise InputError(
                "pictures", expected=f"(N, {', '.join(map(str, wanted))}) and N seeds",
                got=f"{tuple(pictures.shape)} and {len(seeds)} seeds", where="Translator.translate",
                remedy="Resize them first, or use synthaug.translate_apply.",
            )  # fmt: skip
        numbers: Any = network
        length = int(numbers.z_dim + numbers.noise_dim)
        latents = [
            torch.randn(length, generator=torch.Generator().manual_seed(int(seed)))
            for seed in seeds
        ]
        chunks = [
            _chunk(network, pictures[start : start + _CHUNK], latents[start : start + _CHUNK])
            for start in range(0, len(pictures), _CHUNK)
        ]
        empty = torch.empty(0, target.channels, *wanted[1:], dtype=torch.uint8)
        return torch.cat(chunks) if chunks else empty

    def save(self, folder: Path) -> None:
        """Write weights (safetensors), ``config.json`` and a model card (``README.md``)."""
        folder.mkdir(parents=True, exist_ok=True)
        networks = {"generator": self.network}
        if self.back is not None:
            networks["back"] = self.back
        for role, network in networks.items():
            save_network(network, folder, role)
        config = {
            "product": "translator", "card": self.card,
            "networks": {role: network.config for role, network in networks.items()},
            "sides": [dataclasses.asdict(side) for side in self.sides],
        }  # fmt: skip
        (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
        (folder / "README.md").write_text(self._model_card())

    @classmethod
    def load(cls, folder: Path | str) -> Translator:
        """The translator that `save` wrote.

        Raises:
            InputError: no translator there.
            Damaged: files there that cannot be read.
        """
        folder = Path(folder)
        path = folder / "config.json"
        try:
            config = json.loads(path.read_text()) if path.exists() else {}
            if not isinstance(config, dict):
                raise ValueError(f"a {type(config).__name__}")
            if config.get("product") != "translator":
                raise InputError(
                    "translator", expected="a folder that synthaug translate train wrote",
                    got="another model" if config else "none", where=str(folder),
                    remedy="Point to its --out folder.", code="input.model",
                )  # fmt: skip
            networks = {
                role: load_network(folder, role, what) for role, what in config["networks"].items()
            }
            a, b = (SideFacts(**side) for side in config["sides"])
        except InputError:
            raise
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise Damaged(
                "translator cannot be read", where=str(folder), remedy="Copy or train it again."
            ) from error
        return cls(networks["generator"], (a, b), config["card"], networks.get("back"))

    def _model_card(self) -> str:
        a, b = self.sides
        ways = "both ways between" if self.back is not None else "from the first to the second of"
        parameters = sum(p.numel() for p in self.network.parameters())
        rows = "\n".join(f"| {name} | {value} |" for name, value in self.card.items())
        return (
            "# Image-to-image translation\n\n"
            f"Leads {ways} {a.name} ({_mode(a)}) and {b.name} ({_mode(b)}), at "
            f"{self.resolution}x{self.resolution} pixels. {parameters:,} parameters a way.\n\n"
            f"| fact | value |\n|---|---|\n{rows}\n| weights | sha256 {self.sha256} |\n\n"
            "Made by synthaug. Pictures of any size are squashed to that square, translated and "
            "brought back to their own size, so nothing finer than the square is made. What comes "
            "out resembles the training pictures, their gaps and errors included; judge it before "
            "use (`synthaug evaluate`), and do not show it as photographs. The right to use it is "
            "bounded by the rights in the training pictures.\n\n"
            "```bash\nsynthaug translate apply PATH PICTURES --out DIR\n```\n"
        )


def _mode(side: SideFacts) -> str:
    return ("grey" if side.channels == 1 else "RGB") + (" masks" if side.masks else "")


def _chunk(network: nn.Module, pictures: Tensor, latents: Sequence[Tensor]) -> Tensor:
    """Up to `_CHUNK` pictures; the pass is always `_CHUNK` long."""
    device = next(network.parameters()).device
    n, missing = len(pictures), _CHUNK - len(pictures)
    stacked = (pictures.float().div(127.5).sub(1), torch.stack(list(latents)))
    padded = [torch.cat([x, x.new_zeros(missing, *x.shape[1:])]).to(device) for x in stacked]
    with torch.inference_mode():
        made: Tensor = network(*padded)
    pixels: Tensor = made[:n].float().add(1).mul(127.5).round().clamp(0, 255)
    return pixels.to("cpu", torch.uint8).contiguous()
