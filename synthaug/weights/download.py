"""Fetching weights: to a temporary name, resumable, hashed, renamed; or not at all."""

from __future__ import annotations

import contextlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from synthaug.errors import Damaged, InputError, OutOfResources
from synthaug.weights.registry import Weights, cache_folder, sha256_of

__all__ = ["download"]

_CHUNK = 1 << 16
_SECONDS = 30.0  # without a byte, after which the connection is given up
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def download(
    weights: Weights,
    folder: Path | None = None,
    *,
    on_bytes: Callable[[int, int], None] | None = None,
) -> Path:
    """The file in the cache folder, fetched unless it is there and right.

    An interrupted download goes on where it stopped. A file with a wrong hash is deleted.

    Args:
        weights: what to fetch.
        folder: where to put it; the cache folder where None.
        on_bytes: told of bytes there and bytes in all.

    Raises:
        InputError: an address that is neither https nor on this machine; an unwritable folder.
        OutOfResources: not reachable, or the disk is full; what has come is kept.
        Damaged: what came is not the published file; nothing is kept.
    """
    folder = folder or cache_folder()
    target = folder / weights.file
    if target.is_file() and sha256_of(target) == weights.sha256:
        return target
    _refuse_open_wire(weights)
    part = target.with_name(target.name + ".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            if part.stat().st_size > weights.size:
                part.unlink()
        _fetch(weights, part, on_bytes)
        got, size = sha256_of(part), part.stat().st_size
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as e:
        raise OutOfResources(
            f"weights {weights.name} cannot be fetched", got=str(getattr(e, "reason", e)),
            where=weights.url,
            remedy=f"Try again, or put the file into {folder} by hand.",
        ) from e  # fmt: skip
    if size < weights.size:
        raise OutOfResources(
            f"weights {weights.name} cannot be fetched",
            got=f"the connection ended after {size:,} of {weights.size:,} bytes",
            where=weights.url, remedy="Run the same command again: it goes on from there.",
        )  # fmt: skip
    if got != weights.sha256:
        part.unlink()
        raise Damaged(
            f"weights {weights.name}", expected=f"SHA-256 {weights.sha256[:12]}", got=got[:12],
            where=weights.url,
            remedy="Nothing was kept. The source has changed or was tampered with: do not use it.",
        )  # fmt: skip
    part.replace(target)
    return target


def _fetch(weights: Weights, part: Path, on_bytes: Callable[[int, int], None] | None) -> None:
    """Append to ``part`` what it still lacks, never more than the published size."""
    there = part.stat().st_size if part.exists() else 0
    if there == weights.size:
        return
    asked = urllib.request.Request(weights.url, headers={"Range": f"bytes={there}-"})
    with urllib.request.urlopen(asked, timeout=_SECONDS) as answer:
        # A server that does not know ranges sends everything again.
        resumed = answer.status == http.HTTPStatus.PARTIAL_CONTENT
        there = there if resumed else 0
        with part.open("ab" if resumed else "wb") as file:
            for chunk in _chunks(answer, weights.size - there + 1):
                file.write(chunk)
                there += len(chunk)
                if on_bytes:
                    on_bytes(there, weights.size)


def _chunks(answer: http.client.HTTPResponse, most: int) -> Iterator[bytes]:
    """What comes, up to one byte more than is due: a longer file is a wrong one."""
    while most > 0 and (chunk := answer.read(min(_CHUNK, most))):
        most -= len(chunk)
        yield chunk


def _refuse_open_wire(weights: Weights) -> None:
    address = urlsplit(weights.url)
    if address.scheme == "https" or (address.scheme == "http" and address.hostname in _LOOPBACK):
        return
    raise InputError(
        "address of weights", expected="https", got=address.scheme or "none",
        where=weights.name, remedy="Use an https address.",
    )  # fmt: skip
