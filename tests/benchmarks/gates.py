"""How often each gate is wrong: on fresh real images, near-copies, collapse, wrong labels.

Run: python tests/benchmarks/gates.py DATA [--trials 100] [--alarms N] [--out FILE]

DATA holds the folders traffic_signs, magnetic_tile and steel, each with train/<class>/*.jpg,
traffic_signs also with test/, and groups.csv (path, group) in the first two. Features are
kept in --cache, so a second run takes only the judging.
"""

from __future__ import annotations

import argparse
import csv
import io
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from synthaug.datasets.resampling import squash
from synthaug.gates import Judge, Sample, View, sample
from synthaug.verdict import Status

SIDE, N, TRAINED, VARIANTS = 64, 50, 400, 8


def near_copy(image, variant, rng):
    """One image (H, W[, 3]) changed as little as a memorising generator changes it."""
    height = image.shape[0]
    if variant == 0:
        return image[:, ::-1]
    if variant in (1, 2):
        dy, dx = rng.integers(-2, 3, 2)
        pad = [(2, 2), (2, 2)] + [(0, 0)] * (image.ndim - 2)
        return np.pad(image, pad, mode="edge")[2 + dy :, 2 + dx :][:height, :height]
    if variant == 3:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=60)
        return np.array(Image.open(file))
    if variant in (4, 5):
        kept = int(height * 0.9)
        y, x = rng.integers(0, height - kept + 1, 2)
        return squash(np.ascontiguousarray(image[y : y + kept, x : x + kept]), height)
    return np.clip(image * rng.uniform(0.75, 1.3), 0, 255).astype(np.uint8)


@dataclass
class Real:
    """Every image and its near-copies: variant v of the i-th copied image at i * VARIANTS + v."""

    plain: Sample
    copies: Sample
    has_copies: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    is_test: np.ndarray
    classes: tuple[str, ...]


def load(root: Path, copied: set[str], cache: Path, limit: int) -> Real:
    """The features of one set, extracted once; near-copies for the classes named."""
    files = sorted(root.glob("t*/*/*.jpg"))
    groups = {str(f.relative_to(root)): str(f) for f in files}
    if (root / "groups.csv").exists():
        with (root / "groups.csv").open() as stream:
            groups |= {row["path"]: row["group"] for row in csv.DictReader(stream)}
    names = [groups[str(f.relative_to(root))] for f in files]
    classes = tuple(sorted({f.parent.name for f in files}))
    labels = np.array([classes.index(f.parent.name) for f in files])
    ids = np.unique(names, return_inverse=True)[1]
    rng = np.random.default_rng(0)
    has = np.zeros(len(files), bool)
    for name in copied:
        members = rng.permutation(np.flatnonzero(labels == classes.index(name)))
        _, first = np.unique(ids[members], return_index=True)
        rest = np.setdiff1d(np.arange(len(members)), first)
        has[members[np.concatenate([first, rest])][:limit]] = True
    images = [squash(np.array(Image.open(f)), SIDE) for f in files]
    changed = [near_copy(images[i], v, rng) for i in np.flatnonzero(has) for v in range(VARIANTS)]
    plain = _extracted(cache / f"{root.name}.npz", images)
    copies = _extracted(cache / f"{root.name}_copies.npz", changed)
    is_test = np.array([f.relative_to(root).parts[0] == "test" for f in files])
    return Real(plain, copies, has, labels, ids.astype(np.int64), is_test, classes)


def _extracted(store: Path, images) -> Sample:
    """All images as one sample, its features kept in a file."""
    if not store.exists():
        blocks = np.stack(images)
        blocks = blocks[:, None] if blocks.ndim == 3 else blocks.transpose(0, 3, 1, 2)
        made = sample(np.ascontiguousarray(blocks))
        rows = {f"{s} plain": view.plain for s, view in made.spaces.items()}
        rows |= {f"{s} mirrored": view.mirrored for s, view in made.spaces.items()}
        np.savez(store, **rows, **{f"layout {n}": r for n, r in made.layouts.items()})
    with np.load(store) as arrays:
        kept = {name: arrays[name] for name in arrays.files}
    spaces = {s: View(kept[f"{s} plain"], kept[f"{s} mirrored"]) for s in ("embedded", "pixels")}
    layouts = {n.removeprefix("layout "): r for n, r in kept.items() if n.startswith("layout ")}
    return Sample(spaces, np.zeros(len(images), np.int64), ("all",), None, layouts)


