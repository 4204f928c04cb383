"""Does it scale? Peak memory and speed of training for 1,000 to 100,000 images at 64 px.

    python tests/benchmarks/scale.py --data ROOT

Training images are real steel photographs, tiled with jitter. Each size runs in a process of
its own, from a pack file; memory is the process's own high-water mark, less what the same
process held before training began.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

SIZES = (1_000, 5_000, 10_000, 100_000)
RESOLUTION, STEPS = 64, 120


class Tiled:
    """Real images with jitter, made when they are read: an ImageSet for `pack`."""

    name, mode, channels = "tiled", "L", 1

    def __init__(self, root: Path, count: int) -> None:
        files = sorted((root / "steel" / "train").glob("*/*.jpg"))[::6]
        self.bases = [np.asarray(Image.open(file).convert("L")) for file in files]
        names = sorted({file.parent.name for file in files})
        base_labels = np.array([names.index(file.parent.name) for file in files])
        self.labels = base_labels[np.arange(count) % len(files)]
        self.groups, self.classes = np.arange(count), tuple(names)
        self.fingerprint = f"tiled-{count}"

    def __len__(self) -> int:
        return len(self.labels)

    def pixels(self, index: int) -> np.ndarray:
        rng = np.random.default_rng(index)
        base = self.bases[index % len(self.bases)]
        top, left = rng.integers(0, 12, 2)
        cut = base[top : top + 88, left : left + 88].astype(np.float32)
        return np.clip(cut * rng.uniform(0.9, 1.1) + rng.normal(0, 3), 0, 255).astype(np.uint8)


def _memory() -> float:
    """Resident memory of this process now, MiB."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in x)
    return int(line.split()[1]) / 1024


def one(root: Path, count: int) -> dict[str, float]:
    from synthaug.datasets import pack
    from synthaug.textbook import named
    from synthaug.training import Run, Shape, Trainer

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        images = Tiled(root, count)
        started = time.process_time()
        packed = pack(images, RESOLUTION, file=Path(folder) / "images.pack")
        packing = time.process_time() - started
        shape = Shape(len(images.classes), 1, RESOLUTION)
        batch = named("rare").batch_size
        trainer = Trainer(Run(named("rare"), shape, batch * 600), packed, np.arange(count))
        trainer.step = 300
        trainer.advance(320)
        before = _memory()
        started = time.process_time()
        trainer.advance(320 + STEPS)
        speed = STEPS * batch / (time.process_time() - started)
        growth = _memory() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "images": count, "speed": speed, "growth": growth, "peak": peak,
        "pack_us": 1e6 * packing / count,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", type=int)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(one(options.data, options.only)))
        return
    print("| training images | images / CPU s | growth while training | peak memory | packing |")
    print("|---|---|---|---|---|")
    for count in SIZES:
        command = [sys.executable, __file__, "--data", str(options.data), "--only", str(count)]
        row = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        print(
            f"| {count:,} | {row['speed']:.1f} | {row['growth']:+.0f} MiB | "
            f"{row['peak']:,.0f} MiB | {row['pack_us']:.0f} µs an image |",
            flush=True,
        )


if __name__ == "__main__":
    main()
