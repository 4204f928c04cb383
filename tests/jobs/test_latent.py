"""The commands on latent space, from words to files: what is written, refused, left alone."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

import synthaug
from synthaug.cli.app import run
from synthaug.datasets import read_provenance
from synthaug.latent import Direction, tiled
from synthaug.networks.dcgan import DCGANGenerator
from synthaug.networks.rare import RareGenerator
from synthaug.provenance import latent_seed
from synthaug.training import Generator

Out = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def generators(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``rare`` and ``dcgan``: untrained generators of two classes."""
    folder = tmp_path_factory.mktemp("generators")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        rare, dcgan = RareGenerator(2, 3, 16), DCGANGenerator(2, 1, 16, width=8)
        torch.nn.init.normal_(dcgan.body[0].weight, 0, 0.3)
    for network, name in ((rare, "rare"), (dcgan, "dcgan")):
        network.eval().requires_grad_(False)
        Generator(network, ("crack", "fray"), {"recipe": name}).save(folder / name)
    return folder


def picture(path: Path) -> torch.Tensor:
    with Image.open(path) as image:
        pixels = np.array(image)
    return torch.from_numpy(np.moveaxis(np.atleast_3d(pixels), 2, 0).copy())


def drawn(folder: Path, name: str, numbers: list[int], seed: int = 0) -> torch.Tensor:
    generator = synthaug.load_generator(folder)
    label = generator.classes.index(name)
    return generator.sample(
        [label] * len(numbers), [latent_seed(seed, name, number) for number in numbers]
    )


def refused(words: list[str], capsys: Out) -> str:
    capsys.readouterr()
    assert run([*words, "--json"]) == 2
    printed = capsys.readouterr()
    told = json.loads(printed.out)["error"]
    assert told["exit_code"] == 2
    assert len(printed.err.splitlines()) == 1
    return str(told["message"])


