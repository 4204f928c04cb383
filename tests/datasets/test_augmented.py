import collections

import numpy as np
import pytest
import torch
from balanced_sets import MADE, PLAIN, Pictures, arrays, built
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch.utils.data import DataLoader, WeightedRandomSampler

from synthaug.arm import Arm
from synthaug.datasets.items import ItemForm
from synthaug.datasets.opening import open as open_images
from synthaug.errors import InputError
from synthaug.facts import ArmFacts, AugmentFacts, ClassFacts
from synthaug.verdict import Status, Verdict, Verdicts


def test_real_items_come_first_untouched_and_in_order():
    images, labels = arrays()
    data = built((images, labels), MADE)
    assert len(data) == 11
    for index in range(8):
        image, label = data[index]
        assert (image == images[index]).all()
        assert label == labels[index]
    assert data.kind.tolist() == ["real"] * 8 + ["gan", "gan", "classical"]
    assert data.is_synthetic.tolist() == [False] * 8 + [True] * 3
    assert data.targets.tolist() == [*labels, 1, 1, 1]
    assert data.targets.dtype == np.int64
    assert data.provenance[:8] == [None] * 8
    assert [p.index for p in data.provenance[8:]] == [0, 1, 2]
    assert data.mixture == {
        "0": {"real": 6, "gan": 0, "classical": 0},
        "1": {"real": 2, "gan": 2, "classical": 1},
    }


@pytest.mark.parametrize("index", [11, -12])
def test_there_is_nothing_beyond_the_ends(index):
    data = built(arrays(), MADE)
    with pytest.raises(IndexError):
        data[index]
    assert data[-1][1] == 1


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((16, 16), np.uint8), ((16, 16, 3), np.uint8), ((16, 16, 1), np.uint8),
     ((3, 16, 16), np.uint8), ((28, 20), np.uint8), ((16, 16, 3), np.float32),
     ((16, 16), np.float64)],
)  # fmt: skip
@pytest.mark.parametrize("tensor", [False, True])
def test_synthetic_arrays_and_tensors_look_like_real_ones(shape, dtype, tensor):
    images, labels = arrays(shape=shape, dtype=dtype)
    if tensor:
        images, labels = torch.from_numpy(images), torch.from_numpy(labels)
    data = built((images, labels), MADE)
    (real, label), (fake, fake_label) = data[0], data[9]
    assert type(fake) is type(real)
    assert fake.shape == real.shape
    assert fake.dtype == real.dtype
    assert type(fake_label) is type(label)
    expected = 11 if dtype == np.uint8 else 11 / 255
    assert np.allclose(np.asarray(fake), expected)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK"])
def test_synthetic_pictures_have_the_mode_and_size_of_real_ones(mode):
    data = built(Pictures(mode), MADE)
    fake, label = data[len(data) - 1]
    assert isinstance(fake, Image.Image)
    assert (fake.mode, fake.size) == (mode, (12, 10))
    assert label == 1
    assert fake.convert("L").getpixel((3, 3)) == 12


def test_a_loader_can_stack_real_and_synthetic_items():
    images, labels = arrays(shape=(3, 28, 20), dtype=np.float32)
    data = built((torch.from_numpy(images), torch.from_numpy(labels)), MADE)
    batch, targets = next(iter(DataLoader(data, batch_size=11)))
    assert batch.shape == (11, 3, 28, 20)
    assert targets.tolist() == data.targets.tolist()


def test_16_bit_pictures_use_their_range():
    form = ItemForm.of(Image.fromarray(np.zeros((4, 4), np.uint16)))
    made = form.make(torch.full((1, 4, 4), 255, dtype=torch.uint8))
    assert np.array(made).max() == 65535


def test_lengths_labels_and_kinds_are_checked():
    with pytest.raises(InputError, match="labels of synthetic images: expected 0 to 1, got 2"):
        built(arrays(), [(0, "gan")]).__init__(
            open_images(arrays()), [torch.zeros(1, 4, 4)], [2], ["gan"], [None],
            verdicts=Verdicts(), report=AugmentFacts(version="", source=""), arm=PLAIN,
        )  # fmt: skip
    with pytest.raises(InputError, match="kind of a synthetic image: expected gan or classical"):
        built(arrays(), [(1, "real")])


def shares(data):
    """Share of the draws by (class, kind), summed from the weights one by one."""
    sums = collections.Counter()
    for weight, label, kind in zip(data.sample_weights(), data.targets, data.kind, strict=True):
        sums[int(label), str(kind)] += float(weight)
    return {key: pytest.approx(value) for key, value in sums.items() if value}


def test_plain_draws_real_images_alike_and_no_others():
    assert shares(built(arrays(), MADE)) == {(0, "real"): 6 / 8, (1, "real"): 2 / 8}


def test_oversampling_draws_classes_alike_from_real_images():
    arm = Arm(name="oversampling", sampling="balanced")
    assert shares(built(arrays(), MADE, arm=arm)) == {(0, "real"): 0.5, (1, "real"): 0.5}


