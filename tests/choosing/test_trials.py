import numpy as np

from synthaug.choosing.trials import reduced


def test_a_feature_silent_on_originals_does_not_shout_on_changed_images() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(300, 40)).astype(np.float32)
    originals = np.arange(150)
    features[:150, :4] *= 1e-5
    features[:150, 4] = 0
    scores = reduced(features, originals)
    usual = np.abs(scores[originals]).max()
    assert np.abs(scores[150:]).max() < 10 * usual


def test_scale_and_offset_of_a_feature_do_not_matter() -> None:
    random = np.random.default_rng(1)
    features = random.normal(size=(200, 30)).astype(np.float32)
    originals = np.arange(120)
    other = (features * random.uniform(0.5, 2, 30) + random.normal(size=30)).astype(np.float32)
    one, two = reduced(features, originals), reduced(other, originals)
    # Principal axes have no sign.
    assert np.allclose(np.abs(one), np.abs(two), atol=2e-2)
