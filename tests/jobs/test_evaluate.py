import json

import numpy as np
import pytest
from PIL import Image

from synthaug.errors import InputError
from synthaug.features import pixels
from synthaug.jobs.evaluate import evaluate
from synthaug.jobs.measuring import NUMBERS
from synthaug.verdict import Status


def grey(n, seed):
    return np.random.default_rng(seed).integers(0, 256, (n, 12, 12), dtype=np.uint8)


def with_labels(n, seed):
    images = grey(n, seed)
    labels = np.arange(n) % 2
    images[labels == 1, :6] //= 4  # one class dark above
    return images, labels


def test_numbers_and_verdicts_for_the_set_and_every_class():
    found = evaluate(
        with_labels(40, 1), with_labels(30, 2), train=with_labels(40, 3), extractor=pixels()
    )
    assert not found.failed
    told = json.loads(found.to_json())
    assert (
        set(told["metrics"])
        == {"set", "class:0", "class:1"}
        == {v["scope"] for v in told["verdicts"]}
    )
    numbers = told["metrics"]["class:1"]
    assert (numbers["real"], numbers["synthetic"]) == (20, 15)
    measured = [name for name in NUMBERS if name != "inception"]
    for name in [name for name in measured if not name.startswith("birthday")]:
        assert isinstance(numbers[name], float)
        assert isinstance(numbers[f"{name}_real"], float)
    # Thumbnails call no class, so there is no Inception score in their space.
    assert numbers["inception"] is None
    assert numbers["birthday_support_low"] > 1
    text = str(found)
    assert "16 px thumbnails" in text
    assert "coverage" in text
    assert text.count("real against real") == 3
    assert "birthday paradox: synthetic too few duplicates" in text


def test_copies_are_found_only_with_the_training_images():
    train = with_labels(40, 3)
    blind = evaluate(with_labels(40, 1), train, extractor=pixels())
    assert {v.status for v in blind.verdicts.of(gate="copy")} == {Status.INCONCLUSIVE}
    assert "nobody can say what was copied" in blind.notes[0]
    seeing = evaluate(with_labels(40, 1), train, train=train, extractor=pixels())
    assert seeing.verdicts.of(gate="copy", scope="set")[0].status is Status.FAIL
    assert seeing.failed


def test_a_generator_of_nine_images_is_counted_by_the_birthday_paradox():
    rng = np.random.default_rng(0)
    nine = grey(9, 7)[rng.integers(9, size=80)]
    numbers = evaluate(grey(60, 1), nine, train=grey(60, 2), extractor=pixels()).metrics["set"]
    assert numbers["birthday_support"] == pytest.approx(9, rel=0.4)
    assert numbers["birthday_batch_real"] is None
    assert numbers["birthday_support_low_real"] > 100


def test_real_against_real_stands_beside_what_is_worse():
    real, train = grey(60, 1), grey(60, 2)
    dark = grey(60, 3)
    dark[:, :6] //= 4
    numbers = evaluate(real, dark, train=train, extractor=pixels()).metrics["set"]
    assert numbers["frechet"] > 1.3 * numbers["frechet_real"]
    assert numbers["n"] == 60
    assert abs(numbers["kid_real"]) < 3 * numbers["kid_error"] + 0.01


def test_without_training_images_half_of_the_real_ones_stand_in():
    numbers = evaluate(grey(60, 1), grey(50, 2), extractor=pixels()).metrics["set"]
    assert numbers["n"] == 30
    assert numbers["frechet"] == pytest.approx(numbers["frechet_real"], rel=0.3)


def test_the_most_suspicious_images_are_named_with_their_nearest_training_image(tmp_path):
    real, train, made = (with_labels(40, seed) for seed in (1, 2, 3))
    made[0][11] = np.clip(train[0][23].astype(int) + 2, 0, 255)
    for folder, (images, labels) in {"train": train, "made": made}.items():
        for i, (image, label) in enumerate(zip(images, labels, strict=True)):
            (tmp_path / folder / str(label)).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(tmp_path / folder / str(label) / f"{i:02}.png")
    picture = tmp_path / "near.png"
    found = evaluate(
        real, tmp_path / "made", train=tmp_path / "train", extractor=pixels(), neighbours=picture
    )
    first = json.loads(found.to_json())["nearest"][0]
    assert (first["synthetic"], first["training"]) == ("1/11.png", "1/23.png")
    assert first["relative"] < 0.2
    assert first["closer_real"] == 0
    relative = [each.relative for each in found.nearest]
    assert relative == sorted(relative)
    assert 0.5 < np.median(relative) < 1.2
    assert "1/11.png" in str(found)
    with Image.open(picture) as drawn:
        pixels_drawn = np.asarray(drawn)
    assert pixels_drawn.shape == (24, 12 * len(found.nearest))
    assert (pixels_drawn[:12, :12] == made[0][11]).all()
    assert (pixels_drawn[12:, :12] == train[0][23]).all()


def test_neighbours_cannot_be_drawn_without_training_images(tmp_path):
    with pytest.raises(InputError, match="--train DATA"):
        evaluate(grey(40, 1), grey(40, 2), extractor=pixels(), neighbours=tmp_path / "n.png")


def test_the_inception_score_is_beside_that_of_real_images_and_named_for_what_it_is():
    found = evaluate(grey(24, 1), grey(12, 2), train=grey(24, 3), device="auto")
    numbers = found.metrics["set"]
    assert 1 <= numbers["inception"] <= 12
    assert 1 <= numbers["inception_real"] <= 12
    assert "Inception score with EfficientNet-Lite0 probabilities; not comparable" in str(found)


def test_three_images_give_numbers_that_exist_and_no_others():
    found = evaluate(grey(3, 1), grey(3, 2), extractor=pixels())
    numbers = found.metrics["set"]
    assert numbers["frechet"] > 0
    assert numbers["precision"] is None
    assert {v.status for v in found.verdicts} == {Status.INCONCLUSIVE}


def test_near_duplicates_in_folders_are_counted_once(tmp_path):
    images, labels = with_labels(40, 1)
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder = tmp_path / str(label)
        folder.mkdir(exist_ok=True)
        for copy in range(2):
            Image.fromarray(image).save(folder / f"{i:03}_{copy}.png")
    found = evaluate(tmp_path, with_labels(30, 2), extractor=pixels())
    assert "near-duplicates" in found.notes[0]


def test_a_set_of_one_image_is_refused():
    with pytest.raises(InputError, match="real images: expected at least two groups"):
        evaluate(grey(1, 1), grey(5, 2), extractor=pixels())