def test_a_gan_share_is_a_share_of_the_extra_draws_of_filled_classes():
    # Class 1 has 2 of 6: a third of its balanced draws are its own, two thirds extra.
    arm = Arm(name="GAN share 0.3", sampling="balanced", gan_share=0.3)
    extra = 0.5 * 2 / 3
    assert shares(built(arrays(), MADE, arm=arm)) == {
        (0, "real"): 0.5, (1, "gan"): 0.3 * extra, (1, "real"): 0.5 - 0.3 * extra,
    }  # fmt: skip


def test_under_a_classical_arm_a_real_image_shares_its_draws_with_its_variants():
    arm = Arm(name="both", sampling="balanced", classical=True, gan_share=0.25)
    data = built(arrays(), MADE, arm=arm)  # the classical image is made from item 6
    gan = 0.25 * 0.5 * 2 / 3
    each = (0.5 - gan) / 2
    assert data.sample_weights()[6:] == pytest.approx([each / 2, each, gan / 2, gan / 2, each / 2])
    assert data.sample_weights()[:6] == pytest.approx([0.5 / 6] * 6)


def test_a_class_without_gan_images_keeps_to_real_ones():
    arm = Arm(name="GAN share 0.5", sampling="balanced", gan_share=0.5)
    assert shares(built(arrays(), [], arm=arm)) == {(0, "real"): 0.5, (1, "real"): 0.5}


@given(
    counts=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    made=st.lists(st.tuples(st.integers(0, 1), st.sampled_from(["gan", "classical"])), max_size=6),
    sampling=st.sampled_from(["plain", "balanced"]),
    share=st.floats(0, 1),
    classical=st.booleans(),
)
def test_weights_are_a_distribution_torch_can_draw_from(counts, made, sampling, share, classical):
    arm = Arm(name="any", sampling=sampling, gan_share=share, classical=classical)
    data = built(arrays(counts, (4, 4)), made, arm=arm)
    weights = data.sample_weights()
    assert weights.dtype == np.float64
    assert weights.shape == (len(data),)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1)
    list(WeightedRandomSampler(weights.tolist(), 3))


def test_loss_weights_are_those_of_the_arm():
    data = built(arrays(), MADE, arm=Arm(name="w", sampling="plain", class_weights=True))
    assert data.loss_weights().tolist() == pytest.approx([8 / 12, 8 / 4])
    assert built(arrays(), MADE).loss_weights().tolist() == [1, 1]


def told(**changes):
    facts = {
        "version": "0.1.0", "source": "toy", "chosen": "GAN share 0.3", "helps": "yes",
        "why": "It is the simplest arm within noise of the best.",
        "classes": [ClassFacts(name="0", real=6, groups=6, target=6),
                    ClassFacts(name="1", real=2, groups=1, target=5, gan=2, classical=1)],
        "arms": [
            ArmFacts(name="plain", stage="final", score=0.8, interval=(0.7, 0.9), rare_recall=0.5),
            ArmFacts(name="GAN share 0.3", stage="wide", score=0.1, interval=(0, 1),
                     rare_recall=0.6, chosen=True),
            ArmFacts(name="GAN share 0.3", stage="final", score=0.85, interval=(0.8, 0.9),
                     rare_recall=0.6, chosen=True),
        ],
        "warnings": ["class 1 has one tile"],
    }  # fmt: skip
    return AugmentFacts(**{**facts, **changes})


def test_summary_tells_counts_choice_help_gates_and_warnings():
    verdict = Verdict(
        gate="copy", scope="class:1", status=Status.FAIL, statistic=1.0, n_real=2, n_generated=2,
        null="", why="It copies.",
    )  # fmt: skip
    text = built(arrays(), MADE, report=told(), verdicts=[verdict]).summary()
    assert text.splitlines()[0] == "arrays: 8 real + 3 synthetic = 11 images in 2 classes"
    words = " ".join(text.split())
    assert "With GAN share 0.3, balanced accuracy rises from 80.0 % to 85.0 %" in words
    rows = {
        line.split()[0]: line.split()[1:5] for line in text.splitlines() if line[:2] in ("0 ", "1 ")
    }
    assert rows == {"0": ["6", "0", "0", "6"], "1": ["2", "2", "1", "5"]}
    assert "gates: 1 FAIL" in text
    assert "copy, class:1: It copies." in text
    assert "! class 1 has one tile" in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_summary_of_a_run_that_measured_nothing_says_so():
    text = built(arrays(), []).summary()
    assert "the images at hand cannot say whether it helps" in " ".join(text.split())
    assert "gates: none was asked" in text


def test_summary_does_not_pass_on_terminal_escapes():
    text = built(arrays(), MADE, report=told(warnings=["\x1b[2J gone"])).summary()
    assert "\x1b" not in text
