"""Networks: tensors in, tensors out."""

from __future__ import annotations

from typing import Any

from torch import nn

from synthaug.errors import InputError
from synthaug.networks.rare import RareGenerator

__all__ = ["build_generator"]

_GENERATORS: dict[str, type[nn.Module]] = {"rare": RareGenerator}


def build_generator(config: dict[str, Any]) -> nn.Module:
    """The generator that a saved ``config`` describes, with fresh weights.

    Raises:
        InputError: a kind this version does not know.
    """
    arguments = dict(config)
    kind = arguments.pop("kind", None)
    if kind not in _GENERATORS:
        raise InputError(
            "kind of generator", expected=" or ".join(_GENERATORS), got=repr(kind),
            where="config.json", remedy="Use the synthaug version that wrote it, or train again.",
        )  # fmt: skip
    return _GENERATORS[kind](**arguments)
