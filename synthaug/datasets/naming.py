"""Class names as names of folders and files, on any file system."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence

__all__ = ["safe_names"]

_RESERVED = {"con", "prn", "aux", "nul"} | {f"{p}{n}" for p in ("com", "lpt") for n in range(10)}
_ALLOWED = " _-.,+()='"
_LONGEST = 80  # bytes; an index and a suffix follow, and 255 are allowed


def safe_names(classes: Sequence[str]) -> list[str]:
    """A folder name for each class: its own where that is safe, else one like it.

    Slashes, ``..``, control characters, reserved names, names too long and names that
    differ only in case are replaced by what is left of them and a short hash of the name.

    Example:
        >>> safe_names(["crack", "no crack", "Crack", "../etc"])
        ['crack', 'no crack', 'Crack-13d9f1e4', 'etc-f7f9121f']
    """
    names: list[str] = []
    taken: set[str] = set()
    for name in classes:
        safe = name if _is_safe(name) and name.casefold() not in taken else _like(name)
        taken.add(safe.casefold())
        names.append(safe)
    return names


def _is_safe(name: str) -> bool:
    return (
        name != ""
        and unicodedata.is_normalized("NFC", name)
        and all(c.isalnum() or c in _ALLOWED for c in name)
        and name[0] not in " .-"
        and name[-1] not in " ."
        and name.split(".")[0].casefold() not in _RESERVED
        and len(name.encode()) <= _LONGEST
    )


def _like(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    kept = "".join(c if c.isalnum() or c in "_-" else " " for c in plain)
    slug = "_".join(kept.split())[:40].strip("-_") or "class"
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{slug}-{digest}"
