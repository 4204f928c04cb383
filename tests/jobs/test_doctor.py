from __future__ import annotations

from pathlib import Path

import pytest

from synthaug.cli.answers import of_checkup
from synthaug.jobs.doctor import Check, examine, opencv_check


def test_this_installation_is_well(tmp_path: Path) -> None:
    checks = {check.name: check for check in examine(tmp_path)}
    assert [check for check in checks.values() if check.mark == "problem"] == []
    assert "SHA-256 579344248a93 as published" in checks["weights"].found
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("versions", "exit_code"),
    [
        ({"opencv-python": "5.0", "opencv-python-headless": "5.0"}, 0),
        ({"opencv-python": "5.0", "opencv-python-headless": "4.9"}, 2),
        ({"opencv-python": "5.0"}, 2),
        ({}, 2),
    ],
)
def test_opencv_wheels_must_be_of_one_version(versions: dict[str, str], exit_code: int) -> None:
    check = opencv_check(versions.get)
    assert check.exit_code == exit_code
    assert bool(check.remedy) == bool(exit_code)


def test_the_remedy_for_opencv_pins_both_wheels() -> None:
    found = {"opencv-python": "5.0", "opencv-python-headless": "4.9"}
    assert opencv_check(found.get).remedy.endswith(
        "pip install --force-reinstall --no-deps opencv-python==5.0 opencv-python-headless==5.0"
    )


def test_a_cache_that_cannot_be_written_is_a_note(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SYNTHAUG_WEIGHTS", str(tmp_path / "file" / "cache"))
    cache = next(check for check in examine(tmp_path) if check.name == "cache")
    assert (cache.mark, cache.exit_code) == ("note", 0)


def test_the_worst_finding_is_the_exit_code() -> None:
    checks = [
        Check(name="a", found="well"),
        Check(name="b", found="full", remedy="Make room.", exit_code=7),
    ]
    answer = of_checkup(checks)
    assert answer.exit_code == 7
    assert answer.fields["ok"] is False
    assert [check["mark"] for check in answer.fields["checks"]] == ["ok", "problem"]
    assert "Make room." in answer.text
