"""A direction of latent space along which an attribute grows, learnt from two folders."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthaug.errors import InputError
from synthaug.features import embedded
from synthaug.latent.codes import Codes, Space, draw, locate, space_of
from synthaug.latent.keeping import read_tensors, write_tensors
from synthaug.latent.projection import project
from synthaug.training import Callback, Generator, Progress, tell

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

__all__ = ["Direction", "edit", "find_direction"]

_FEWEST = 8
_THUMBNAIL = 8
_OUTER = 0.3
"""Share of the draws of a class at either end that the direction is learnt from."""

By = Literal["draw", "project"]


@dataclasses.dataclass(frozen=True)
class Direction:
    """An attribute as a direction of one generator's latent space.

    Args:
        space: ``"w"`` or ``"z"``.
        vector: float (layers, w_dim) in w, (z_dim,) in z. Moving by it once is a step of one
            standard deviation of what the generator draws.
        generator: SHA-256 of the generator it belongs to.
        name: what grows.
        told_apart: share of held-out images of the two folders, each folder counting half,
            that a classifier names rightly, 0.5 to 1.
        followed: correlation, inside the classes, of the attribute's score with the place
            along the direction, on draws it was not learnt from; None where it was learnt
            from projected images.
    """

    space: str
    vector: Tensor
    generator: str
    name: str
    told_apart: float
    followed: float | None = None

    def save(self, path: str | Path) -> None:
        """Write a safetensors file; it appears whole or not at all.

        Raises:
            InputError: the place cannot be written.
            OutOfResources: the disk is full.
        """
        facts = {
            "space": self.space, "generator": self.generator, "name": self.name,
            "told_apart": self.told_apart, "followed": self.followed,
        }  # fmt: skip
        write_tensors(Path(path), "direction", {"vector": self.vector}, facts)

    @classmethod
    def load(cls, path: str | Path) -> Direction:
        """The direction that `save` wrote.

        Raises:
            InputError: no such file, or one of another kind.
            Damaged: it cannot be read.
        """
        tensors, facts = read_tensors(Path(path), "direction")
        return cls(vector=tensors["vector"], **facts)

    def refuse_other(self, generator: Generator) -> None:
        """Refuse a generator it was not learnt from: there the same numbers mean nothing.

        Raises:
            InputError: the generator's hash is another.
        """
        if generator.sha256 != self.generator:
            raise InputError(
                "direction", expected=f"one of this generator ({generator.sha256[:12]})",
                got=f"one of another ({self.generator[:12]})", where=self.name,
                remedy="Learn it again: synthaug direction.", code="input.generator",
            )  # fmt: skip


def edit(
    generator: Generator, codes: Codes, direction: Direction, strengths: Sequence[float]
) -> Tensor:
    """Images with an attribute made stronger or weaker.

    Args:
        generator: the one the direction was learnt from.
        codes: points, from `locate` or `project`, in the direction's space.
        direction: the attribute.
        strengths: in standard deviations of what the generator draws; 0 changes nothing.

    Returns:
        uint8 (N, strengths, C, R, R).

    Raises:
        InputError: another generator, points of another space, no or infinite strengths.

    Source: Shen, Gu, Tang, Zhou 2020, "Interpreting the Latent Space of GANs for Semantic
    Face Editing", equation 5. Differs: in z the moved latent keeps its length.
    """
    direction.refuse_other(generator)
    if codes.space != direction.space:
        raise InputError(
            "points to edit", expected=f"in {direction.space}", got=f"in {codes.space}",
            remedy="Locate or project them in the direction's space.",
        )  # fmt: skip
    if not len(strengths) or not np.isfinite(strengths).all():
        raise InputError(
            "strengths", expected="finite numbers, at least one", got=str(list(strengths)),
            where="--strength", remedy="Write them like -2..2.",
        )  # fmt: skip
    rows = torch.arange(len(codes)).repeat_interleave(len(strengths))
    moved = codes[rows]
    by = torch.tensor(list(strengths) * len(codes), dtype=torch.float32)
    values = moved.values + by.view(-1, *[1] * direction.vector.ndim) * direction.vector
    if codes.space == "z":
        length = moved.values.norm(dim=1, keepdim=True)
        values = torch.where(by[:, None] == 0, values, values / values.norm(dim=1, keepdim=True)
                             .clamp_min(1e-9) * length)  # fmt: skip
    made = draw(generator, dataclasses.replace(moved, values=values))
    return made.reshape(len(codes), len(strengths), *made.shape[1:])


def find_direction(
    generator: Generator,
    having: Tensor,
    lacking: Tensor,
    *,
    name: str = "attribute",
    labels: Sequence[int] | None = None,
    by: By = "draw",
    space: Space = "auto",
    draws: int = 512,
    seed: int = 0,
    callbacks: Sequence[Callback] = (),
) -> Direction:
    """The direction along which images grow more like one set and less like another.

    By drawing: a classifier learns to tell the sets apart, scores random draws, and the
    direction separates, inside each class, the draws it scores high from those it scores low.
    By projecting: the images themselves are projected, and the direction leads from the mean
    of the one set to the mean of the other; slower, for attributes few draws show.

    Args:
        generator: whose latent space.
        having: uint8 (N, C, R, R), images with the attribute, at least 8.
        lacking: images without it.
        name: what grows.
        labels: classes to draw from, or the class of the images to project; all by default.
        by: ``"draw"`` or ``"project"``.
        space: ``"w"``, ``"z"``, or ``"auto"``: w where the generator has it.
        draws: random images, at least 64; not used in projecting.
        seed: of the draws and of the classifier's folds.
        callbacks: told of progress.

    Raises:
        InputError: too few images, sets that look alike, or arguments that cannot be used.

    Source: Shen, Gu, Tang, Zhou 2020, "Interpreting the Latent Space of GANs for Semantic
    Face Editing", section 2.3. Differs: a logistic regression on frozen features in place of
    trained attribute networks and of the support vector machine, class means removed.
    """
    _check(having, lacking, by, draws)
    kind = space_of(generator, space)
    classifier, told_apart = _classifier(having, lacking, seed)
    classes = list(range(len(generator.classes))) if labels is None else list(labels)
    followed = None
    scale = locate(generator, np.repeat(classes, 64).tolist(), range(64 * len(classes)), space=kind)  # type: ignore[arg-type]
    if by == "project":
        points, sides = _projected(generator, having, lacking, labels, kind, seed, callbacks)
        unit = _unit(points[sides].mean(0) - points[~sides].mean(0))
    else:
        each = -(-draws // len(classes))
        seeds = np.random.default_rng(seed).integers(0, 2**62, each * len(classes)).tolist()
        where = np.repeat(classes, each)
        codes = locate(generator, where.tolist(), seeds, space=kind)  # type: ignore[arg-type]
        tell(callbacks, Progress(phase="draw", images_seen=len(codes), total=len(codes)))
        scores = classifier.decision_function(_features(draw(generator, codes)))
        points, scores = _centred(_flat(codes), where), _centred(scores, where)
        half = np.arange(len(points)) % 2 == 0
        unit = _separating(points[half], scores[half], where[half])
        followed = float(np.corrcoef(points[~half] @ unit, scores[~half])[0, 1])
        unit = _separating(points, scores, where)
    spread = _centred(_flat(scale), scale.labels.numpy()) @ unit
    vector = torch.from_numpy(unit * spread.std()).float()
    shape = scale.values.shape[1:]
    return Direction(
        kind, vector.expand(shape).contiguous(), generator.sha256, name, told_apart, followed
    )


def _check(having: Tensor, lacking: Tensor, by: str, draws: int) -> None:
    for images, which in ((having, "with"), (lacking, "without")):
        if len(images) < _FEWEST:
            raise InputError(
                f"images {which} the attribute", expected=f"at least {_FEWEST}",
                got=str(len(images)), remedy="Add more images.", code="input.few",
            )  # fmt: skip
    if by not in ("draw", "project"):
        raise InputError(
            "way to find a direction", expected="draw or project", got=repr(by),
            remedy="Use draw.",
        )  # fmt: skip
    if draws < 64:
        raise InputError(
            "draws", expected="at least 64", got=str(draws), where="--draws",
            remedy="Use 512.",
        )  # fmt: skip


def _classifier(having: Tensor, lacking: Tensor, seed: int) -> tuple[Pipeline, float]:
    """A classifier of the two sets, and how well it does on images it has not seen.

    Raises:
        InputError: no better than chance would.
    """
    from scipy.stats import binom
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = _features(torch.cat([having, lacking]))
    sides = np.arange(len(rows)) < len(having)
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=1e-3, class_weight="balanced", max_iter=1000)
    )
    folds = StratifiedKFold(4, shuffle=True, random_state=seed)
    right = cross_val_predict(model, rows, sides, cv=folds) == sides
    share = float((right[sides].mean() + right[~sides].mean()) / 2)
    n = len(rows)
    if binom.sf(round(share * n) - 1, n, 0.5) > 0.01:
        raise InputError(
            "images with and without the attribute", expected="sets that can be told apart",
            got=f"a classifier that is right in {share:.0%} of held-out images",
            remedy="Choose images that show the attribute more clearly, or more of them.",
            code="input.alike",
        )  # fmt: skip
    return model.fit(rows, sides), share


def _features(images: Tensor) -> NDArray[np.float32]:
    """What the classifier sees: the embedded network, and thumbnails for tone and place."""
    small = torch.nn.functional.adaptive_avg_pool2d(images.float(), _THUMBNAIL).flatten(1)
    return np.concatenate([embedded()(images), small.numpy()], axis=1)


def _flat(codes: Codes) -> NDArray[np.float64]:
    """One row a point: in w the mean over the layers."""
    values = codes.values.mean(1) if codes.space == "w" else codes.values
    return values.double().numpy()


def _centred(rows: NDArray[Any], where: NDArray[np.int64]) -> NDArray[np.float64]:
    """Rows less the mean of their class, so that a direction is not the way to a class."""
    centred = np.array(rows, np.float64)
    for label in np.unique(where):
        centred[where == label] -= centred[where == label].mean(0)
    return centred


def _separating(
    points: NDArray[np.float64], scores: NDArray[np.float64], where: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Unit normal between the points of each class that score high and those that score low."""
    from sklearn.linear_model import LogisticRegression

    high, low = np.zeros(len(scores), bool), np.zeros(len(scores), bool)
    for label in np.unique(where):
        mine = where == label
        cuts = np.quantile(scores[mine], (_OUTER, 1 - _OUTER))
        low |= mine & (scores <= cuts[0])
        high |= mine & (scores >= cuts[1])
    outer = high | low
    if not np.ptp(scores):
        raise InputError(
            "draws", expected="images that differ in the attribute", got="all the same score",
            remedy="Train the generator longer, or draw without truncation.", code="input.alike",
        )  # fmt: skip
    spread = points.std(0).mean() or 1.0
    model = LogisticRegression(C=0.01, max_iter=1000).fit(points[outer] / spread, high[outer])
    return _unit(model.coef_[0])


