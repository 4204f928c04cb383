"""Latents: one a track, the same in all its frames, known only to whoever holds the salt."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthaug.errors import InputError

__all__ = ["forget", "latent", "salt_in", "salt_of"]

_BYTES = 32


def latent(salt: bytes, name: str | int, dim: int) -> NDArray[np.float32]:
    """A standard normal latent, float32 (dim,), a function of salt and name and nothing else.

    Args:
        salt: secret.
        name: of a track, or of a person where tracks are linked.
        dim: its length.

    Example:
        >>> bool((latent(b"a", 1, 4) == latent(b"a", 1, 4)).all())
        True
        >>> bool((latent(b"a", 1, 4) == latent(b"a", 2, 4)).any())
        False
    """
    digest = hashlib.blake2b(f"latent\0{name}".encode(), key=salt[:64], digest_size=16).digest()
    generator = np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "big")))
    return generator.standard_normal(dim).astype(np.float32)


def salt_of(seed: int) -> bytes:
    """The salt of a seed: the same call gives the same faces, to anyone who knows the seed."""
    return hashlib.sha256(f"synthaug salt of seed {seed}".encode()).digest()


def salt_in(path: Path) -> bytes:
    """The salt in a private file, drawn now where there is none.

    Args:
        path: the file; only its owner may read it (mode 600).

    Raises:
        InputError: what is there is no salt.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        try:
            salt = bytes.fromhex(path.read_text().strip())
        except (UnicodeDecodeError, ValueError):
            salt = b""
        if len(salt) != _BYTES:
            raise InputError(
                "salt", expected=f"{_BYTES} bytes in hexadecimal digits", got="something else",
                where=str(path), remedy="Delete the file to draw new faces.", code="input.salt",
            ) from None  # fmt: skip
        return salt
    with os.fdopen(handle, "w") as file:
        salt = secrets.token_bytes(_BYTES)
        file.write(salt.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return salt


def forget(path: Path) -> None:
    """Delete a salt: from then on nobody can tell which latent a track had."""
    if path.is_file():
        with path.open("r+b") as file:
            file.write(b"0" * path.stat().st_size)
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
