import pytest
import torch
from torch.nn import functional as F

from synthaug.errors import InputError
from synthaug.networks import efficientnet
from synthaug.weights.embedded import efficientnet_lite0_state


@pytest.fixture(scope="module")
def network():
    return efficientnet.load_efficientnet_lite0()


def test_photographs_are_recognised(network):
    """Wrong padding, normalisation or folding would not find the daisy."""
    from sklearn.datasets import load_sample_images

    expected = {0: {442, 663, 698}, 1: {985}}  # bell cote, monastery, palace; daisy
    for index, photograph in enumerate(load_sample_images().images):
        image = torch.tensor(photograph).permute(2, 0, 1)[None].float()
        side = min(image.shape[2:])
        left = (image.shape[3] - side) // 2
        image = F.interpolate(
            image[..., left : left + side], (224, 224), mode="bilinear", antialias=True
        )
        logits = network.logits(efficientnet.normalise(image / 127.5 - 1))
        assert int(logits.argmax()) in expected[index]


def test_folding_batch_norm_changes_nothing(network):
    state = efficientnet_lite0_state()
    x = torch.randn(1, 3, 33, 40, generator=torch.Generator().manual_seed(0))
    # TensorFlow's SAME at stride 2: 33 -> 17 needs one pixel a side, 40 -> 20 one at the end.
    y = F.conv2d(F.pad(x, (0, 1, 1, 1)), state["_conv_stem.weight"], stride=2)
    norm = [state[f"_bn0.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
    y = F.relu6(F.batch_norm(y, *norm, eps=1e-3))
    torch.testing.assert_close(network.features(x, (0,))[0], y, rtol=1e-4, atol=1e-4)


def test_gradient_reaches_the_input_and_not_the_weights(network):
    x = torch.zeros(2, 3, 32, 32, requires_grad=True)
    maps, pooled = network.features_and_pooled(x, (3, 1))
    assert [tuple(m.shape[1:]) for m in maps] == [(40, 4, 4), (16, 16, 16)]
    assert pooled.shape == (2, efficientnet.NUM_FEATURES)
    (sum(m.square().mean() for m in maps) + pooled.square().mean()).backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    assert all(not p.requires_grad for p in network.parameters())
    assert not network.training


@pytest.mark.parametrize("stages", [(), (8,), (-1,)])
def test_unknown_stage_is_refused(network, stages):
    with pytest.raises(InputError, match="feature stages: expected numbers from 0 to 7"):
        network.features(torch.zeros(1, 3, 32, 32), stages)


def test_weights_of_another_network_are_refused():
    with pytest.raises(InputError, match="expected the tensors of the published PyTorch port"):
        efficientnet.EfficientNetLite0.from_published({})
