"""What several gates share: the settings, one scope's samples, and Holm's correction."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from synthaug.errors import InputError
from synthaug.gates.sample import Sample

__all__ = ["Limits", "Pool", "holm", "pooled", "share"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much worse than fresh real images is still acceptable.

    A gate fails only where chance is ruled out and the limit is passed. Set the three
    practical limits to 0, 1 and 0 for pure tests of "no different from real images".

    Args:
        copy_fdr: share of wrongly redrawn images among the redrawn, 0 to 1.
        fidelity: Fréchet distance beyond that between real images, as a share of the
            variance of the real images; at 1 the generated images lie as far away as the
            real ones are spread.
        diversity: spread and crowding as a share of that of real images, 0 to 1.
        label: loss of agreement with a classifier against held-out real images, 0 to 1.
    """

    copy_fdr: float = 0.2
    fidelity: float = 1.0
    diversity: float = 0.75
    label: float = 0.1


@dataclasses.dataclass(frozen=True, eq=False)
class Pool:
    """Training and held-out images together.

    Args:
        sample: training images first, then held-out ones.
        groups: int64 (N,), numbers of groups from 0, resolved where none were given.
        in_train: bool (N,).
    """

    sample: Sample
    groups: NDArray[np.int64]
    in_train: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.groups)

    def of_class(self, name: str) -> Pool:
        """Only the images of one class."""
        mask = self.sample.labels == self.sample.classes.index(name)
        return self.only(mask)

    def only(self, mask: NDArray[np.bool_]) -> Pool:
        """Only the images of a mask."""
        groups = np.unique(self.groups[mask], return_inverse=True)[1].astype(np.int64)
        return Pool(self.sample.subset(mask), groups, self.in_train[mask])

    @property
    def num_groups(self) -> int:
        """Different groups."""
        return int(self.groups.max(initial=-1)) + 1


def pooled(train: Sample, heldout: Sample) -> Pool:
    """Both samples as one pool.

    Raises:
        InputError: one of them is empty, or a group lies on both sides.
    """
    for name, side in (("training", train), ("held-out", heldout)):
        if not len(side):
            raise InputError(
                f"{name} images",
                expected="at least 1",
                got="none",
                remedy="Pass real images of both sides of the split.",
            )
    # A side without groups gets one group an image, with numbers the other side cannot have.
    left = [f"t{i}" for i in range(len(train))] if train.groups is None else _text(train.groups)
    right = (
        [f"h{i}" for i in range(len(heldout))] if heldout.groups is None else _text(heldout.groups)
    )
    shared = set(left) & set(right)
    if shared:
        raise InputError(
            "groups",
            expected="each on one side of the split",
            got=f"{len(shared)} on both",
            where=f"group {min(shared)}",
            remedy="Split by group, see synthaug.datasets.split.",
        )
    groups = np.unique(np.array(left + right), return_inverse=True)[1].astype(np.int64)
    in_train = np.arange(len(groups)) < len(train)
    both = dataclasses.replace(train, groups=None).joined(dataclasses.replace(heldout, groups=None))
    return Pool(both, groups, in_train)


def _text(groups: NDArray[np.int64]) -> list[str]:
    return [str(group) for group in groups]


def holm(p_values: dict[str, float], alpha: float) -> dict[str, bool]:
    """Which null hypotheses Holm's step-down procedure rejects; any false one at most alpha.

    The set weighs as much as all classes together: it has most images and decides most.

    Args:
        p_values: by scope, one of them ``"set"`` or none.
        alpha: chance of one or more false rejections among all.

    Example:
        >>> holm({"set": 0.02, "class:a": 0.02, "class:b": 0.06}, 0.05)
        {'set': True, 'class:a': True, 'class:b': False}

    Source: Holm, "A simple sequentially rejective multiple test procedure", 1979, section 3
    (weights).
    """
    weight = {scope: share(scope, len(p_values)) for scope in p_values}
    rejected = dict.fromkeys(p_values, False)
    left = sum(weight.values())
    for scope in sorted(p_values, key=lambda s: p_values[s] / weight[s]):
        if p_values[scope] > alpha * weight[scope] / left:
            break
        rejected[scope] = True
        left = max(left - weight[scope], weight[scope] * 1e-9)
    return rejected


def share(scope: str, scopes: int) -> float:
    """The share of alpha a scope starts with: half for the set, the rest for the classes."""
    if scopes == 1:
        return 1.0
    return 0.5 if scope == "set" else 0.5 / (scopes - 1)
