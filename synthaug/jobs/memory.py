"""How much memory this process has held, and giving back what it no longer needs."""

from __future__ import annotations

import ctypes
import gc
import re
import sys
from pathlib import Path

__all__ = ["give_back", "peak_memory"]


def peak_memory() -> int | None:
    """The most memory this process has held so far, bytes; None where the system does not say.

    Linux counts what a process held before it became this program towards ``ru_maxrss``, so
    a child of a large parent looks as large; ``VmHWM`` starts anew.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        return int(found[1]) * 1024 if found else None
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most) * (1 if sys.platform == "darwin" else 1024)


def give_back() -> None:
    """Give the system back memory that was freed: glibc keeps it for what comes next.

    After a detector has seen large pictures that is some hundred MiB. Elsewhere than on
    glibc nothing happens.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
