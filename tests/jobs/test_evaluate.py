import json

import numpy as np
import pytest
from PIL import Image

from synthaug.errors import InputError
from synthaug.features import pixels
from synthaug.jobs.evaluate import evaluate
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
    assert all(isinstance(value, float | int) for value in numbers.values())
    text = str(found)
    assert "16 px thumbnails" in text
    assert "coverage" in text


def test_copies_are_found_only_with_the_training_images():
    train = with_labels(40, 3)
    blind = evaluate(with_labels(40, 1), train, extractor=pixels())
    assert {v.status for v in blind.verdicts.of(gate="copy")} == {Status.INCONCLUSIVE}
    assert "nobody can say what was copied" in blind.notes[0]
    seeing = evaluate(with_labels(40, 1), train, train=train, extractor=pixels())
    assert seeing.verdicts.of(gate="copy", scope="set")[0].status is Status.FAIL
    assert seeing.failed


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
