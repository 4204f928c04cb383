"""Names of resources: "collection/identifier", the identifier random and the server's own."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets

from synthaug_server.refusal import invalid

__all__ = ["derived_id", "identifier_in", "is_identifier", "new_id"]

_ID = re.compile(r"[a-z2-7]{26}")
# Models of the server itself have the names people know them by.
_MODEL = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def new_id() -> str:
    """128 random bits in 26 characters that need no quoting anywhere."""
    return _letters(secrets.token_bytes(16))


def derived_id(*parts: str) -> str:
    """The identifier of something made once for these parts: doing it again names the same."""
    return _letters(hashlib.sha256("\0".join(parts).encode()).digest()[:16])


def _letters(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()


def is_identifier(text: str) -> bool:
    """Whether a text could be an identifier that `new_id` made."""
    return _ID.fullmatch(text) is not None


def identifier_in(name: str, collection: str, field: str) -> str:
    """The identifier in a resource name.

    Args:
        name: as it came from a client; never shown again.
        collection: ``"artifacts"``, ``"uploads"``, ``"operations"``, ``"reports"``, ``"models"``.
        field: where it stood in the request, for the message.

    Raises:
        Refused: not such a name (INVALID_ARGUMENT).

    Example:
        >>> identifier_in("models/yunet", "models", "name")
        'yunet'
    """
    head, _, rest = name.partition("/")
    pattern = _MODEL if collection == "models" else _ID
    if head != collection or pattern.fullmatch(rest) is None:
        what = f'expected "{collection}/{{{collection.removesuffix("s")}}}" as the server gave it'
        raise invalid(field, what if name else f"needed: {what}")
    return rest
