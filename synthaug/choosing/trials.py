"""Probes trained on each fold under each arm: the evidence."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from synthaug.arm import Arm
from synthaug.choosing.evidence import Evidence
from synthaug.choosing.material import Draws, Material
from synthaug.datasets import folds
from synthaug.networks.probe import fit_probe, probe_logits

__all__ = ["Fit", "cnn", "cut", "linear", "reduced", "run"]

Indices = NDArray[np.int64]

# Training set, rows to be named, seed of the round: labels of those rows.
Fit = Callable[[Draws, Indices, int], Indices]

_COMPONENTS = 128
_INVERSE_PENALTY = 0.03
_LEAST_SCALE = 0.1  # of a feature, as a share of the median one


def cut(material: Material, rows: Indices, k: int, *, seed: int) -> list[Indices]:
    """At most k validation folds of rows, by group; fewer where there are fewer groups.

    Returns no fold where the rows are of one group: nothing can be validated then.
    """
    groups = material.groups[rows]
    k = min(k, len(np.unique(groups)))
    if k < 2:
        return []
    return [rows[part] for part in folds(material.labels[rows], groups, k, seed=seed)]


def run(
    material: Material,
    arms: Sequence[Arm],
    cuts: Sequence[Indices],
    fit: Fit,
    *,
    rounds: int,
    seed: int,
) -> Evidence:
    """Every arm on every fold, `rounds` times with other probe seeds.

    Args:
        material: the images.
        arms: the remedies to compare.
        cuts: validation rows of each fold.
        fit: trains a probe on draws and names rows.
        rounds: repetitions.
        seed: of the probes; arms of one round and fold share it.
    """
    rows = np.concatenate(cuts)
    fold = np.repeat(np.arange(len(cuts)), [len(part) for part in cuts])
    correct = {arm.name: np.zeros((rounds, len(rows)), bool) for arm in arms}
    for turn in range(rounds):
        for number, part in enumerate(cuts):
            for arm in arms:
                named = fit(material.draws(arm, part), part, seed * 1000 + turn)
                correct[arm.name][turn, fold == number] = named == material.labels[part]
    return Evidence(material.labels[rows], material.groups[rows], fold, correct)


def cnn(material: Material, *, draws: int, device: str) -> Fit:
    """Fit the small CNN, on `draws` images."""
    labels = torch.from_numpy(material.labels)

    def fit(training: Draws, rows: Indices, seed: int) -> Indices:
        of = torch.from_numpy(training.rows)
        probe = fit_probe(
            material.images[of],
            labels[of],
            num_classes=len(material.counts),
            probabilities=torch.from_numpy(training.probabilities),
            class_weights=torch.from_numpy(training.class_weights),
            draws=draws,
            seed=seed,
            device=device,
        )
        return probe_logits(probe, material.images[torch.from_numpy(rows)]).argmax(1).numpy()

    return fit


def linear(material: Material, features: NDArray[np.float32]) -> Fit:
    """Fit a logistic regression on frozen features; it has no seed.

    Args:
        material: the images behind the rows.
        features: float32 (M, D), one row for each of the material's.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    def fit(training: Draws, rows: Indices, seed: int) -> Indices:
        labels = material.labels[training.rows]
        if (labels == labels[0]).all():
            # Every other class is one group, and the fold has it: there is nothing to tell apart.
            return np.full(len(rows), labels[0])
        weights = training.probabilities * training.class_weights[labels]
        # Mean weight one keeps the penalty's meaning the same for every arm.
        weights = weights / weights.sum() * len(np.unique(material.picture[training.rows]))
        model: Any = LogisticRegression(C=_INVERSE_PENALTY, max_iter=300, tol=1e-3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(features[training.rows], labels, sample_weight=weights)
        return np.asarray(model.predict(features[rows]), np.int64)

    return fit


def reduced(features: NDArray[np.float32], originals: Indices) -> NDArray[np.float32]:
    """The leading 128 principal components of standardised features, scaled to variance one.

    A feature that is all but silent on the originals counts as spreading a tenth of what is
    usual: divided by next to nothing, what it says of changed and of generated images would
    drown all others.

    Args:
        features: float32 (M, D).
        originals: rows that set mean, scale and axes: the real images as they are.
    """
    real = features[originals]
    scale = real.std(0)
    standard = (features - real.mean(0)) / np.maximum(scale, _LEAST_SCALE * np.median(scale) + 1e-6)
    _, axes = np.linalg.eigh(np.cov(standard[originals], rowvar=False))
    scores = standard @ axes[:, ::-1][:, :_COMPONENTS].astype(np.float32)
    return np.asarray(scores / (scores[originals].std(0).mean() + 1e-6), np.float32)
