import numpy as np
import pytest
import torch
from balanced_sets import MADE, Pictures, arrays, built
from PIL import Image
from torch.utils.data import DataLoader

from synthaug.arm import Arm
from synthaug.errors import InputError

BALANCED = Arm(name="oversampling", sampling="balanced")
CLASSICAL = Arm(name="both", sampling="balanced", classical=True, gan_share=0.3)


def test_draws_are_as_often_as_the_arm_says():
    # Class 1 has 2 of 6: two thirds of its draws are extra, 30 % of those are the generator's.
    draws = built(arrays(), MADE, arm=CLASSICAL).draws(20_000, seed=0)
    kinds = draws.data.kind[draws.rows]
    assert (draws.targets == 1).mean() == pytest.approx(0.5, abs=0.02)
    assert (kinds == "gan").mean() == pytest.approx(0.3 * 0.5 * 2 / 3, abs=0.02)
    assert not (kinds == "classical").any()
    assert (draws.targets == draws.data.targets[draws.rows]).all()


def test_under_a_classical_arm_no_two_draws_of_an_image_are_alike():
    data = built(arrays(shape=(16, 16)), MADE, arm=CLASSICAL)
    draws = data.draws(200, seed=0)
    of_one = np.flatnonzero(draws.rows == 6)
    assert len(of_one) > 20
    seen = {draws.image(int(index)).numpy().tobytes() for index in of_one}
    assert len(seen) > 0.9 * len(of_one)
    assert (draws.image(int(of_one[0])).numpy() == draws[int(of_one[0])][0]).all()


def test_without_classical_changes_real_items_are_handed_out_untouched():
    images, labels = arrays()
    draws = built((images, labels), MADE, arm=BALANCED).draws(50, seed=0)
    for (image, label), row in zip(draws, draws.rows, strict=True):
        assert (image == images[row]).all()
        assert label == labels[row]
    assert len(draws) == 50


def test_any_worker_draws_the_same_and_an_epoch_draws_anew():
    draws = built(arrays(), MADE, arm=CLASSICAL).draws(seed=4)
    assert len(draws) == len(draws.data)
    alone = [image.numpy().tobytes() for image, _ in DataLoader(draws)]
    assert alone == [image.numpy().tobytes() for image, _ in DataLoader(draws, num_workers=2)]
    again = built(arrays(), MADE, arm=CLASSICAL).draws(seed=4)
    assert alone == [image.numpy().tobytes() for image, _ in DataLoader(again)]
    draws.set_epoch(1)
    assert alone != [image.numpy().tobytes() for image, _ in DataLoader(draws)]


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_draws_come_in_the_type_of_the_set(mode):
    draws = built(Pictures(mode), MADE, arm=CLASSICAL).draws(8)
    for index in range(8):
        image, label = draws[index]
        assert isinstance(image, Image.Image)
        assert (image.mode, image.size) == (mode, (12, 10))
        assert label == draws.targets[index]
    assert draws.image(0).dtype == torch.uint8


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (-3, 0), (5, -1)])
def test_impossible_draws_are_refused(count, seed):
    with pytest.raises(InputError, match=r"draws: expected a count of at least 1"):
        built(arrays(), MADE).draws(count, seed=seed)


def test_there_is_nothing_beyond_the_last_draw():
    draws = built(arrays(), MADE, arm=CLASSICAL).draws(5)
    with pytest.raises(IndexError):
        draws[5]
    assert (draws[-1][0] == draws[4][0]).all()
