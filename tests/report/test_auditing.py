"""The audit's page: every doubtful frame in words, no picture, and a sheet for one reader."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image

from synthaug.audit import AuditResult, Doubt, TrackFacts
from synthaug.audit.leaks import Crops, Glimpse
from synthaug.report import write_audit
from synthaug.report.auditing import render_audit
from synthaug.verdict import Status, Verdict, Verdicts


def verdict(gate: str, status: Status, why: str) -> Verdict:
    return Verdict(
        gate=gate, scope="file", status=status, statistic=0.0, n_real=1, n_generated=1, null="",
        why=why,
    )  # fmt: skip


def result(*, opened: bool = True) -> AuditResult:
    status = Status.FAIL if opened else Status.PASS
    box = (40.0, 30.0, 60.0, 80.0)
    doubts = [
        Doubt(kind="hole", frame=n, seconds=n / 25, box=box, track=3, likeness=0.97)
        for n in (10, 11, 12)
    ]
    doubts.append(
        Doubt(kind="perhaps a face", frame=70, seconds=2.8, box=box, track=None, likeness=0.99)
    )
    glimpse = Glimpse(10, 0.4, box, 0.97, 3, True, True, False)
    grey = np.full((48, 48, 3), 90, np.uint8)
    return AuditResult(
        version="0.1.0", source="family.mp4", output="family.anonymized.mp4", frames=100,
        seconds=4.0, size=(640, 360), faces=100,
        verdicts=Verdicts([
            verdict("open", status, "3 in 3 frames <script>"),
            verdict("identity", Status.INCONCLUSIVE, "no recogniser is here"),
            verdict("sound", Status.PASS, "there is no sound"),
        ]),
        doubts=doubts if opened else [],
        tracks=[
            TrackFacts(
                track=3, action="replace", first=0.0, last=3.96, frames=100, side=70.0,
                likeness=0.97, status="PASS", control=0.8, similarity=0.1, same=0.4,
                recogniser="mobilefacenet", why="not recognised",
            ),
            TrackFacts(
                track=4, action="keep", first=1.0, last=2.0, frames=26, side=50.0, likeness=None,
                why="kept on purpose",
            ),
        ],
        detectors={"yunet": "ab" * 32}, area=1.2, left_out=("metadata artist",),
        limits={"likeness": 0.8}, sheet=[Crops(glimpse, grey, grey)],
    )  # fmt: skip


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


def test_every_doubtful_frame_is_named_with_its_time():
    told = words(render_audit(result()))
    assert "A face may be open at 0:00.40 and elsewhere" in told
    assert "0:00.40 – 0:00.48 frames 10 – 12" in told
    assert "open for a moment" in told
    assert "track 3" in told
    assert "0:02.80 frame 70" in told
    assert "do not hand it on" in told


def test_the_page_shows_no_picture_and_needs_no_network():
    page = render_audit(result())
    assert "<img" not in page
    assert "data:image" not in page
    assert not re.findall(r"(?:src|href)=\"(?!data:,|#)", page)
    assert "<script>" not in page


def test_a_clean_file_says_so_and_an_open_question_stays_one():
    assert "No open face was found, but look below" in words(render_audit(result(opened=False)))
    clean = result(opened=False)
    clean.verdicts[:] = [v for v in clean.verdicts if v.gate != "identity"]
    assert "No face of the source is open" in words(render_audit(clean))


def test_files_and_who_may_read_them(tmp_path):
    for _ in range(2):  # a second audit replaces the first
        write_audit(result(), tmp_path / "a" / "audit")
    folder = tmp_path / "a" / "audit"
    assert sorted(f.name for f in folder.iterdir()) == [
        "report.html", "report.json", "worst.private.png",
    ]  # fmt: skip
    assert (folder / "worst.private.png").stat().st_mode & 0o777 == 0o600
    with Image.open(folder / "worst.private.png") as sheet:
        assert sheet.mode == "RGB"
    facts = json.loads((folder / "report.json").read_text())
    assert facts["exposed"] is True
    assert facts["doubts"][0]["kind"] == "hole"


@pytest.mark.parametrize("n", [0, 1, 60])
def test_any_number_of_faces_and_doubts(n):
    many = result()
    many.tracks = many.tracks[:1] * n
    many.doubts = [
        Doubt(
            kind="open", frame=5 * k, seconds=k / 5, box=(k, 0.0, 9.0, 9.0), track=3, likeness=0.9
        )
        for k in range(n)
    ]  # fmt: skip
    many.seconds = 0.0 if not n else many.seconds
    render_audit(many)