def _projected(
    generator: Generator, having: Tensor, lacking: Tensor, labels: Sequence[int] | None,
    kind: str, seed: int, callbacks: Sequence[Callback],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:  # fmt: skip
    """Points of both sets, class means removed, and which are of the first."""
    images = torch.cat([having, lacking])
    if labels is not None and len(labels) != 1:
        raise InputError(
            "class of the images to project", expected="one, or none to find each image's own",
            got=str(len(labels)), where="--class", remedy="Name one class.",
        )  # fmt: skip
    given = None if labels is None else list(labels) * len(images)
    found = project(
        generator, images, given, space=kind, steps=60, draws=32, seed=seed,  # type: ignore[arg-type]
        callbacks=callbacks,
    )  # fmt: skip
    sides = np.arange(len(images)) < len(having)
    points = _flat(found.codes)
    # A class that stands on one side only would pull the direction towards itself.
    where = found.codes.labels.numpy()
    both = [label for label in np.unique(where) if len(set(sides[where == label])) == 2]
    kept = np.isin(where, both)
    if not kept.any():
        raise InputError(
            "images with and without the attribute", expected="some of one class in both sets",
            got="different classes", remedy="Name their class with --class.",
        )  # fmt: skip
    return _centred(points[kept], where[kept]), sides[kept]


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return vector / max(float(np.linalg.norm(vector)), 1e-12)
