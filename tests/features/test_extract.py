import numpy as np
import pytest
import torch

from synthaug.errors import InputError
from synthaug.features import embedded, flip_aware, pixels

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[
            pytest.mark.gpu,
            pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
        ],
    ),
]


@pytest.fixture(scope="module")
def images():
    from sklearn.datasets import load_sample_images

    photograph = torch.tensor(load_sample_images().images[0]).permute(2, 0, 1)
    return torch.stack(
        [photograph[:, 40 * i : 40 * i + 48, 60 * i : 60 * i + 48] for i in range(9)]
    )


@pytest.mark.parametrize("device", DEVICES)
def test_rows_do_not_depend_on_the_batch(images, device):
    extract = embedded(device)
    together = extract(images)
    assert together.dtype == np.float32
    assert together.shape == (9, extract.dim)
    alone = np.concatenate([extract(images[i : i + 1]) for i in range(9)])
    np.testing.assert_allclose(together, alone, rtol=1e-3, atol=2e-3)


def test_grey_equals_the_same_grey_in_three_channels(images):
    grey = images[:2, :1]
    for extract in (embedded(), pixels()):
        np.testing.assert_allclose(extract(grey), extract(grey.expand(-1, 3, -1, -1)), atol=1e-5)


def test_mirrored_copy_is_at_distance_zero(images):
    for extract in (embedded(), pixels()):
        plain, mirrored = flip_aware(extract, images)
        copy = extract(images.flip(-1))
        np.testing.assert_allclose(copy, mirrored, atol=1e-5)
        assert np.abs(copy - plain).max() > 0.01


def test_thumbnails_ignore_brightness_and_survive_flat_images(images):
    extract = pixels()
    dim = (images.float() * 0.5 + 60).round().to(torch.uint8)
    np.testing.assert_allclose(extract(images), extract(dim), atol=0.01)
    flat = torch.full((1, 3, 20, 20), 90, dtype=torch.uint8)
    assert np.abs(extract(flat)).max() < 1e-4


def test_no_images_give_no_rows():
    none = torch.zeros(0, 3, 32, 32, dtype=torch.uint8)
    assert embedded()(none).shape == (0, 1280)
    assert pixels()(none).shape == (0, 768)


@pytest.mark.parametrize(
    "bad", [torch.zeros(1, 3, 8, 8), torch.zeros(3, 8, 8).byte(), torch.zeros(1, 4, 8, 8).byte()]
)
def test_other_images_are_refused(bad):
    for extract in (embedded(), pixels()):
        with pytest.raises(InputError, match=r"images to extract features from: expected uint8"):
            extract(bad)


def test_class_probabilities_are_those_of_the_network_itself(images):
    from synthaug.networks.efficientnet import load_efficientnet_lite0, normalise

    extract, network = embedded(), load_efficientnet_lite0()
    told = extract.probabilities(extract(images[:3]))
    assert told.shape == (3, 1000)
    np.testing.assert_allclose(told.sum(axis=1), 1, atol=1e-5)
    large = torch.nn.functional.interpolate(
        images[:3].float(), (96, 96), mode="bilinear", antialias=True, align_corners=False
    )
    direct = network.logits(normalise(large / 127.5 - 1)).softmax(dim=1)
    np.testing.assert_allclose(told, direct.numpy(), atol=1e-3)
    assert told.max() > 0.05
