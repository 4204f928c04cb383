"""The one training loop: draw, let each player step, average, tell."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import threading
from typing import Any, Protocol

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from synthaug.training.recipe import Phase, Player, Recipe, Shape
from synthaug.training.step import Step

__all__ = ["Images", "Run", "Trainer"]


class Images(Protocol):
    """Where training images come from; `synthaug.datasets.Packed` is one."""

    labels: NDArray[np.int64]
    resolution: int
    channels: int

    def read(self, indices: NDArray[np.int64]) -> Tensor:
        """uint8 (B, C, R, R) of the images asked for."""


@dataclasses.dataclass(frozen=True)
class Run:
    """What identifies a run: the same run on the same machine gives the same bytes.

    Args:
        recipe: the recipe.
        shape: of the data.
        images: budget, real images shown to the discriminator in all.
        seed: of everything random.
        device: ``"cpu"`` or ``"cuda"``.
    """

    recipe: Recipe
    shape: Shape
    images: int
    seed: int = 0
    device: str = "cpu"

    @property
    def steps(self) -> int:
        """Steps in all."""
        return max(len(self.recipe.phases), round(self.images / self.recipe.batch_size))

    def fingerprint(self, data: str) -> str:
        """A hash of everything that decides the result; a checkpoint of another is refused."""
        threads = torch.get_num_threads()
        facts = (self.recipe.facts(), self.shape, self.images, self.seed, self.device, data)
        return hashlib.sha256(repr((facts, threads)).encode()).hexdigest()


class Trainer:
    """The networks, optimizers and averages of one run, and the loop that moves them.

    Args:
        run: what to do.
        images: where real images come from.
        train: indices of the images that may be drawn, int64 (N,).
    """

    def __init__(self, run: Run, images: Images, train: NDArray[np.int64]) -> None:
        self.run = run
        self.images = images
        self.train = train
        self.step = 0
        self.losses: dict[str, Tensor] = {}
        precision: Any = _precision(run)
        self.fabric = Fabric(accelerator=run.device, devices=1, precision=precision)
        if run.device == "cuda":
            torch.set_float32_matmul_precision("high")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(run.seed)
            networks = run.recipe.build(run.shape)
        self.networks = {role: self._placed(network) for role, network in networks.items()}
        self.average = copy.deepcopy(self.networks["generator"]).eval().requires_grad_(False)
        self.optimizers: dict[str, torch.optim.Optimizer] = {}
        counts = np.bincount(images.labels[train], minlength=run.shape.num_classes)
        per_class = run.recipe.sampling(counts) / np.maximum(counts, 1)
        weights = per_class[images.labels[train]]
        self._cumulative = np.cumsum(weights / weights.sum())

    @property
    def images_seen(self) -> int:
        """Real images drawn so far."""
        return self.step * self.run.recipe.batch_size

    @property
    def finished(self) -> bool:
        """Whether the budget is spent."""
        return self.step >= self.run.steps

    def advance(self, until: int, stop: threading.Event | None = None) -> None:
        """Train until step ``until``, or until ``stop`` is set, whichever comes first."""
        until = min(until, self.run.steps)
        while self.step < until and not (stop and stop.is_set()):
            number, phase, first, length = self._phase(self.step)
            index = self.step - first
            # Randomness depends on the seed and the step alone: a resumed run draws the same.
            rng = torch.Generator(self.fabric.device).manual_seed(self._seed(self.step))
            real, labels = self._draw()
            with self.fabric.autocast():
                step = Step(
                    self.networks, real, labels,
                    done=index / length, index=index, rng=rng,
                    augment=self.run.recipe.augmentation,
                )  # fmt: skip
                for player in phase.players:
                    self._move(number, player, step)
            self._average(phase.averaging * length)
            self.step += 1

    def _move(self, phase: int, player: Player, step: Step) -> None:
        """One player's step: only its networks learn, from the sum of its terms."""
        optimizer = self._optimizer(phase, player)
        total: Tensor | None = None
        for term in player.terms:
            factor = term.factor(step.done, step.index)
            if factor:
                value = term.function(step) * factor
                total = value if total is None else total + value
                self.losses[f"{player.name}/{term.name}"] = value.detach()
        if total is None:
            return
        optimizer.zero_grad(set_to_none=True)
        # Gradients stop at this player's parameters: nothing else is computed or changed.
        self.fabric.backward(total, inputs=_parameters(optimizer))
        for group in optimizer.param_groups:
            group["lr"] = player.learning_rate * player.schedule(step.done)
        optimizer.step()

    def _draw(self) -> tuple[Tensor, Tensor]:
        """Real images of this step, float in [-1, 1], and their labels."""
        rng = np.random.default_rng((self.run.seed, self.step))
        places = np.searchsorted(self._cumulative, rng.random(self.run.recipe.batch_size))
        indices = self.train[np.minimum(places, len(self.train) - 1)]
        pixels = self.images.read(indices)
        if self.run.device == "cuda":
            pixels = pixels.pin_memory()
        real = self.fabric.to_device(pixels).float().div_(127.5).sub_(1.0)
        labels = self.fabric.to_device(torch.from_numpy(self.images.labels[indices]))
        return real.contiguous(memory_format=torch.channels_last), labels

    def _average(self, half_life: float) -> None:
        """Move the averaged generator towards the generator; half-life in steps."""
        share = 1.0 - 0.5 ** (1.0 / half_life) if half_life > 0 else 1.0
        pairs = zip(
            self.average.state_dict().values(),
            self.networks["generator"].state_dict().values(),
            strict=True,
        )
        with torch.no_grad():
            for mean, value in pairs:
                if mean.is_floating_point():
                    mean.lerp_(value, share)
                else:
                    mean.copy_(value)

    def _phase(self, step: int) -> tuple[int, Phase, int, int]:
        """Number, phase, first step and length of the phase a step lies in."""
        starts = self.phase_starts()
        number = int(np.searchsorted(starts, step, side="right")) - 1
        end = [*starts, self.run.steps][number + 1]
        return number, self.run.recipe.phases[number], starts[number], max(1, end - starts[number])

    def phase_starts(self) -> list[int]:
        """The first step of each phase."""
        phases = self.run.recipe.phases
        shares = np.cumsum([0.0, *(phase.share for phase in phases[:-1])])
        return [max(number, round(share * self.run.steps)) for number, share in enumerate(shares)]

    def _optimizer(self, phase: int, player: Player) -> torch.optim.Optimizer:
        key = f"{phase}/{player.name}"
        if key not in self.optimizers:
            parameters = [
                parameter
                for role in player.updates
                for parameter in self.networks[role].parameters()
                if parameter.requires_grad
            ]
            self.optimizers[key] = torch.optim.Adam(
                parameters, player.learning_rate, player.betas, foreach=True
            )
        return self.optimizers[key]

    def _placed(self, network: nn.Module) -> nn.Module:
        return self.fabric.to_device(network).to(memory_format=torch.channels_last)

    def _seed(self, step: int) -> int:
        digest = hashlib.sha256(f"{self.run.seed}/{step}".encode()).digest()
        return int.from_bytes(digest[:7], "big")

    def state(self) -> dict[str, Any]:
        """Everything needed to go on: step, weights, averages, optimizers."""
        return {
            "step": self.step,
            "networks": {role: net.state_dict() for role, net in self.networks.items()},
            "average": self.average.state_dict(),
            "optimizers": {key: opt.state_dict() for key, opt in self.optimizers.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        self.step = int(state["step"])
        for role, network in self.networks.items():
            network.load_state_dict(state["networks"][role])
        self.average.load_state_dict(state["average"])
        for number, phase in enumerate(self.run.recipe.phases):
            for player in phase.players:
                key = f"{number}/{player.name}"
                if key in state["optimizers"]:
                    self._optimizer(number, player).load_state_dict(state["optimizers"][key])


def _precision(run: Run) -> str:
    """Fabric's name of the arithmetic: bfloat16 only where the machine is faster with it."""
    wanted = run.recipe.precision
    if wanted == "auto":
        capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
        wanted = "bf16" if run.device == "cuda" or capabilities.get("amx_bf16") else "fp32"
    return "bf16-mixed" if wanted == "bf16" else "32-true"


def _parameters(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
