"""An imbalanced-learn sampler that fills rare classes with judged synthetic images."""

from __future__ import annotations

from collections import Counter
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from synthaug.errors import InputError
from synthaug.integrations.extras import MissingExtra

try:
    from imblearn.over_sampling.base import BaseOverSampler
    from sklearn.utils import check_random_state
    from sklearn.utils._param_validation import Interval, StrOptions
except ImportError as error:
    raise MissingExtra("imbalanced-learn", "imbalanced") from error

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from synthaug.datasets import AugmentedDataset

__all__ = ["SynthaugSampler"]


class SynthaugSampler(BaseOverSampler):  # type: ignore[misc]
    """Over-sample the rare classes of images by what `synthaug.augment` makes and judges.

    Takes arrays (n, height, width) or (n, height, width, channels), or the rows
    (n, height * width * channels) every imbalanced-learn pipeline passes around, with
    ``image_shape`` saying how to read a row. Whole numbers of 0 to 255 are taken as they
    are; any other range is stretched to it and back. Real rows come out untouched, first
    and in order.

    Args:
        sampling_strategy: as in every over-sampler of imbalanced-learn.
        image_shape: (height, width) or (height, width, channels) of a row, one of them
            may be -1; None where X has these axes itself.
        budget: training budget, such as ``"10min"`` or ``"20000 images"``.
        size: side of the generated images in pixels, or ``"auto"``.
        random_state: seed or numpy random state.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        strict: raise `synthaug.GateFailed` where a gate fails.

    Attributes:
        sampling_strategy_: class to number of images made.
        augmented_: the `synthaug.AugmentedDataset` behind the last result, with verdicts,
            report and provenance.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseOverSampler._parameter_constraints,
        "image_shape": [tuple, list, None],
        "budget": [str, Interval(Integral, 1, None, closed="left")],
        "size": [Interval(Integral, 16, 128, closed="both"), StrOptions({"auto"})],
        "random_state": ["random_state"],
        "device": [StrOptions({"auto", "cpu", "cuda"})],
        "strict": ["boolean"],
    }

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        image_shape: tuple[int, ...] | None = None,
        budget: str | int = "10min",
        size: str | int = "auto",
        random_state: Any = None,
        device: str = "auto",
        strict: bool = False,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.image_shape = image_shape
        self.budget = budget
        self.size = size
        self.random_state = random_state
        self.device = device
        self.strict = strict

    def fit_resample(self, X: ArrayLike, y: ArrayLike, *, groups: ArrayLike | None = None) -> Any:
        """The images of X and the synthetic ones, with their labels.

        Args:
            X: (n, height, width[, channels]) or (n, height * width * channels).
            y: labels of any kind, (n,).
            groups: which images show one object, (n,); a group is never split between
                training and judging.

        Returns:
            X and y of the balanced set, in the types and shape that came in.

        Raises:
            InputError: X cannot be read as images, or a count cannot be met.
            GateFailed: with ``strict``, a gate failed.
        """
        shape = np.shape(X)[1:] if not hasattr(X, "iloc") else ()
        if len(shape) < 2:
            self._shape: tuple[int, ...] | None = None
            return super().fit_resample(X, y, groups=groups)
        self._shape = shape
        rows = np.reshape(np.asarray(X), (len(np.asarray(X)), -1))
        balanced, labels = super().fit_resample(rows, y, groups=groups)
        return balanced.reshape(-1, *shape), labels

    def _fit_resample(
        self, X: NDArray[Any], y: NDArray[Any], groups: ArrayLike | None = None
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        names, labels = np.unique(y, return_inverse=True)
        present = Counter(labels.tolist())
        numbers = {name: index for index, name in enumerate(names.tolist())}
        targets = {
            numbers[name]: present[numbers[name]] + count
            for name, count in self.sampling_strategy_.items()
        }
        low, high = _range(X)
        pixels = np.rint((X.astype(np.float64) - low) * (255 / (high - low))).astype(np.uint8)
        images = pixels.reshape(-1, *self._image_shape(X.shape[1]))
        made, made_labels = self._make(images, labels, targets, groups)
        rows = made.reshape(len(made), X.shape[1]) * ((high - low) / 255) + low
        if np.issubdtype(X.dtype, np.integer):
            rows = np.rint(rows)
        return np.concatenate([X, rows.astype(X.dtype)]), np.concatenate([y, names[made_labels]])

    def _image_shape(self, features: int) -> tuple[int, ...]:
        shape = self._shape or self.image_shape
        if shape is None:
            raise InputError(
                "X",
                expected="images (n, height, width) or rows with image_shape=",
                got=f"rows of {features} numbers",
                remedy="Pass SynthaugSampler(image_shape=(height, width)).",
            )
        try:
            read = np.empty(features, np.uint8).reshape(tuple(shape)).shape
        except ValueError:
            read = ()
        if len(read) not in {2, 3} or (len(read) == 3 and read[2] not in {1, 3}):
            raise InputError(
                "image_shape",
                expected=f"(height, width) or (height, width, 1 or 3) of {features} numbers",
                got=str(tuple(shape)),
                remedy="Give the shape of one image.",
            )
        return read

    def _make(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64],
        targets: dict[int, int],
        groups: ArrayLike | None,
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The synthetic images (m, height, width[, channels]), 0 to 255, and their labels."""
        from synthaug.jobs.augment import augment

        self.augmented_: AugmentedDataset = augment(
            (images, labels),
            targets,
            groups=groups,
            size=self.size,
            budget=self.budget,
            seed=self._seed(),
            device=self.device,
            strict=self.strict,
        )
        made = np.flatnonzero(self.augmented_.is_synthetic)
        pixels = [np.asarray(self.augmented_[int(index)][0], np.float64) for index in made]
        shape = (len(pixels), *images.shape[1:])
        return np.reshape(pixels, shape), self.augmented_.targets[made]

    def _seed(self) -> int:
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.three_d_array = True
        return tags

    def _check_X_y(self, X: Any, y: Any, accept_sparse: Any = False) -> Any:  # noqa: N802
        # Pixels are dense: unlike the base class, do not let sparse rows through.
        return super()._check_X_y(X, y, accept_sparse=accept_sparse)


def _range(X: NDArray[Any]) -> tuple[float, float]:
    """The values that become 0 and 255."""
    if X.dtype == np.uint8:
        return 0.0, 255.0
    low, high = float(X.min()), float(X.max())
    return (low, high) if high > low else (low, low + 1.0)
