"""CRC32C of chunks: by google-crc32c where it is installed, else by numpy."""

from __future__ import annotations

import functools
from typing import Any

__all__ = ["crc32c", "crc32c_of"]

_POLYNOMIAL = 0x82F63B78  # Castagnoli, reflected
_LANE = 1024


def crc32c(data: bytes) -> int:
    """CRC32C (Castagnoli, RFC 3720) of some bytes.

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
    """
    try:
        import google_crc32c
    except ImportError:
        return crc32c_of(data)
    return int(google_crc32c.value(data))


def crc32c_of(data: bytes) -> int:
    """The same without the package: lanes of 1 KiB side by side, then joined."""
    import numpy as np

    table, shift = _table(), _shift()
    whole = len(data) // _LANE
    crc = 0xFFFFFFFF
    if whole:
        lanes = np.frombuffer(data, np.uint8, whole * _LANE).reshape(whole, _LANE).T.copy()
        state = np.zeros(whole, np.uint32)
        for column in lanes:
            state = table[(state ^ column) & 0xFF] ^ (state >> 8)
        for lane in state.tolist():
            # The register after a lane is that of the lane alone, and of the register before it
            # moved on over as many zeros.
            moved = 0
            for place in range(4):
                moved ^= shift[place][crc >> 8 * place & 0xFF]
            crc = moved ^ lane
    rest, small = data[whole * _LANE :], table.tolist()
    for byte in rest:
        crc = small[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return int(crc ^ 0xFFFFFFFF)


@functools.cache
def _table() -> Any:
    import numpy as np

    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(_POLYNOMIAL), table >> 1)
    return table.astype(np.uint32)


@functools.cache
def _shift() -> list[list[int]]:
    """What each byte of a register becomes after a lane of zeros."""
    import numpy as np

    table = _table()
    found = []
    for place in range(4):
        state = (np.arange(256, dtype=np.uint32) << np.uint32(8 * place)).astype(np.uint32)
        for _ in range(_LANE):
            state = table[state & 0xFF] ^ (state >> 8)
        found.append([int(each) for each in state])
    return found
