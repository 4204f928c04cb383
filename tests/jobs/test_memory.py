"""What was freed goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

CODE = """
import re
from pathlib import Path
from synthaug.jobs.memory import give_back

def held():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

kept = [bytearray(60_000) for _ in range(4000)]
last = kept[-1]  # the top of the heap stays in use, so that freeing alone gives nothing back
full = held()
del kept
give_back()
print(full - held())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is asked to")
def test_freed_memory_goes_back():
    made = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert int(made.stdout) > 150_000  # kB of 240,000
