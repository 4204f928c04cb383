"""Input that cannot be used, through the command line: exit code 2, the reason, nothing written.

The commands run inside the test process: that they also do as processes of their own is in
test_processes.py, and loading torch afresh for each of these would prove nothing more.
"""

from __future__ import annotations

import json
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from synthaug.cli.app import run

Answer = dict[str, Any]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 images of class fine and 24 of class crack, grey, 16 px."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for name, count in {"fine": 40, "crack": 24}.items():
        (folder / name).mkdir()
        for index in range(count):
            pixels = random.integers(0, 256, (16, 16), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index:02d}.png")
    return folder


@pytest.fixture
def mine(photos: Path, tmp_path: Path) -> Path:
    """A copy of the photos to spoil."""
    return shutil.copytree(photos, tmp_path / "mine")


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Answer]:
    """Run augment with --json; its object, after checking what holds for every refusal."""

    def call(data: Path, *words: str, out: Path = tmp_path / "out", code: int = 2) -> Answer:
        before = sorted(tmp_path.iterdir())
        assert run(["augment", str(data), "--out", str(out), "--json", *words]) == code
        printed = capsys.readouterr()
        answer: Answer = json.loads(printed.out)
        if code:
            assert answer["error"]["exit_code"] == code
            assert answer["error"]["message"] in printed.err
            assert "Traceback" not in printed.err
        assert sorted(tmp_path.iterdir()) == before, "nothing is left behind"
        return answer.get("error", answer)

    return call


