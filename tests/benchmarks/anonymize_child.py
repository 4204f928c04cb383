"""One program on one file, in a process that loads nothing else; what it cost on stdout."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

import cv2


def child(system: str, source: Path, output: Path, plan: Path) -> None:
    """Run ``synthaug`` or ``deface`` with its defaults, the audit apart."""
    cv2.setNumThreads(1)
    spent: dict[str, Any] = {"cpu": 0.0}
    before = _cpu()
    if system == "deface":
        sys.argv = ["deface", str(source), "-o", str(output)]
        from deface.deface import main as deface

        sys.stdout = sys.stderr
        deface()
        sys.stdout = sys.__stdout__
    else:
        from synthaug.faces.plan import write_plan
        from synthaug.jobs.anonymizing.plan import plan_video
        from synthaug.jobs.anonymizing.render import render

        planned = plan_video(source)
        write_plan(planned, plan)
        made = render(
            planned, source, output, salt=b"benchmark", force=True,
            resume=False,
        )  # fmt: skip
        spent["rungs"] = {
            name: sum(counts.get(name, 0) for counts in made.rungs.values())
            for name in {name for counts in made.rungs.values() for name in counts}
        }
    spent["cpu"] = _cpu() - before
    print(json.dumps(spent))


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    from synthaug.errors import SynthaugError

    try:
        child(sys.argv[1], *map(Path, sys.argv[2:5]))
    except SynthaugError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
