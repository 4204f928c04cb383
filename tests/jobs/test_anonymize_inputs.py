"""Which files are read and where they are written; what was done is not done again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import synthaug
from synthaug.cli.app import run
from synthaug.errors import InputError
from synthaug.jobs.anonymizing.inputs import inputs_of


def wall(path: Path) -> Path:
    """A picture of nobody."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = np.linspace(0, 255, 60).astype(np.uint8)
    Image.fromarray(np.repeat(np.repeat(rows[:, None, None], 80, 1), 3, -1)).save(path)
    return path


@pytest.fixture
def holiday(tmp_path: Path) -> Path:
    """Pictures two folders deep, and things that are none."""
    folder = tmp_path / "holiday"
    for name in ("a.png", "beach/b.jpg", "beach/far/c.png"):
        wall(folder / name)
    (folder / "notes.txt").write_text("sunny")
    wall(folder / ".thumbnails/a.png")
    wall(folder / "old.mp4.audit/worst.private.png")
    return folder


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_folder_is_read_with_all_below_it(holiday, tmp_path):
    found = inputs_of(holiday, tmp_path / "out")
    told = {str(a.relative_to(holiday)): str(b.relative_to(tmp_path)) for a, b in found.pairs}
    assert told == {
        "a.png": "out/a.png", "beach/b.jpg": "out/beach/b.jpg",
        "beach/far/c.png": "out/beach/far/c.png",
    }  # fmt: skip
    assert [path.name for path in found.others] == ["notes.txt"]
    assert [b.name for _, b in inputs_of(holiday, None).pairs] == [
        "a.anonymized.png", "b.anonymized.jpg", "c.anonymized.png",
    ]  # fmt: skip


def test_outputs_beside_their_inputs_are_not_done_again(holiday):
    before = names(holiday)
    first = synthaug.anonymize(holiday, audit=False)
    assert first.exit_code == 0
    ours = {"a.anonymized.png", "beach/b.anonymized.jpg", "beach/far/c.anonymized.png"}
    assert names(holiday) == before | ours
    content = {name: (holiday / name).read_bytes() for name in ours}
    found = inputs_of(holiday, None)
    assert {str(path.relative_to(holiday)) for path in found.ours} == ours
    # Their names are taken now: each input is told, and nothing is written over.
    again = synthaug.anonymize(holiday, audit=False)
    assert again.exit_code == 6
    assert [file.error.code for file in again.files] == ["output.exists"] * 3
    assert {name: (holiday / name).read_bytes() for name in ours} == content
    assert names(holiday) == before | ours
    with pytest.raises(InputError, match="none that are not done already"):
        inputs_of(str(holiday / "*.anonymized.png"), None)


def test_a_pattern_takes_what_it_names(holiday, tmp_path):
    found = inputs_of(str(holiday / "**" / "*.png"), tmp_path / "out")
    assert [b.relative_to(tmp_path / "out").as_posix() for _, b in found.pairs] == [
        "a.png", "beach/far/c.png", "old.mp4.audit/worst.private.png",
    ]  # fmt: skip
    with pytest.raises(InputError, match="nothing there"):
        inputs_of(str(holiday / "*.mov"), None)


@pytest.mark.parametrize("name", ["one.png", "there"])
def test_several_inputs_have_no_place_in_one_file(name, holiday, tmp_path):
    (tmp_path / "there").write_bytes(b"mine")
    with pytest.raises(InputError, match="a folder for 3 inputs, got a file"):
        synthaug.anonymize(holiday, tmp_path / name)
    assert names(tmp_path) == {f"holiday/{each}" for each in names(holiday)} | {"there"}


def test_bad_files_among_good_ones_are_listed(holiday, tmp_path, capsys):
    (holiday / "beach/broken.png").write_bytes(b"no picture")
    (holiday / "film.mp4").write_bytes(b"")
    out = tmp_path / "out"
    assert run(["anonymize", str(holiday), "-o", str(out), "--no-audit", "--json"]) == 6
    told = json.loads(capsys.readouterr().out)["files"]
    codes = {Path(each["source"]).name: each["exit_code"] for each in told}
    assert codes == {"a.png": 0, "b.jpg": 0, "c.png": 0, "broken.png": 2, "film.mp4": 2}
    errors = {Path(e["source"]).name: e["error"]["message"] for e in told if e["exit_code"]}
    assert "another file" in errors["broken.png"]
    assert "an empty file" in errors["film.mp4"]
    assert names(out) == {"a.png", "beach/b.jpg", "beach/far/c.png"}
