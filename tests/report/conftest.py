"""A data set to report on, with numbers made up to exercise the page."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from synthaug.arm import Arm
from synthaug.datasets.augmented import AugmentedDataset
from synthaug.datasets.opening import open as open_images
from synthaug.facts import ArmFacts, AugmentFacts, ClassFacts, CurvePoint
from synthaug.provenance import Provenance
from synthaug.verdict import Status, Verdict, Verdicts


class NamedImages(torch.utils.data.Dataset):
    """Colour noise with class names; an eighth of the first class's number in each other."""

    def __init__(self, classes, largest, side):
        self.classes = classes
        rng = np.random.default_rng(0)
        counts = [largest] + [max(1, largest // 8)] * (len(classes) - 1)
        self.labels = np.repeat(np.arange(len(classes)), counts)
        self.pixels = rng.integers(0, 256, (len(self.labels), side, side, 3), dtype=np.uint8)
        self.samples = [(f"secret/{c}/patient-{i}.png", c) for i, c in enumerate(self.labels)]

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.pixels[index], int(self.labels[index])


def told(classes, gan):
    arms = [
        ArmFacts(name=name, stage=stage, score=score, interval=(score - 0.03, score + 0.03),
                 rare_recall=score - 0.1, gan_share=share, chosen=name == "GAN share 0.3")
        for stage in ("wide", "cnn", "final")
        for name, score, share in
        (("plain", 0.66, 0), ("oversampling", 0.69, 0), ("GAN share 0.3", 0.73, 0.3))
    ]  # fmt: skip
    return AugmentFacts(
        version="0.1.0", source="tiles", chosen="GAN share 0.3", helps="yes",
        why="It scores best and no simpler arm is within noise.", resolution=32,
        command="synthaug augment /home/ann/tiles --target balance --out /home/ann/out",
        classes=classes, arms=arms,
        curve=[CurvePoint(images_seen=4000 * k, seconds=20.0 * k, score=math.exp(-k),
                          frechet=260 + 2000 * math.exp(-k)) for k in range(9)] if gan else [],
        copy_generated=[0.3 + 0.01 * (k % 40) for k in range(200)] if gan else [],
        copy_heldout=[0.35 + 0.01 * (k % 40) for k in range(80)] if gan else [],
        copy_threshold=0.2, frechet_floor=255.0, images_per_second=140.0, images_seen=32000,
        seconds={"read": 4.0, "train": 300.0, "judge": 30.0}, settings={"seed": 0},
        warnings=["2 of 99 images left out: secret/0/patient-3.png is an empty file"],
    )  # fmt: skip


def verdict(gate, scope, status, why):
    return Verdict(
        gate=gate, scope=scope, status=status, statistic=0.2, threshold=0.3, n_real=20,
        n_generated=50, null="as good as real", detectable=0.1, why=why,
    )  # fmt: skip


@pytest.fixture(scope="session")
def reported():
    """Builds an AugmentedDataset: class names, whether it holds GAN images, images in all."""

    def build(classes=("free", "fray"), *, gan=True, total=96, side=32, verdicts=True, facts=None):
        real = open_images(NamedImages(tuple(classes), 16, side))
        made = max(0, total - len(real))
        labels = [1 + k % (len(classes) - 1) for k in range(made)]
        kinds = ["gan" if gan and k // (len(classes) - 1) % 3 else "classical" for k in range(made)]
        pairs = list(zip(kinds, labels, strict=True))
        rng = torch.Generator().manual_seed(0)
        pixels = torch.randint(0, 256, (made, 3, side, side), dtype=torch.uint8, generator=rng)
        members = [np.flatnonzero(real.labels == label) for label in range(len(classes))]
        records = [
            Provenance(kind=kind, class_name=classes[label], index=k, latent_seed=k,
                       recipe="rare", version="0.1.0", nearest_distance=0.3 + k / 1000,
                       nearest_name=real.path(int(members[label][0])))
            for k, (label, kind) in enumerate(zip(labels, kinds, strict=True))
        ]  # fmt: skip
        entries = [
            ClassFacts(name=name, real=len(members[label]), groups=2, target=16,
                       method="gan" if label and gan else "none",
                       gan=pairs.count(("gan", label)), classical=pairs.count(("classical", label)),
                       rejected={"copy": 2} if label and gan else {}, why="Few images.")
            for label, name in enumerate(classes)
        ]  # fmt: skip
        asked = [
            verdict("copy", "set", Status.PASS, "Looks new."),
            verdict("copy", f"class:{classes[1]}", Status.INCONCLUSIVE, "14 groups would decide."),
            verdict("diversity", f"class:{classes[1]}", Status.FAIL, "They look alike."),
            verdict("copy", "image:7", Status.FAIL, "Redrawn."),
        ]
        return AugmentedDataset(
            real, list(pixels), labels, kinds, records,
            verdicts=Verdicts(asked if verdicts and gan else []),
            report=facts or told(entries, gan),
            arm=Arm(name="GAN share 0.3", sampling="balanced", gan_share=0.3),
        )  # fmt: skip

    return build
