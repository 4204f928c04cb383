from __future__ import annotations

from typing import Any

from synthaug.verdict import Status, Verdict, Verdicts


def verdict(gate: str, scope: str, status: Status, why: str) -> Verdict:
    numbers: dict[str, Any] = {"statistic": 1.0, "n_real": 50, "n_generated": 50, "null": "fresh"}
    return Verdict(gate=gate, scope=scope, status=status, why=why, **numbers)


def test_a_table_puts_failures_first_and_leaves_single_images_out() -> None:
    verdicts = Verdicts(
        [
            verdict("fidelity", "class:crack", Status.PASS, "as real images are"),
            verdict("copy", "image:3", Status.FAIL, "a copy of 17.png"),
            verdict("copy", "set", Status.FAIL, "30 % copies"),
            verdict("label", "set", Status.INCONCLUSIVE, "40 more images decide"),
        ]
    )
    assert str(verdicts).splitlines() == [
        "FAIL          copy      set          30 % copies",
        "INCONCLUSIVE  label     set          40 more images decide",
        "PASS          fidelity  class:crack  as real images are",
    ]
    assert str(Verdicts()) == "no verdict"
