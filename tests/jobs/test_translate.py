"""Translating end to end on drawn shapes: what a caller may rely on."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import synthaug
from synthaug.cli.app import run
from synthaug.datasets import read_provenance
from synthaug.datasets.sides import Side, files_of
from synthaug.errors import Damaged, InputError, Stopped
from synthaug.textbook.catalogue.translation import cyclegan, pix2pix
from synthaug.training import Translator

BUDGET = "48 images"
FAST = {"size": 32, "budget": BUDGET, "device": "cpu"}


def shapes(folder: Path, count: int = 16) -> Path:
    """Masks of discs, and what they look like: shaded, on a noisy ground, in colour."""
    rows, columns = np.mgrid[:40, :48]
    random = np.random.default_rng(0)
    for index in range(count):
        y, x, radius = random.uniform([12, 12, 5], [28, 36, 11])
        apart = np.hypot(rows - y, columns - x)
        inside = apart < radius
        ground = 60 + random.normal(0, 12, rows.shape)
        shaded = np.where(inside, 220 - 8 * apart, ground)
        colour = np.stack([shaded, shaded * 0.8, shaded * 0.6], axis=2)
        for name, pixels in (("masks", inside * 255), ("photos", colour)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            eight = np.clip(pixels, 0, 255).astype(np.uint8)
            Image.fromarray(eight).save(folder / name / f"{index:02d}.png")
    return folder


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return shapes(tmp_path_factory.mktemp("shapes"))


@pytest.fixture(scope="module")
def trained(drawn, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "pix2pix"
    recipe = pix2pix(width=8)
    translator = synthaug.translate_train(
        drawn / "masks", drawn / "photos", out=out, recipe=recipe, seed=1, **FAST
    )
    return translator, out


@pytest.fixture(scope="module")
def cycled(drawn, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "cyclegan"
    recipe = cyclegan(width=4)
    synthaug.translate_train(
        drawn / "masks", drawn / "photos", out=out, recipe=recipe, size=32, budget="6 images",
        device="cpu",
    )  # fmt: skip
    return out


def test_what_was_saved_loads_again_and_does_the_same(trained):
    translator, out = trained
    again = synthaug.load_translator(out)
    masks = torch.zeros(2, 1, 32, 32, dtype=torch.uint8)
    assert torch.equal(again.translate(masks, [1, 2]), translator.translate(masks, [1, 2]))
    assert again.sha256 == translator.sha256
    assert [(s.name, s.channels, s.masks) for s in again.sides] == [
        ("masks", 1, True), ("photos", 3, False)
    ]  # fmt: skip
    assert again.card["held out"] == 3
    assert "masks (grey masks) and photos (RGB)" in (out / "README.md").read_text()
    assert not list(out.parent.glob(".*")), "work left behind"


def test_the_same_seed_gives_the_same_bytes_stopped_or_not(drawn, trained, tmp_path):
    class StopsOnce:
        done = False

        def on_progress(self, event):
            # The look at half of the budget: the next step is not taken.
            if event.frechet is not None and not self.done:
                self.done = True
                os.kill(os.getpid(), signal.SIGINT)

    def again(seed, name, **options):
        return synthaug.translate_train(
            drawn / "masks", drawn / "photos", out=tmp_path / name, recipe=pix2pix(width=8),
            seed=seed, **FAST, **options,
        )  # fmt: skip

    with pytest.raises(Stopped):
        again(1, "one", callbacks=[StopsOnce()])
    assert (tmp_path / ".one.work" / "checkpoint.pt").exists()
    assert not (tmp_path / "one").exists()
    assert again(1, "one").sha256 == trained[0].sha256
    assert again(2, "two").sha256 != trained[0].sha256


def test_a_picture_depends_on_its_own_pixels_and_seed_only(trained):
    translator, _ = trained
    pictures = (torch.rand(6, 1, 32, 32) > 0.5).to(torch.uint8) * 255
    made = translator.translate(pictures, range(6))
    assert torch.equal(made[3:4], translator.translate(pictures[3:4], [3]))
    assert not torch.equal(made[3:4], translator.translate(pictures[3:4], [4])), "dropout is noise"


def test_pictures_keep_their_size_and_come_in_the_other_sides_mode(trained, drawn, tmp_path):
    translator, out = trained
    source = tmp_path / "given"
    (source / "deep").mkdir(parents=True)
    for name, size, mode in (
        ("deep/wide.png", (90, 31), "1"), ("tall.tif", (20, 77), "L"), ("rgb.bmp", (40, 40), "RGB"),
    ):  # fmt: skip
        Image.new(mode, size, 255 if mode == "L" else 1).save(source / name)
    files = synthaug.translate_apply(out, source, out=tmp_path / "made", seed=5)
    assert [str(f.relative_to(tmp_path / "made")) for f in files] == [
        "deep/wide.png", "rgb.png", "tall.png"
    ]  # fmt: skip
    for file, size in zip(files, ((90, 31), (40, 40), (20, 77)), strict=True):
        with Image.open(file) as image:
            assert (image.size, image.mode) == (size, "RGB")
        record = read_provenance(file)
        assert (record.kind, record.recipe, record.class_name) == ("gan", "pix2pix", "photos")
        assert record.generator == translator.sha256
    again = synthaug.translate_apply(translator, source / "tall.tif", out=tmp_path / "one", seed=5)
    pixels = [np.asarray(Image.open(file)) for file in (files[2], again[0])]
    assert np.array_equal(*pixels), "alone or among others, the same"
    some = synthaug.translate_apply(out, f"{source}/*.tif", out=tmp_path / "some")
    assert [file.name for file in some] == ["tall.png"]


def test_masks_and_what_was_made_of_them_are_a_labelled_set(trained, drawn, tmp_path):
    made = synthaug.translate_apply(
        trained[1], drawn / "masks", out=tmp_path / "set", with_input=True
    )
    assert sorted(f.name for f in (tmp_path / "set").iterdir()) == ["images", "masks"]
    assert made[0] == tmp_path / "set" / "images" / "00.png"
    for file in made:
        mask = tmp_path / "set" / "masks" / file.name
        assert mask.read_bytes() == (drawn / "masks" / file.name).read_bytes()
        with Image.open(file) as image, Image.open(mask) as label:
            assert image.size == label.size


def test_cyclegan_leads_both_ways_and_masks_stay_masks_in_size(cycled, drawn, tmp_path):
    there = synthaug.translate_apply(cycled, drawn / "masks", out=tmp_path / "there")
    back = synthaug.translate_apply(
        cycled, tmp_path / "there", out=tmp_path / "back", direction="b2a", with_input=True
    )
    assert len(there) == len(back) == 16
    assert (tmp_path / "back" / "inputs").is_dir(), "photographs are no masks"
    assert {f.name for f in cycled.iterdir()} >= {"generator.safetensors", "back.safetensors"}


def test_side_by_side_files_train_like_two_folders(drawn, tmp_path):
    (tmp_path / "both").mkdir()
    for file in (drawn / "masks").iterdir():
        with Image.open(file) as mask, Image.open(drawn / "photos" / file.name) as photo:
            both = np.concatenate([np.asarray(mask.convert("RGB")), np.asarray(photo)], axis=1)
        Image.fromarray(both).save(tmp_path / "both" / file.name)
    options = {"recipe": pix2pix(width=8), "size": 32, "budget": "8 images", "device": "cpu"}
    one = synthaug.translate_train(pairs=tmp_path / "both", out=tmp_path / "one", **options)
    two = synthaug.translate_train(
        drawn / "masks", drawn / "photos", out=tmp_path / "two", **options
    )
    assert one.sha256 == two.sha256


@pytest.fixture
def ask(capsys, tmp_path):
    """Run translate with --json; the error, after checking what holds for every refusal."""

    def call(*words: object) -> str:
        before = sorted(tmp_path.rglob("*"))
        command = ["translate", *map(str, words), "--out", str(tmp_path / "out"), "--json"]
        assert run(command) == 2
        printed = capsys.readouterr()
        error = json.loads(printed.out)["error"]
        assert error["exit_code"] == 2
        assert "Traceback" not in printed.err
        assert sorted(tmp_path.rglob("*")) == before, "nothing is left behind"
        return error["message"]

    return call


def test_wrong_calls_of_train_say_what_to_do(ask, drawn, tmp_path):
    masks, photos = drawn / "masks", drawn / "photos"
    assert "A_DIR B_DIR, or --side-by-side" in ask("train", masks)
    assert "A_DIR B_DIR, or --side-by-side" in ask("train", masks, photos, "--side-by-side", masks)
    assert "nothing there" in ask("train", masks, tmp_path / "nowhere")
    assert "expected one of 32" not in ask("train", masks, photos, "--size", "48")
    assert "which learns from class folders. Use: synthaug train DATA --recipe rare." in ask(
        "train", masks, photos, "--recipe", "rare"
    ).replace("'rare', ", "")
    assert "Did you mean" in ask("train", masks, photos, "--recipe", "pix2pixx")
    (tmp_path / "empty").mkdir()
    assert "expected images, got none" in ask("train", tmp_path / "empty", photos)
    for name in ("00", "01", "02"):
        (tmp_path / "few").mkdir(exist_ok=True)
        (tmp_path / "few" / f"{name}.png").write_bytes((masks / f"{name}.png").read_bytes())
    assert "13 pictures without a partner: only in photos: 03, 04" in ask(
        "train", tmp_path / "few", photos
    )
    assert "pairs: expected at least 4, got 3" in ask(
        "train", tmp_path / "few", photos, "--skip-bad"
    )


def test_wrong_calls_of_apply_say_what_to_do(ask, trained, drawn, tmp_path):
    model, masks = trained[1], drawn / "masks"
    assert "expected a2b, got 'b2a'" in ask("apply", model, masks, "--direction", "b2a")
    assert "expected a folder that synthaug translate train wrote, got none" in ask(
        "apply", tmp_path, masks
    )
    assert "nothing there" in ask("apply", model, tmp_path / "nowhere")
    (tmp_path / "bad").mkdir()
    for name in ("0.png", "1.png"):
        (tmp_path / "bad" / name).write_bytes((masks / "00.png").read_bytes())
    (tmp_path / "bad" / "1.png").write_bytes(b"broken")
    assert "1.png" in ask("apply", model, tmp_path / "bad"), "the good one is not written either"
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    assert "a folder with files in it" in ask("apply", model, masks)


def test_a_translation_recipe_does_not_train_on_class_folders(drawn, tmp_path):
    for name, kind in (("pix2pix", "paired pictures"), ("cyclegan", "two domains")):
        with pytest.raises(InputError) as error:
            synthaug.train(drawn, out=tmp_path / "out", recipe=name)
        assert f"which learns from {kind}" in str(error.value)
        assert f"synthaug translate train A_DIR B_DIR --recipe {name}" in str(error.value)
    with pytest.raises(InputError, match="Use synthaug translate train"):
        synthaug.train(drawn, out=tmp_path / "out", recipe=pix2pix(), size=32)
    with pytest.raises(InputError, match="expected one that translates, got custom"):
        synthaug.translate_train(
            drawn / "masks", drawn / "photos", out=tmp_path / "out", recipe=synthaug.Recipe()
        )
    assert not (tmp_path / "out").exists()


def test_models_of_the_two_kinds_are_not_confused_and_damage_is_told(trained, tmp_path):
    with pytest.raises(InputError, match="a translation, which synthaug translate apply runs"):
        synthaug.load_generator(trained[1])
    (tmp_path / "config.json").write_text('{"network": {}, "classes": []}')
    with pytest.raises(InputError, match="got another model"):
        synthaug.load_translator(tmp_path)
    for content in ("{", '{"product": "translator"}', "[]"):
        (tmp_path / "config.json").write_text(content)
        with pytest.raises(Damaged, match="translator cannot be read"):
            Translator.load(tmp_path)


def squares(folder: Path) -> torch.Tensor:
    side = Side(folder.name, files_of(folder))
    return torch.from_numpy(side.read(range(len(side)), 32))


@pytest.mark.slow
def test_pix2pix_learns_what_a_mask_stands_for(tmp_path):
    """About 20 CPU seconds."""
    seen, unseen = shapes(tmp_path / "seen", 60), shapes(tmp_path / "unseen", 90)
    translator = synthaug.translate_train(
        seen / "masks", seen / "photos", out=tmp_path / "out", size=32, budget="1200 images",
        device="cpu",
    )  # fmt: skip
    # One generator draws both sets: its first discs are those that were seen.
    masks, photos = (squares(unseen / name)[60:] for name in ("masks", "photos"))
    made = translator.translate(masks, range(len(masks))).float()
    error = (made - photos).abs().mean().item()
    chance = (made.roll(1, 0) - photos).abs().mean().item()
    print("pix2pix on discs: error", error, "to another's photograph", chance)
    assert error < 0.5 * chance


@pytest.mark.slow
def test_cyclegan_finds_the_other_domain_and_the_way_back(tmp_path):
    """About 50 CPU seconds: bright discs on dark ground, and dark ones on bright ground."""
    drawn = shapes(tmp_path / "drawn", 80)
    for place, name in enumerate(("bright", "dark")):
        (tmp_path / name).mkdir()
        for file in sorted((drawn / "photos").iterdir())[place::2]:
            pixels = np.asarray(Image.open(file).convert("L"))
            Image.fromarray(255 - pixels if place else pixels).save(tmp_path / name / file.name)
    translator = synthaug.translate_train(
        tmp_path / "bright", tmp_path / "dark", out=tmp_path / "out", recipe="cyclegan", size=32,
        budget="600 images", device="cpu",
    )  # fmt: skip
    bright, dark = squares(tmp_path / "bright"), squares(tmp_path / "dark")
    made = translator.translate(bright, range(len(bright)))
    again = translator.translate(made, range(len(bright)), direction="b2a")
    greys = [x.float().mean().item() for x in (bright, made, dark)]
    error, chance = (
        (x.float() - bright.float()).abs().mean().item() for x in (again, bright.roll(1, 0))
    )
    print("mean grey", greys, "cycle error", error, "to another", chance)
    assert abs(greys[1] - greys[2]) < 0.25 * abs(greys[0] - greys[2])
    assert error < 0.6 * chance
