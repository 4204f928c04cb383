"""Points and directions as files: safetensors that say which generator they belong to."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from synthaug.datasets.png import write_error
from synthaug.errors import Damaged, InputError
from synthaug.latent.codes import Codes
from synthaug.training import Generator

__all__ = ["is_ours", "load_codes", "read_tensors", "save_codes", "write_tensors"]

_KEY = "synthaug"


def save_codes(path: str | Path, codes: Codes, generator: Generator) -> None:
    """Write points as a safetensors file; it appears whole or not at all.

    Raises:
        InputError: the place cannot be written.
        OutOfResources: the disk is full.
    """
    tensors = {"values": codes.values, "noise": codes.noise, "labels": codes.labels}
    facts = {
        "space": codes.space, "generator": generator.sha256,
        "truncation_psi": codes.truncation_psi,
    }  # fmt: skip
    write_tensors(Path(path), "points", tensors, facts)


def load_codes(path: str | Path, generator: Generator) -> Codes:
    """The points that `save_codes` wrote.

    Raises:
        InputError: no such file, one of another kind, or points of another generator.
        Damaged: it cannot be read.
    """
    tensors, facts = read_tensors(Path(path), "points")
    if facts["generator"] != generator.sha256:
        raise InputError(
            "points", expected=f"those of this generator ({generator.sha256[:12]})",
            got=f"those of another ({facts['generator'][:12]})", where=str(path),
            remedy="Project the image again.", code="input.generator",
        )  # fmt: skip
    return Codes(facts["space"], truncation_psi=facts["truncation_psi"], **tensors)


def write_tensors(path: Path, kind: str, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write tensors and facts under another name and rename it; the same give the same bytes.

    Raises:
        InputError: the place cannot be written.
        OutOfResources: the disk is full.
    """
    # One entry: safetensors does not keep the order of several.
    note = {_KEY: json.dumps({"kind": kind, **facts}, sort_keys=True)}
    content = save({name: x.contiguous() for name, x in tensors.items()}, note)
    part = path.with_name(f".{path.name[:80]}.{os.getpid()}.part")
    try:
        try:
            part.write_bytes(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise write_error(error, path) from error


def read_tensors(path: Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `write_tensors` wrote.

    Raises:
        InputError: no such file, or one of another kind.
        Damaged: it cannot be read.
    """
    if not path.is_file():
        raise InputError(
            f"file of {kind}", expected="a .safetensors file", got="nothing", where=str(path),
            remedy="Check the name.",
        )  # fmt: skip
    try:
        with safe_open(str(path), framework="pt") as stream:
            note = json.loads((stream.metadata() or {}).get(_KEY, "{}"))
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise Damaged(
            f"file of {kind} cannot be read", where=str(path), remedy="Make it again."
        ) from error
    if note.pop("kind", None) != kind or not all(x.isfinite().all() for x in tensors.values()):
        raise InputError(
            f"file of {kind}", expected=f"one that synthaug wrote for {kind}",
            got="another kind of file", where=str(path), remedy="Name the right file.",
        )  # fmt: skip
    return tensors, note


def is_ours(path: Path) -> bool:
    """Whether a safetensors file is one that `write_tensors` wrote."""
    try:
        with safe_open(str(path), framework="pt") as stream:
            return _KEY in (stream.metadata() or {})
    except (SafetensorError, OSError):
        return False
