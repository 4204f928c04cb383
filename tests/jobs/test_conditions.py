"""Training told more or less than the class, and data that cannot tell: through the commands."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

import synthaug
from synthaug.cli.app import run
from synthaug.datasets import open as open_images
from synthaug.datasets import pack
from synthaug.errors import InputError
from synthaug.jobs.conditions import conditions_of
from synthaug.textbook import named


def fill(folder, count, level, seed=0):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for index in range(count):
        pixels = rng.integers(0, 60, (16, 16)) + level
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{index:02d}.png")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos")
    for place, (name, count) in enumerate({"b": 24, "unlabelled": 40, "a": 24}.items()):
        fill(root / name, count, 60 * place, place)
    return root


def refused(capsys, *words):
    assert run([*map(str, words), "--json"]) == 2
    return json.loads(capsys.readouterr().out)["error"]["message"]


def test_one_class_is_refused_by_a_conditional_recipe_which_names_others(capsys, tmp_path):
    fill(tmp_path / "photos" / "faces", 12, 20)
    words = ("train", tmp_path / "photos", "--out", tmp_path / "o", "--recipe", "projection")
    told = refused(capsys, *words)
    assert "at least 2 with images, got faces (photos, recipe projection)" in told
    assert "Use a recipe that is not told classes:" in told
    assert "infogan" in told
    assert "vae" in told
    assert "cgan" not in told
    assert not (tmp_path / "o").exists()


def test_images_without_class_folders_are_refused_by_a_conditional_recipe(capsys, tmp_path):
    fill(tmp_path / "photos", 12, 20)
    told = refused(capsys, "train", tmp_path / "photos", "--out", tmp_path / "o")
    assert "got photos (photos, recipe rare)" in told
    with pytest.raises(InputError, match="one folder a class, got 12 images outside of any class"):
        open_images(tmp_path / "photos")


def test_attributes_need_a_recipe_with_a_place_for_them_and_the_other_way_round(
    capsys, photos, tmp_path
):
    rows = [
        f"{kind}/{n:02d}.png,{n}" for kind, count in (("a", 24), ("b", 24)) for n in range(count)
    ]
    rows += [f"unlabelled/{n:02d}.png,{n}" for n in range(40)]
    table = tmp_path / "a.csv"
    table.write_text("\n".join(["path,depth", *rows]))
    out = ("--out", tmp_path / "o")
    told = refused(capsys, "train", photos, *out, "--recipe", "rare", "--attributes", table)
    assert "a recipe that takes them, got one that does not (recipe rare)" in told
    assert "cgan, projection, attributes, cvae, vae-gan" in told
    told = refused(capsys, "train", photos, *out, "--recipe", "attributes")
    assert "Pass --attributes FILE.csv" in told
    table.write_text("\n".join(["path,depth", *rows[:-2]]))
    told = refused(capsys, "train", photos, *out, "--recipe", "cgan", "--attributes", table)
    assert "none for 2: unlabelled/38.png, unlabelled/39.png" in told


def test_a_recipe_that_is_not_told_classes_cannot_fill_one(capsys, photos, tmp_path):
    told = refused(capsys, "augment", photos, "--out", tmp_path / "o", "--recipe", "infogan")
    assert "one that is told classes and nothing else, got infogan" in told


def test_semi_supervised_training_needs_its_class_by_name(capsys, photos, tmp_path):
    words = ("train", photos, "--out", tmp_path / "o", "--recipe", "semi-supervised")
    told = refused(capsys, *words, "--unlabelled", "unlabeled")
    assert "one named unlabeled, of images without labels, got a, b, unlabelled" in told
    assert "Did you mean --unlabelled unlabelled?" in told
    told = refused(capsys, "train", photos, "--out", tmp_path / "o", "--unlabelled", "a")
    assert "Use the recipe semi-supervised." in told


def test_unlabelled_images_stand_behind_all_classes(photos):
    packed = pack(open_images(photos), 16)
    routine = named("semi-supervised")
    seen = conditions_of(packed, routine)
    assert seen.named == ("a", "b")
    assert seen.classes == ("any",)
    assert (seen.packed.labels == 2).sum() == 40
    for label, name in enumerate((*seen.named, "unlabelled")):
        place = packed.classes.index(name)
        assert ((seen.packed.labels == label) == (packed.labels == place)).all()
    assert packed.classes == ("a", "b", "unlabelled")
    conditional = conditions_of(packed, named("rare"))
    assert conditional.classes == packed.classes
    assert conditional.labels(packed.labels) is packed.labels


def test_a_classifier_comes_with_the_generator_of_semi_supervised_training(photos, tmp_path):
    words = ["train", photos, "--out", tmp_path / "g", "--recipe", "semi-supervised"]
    assert run([*map(str, words), "--budget", "640 images", "--size", "16", "--json"]) == 0
    classifier = synthaug.load_classifier(tmp_path / "g")
    assert classifier.classes == ("a", "b")
    images = torch.from_numpy(np.stack([
        np.asarray(Image.open(photos / name / "03.png"))[None] for name in ("a", "b")
    ]))  # fmt: skip
    labels, probabilities = classifier.predict(images)
    assert labels.tolist() == [0, 1]
    assert probabilities.shape == (2, 2)
    with pytest.raises(InputError, match=r"uint8 \(N, 1, 16, 16\), got uint8 \(2, 3, 16, 16\)"):
        classifier.predict(images.expand(-1, 3, -1, -1))


def test_one_class_with_attributes_is_trained_and_drawn_in_the_attributes_unit(tmp_path, capsys):
    fill(tmp_path / "photos", 40, 20)
    rows = [f"{n:02d}.png,{n},{'left' if n % 2 else 'right'}" for n in range(40)]
    (tmp_path / "a.csv").write_text("\n".join(["path,depth,side", *rows]))
    words = ["train", tmp_path / "photos", "--out", tmp_path / "g", "--recipe", "attributes"]
    words += ["--attributes", tmp_path / "a.csv", "--budget", "64 images", "--size", "16"]
    assert run([*map(str, words), "--json"]) == 0
    generator = synthaug.load_generator(tmp_path / "g")
    assert generator.classes == ("photos",)
    assert generator.attributes == ("depth", "side=left", "side=right")
    assert generator.card["attributes"]["depth"]["mean"] == pytest.approx(19.5)
    assert (
        "| attribute depth | mean 19.5, sd 11.5434 over" in (tmp_path / "g/README.md").read_text()
    )
    draw = ["sample", tmp_path / "g", "--class", "photos", "--count", "1", "--json"]
    asked = [["--attribute", "depth=39", "--attribute", "side=left"], ["--attribute", "depth=0"]]
    for place, options in enumerate(asked):
        assert run([*map(str, draw), "--out", str(tmp_path / f"d{place}"), *options]) == 0
    drawn = [Image.open(tmp_path / f"d{place}" / "photos_00000.png") for place in range(2)]
    assert drawn[0].tobytes() != drawn[1].tobytes()
    capsys.readouterr()
    told = refused(capsys, *draw[:-1], "--out", tmp_path / "d", "--attribute", "width=3")
    assert "one of depth, side, got 'width'" in told
