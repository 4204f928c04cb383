"""What a technique remembers between steps, as a network so that checkpoints hold it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Memory"]


class Memory(nn.Module):
    """Buffers without parameters; given a role of its own it is saved and restored with a run.

    Args:
        numbers: buffers by name and first value, float32 scalars.

    Example:
        >>> memory = Memory(p=0.25)
        >>> memory.get_buffer("p").add_(0.5).item()
        0.75
        >>> memory.keep("mean", torch.zeros(3))
        >>> other = Memory(p=0.0)
        >>> other.load_state_dict(memory.state_dict())
        <All keys matched successfully>
        >>> other.get_buffer("mean").shape
        torch.Size([3])
    """

    def __init__(self, **numbers: float) -> None:
        super().__init__()
        for name, value in numbers.items():
            self.register_buffer(name, torch.tensor(float(value)))

    def keep(self, name: str, tensor: Tensor) -> None:
        """Remember a copy of a tensor whose size was not known when the memory was made."""
        self.register_buffer(name, tensor.detach().clone())

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        """What was kept later than at the start has no buffer yet in a fresh memory: make it."""
        device = next(self.buffers()).device if self._buffers else None
        for key, value in state.items():
            name = key.removeprefix(prefix)
            if key.startswith(prefix) and name not in self._buffers:
                self.register_buffer(name, torch.empty_like(value, device=device))
        super()._load_from_state_dict(state, prefix, *rest)
