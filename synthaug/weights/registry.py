"""Weights that can be fetched: what they are, where they come from, where they lie."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
import tomllib
from importlib import resources
from pathlib import Path

from synthaug.errors import Damaged, InputError
from synthaug.spelling import did_you_mean

__all__ = ["Weights", "cache_folder", "find", "named", "registry"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """One file of weights.

    Args:
        name: as typed.
        file: its name in the cache folder.
        url: pinned to a commit.
        sha256: of the file.
        size: bytes.
        licence: SPDX identifier of the source's licence.
        purpose: what it is for.
        convention: what goes in and what comes out.
    """

    name: str
    file: str
    url: str
    sha256: str
    size: int
    licence: str
    purpose: str
    convention: str


@functools.cache
def registry() -> dict[str, Weights]:
    """All weights by name, from ``registry.toml``."""
    text = resources.files("synthaug.weights").joinpath("registry.toml").read_text()
    return {name: Weights(name=name, **entry) for name, entry in tomllib.loads(text).items()}


def named(name: str) -> Weights:
    """The entry of a name.

    Raises:
        InputError: an unknown name; the nearest are offered.
    """
    known = registry()
    if name in known:
        return known[name]
    raise InputError(
        "weights", expected="one of " + ", ".join(sorted(known)), got=repr(name),
        remedy=did_you_mean(name, known, otherwise="See: synthaug models.", most=2),
        code="input.weights",
    )  # fmt: skip


def cache_folder() -> Path:
    """``SYNTHAUG_WEIGHTS``, a folder prepared by hand, or else the user's cache folder."""
    own = os.environ.get("SYNTHAUG_WEIGHTS")
    if own:
        return Path(own)
    import platformdirs

    return Path(platformdirs.user_cache_dir("synthaug", appauthor=False)) / "weights"


def find(name: str) -> Path | None:
    """The checked file of a name, or None where the cache has none; nothing is fetched.

    Raises:
        InputError: an unknown name.
        Damaged: a file of that name is there but is not the published one.
    """
    weights = named(name)
    path = cache_folder() / weights.file
    if not path.is_file():
        return None
    got = sha256_of(path)
    if got != weights.sha256:
        raise Damaged(
            f"weights {name}", expected=f"SHA-256 {weights.sha256[:12]}", got=got[:12],
            where=str(path), remedy=f"Delete the file, or run: synthaug models get {name}.",
        )  # fmt: skip
    return path


def sha256_of(path: Path) -> str:
    """The hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