def bomb(path: Path, side: int = 12_000) -> None:
    """A valid PNG of some 17 KB that unfolds to side x side pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(side * (1 + side // 8)), 9)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", rows), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def test_a_folder_that_is_not_there(ask: Callable[..., Answer], tmp_path: Path) -> None:
    assert "nowhere" in ask(tmp_path / "nowhere")["message"]


def test_an_empty_folder(ask: Callable[..., Answer], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty" in ask(tmp_path / "empty")["message"]


def test_one_class(ask: Callable[..., Answer], mine: Path) -> None:
    shutil.rmtree(mine / "crack")
    message = ask(mine)["message"]
    assert "at least 2" in message
    assert "fine" in message


@pytest.mark.parametrize("content", [b"", b"not an image", b"truncated"], ids=str)
def test_a_broken_image_is_named(ask: Callable[..., Answer], mine: Path, content: bytes) -> None:
    victim = mine / "crack" / "07.png"
    victim.write_bytes(victim.read_bytes()[:60] if content == b"truncated" else content)
    message = ask(mine)["message"]
    assert "crack/07.png" in message
    assert "--skip-bad" in message


def test_broken_images_are_left_out_and_listed_on_request(
    ask: Callable[..., Answer], mine: Path
) -> None:
    for index in (3, 4):
        (mine / "crack" / f"{index:02d}.png").write_bytes(b"broken")
    plan = ask(mine, "--skip-bad", "--dry-run", code=0)
    told = " ".join(plan["warnings"])
    assert "crack/03.png" in told
    assert "crack/04.png" in told
    assert {c["name"]: c["real"] for c in plan["classes"]} == {"crack": 22, "fine": 40}


def test_a_picture_far_too_large_is_refused_from_its_header(
    ask: Callable[..., Answer], mine: Path
) -> None:
    bomb(mine / "crack" / "99.png")
    assert (mine / "crack" / "99.png").stat().st_size < 20_000
    message = ask(mine)["message"]
    assert "crack/99.png" in message
    assert "12,000" in message or "12000" in message


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("scratch=50", ["scratch", "crack"]),
        ("crack=10", ["at least 24", "10", "class crack", "--subsample"]),
        ("crack=-3", ["-3", "class crack"]),
        ("crack=lots", ["lots", "class crack"]),
        ("most", ["most"]),
        ("10", ["at least", "10"]),
    ],
)
def test_a_target_that_cannot_be_met(
    ask: Callable[..., Answer], photos: Path, target: str, told: list[str]
) -> None:
    message = ask(photos, "--target", target)["message"]
    assert [word for word in told if word not in message] == []


def test_a_budget_that_cannot_be_read(ask: Callable[..., Answer], photos: Path) -> None:
    assert "'soon'" in ask(photos, "--budget", "soon")["message"]


def test_a_recipe_that_does_not_exist(ask: Callable[..., Answer], photos: Path) -> None:
    message = ask(photos, "--recipe", "magic")["message"]
    assert "magic" in message
    assert "rare" in message


def test_a_groups_file_that_misses_images(
    ask: Callable[..., Answer], photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "groups.csv").write_text("path,group\nfine/00.png,a\n")
    message = ask(photos, "--groups", str(tmp_path / "groups.csv"))["message"]
    assert "groups.csv" in message
    assert "crack/00.png" in message


def test_a_groups_file_that_is_not_there(
    ask: Callable[..., Answer], photos: Path, tmp_path: Path
) -> None:
    assert "nowhere.csv" in ask(photos, "--groups", str(tmp_path / "nowhere.csv"))["message"]


def test_output_below_a_file(ask: Callable[..., Answer], photos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "file" in ask(photos, out=tmp_path / "file" / "out")["message"]


def test_output_where_something_is(
    ask: Callable[..., Answer], photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    assert "--force" in ask(photos)["message"]
    assert "synthaug" in ask(photos, "--force")["message"], "it was not synthaug that wrote it"
    assert (tmp_path / "out" / "thesis.tex").read_text() == "years of work"


def test_a_class_of_one_image_and_a_class_in_one_group_are_told_what_they_get(
    ask: Callable[..., Answer], mine: Path, tmp_path: Path
) -> None:
    (mine / "lone").mkdir()
    with Image.open(mine / "fine" / "00.png") as image:
        image.rotate(90).save(mine / "lone" / "x.png")
    rows = ["path,group", *(f"fine/{i:02d}.png,f{i}" for i in range(40)), "lone/x.png,l"]
    rows += [f"crack/{i:02d}.png,one" for i in range(24)]
    (tmp_path / "groups.csv").write_text("\n".join(rows))
    plan = ask(mine, "--dry-run", "--groups", str(tmp_path / "groups.csv"), code=0)
    classes = {c["name"]: c for c in plan["classes"]}
    assert classes["lone"]["method"] == "classical"
    assert classes["lone"]["why"]
    assert (classes["crack"]["groups"], classes["crack"]["method"]) == (1, "classical")
    assert "group" in classes["crack"]["why"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--recipes", "rare,dcgann"], ["'dcgann'", "Did you mean dcgan"]),
        (["--recipes", " , "], ["at least one name, got none", "--recipes all"]),
        (["--recipes", "rare", "--budget", "2s"], ["at least 10 s or 1,000 images, got 2 s"]),
        (["--recipes", "rare", "--seeds", "0,x"], ["'0,x'", "--seeds"]),
    ],
)
def test_a_comparison_that_cannot_be_made(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str],
    told: list[str],
) -> None:  # fmt: skip
    out = tmp_path / "race"
    assert run(["compare", str(photos), "--out", str(out), "--json", *words]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert [word for word in told if word not in error["message"]] == []
    assert not out.exists()


@pytest.mark.parametrize("command", ["train", "compare"])
def test_one_class_and_a_recipe_that_is_told_the_class(
    mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    shutil.rmtree(mine / "crack")
    option = {"train": "--recipe", "compare": "--recipes"}[command]
    words = [command, str(mine), "--out", str(tmp_path / "out"), option, "dcgan", "--json"]
    assert run(words) == 2
    message = json.loads(capsys.readouterr().out)["error"]["message"]
    assert "at least 2 with images, got fine" in message
    assert "recipe that is not told classes: " in message
    assert not (tmp_path / "out").exists()
