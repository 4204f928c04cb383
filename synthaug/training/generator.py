"""A trained generator: what is left when training is over, and what users keep."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from safetensors import SafetensorError
from torch import Tensor, nn

from synthaug.datasets import Scale
from synthaug.errors import Damaged, InputError
from synthaug.training.inverting import encode, traverse
from synthaug.training.saving import load_network, save_network, sha256_of

__all__ = ["Generator"]

Attributes = ArrayLike | Mapping[str, Any] | None
_STANDARD = (("mean", 0.0), ("sd", 1.0))
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
        companions: other trained networks by role, such as the encoder that inverts images.
        attributes: names of the numbers an image carries beside its class.
    """

    network: nn.Module
    classes: tuple[str, ...]
    card: dict[str, Any] = dataclasses.field(default_factory=dict)
    companions: dict[str, nn.Module] = dataclasses.field(default_factory=dict)
    attributes: tuple[str, ...] = ()

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
        return sha256_of(self.network)

    @property
    def latent_dim(self) -> int:
        """Numbers a latent has: the style's and, behind them, the noise's."""
        network: Any = self.network
        return int(network.z_dim + network.noise_dim)

    def sample(
        self,
        labels: ArrayLike,
        seeds: Sequence[int],
        *,
        truncation_psi: float = 1.0,
        attributes: Attributes = None,
    ) -> Tensor:
        """Images of the given classes, one a seed.

        Args:
            labels: int (N,), 0 to num_classes - 1.
            seeds: N integers; image i is a function of ``labels[i]`` and ``seeds[i]`` only.
            truncation_psi: 1 draws from the whole distribution, 0 gives each class's mean
                image; between, less variety and fewer failures.
            attributes: for generators that take attributes: float (N, A) or (A,) in the units
                of the training data, or a mapping such as ``{"age": 60, "sex": "female"}``;
                what is not named is at the data's mean. See `synthaug.datasets.Scale`.

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
        return self.render(
            self.latents(seeds), wanted, truncation_psi=truncation_psi, attributes=attributes
        )

    def latents(self, seeds: Sequence[int]) -> Tensor:
        """The latents that `sample` draws for seeds, float (N, latent_dim)."""
        drawn = [
            torch.randn(self.latent_dim, generator=torch.Generator().manual_seed(int(seed)))
            for seed in seeds
        ]
        return torch.stack(drawn) if drawn else torch.empty(0, self.latent_dim)

    def render(
        self,
        latents: Tensor,
        labels: ArrayLike,
        *,
        truncation_psi: float = 1.0,
        attributes: Attributes = None,
        together: bool = False,
    ) -> Tensor:
        """Images of latents, float (N, latent_dim); the rest as in `sample`.

        ``together`` draws them in one pass of just as many: faster for a few, and a byte may
        differ by one from those of other passes.
        """
        wanted = torch.as_tensor(np.asarray(labels, dtype=np.int64).reshape(-1))
        if len(wanted) and not (0 <= wanted.min() and wanted.max() < len(self.classes)):
            raise InputError(
                "labels", expected=f"0 to {len(self.classes) - 1}",
                got=f"{wanted.min()} to {wanted.max()}", where="Generator.sample",
                remedy="Use the index of the class in .classes.",
            )  # fmt: skip
        if not math.isfinite(truncation_psi):
            raise InputError(
                "truncation", expected="a finite number, 0 to 1 as a rule",
                got=str(truncation_psi), where="Generator.sample", remedy="Use 0.7 or so.",
            )  # fmt: skip
        told = [wanted, *self._attributes(attributes, len(wanted))]
        if not len(wanted):
            return self._nothing()

        def draw(*parts: Tensor) -> Tensor:
            return _pixels(self.network(*parts, truncation_psi=truncation_psi))

        return self._chunked(draw, latents, *told, rows=len(wanted) if together else _CHUNK)

    def styles(
        self, latents: Tensor, labels: ArrayLike, *, attributes: ArrayLike | None = None
    ) -> Tensor:
        """The styles of latents (N, latent_dim), float (N, layers, w_dim).

        Raises:
            InputError: a generator without styles.
        """
        network = self._styled()
        wanted = torch.as_tensor(np.asarray(labels, dtype=np.int64).reshape(-1))
        told = [wanted, *self._attributes(attributes, len(wanted))]
        return self._chunked(network.styles, latents, *told).float()

    def render_styles(self, styles: Tensor, noise: Tensor) -> Tensor:
        """Images of styles, uint8 (N, C, R, R).

        Args:
            styles: float (N, layers, w_dim), as `styles` gives them, or mixed or moved.
            noise: float (N, P): what ``network.noise(latents)`` gives.

        Raises:
            InputError: a generator without styles.
        """
        network = self._styled()
        if not len(styles):
            return self._nothing()
        return self._chunked(lambda *parts: _pixels(network.synthesize(*parts)), styles, noise)

    @property
    def has_styles(self) -> bool:
        """Whether there is a w-space: ``network.styles`` and ``network.synthesize``."""
        return hasattr(self.network, "styles") and hasattr(self.network, "synthesize")

    def _styled(self) -> Any:
        if self.has_styles:
            return self.network
        raise InputError(
            "generator", expected="one with styles for each layer (rare, stylegan)",
            got=f"a {self.config['kind']} generator, which has none",
            remedy="Use a generator of another recipe, or a tool that works on z.",
            code="input.styles",
        )  # fmt: skip

    def _nothing(self) -> Tensor:
        return torch.empty(0, self.channels, self.resolution, self.resolution, dtype=torch.uint8)

    @property
    def scale(self) -> Scale:
        """Mean and sd of the attributes in the training data, as the card records them."""
        told = self.card.get("attributes", {})
        each = [told.get(name, {}) for name in self.attributes]
        mean, sd = (tuple(float(one.get(key, usual)) for one in each) for key, usual in _STANDARD)
        return Scale(self.attributes, mean, sd)

    def _attributes(self, given: Attributes, n: int) -> list[Tensor]:
        """The attributes as the network takes them; the data's mean where none are given."""
        if self.attributes:
            return [torch.from_numpy(self.scale.rows(given, n))]
        if given is None:
            return []
        raise InputError(
            "attributes", expected="none: this generator was trained without", got=repr(given),
            where="Generator.sample", remedy="Train one with --attributes FILE.csv.",
            code="input.attributes",
        )  # fmt: skip

    def _chunked(
        self, function: Callable[..., Tensor], *tensors: Tensor, rows: int = _CHUNK
    ) -> Tensor:
        """A function of the network on tensors of equal length, ``rows`` of them a pass."""
        device = next(self.network.parameters()).device
        found = []
        with torch.no_grad():
            for parts in zip(*(torch.split(x, rows) for x in tensors), strict=True):
                n = len(parts[0])
                padded = [torch.cat([x, x.new_zeros(rows - n, *x.shape[1:])]) for x in parts]
                found.append(function(*(x.to(device) for x in padded))[:n].cpu())
        return torch.cat(found)

    def encode(self, images: Tensor) -> Tensor:
        """The latents an encoder finds behind images; see `synthaug.training.inverting.encode`."""
        return encode(self, images)

    def decode(
        self, latents: Tensor, labels: ArrayLike, *, attributes: Attributes = None
    ) -> Tensor:
        """Images of latents: the other half of `encode`, and another name of `render`."""
        return self.render(latents, labels, attributes=attributes)

    def invert(
        self, images: Tensor, labels: ArrayLike, *, attributes: Attributes = None
    ) -> tuple[Tensor, Tensor]:
        """The latents behind images and the images that they give.

        Args:
            images: uint8 (N, C, R, R).
            labels: int (N,).
            attributes: as in `sample`.

        Raises:
            InputError: a generator without an encoder, or images of another shape.
        """
        latents = self.encode(images)
        return latents, self.decode(latents, labels, attributes=attributes)

    @property
    def codes(self) -> tuple[str, ...]:
        """Names of the codes that `traverse` knows; empty unless trained with codes (InfoGAN)."""
        return tuple(getattr(self.network, "names", ()))

    def traverse(
        self, code: str, values: Sequence[float], *, seeds: Sequence[int] = (0,), label: int = 0
    ) -> Tensor:
        """Images along one code, all else equal; see `synthaug.training.inverting.traverse`."""
        return traverse(self, code, values, seeds=seeds, label=label)

    def save(self, folder: Path) -> None:
        """Write weights (safetensors), ``config.json`` and a model card (``README.md``)."""
        folder.mkdir(parents=True, exist_ok=True)
        for role, network in {"generator": self.network, **self.companions}.items():
            save_network(network, folder, role)
        config = {
            "network": self.config, "classes": list(self.classes), "card": self.card,
            "companions": {role: network.config for role, network in self.companions.items()},
            "attributes": list(self.attributes),
        }  # fmt: skip
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
            raise _no_generator(folder, "none")
        try:
            config = json.loads((folder / "config.json").read_text())
            other = config.get("product") == "translator"
        except (OSError, ValueError, AttributeError) as error:
            raise _unreadable(folder) from error
        if other:
            raise _no_generator(folder, "a translation, which synthaug translate apply runs")
        try:
            network = load_network(folder, "generator", config["network"])
            companions = {
                role: load_network(folder, role, what)
                for role, what in config["companions"].items()
            }
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise _unreadable(folder) from error
        return cls(
            network, tuple(config["classes"]), config["card"], companions,
            tuple(config["attributes"]),
        )  # fmt: skip

    def _model_card(self) -> str:
        parameters = sum(p.numel() for p in self.network.parameters())
        facts = {name: value for name, value in self.card.items() if name != "attributes"}
        facts |= {
            f"attribute {name}": f"mean {mean:.6g}, sd {sd:.6g} over the training data"
            for name, mean, sd in zip(self.attributes, self.scale.mean, self.scale.sd, strict=True)
        }
        rows = "\n".join(f"| {name} | {value} |" for name, value in facts.items())
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


def _pixels(images: Tensor) -> Tensor:
    pixels: Tensor = images.float().add(1).mul(127.5).round().clamp(0, 255)
    return pixels.to(torch.uint8).contiguous()


def _no_generator(folder: Path, got: str) -> InputError:
    return InputError(
        "generator", expected="a folder with config.json and generator.safetensors", got=got,
        where=str(folder), remedy="Point to the generator/ folder of an output.",
    )  # fmt: skip


def _unreadable(folder: Path) -> Damaged:
    return Damaged("generator cannot be read", where=str(folder), remedy="Copy or train it again.")