def spread_out(rng, real, candidates, count):
    """So many of the candidates, one of every group before a second of any."""
    order = rng.permutation(candidates)
    turn = np.zeros(len(order), int)
    seen: dict[int, int] = {}
    for place, group in enumerate(real.groups[order]):
        turn[place] = seen[group] = seen.get(group, -1) + 1
    return order[np.argsort(turn, kind="stable")][:count]


def pick(real, rows, copies=()):
    """A sample of images (indices) and near-copies (indices into the copies)."""
    rows, copies = np.asarray(rows, int), np.asarray(copies, int)
    sources = np.flatnonzero(real.has_copies)
    labels = np.concatenate([real.labels[rows], real.labels[sources[copies // VARIANTS]]])
    both = real.plain.subset(rows)
    both = both.joined(real.copies.subset(copies)) if len(copies) else both
    return replace(both, labels=labels.astype(np.int64), classes=real.classes)


def copies_of(rng, real, sources, count):
    """Near-copies of random sources, every source and variant once before any twice."""
    position = np.cumsum(real.has_copies) - 1
    usable = np.asarray(sources)[real.has_copies[sources]]
    pairs = [(s, v) for v in rng.permutation(VARIANTS) for s in rng.permutation(usable)]
    return [position[s] * VARIANTS + v for s, v in pairs[:count]]


def split_by_group(rng, real, members, parts):
    groups = rng.permutation(np.unique(real.groups[members]))
    return [members[np.isin(real.groups[members], g)] for g in np.array_split(groups, parts)]


def one_class(rng, real, label, test_is_fresh):
    """A judge of one class of a random split, its training images and fresh ones."""
    members = np.flatnonzero((real.labels == label) & ~real.is_test)
    if test_is_fresh:
        train, heldout = split_by_group(rng, real, members, 2)
        fresh = np.flatnonzero((real.labels == label) & real.is_test)
    else:
        train, heldout, fresh = split_by_group(rng, real, members, 3)
    train, heldout, fresh = (spread_out(rng, real, s, N) for s in (train, heldout, fresh))

    def sample_of(rows):
        return replace(pick(real, rows), groups=real.groups[rows])

    judge = Judge(sample_of(train), sample_of(heldout), seed=int(rng.integers(1 << 31)))
    return judge, train, fresh


def false_alarms(real, label, test_is_fresh, splits):
    """How often the copy gate fails fresh real images, over many splits of one class."""
    failed = 0
    for split in range(splits):
        rng = np.random.default_rng([split, label, 7])
        judge, _, fresh = one_class(rng, real, label, test_is_fresh)
        failed += judge.verdicts(pick(real, fresh), gates=("copy",)).failed
    return failed


def one_class_trial(rng, real, label, test_is_fresh):
    """Statuses by (condition, gate), and the detectable copied fraction."""
    judge, train, fresh = one_class(rng, real, label, test_is_fresh)
    modes = fresh[real.has_copies[fresh]][:8]
    collapsed = copies_of(rng, real, modes, N)
    conditions = {
        "fresh real images": pick(real, fresh),
        "collapse to 8 images": pick(real, [], collapsed),
    }
    for share in (0.1, 0.3):
        count = int(N * share)
        conditions[f"{share:.0%} near-copies"] = pick(
            real, fresh[: N - count], copies_of(rng, real, train, count)
        )
    out, detectable, flagged = {}, [], {}
    asked = {
        "fresh real images": ("copy", "fidelity", "diversity"),
        "collapse to 8 images": ("diversity",),
    }
    for name, made in conditions.items():
        for verdict in judge.verdicts(made, gates=asked.get(name, ("copy",))):
            out[name, verdict.gate] = verdict.status
            if verdict.gate == "copy" and name == "fresh real images":
                detectable.append(verdict.detectable or np.nan)
        copied = judge.images(made).copied
        if name == "30% near-copies":
            flagged["of near-copies"] = copied[N - int(0.3 * N) :].mean()
        if name == "fresh real images":
            flagged["of fresh images"] = copied.mean()
    return out, detectable[0], flagged


def label_trial(rng, real, test_is_fresh):
    members = np.flatnonzero(~real.is_test)
    train, heldout, fresh = split_by_group(rng, real, members, 3)
    if test_is_fresh:
        fresh = np.flatnonzero(real.is_test)
    sizes = (TRAINED, N, N)
    train, heldout, fresh = (
        spread_out(rng, real, part, size)
        for part, size in zip((train, heldout, fresh), sizes, strict=True)
    )
    samples = [pick(real, rows) for rows in (train, heldout, fresh)]
    judge = Judge(*samples[:2], seed=int(rng.integers(1 << 31)))
    labels = samples[2].labels.copy()
    wrong = rng.permutation(N)[: int(0.3 * N)]
    labels[wrong] = (labels[wrong] + rng.integers(1, len(real.classes), len(wrong))) % len(
        real.classes
    )
    mixed = replace(samples[2], labels=labels)
    found = {}
    for name, made in (("fresh real images", samples[2]), ("30% wrong labels", mixed)):
        told = judge.verdicts(made, gates=("label",))
        found[name, "label"] = Status.FAIL if told.failed else told[0].status
        if name == "fresh real images":
            seen = told[0].detectable
    return found, seen


SETS = {
    "traffic_signs": ({"limit_50", "limit_70"}, True),
    "magnetic_tile": ({"free"}, False),
    "steel": ({"crazing", "scratches"}, False),
}


def run_alarms(data: Path, splits: int, cache: Path) -> str:
    lines = ["| set | class | splits | FAIL % |", "|---|---|---|---|"]
    for name, (classes, test_is_fresh) in SETS.items():
        real = load(data / name, classes, cache, 700)
        for named in sorted(classes):
            failed = false_alarms(real, real.classes.index(named), test_is_fresh, splits)
            lines.append(f"| {name} | {named} | {splits} | {100 * failed / splits:.1f} |")
            print(lines[-1], flush=True)
    return "\n".join(lines)


def run(data: Path, trials: int, cache: Path):
    rows, power = [], []
    for name, (classes, test_is_fresh) in SETS.items():
        started = time.monotonic()
        real = load(data / name, classes, cache, 700)
        print(f"{name}: features after {time.monotonic() - started:.0f} s", flush=True)
        labels = [real.classes.index(c) for c in sorted(classes)]
        found, detectable, flagged = [], [], []
        for trial in range(trials):
            rng = np.random.default_rng([trial, len(name)])
            out, seen, marks = one_class_trial(
                rng, real, labels[trial % len(labels)], test_is_fresh
            )
            labelled, marks["label"] = label_trial(rng, real, test_is_fresh)
            out |= labelled
            found.append(out)
            detectable.append(seen)
            flagged.append(marks)
        for key in found[0]:
            statuses = [out[key] for out in found]
            rows.append(
                (
                    name,
                    *key,
                    *(
                        100 * np.mean([s is status for s in statuses])
                        for status in (Status.FAIL, Status.INCONCLUSIVE)
                    ),
                )
            )
        power.append(
            (
                name,
                np.nanmedian(detectable),
                *(
                    100 * np.mean([m[k] for m in flagged])
                    for k in ("of near-copies", "of fresh images", "label")
                ),
            )
        )
        print(f"{name}: done after {time.monotonic() - started:.0f} s", flush=True)
    return rows, power


def table(rows, power, trials):
    lines = ["| set | images judged | gate | FAIL % | INCONCLUSIVE % |", "|---|---|---|---|---|"]
    lines += [f"| {s} | {c} | {g} | {f:.0f} | {i:.0f} |" for s, c, g, f, i in sorted(rows)]
    lines += [
        "",
        "| set | copied fraction the copy gate says it sees | near-copies redrawn % |"
        " fresh images redrawn % | loss of agreement the label gate says it sees, points |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {s} | {100 * d:.0f} % | {a:.0f} | {b:.1f} | {c:.0f} |" for s, d, a, b, c in power]
    return "\n".join([*lines, "", f"{trials} trials a cell."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--alarms", type=int, help="count the copy gate's alarms over N splits")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    cache = options.cache or Path(tempfile.gettempdir()) / "synthaug-gates"
    cache.mkdir(parents=True, exist_ok=True)
    if options.alarms:
        text = run_alarms(options.data, options.alarms, cache)
    else:
        text = table(*run(options.data, options.trials, cache), options.trials)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
