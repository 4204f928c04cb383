"""The one training loop: draw, let each player step, average, tell."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import logging
import threading
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from synthaug.errors import GateFailed
from synthaug.training.routine import Phase, Player, Routine, Shape
from synthaug.training.step import Step

__all__ = ["Images", "Run", "Trainer"]

log = logging.getLogger(__name__)

_OPTIMIZERS: dict[str, Callable[[list[nn.Parameter], Player], torch.optim.Optimizer]] = {
    "adam": lambda p, player: torch.optim.Adam(p, player.learning_rate, player.betas, fused=True),
    "rmsprop": lambda p, player: torch.optim.RMSprop(p, player.learning_rate, foreach=True),
    "sgd": lambda p, player: torch.optim.SGD(p, player.learning_rate, player.betas[0]),
}


class Images(Protocol):
    """Where training images come from; `synthaug.datasets.Packed` is one."""

    labels: NDArray[np.int64]
    attributes: NDArray[np.float32] | None
    resolution: int
    channels: int

    def read(self, indices: NDArray[np.int64]) -> Tensor:
        """uint8 (B, C, R, R) of the images asked for."""


@dataclasses.dataclass(frozen=True)
class Run:
    """What identifies a run: the same run on the same machine gives the same bytes.

    Args:
        routine: what to do.
        shape: of the data.
        images: budget, real images shown to the discriminator in all.
        seed: of everything random.
        device: ``"cpu"`` or ``"cuda"``.
    """

    routine: Routine
    shape: Shape
    images: int
    seed: int = 0
    device: str = "cpu"

    @property
    def steps(self) -> int:
        """Steps in all."""
        return max(len(self.routine.phases), round(self.images / self.routine.batch_size))

    def fingerprint(self, data: str) -> str:
        """A hash of everything that decides the result; a checkpoint of another is refused."""
        threads = torch.get_num_threads()
        facts = (self.routine.facts(), self.shape, self.images, self.seed, self.device, data)
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
        self.parts = 1
        self.losses: dict[str, Tensor] = {}
        precision: Any = _precision(run)
        self.fabric = Fabric(accelerator=run.device, devices=1, precision=precision)
        if run.device == "cuda":
            torch.set_float32_matmul_precision("high")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(run.seed)
            networks = run.routine.build(run.shape)
        self.networks = {role: self._placed(network) for role, network in networks.items()}
        self.averages = {
            role: copy.deepcopy(self.networks[role]).eval().requires_grad_(False)
            for role in run.routine.keeps
        }
        self.optimizers: dict[str, torch.optim.Optimizer] = {}
        counts = np.bincount(images.labels[train], minlength=run.shape.num_classes)
        per_class = run.routine.sampling(counts) / np.maximum(counts, 1)
        weights = per_class[images.labels[train]]
        self._cumulative = np.cumsum(weights / weights.sum())

    @property
    def images_seen(self) -> int:
        """Real images drawn so far."""
        return self.step * self.run.routine.batch_size

    @property
    def finished(self) -> bool:
        """Whether the budget is spent."""
        return self.step >= self.run.steps

    @property
    def average(self) -> nn.Module:
        """The averaged generator."""
        return self.averages["generator"]

    def advance(self, until: int, stop: threading.Event | None = None) -> None:
        """Train until step ``until``, or until ``stop`` is set, whichever comes first.

        Raises:
            GateFailed: a loss is not finite; the last checkpoint stands.
        """
        until = min(until, self.run.steps)
        while self.step < until and not (stop and stop.is_set()):
            number, phase, first, length = self._phase(self.step)
            index = self.step - first
            steps = self._steps(index / length, index)
            self._prepare(phase, steps[0])
            for player in phase.players:
                if (index + 1) % player.every == 0:
                    steps = self._move(number, player, steps)
            self._average(phase.averaging * length)
            self.step += 1

    def _steps(self, done: float, index: int) -> list[Step]:
        """The tensors of one step, in as many equal parts as memory asks for."""
        # Randomness depends on the seed and the step alone: a resumed run draws the same.
        rng = torch.Generator(self.fabric.device).manual_seed(self._seed(self.step))
        real, labels, attributes = self._draw()
        places = torch.arange(len(labels), device=labels.device).chunk(self.parts)
        return [
            Step(
                self.networks, real[part], labels[part],
                attributes=None if attributes is None else attributes[part],
                done=done, index=index, rng=rng, views=self.run.routine.views,
            )
            for part in (places if self.parts > 1 else [slice(None)])
        ]  # fmt: skip

    def _prepare(self, phase: Phase, step: Step) -> None:
        """What is done before a step: once for the run, and each time for the phase."""
        with torch.no_grad():
            if self.step == 0 and self.run.routine.ready:
                self.run.routine.ready(step)
            for hook in phase.before:
                hook(step)

    def _move(self, phase: int, player: Player, steps: list[Step]) -> list[Step]:
        """One player's step: only its networks learn, from the sum of its terms.

        Returns the steps for the next player: smaller ones where memory did not suffice.
        """
        optimizer = self._optimizer(phase, player)
        try:
            optimizer.zero_grad(set_to_none=True)
            moved = [self._backward(player, step, optimizer, 1 / len(steps)) for step in steps]
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if not _memory(error) or len(steps[0].labels) < 2:
                raise
            self.parts *= 2
            log.warning(
                "a step of %d images does not fit into memory: it is cut into %d parts",
                self.run.routine.batch_size, self.parts,
            )  # fmt: skip
            first = steps[0]
            steps.clear()
            return self._move(phase, player, self._steps(first.done, first.index))
        if any(moved):
            for group in optimizer.param_groups:
                group["lr"] = player.learning_rate * player.schedule(steps[0].done)
            optimizer.step()
        with torch.no_grad():
            for hook in player.after:
                hook(steps[0])
        for step in steps:
            step.forget(player.updates)
        return steps

    def _backward(
        self, player: Player, step: Step, optimizer: torch.optim.Optimizer, share: float
    ) -> bool:
        """Gradients of one part of a step; False where no term was due."""
        total: Tensor | None = None
        for term in player.terms:
            factor = term.factor(step.done, step.index)
            if factor:
                with self.fabric.autocast():
                    value = term.function(step) * factor
                total = value if total is None else total + value
                self.losses[f"{player.name}/{term.name}"] = value.detach()
        if total is None:
            return False
        if not torch.isfinite(total):
            raise self._diverged(player)
        # Gradients stop at this player's parameters: nothing else is computed or changed.
        self.fabric.backward(total * share, inputs=_parameters(optimizer))
        return True

    def _diverged(self, player: Player) -> GateFailed:
        """What went wrong first: a weight, or else the first loss that is not finite."""
        weights = (
            f"{role}.{name}"
            for role, network in self.networks.items()
            for name, tensor in network.state_dict().items()
            if tensor.is_floating_point() and not tensor.isfinite().all()
        )
        losses = (
            f"loss {name}"
            for name, value in self.losses.items()
            if name.startswith(f"{player.name}/") and not value.isfinite()
        )
        first = next(weights, next(losses, "the sum of losses"))
        return GateFailed(
            "training",
            expected="finite numbers",
            got=f"{first} is not finite",
            where=f"recipe {self.run.routine.name}, step {self.step:,}, player {player.name}",
            remedy="Lower the learning rate or add a penalty; the last checkpoint is kept.",
            code="training.diverged",
        )

    def _draw(self) -> tuple[Tensor, Tensor, Tensor | None]:
        """Real images of this step, float in [-1, 1], their labels and attributes."""
        rng = np.random.default_rng((self.run.seed, self.step))
        places = np.searchsorted(self._cumulative, rng.random(self.run.routine.batch_size))
        indices = self.train[np.minimum(places, len(self.train) - 1)]
        pixels = self.images.read(indices)
        if self.run.device == "cuda":
            pixels = pixels.pin_memory()
        real = self.fabric.to_device(pixels).float().div_(127.5).sub_(1.0)
        labels = self.fabric.to_device(torch.from_numpy(self.images.labels[indices]))
        told: Any = self.images.attributes
        if told is not None:
            told = self.fabric.to_device(torch.from_numpy(told[indices]))
        return real.contiguous(memory_format=torch.channels_last), labels, told

    def _average(self, half_life: float) -> None:
        """Move the averaged networks towards the trained ones; half-life in steps."""
        share = 1.0 - 0.5 ** (1.0 / half_life) if half_life > 0 else 1.0
        with torch.no_grad():
            for role, mean in self.averages.items():
                trained = self.networks[role]
                torch._foreach_lerp_(list(mean.parameters()), list(trained.parameters()), share)
                # Buffers (running statistics, how far a network has grown) are taken as they are.
                for kept, buffer in zip(mean.buffers(), trained.buffers(), strict=True):
                    kept.copy_(buffer)

    def _phase(self, step: int) -> tuple[int, Phase, int, int]:
        """Number, phase, first step and length of the phase a step lies in."""
        starts = self.phase_starts()
        number = int(np.searchsorted(starts, step, side="right")) - 1
        end = [*starts, self.run.steps][number + 1]
        return number, self.run.routine.phases[number], starts[number], max(1, end - starts[number])

    def phase_starts(self) -> list[int]:
        """The first step of each phase."""
        phases = self.run.routine.phases
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
            self.optimizers[key] = _OPTIMIZERS[player.optimizer](parameters, player)
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
            "averages": {role: net.state_dict() for role, net in self.averages.items()},
            "optimizers": {key: opt.state_dict() for key, opt in self.optimizers.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        self.step = int(state["step"])
        for role, network in self.networks.items():
            network.load_state_dict(state["networks"][role])
        for role, network in self.averages.items():
            network.load_state_dict(state["averages"][role])
        for number, phase in enumerate(self.run.routine.phases):
            for player in phase.players:
                key = f"{number}/{player.name}"
                if key in state["optimizers"]:
                    self._optimizer(number, player).load_state_dict(state["optimizers"][key])


def _precision(run: Run) -> str:
    """Fabric's name of the arithmetic: bfloat16 only where the machine is faster with it."""
    wanted = run.routine.precision
    if wanted == "auto":
        capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
        wanted = "bf16" if run.device == "cuda" or capabilities.get("amx_bf16") else "fp32"
    return "bf16-mixed" if wanted == "bf16" else "32-true"


def _parameters(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out; on a CPU torch has no type of its own for it."""
    return isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error)
