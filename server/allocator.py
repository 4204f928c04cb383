"""How the C library's allocator serves a process that moves megabytes all day."""

from __future__ import annotations

import ctypes

__all__ = ["trim", "tune"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # malloc.h


def tune() -> bool:
    """Keep freed chunks for the next ones, in two arenas; gives whether the library can do that.

    As it comes, glibc maps and unmaps every chunk of an upload: an eighth of the server's time
    went into page faults. Memory that is kept at an arena's end is bounded, 16 MiB, and `trim`
    gives the rest back.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False  # another C library
    pairs = ((_ARENA_MAX, 2), (_MMAP_THRESHOLD, 32 << 20), (_TRIM_THRESHOLD, 16 << 20))
    return all(mallopt(name, value) for name, value in pairs)


def trim() -> bool:
    """Give pages of freed chunks back to the system; whether there were any.

    Sixteen downloads left 100 MiB with the process, and what is left after some minutes of
    mixed calls differs by 5 MiB from one moment to the next.
    """
    try:
        return bool(ctypes.CDLL(None).malloc_trim(0))
    except (OSError, AttributeError):
        return False
