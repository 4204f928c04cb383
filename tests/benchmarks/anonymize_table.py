"""The table of `anonymize.py`, from the cells that were run."""

from __future__ import annotations

import math
from typing import Any

SYSTEMS = ("synthaug", "deface")
EXACT = ("frames", "times", "sound", "size", "rotation", "colour")


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: a line a figure, the target beside it; a dash for what was not run."""
    rows = list({tuple(row["cell"]): row for row in rows}.values())  # the latest of each cell
    told = ["| what | target | synthaug | deface 1.5.0 |", "|---|---|---|---|"]
    for what, target, figure in _figures(rows):
        cells = []
        for system in SYSTEMS:
            try:
                cells.append(figure(system))
            except (KeyError, ZeroDivisionError, ValueError, IndexError, TypeError):
                cells.append("–")
        told.append(f"| {what} | {target} | {cells[0]} | {cells[1]} |")
    return "\n".join([*told, "", *_files(rows)])


def _figures(rows: list[dict[str, Any]]) -> list[tuple[str, str, Any]]:
    def clips(system: str) -> list[dict[str, Any]]:
        mine = [r for r in rows if r["cell"][0] == "clip" and r["cell"][2] == system]
        return [row for row in mine if "agreed" in row]

    def one(*cell: str) -> dict[str, Any]:
        return {tuple(row["cell"]): row for row in rows}[cell]

    def total(system: str, name: str) -> float:
        if not clips(system):
            raise KeyError(name)
        return sum(row[name] for row in clips(system))

    def share(name: str, among: str) -> Any:
        return lambda s: f"{total(s, name):,.0f} / {total(s, among):,.0f}"

    def psnr(system: str) -> str:
        value = 10 * math.log10(255**2 * total(system, "pixels") / total(system, "squares"))
        worst = min(row["psnr"] for row in clips(system))
        return f"{value:.1f} dB, worst clip {worst:.1f}"

    def together(system: str) -> str:
        every = [value for row in clips(system) for value in row["together"]]
        return f"{sum(every) / len(every):.3f} ({len(every)} tracks)"

    def flicker(system: str) -> str:
        every = [pair for row in clips(system) for pair in row["still"]]
        more = sum(b for _, b in every) / sum(a for a, _ in every) - 1
        return f"{more:+.0%} ({len(every)} tracks)"

    def exact(system: str) -> str:
        mine = [r for r in rows if r["cell"][0] in ("file", "clip") and r["cell"][2] == system]
        read = [row for row in mine if "file" in row]
        fine = sum(all(row["file"][gate] == "PASS" for gate in EXACT) for row in read)
        return f"{fine} of {len(read)} files written"

    def face(name: str, form: str) -> Any:
        return lambda s: format(one("faces", "all", "both")[s][name], form)

    def less_floor(name: str) -> Any:
        def told(system: str) -> str:
            facts = one("faces", "all", "both")
            over = facts[system][name] - facts["real"][name]
            blur = facts["deface"][name] - facts["real"][name]
            return f"{over:.3g} ({over / blur:.2f}x)"

        return told

    def attack(*names: str) -> Any:
        return lambda s: " / ".join(f"{one('people', 'attacks', s)[n]:.1%}" for n in names)

    def speed(system: str) -> str:
        found = [one("speed", size, system) for size in ("360p", "720p", "1080p")]
        return " / ".join(f"{row['frames_per_cpu_second']:.1f}" for row in found)

    def memory(system: str) -> str:
        short, long = one("speed", "1080p", system)["memory"]
        return f"{short:.0f} MB at 16 frames, {long:.0f} at 64"

    return [
        ("open face-frames two detectors agree on, 15 clips", "0", share("open", "agreed")),
        ("temporal holes", "0", share("holes", "agreed")),
        ("open faces boxed by hand (certain)", "0", share("open_by_hand", "by_hand")),
        ("naive rank-1, 500 people among 3,500", "≤ 1 %", attack("naive_rank_1")),
        ("parrot rank-1 / rank-10 in galleries of 120 (chance 0.8 / 8.3 %)", "≤ 2 / ≤ 12 %",
         attack("parrot_rank_1", "parrot_rank_10")),
        ("true accepts at 0.1 % false ones", "≤ 1 %", attack("tar")),
        ("YuNet finds the face in the hidden one", "≥ 97 %", face("yunet", ".1%")),
        ("CenterFace finds it", "", face("centerface", ".1%")),
        ("error of five points, of the eyes' distance", "≤ 8 %", face("points", ".1%")),
        ("yaw, median difference", "≤ 5°", face("yaw", ".1f")),
        ("openness of mouth, correlation", "≥ 0.6", face("mouth", ".2f")),
        ("openness of eyes, correlation", "≥ 0.6", face("eyes", ".2f")),
        ("points over time in a track, correlation", "≥ 0.96", together),
        ("Fréchet less floor (over deface's)", "≤ 0.5x", less_floor("frechet")),
        ("KID less floor (over deface's)", "≤ 0.5x", less_floor("kid")),
        ("PSNR outside ovals and seams", "≥ 44 dB", psnr),
        ("area changed over area of boxes", "≤ 1.5x",
         lambda s: f"{total(s, 'changed') / total(s, 'faces'):.2f}x"),
        ("frames, times, sound, size, rotation, colour exact", "every file", exact),
        ("frames per CPU second, 360p / 720p / 1080p", "≥ 2x deface's", speed),
        ("peak memory, 1080p", "≤ 700 MB", memory),
        ("flicker of tracks that stand still, over the source's", "≤ +20 %", flicker),
    ]  # fmt: skip


def _files(rows: list[dict[str, Any]]) -> list[str]:
    """A line a container file: what each program did to it."""
    names = sorted({row["cell"][1] for row in rows if row["cell"][0] == "file"})
    lines = ["| file | synthaug | deface 1.5.0 |", "|---|---|---|"]
    for name in names:
        cells = []
        for system in SYSTEMS:
            mine = [row for row in rows if row["cell"] == ["file", name, system]]
            cells.append(_file(mine[0]) if mine else "–")
        lines.append(f"| {name} | {cells[0]} | {cells[1]} |")
    return lines if names else []


def _file(row: dict[str, Any]) -> str:
    if "unreadable" in row:
        return f"exit {row['exit']}, what it wrote cannot be read"
    if "file" not in row:
        return f"exit {row['exit']}, nothing written"
    wrong = [gate for gate, status in row["file"].items() if status == "FAIL"]
    return "exact" if not wrong else "changed: " + ", ".join(wrong)