@pytest.mark.parametrize("kind", ["rare", "dcgan"])
def test_a_grid_of_samples(generators: Path, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "deep" / "grid.png"
    words = ["sample", str(generators / kind), "--class", "crack", "--grid", "4x2", "--seed", "1"]
    assert run([*words, "--truncation", "0.7", "--out", str(out)]) == 0
    generator = synthaug.load_generator(generators / kind)
    seeds = [latent_seed(1, "crack", index) for index in range(8)]
    expected = tiled(generator.sample([0] * 8, seeds, truncation_psi=0.7), columns=4)
    assert torch.equal(picture(out), expected)
    record = read_provenance(out)
    assert record is not None
    assert record.tool == "grid of 4 by 2 draws"
    assert record.generator == generator.sha256
    first = out.read_bytes()
    assert run([*words, "--truncation-psi", "0.7", "--out", str(out)]) == 0
    assert out.read_bytes() == first


def test_samples_join_those_of_another_class_and_spare_strangers(
    generators: Path, tmp_path: Path, capsys: Out
) -> None:
    words = ["sample", str(generators / "rare"), "--count", "2", "--out", str(tmp_path / "o")]
    for name in ("crack", "fray", "crack"):
        assert run([*words, "--class", name]) == 0
    names = sorted(path.name for path in (tmp_path / "o").iterdir())
    assert names == [f"{c}_0000{i}.png" for c in ("crack", "fray") for i in (0, 1)]
    (tmp_path / "o" / "fray_00001.png").write_bytes(b"a stranger's")
    capsys.readouterr()
    assert "got another file" in refused([*words, "--class", "fray"], capsys)
    assert (tmp_path / "o" / "fray_00001.png").read_bytes() == b"a stranger's"


def test_samples_that_make_no_sense(generators: Path, tmp_path: Path, capsys: Out) -> None:
    rare = str(generators / "rare")
    words = ["sample", rare, "--out", str(tmp_path / "x" / "o.png")]
    assert "Did you mean crack?" in refused([*words, "--class", "crak"], capsys)
    assert "at least 1" in refused([*words, "--class", "crack", "--count", "0"], capsys)
    assert "finite" in refused([*words, "--class", "crack", "--truncation", "nan"], capsys)
    grid = ["sample", rare, "--class", "crack", "--grid", "2x2", "--out"]
    assert "ends in .png" in refused([*grid, str(tmp_path / "cracks")], capsys)
    assert "config.json" in refused(
        ["sample", str(tmp_path), "--class", "a", "--out", str(tmp_path / "o")], capsys
    )
    assert list(tmp_path.iterdir()) == []


def test_a_way_is_a_picture_of_samples_at_its_ends(generators: Path, tmp_path: Path) -> None:
    out = tmp_path / "way.png"
    words = ["interpolate", str(generators / "dcgan"), "--class", "fray", "--images", "3,5,7"]
    assert run([*words, "--steps", "4", "--seed", "2", "--out", str(out)]) == 0
    shown = picture(out)
    assert shown.shape == (1, 32, 64)
    ends = drawn(generators / "dcgan", "fray", [3, 5, 7], seed=2)
    assert torch.equal(shown[:, :16, :16], ends[0])
    assert torch.equal(shown[:, :16, 48:], ends[1])
    assert torch.equal(shown[:, 16:, :16], ends[1])
    record = read_provenance(out)
    assert record is not None
    assert record.tool == "interpolate: fray 3, fray 5, fray 7 of seed 2"
    classes = ["--class", "crack", "--class", "fray", "--out", str(tmp_path / "classes.png")]
    assert run(["interpolate", str(generators / "rare"), *classes]) == 0
    last = picture(tmp_path / "classes.png")[:, :, -16:]
    assert torch.equal(last, drawn(generators / "rare", "fray", [0])[0])


def test_a_mixture_shows_its_sources(generators: Path, tmp_path: Path, capsys: Out) -> None:
    out = tmp_path / "mixed.png"
    words = ["--class", "crack", "--rows", "0,1", "--columns", "0,2,3", "--out", str(out)]
    assert run(["mix", str(generators / "rare"), *words]) == 0
    shown = picture(out)
    assert shown.shape == (3, 48, 64)
    sources = drawn(generators / "rare", "crack", [0, 1, 2, 3])
    assert torch.equal(shown[:, 16:32, :16], sources[0])
    assert torch.equal(shown[:, 32:, :16], sources[1])
    assert torch.equal(shown[:, :16, 32:48], sources[2])
    # Row 0 and column 0 are one image, so their mixture is that image.
    assert torch.equal(shown[:, 16:32, 16:32], sources[0])
    assert not shown[:, :16, :16].any()
    told = refused(["mix", str(generators / "dcgan"), *words], capsys)
    assert "style mixing: expected points in w" in told


def test_a_walk_is_a_video(generators: Path, tmp_path: Path, capsys: Out) -> None:
    out = tmp_path / "walk.mp4"
    words = ["walk", str(generators / "dcgan"), "--class", "crack", "--out", str(out)]
    assert run([*words, "--seconds", "1.5", "--fps", "10", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"files": [str(out)], "frames": 15, "fps": 10.0}
    assert "walk: 15 of 15 frames (100%)" in printed.err
    with av.open(str(out)) as video:
        frames = list(video.decode(video=0))
    assert len(frames) == 15
    assert [path.name for path in tmp_path.iterdir()] == ["walk.mp4"]
    assert run([*words, "--seconds", "1", "--fps", "10"]) == 0
    for bad, text in (
        (["--seconds", "-1"], "2 to 50,000 frames"),
        (["--seconds", "nan"], "2 to 50,000 frames"),
        (["--fps", "0"], "frame rate"),
        (["--images", "4"], "at least two images"),
        (["--images", "a"], "numbers from 0 and ranges"),
        (["--class", "fray"], "one, on a way through z"),
    ):
        assert text in refused([*words[:-1], str(tmp_path / "new.mp4"), *bad], capsys)
    assert not (tmp_path / "new.mp4").exists()


def test_a_photograph_is_projected_and_edited(
    generators: Path, tmp_path: Path, capsys: Out
) -> None:
    rare = generators / "rare"
    photo = tmp_path / "photo.jpg"
    image = drawn(rare, "fray", [0])[0]
    Image.fromarray(np.moveaxis(image.numpy(), 0, 2)).resize((48, 30)).save(photo)
    out = tmp_path / "projected"
    words = ["project", str(rare), str(photo), "--steps", "8", "--out", str(out), "--json"]
    assert run(words) == 0
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert told["note"] == "48 x 30 px, squashed to 16 x 16 as training images are"
    assert told["error"] <= told["drawn_error"]
    assert "project: 8 of 8 steps (100%)" in printed.err
    names = {"latent.safetensors", "reconstruction.png", "target.png", "projection.json"}
    assert {path.name for path in out.iterdir()} == names
    assert json.loads((out / "projection.json").read_text())["class_name"] == told["class"]
    assert read_provenance(out / "target.png") is None
    assert "folder with files in it" in refused(words[:-1], capsys)
    generator = synthaug.load_generator(rare)
    step = torch.ones(1, 1).expand(len(generator.network.blocks), 128)  # type: ignore[arg-type]
    file = tmp_path / "any.safetensors"
    Direction("w", step.contiguous(), generator.sha256, "any", 0.9, None).save(file)
    edited = tmp_path / "edited.png"
    words = ["edit", str(rare), "--direction", str(file), "--out", str(edited)]
    points = ["--latent", str(out / "latent.safetensors")]
    assert run([*words, *points, "--strength", "-2..2", "--steps", "3"]) == 0
    shown = picture(edited)
    assert shown.shape == (3, 16, 48)
    assert torch.equal(shown[:, :, 16:32], picture(out / "reconstruction.png"))
    assert run([*words, "--class", "crack", "--images", "1", "--strength", "0,1"]) == 0
    assert torch.equal(picture(edited)[:, :, :16], drawn(rare, "crack", [1])[0])
    assert "expected a class or a file of points, got neither" in refused(words, capsys)
    told = refused([*words, *points, "--class", "crack"], capsys)
    assert "got both" in told
    assert "range of two steps" in refused([*words, *points, "--strength", "a..2"], capsys)
    other = ["edit", str(generators / "dcgan"), *words[2:], "--class", "crack"]
    assert "expected one of this generator" in refused(other, capsys)


def test_a_direction_is_learnt_from_two_folders(
    generators: Path, tmp_path: Path, capsys: Out
) -> None:
    rare = generators / "rare"
    images = drawn(rare, "crack", list(range(20))).float()
    for name, share, rows in (("bright", 1.0, range(10)), ("dark", 0.7, range(10, 20))):
        (tmp_path / name).mkdir()
        for row in rows:
            pixels = np.moveaxis((share * images[row]).byte().numpy(), 0, 2)
            Image.fromarray(pixels).save(tmp_path / name / f"{row}.png")
    out = tmp_path / "brighter.safetensors"
    folders = ["--with", str(tmp_path / "bright"), "--without", str(tmp_path / "dark")]
    words = ["direction", str(rare), *folders, "--class", "crack", "--draws", "64"]
    assert run([*words, "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["name"], told["space"]) == ("brighter", "w")
    assert told["told_apart"] > 0.7
    first = out.read_bytes()
    assert run([*words, "--out", str(out)]) == 0
    assert out.read_bytes() == first
    capsys.readouterr()
    (tmp_path / "dark" / "notes.txt").write_text("no image")
    assert "notes.txt is not an image" in refused([*words, "--out", str(out)], capsys)
    assert "ends in .safetensors" in refused([*words, "--out", str(tmp_path / "b.npz")], capsys)


def test_recipes_are_listed_and_explained(capsys: Out) -> None:
    assert run(["recipes"]) == 0
    listed = capsys.readouterr().out
    for entry in synthaug.recipes():
        assert f"{entry.name} " in listed
        assert entry.summary in listed
    assert run(["recipes", "dcgan"]) == 0
    told = capsys.readouterr().out
    assert "Radford, Metz, Chintala 2016" in told
    assert "Command: synthaug train DATA --recipe dcgan --out DIR" in told
    assert run(["recipes", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["recipes"]
    assert [row["name"] for row in rows] == [entry.name for entry in synthaug.recipes()]
    assert run(["recipes", "rare", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"] == "classes"
    assert "Did you mean dcgan" in refused(["recipes", "dcgn"], capsys)
