"""The whole command with its audit: no open face, a page, and nothing read twice."""

from __future__ import annotations

import shutil

import synthaug
from synthaug.verdict import Status


def test_what_anonymize_writes_passes_its_own_audit(case, recogniser, monkeypatch, tmp_path):
    monkeypatch.setattr("synthaug.faces.recognisers.recognisers", lambda: [recogniser])
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(case.source, folder / "clip.mp4")
    (made,) = synthaug.anonymize(folder / "clip.mp4", seed=1).files
    failed = [v for v in made.audit.verdicts if v.status is Status.FAIL]
    assert failed == []
    assert made.exit_code == 0
    assert (made.report / "report.html").is_file()
    assert (made.report / "worst.private.png").stat().st_mode & 0o077 == 0
    assert "report.html" in str(made)
    assert made.to_dict()["report"].endswith("clip.anonymized.mp4.audit/report.html")
    # The private sheet is no input of a second run over the folder.
    from synthaug.jobs.anonymizing.inputs import inputs_of

    found = inputs_of(folder, tmp_path / "out")
    assert [path.name for path, _ in found.pairs] == ["clip.mp4"]
