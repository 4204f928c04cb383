"""Ways keep their ends, their length and their smoothness."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from synthaug.latent import closed, slerp

SEEDS = st.integers(0, 2**31)
SHARES = st.floats(0, 1)


def vectors(seed: int, count: int, dim: int) -> torch.Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


@given(SEEDS, SHARES, st.integers(2, 40), st.floats(0.1, 20))
def test_slerp_keeps_the_norm_of_equally_long_vectors(
    seed: int, share: float, dim: int, length: float
) -> None:
    a, b = vectors(seed, 2, dim)
    a, b = a / a.norm() * length, b / b.norm() * length
    assert slerp(a, b, share).norm().item() == pytest.approx(length, rel=1e-5)


@given(SEEDS, SHARES, st.integers(2, 40))
def test_slerp_is_the_arc_of_the_definition(seed: int, share: float, dim: int) -> None:
    """Shoemake's formula on the directions, in numpy, lengths changing linearly."""
    a, b = vectors(seed, 2, dim).double()
    one, other = (x.numpy() / np.linalg.norm(x.numpy()) for x in (a, b))
    angle = math.acos(float(np.clip(one @ other, -1, 1)))
    if math.sin(angle) < 1e-4:
        return
    arc = math.sin((1 - share) * angle) * one + math.sin(share * angle) * other
    length = (1 - share) * float(a.norm()) + share * float(b.norm())
    expected = arc / math.sin(angle) * length
    np.testing.assert_allclose(slerp(a, b, share).numpy(), expected, atol=1e-9)


@given(SEEDS, st.integers(1, 40))
def test_slerp_has_exact_ends(seed: int, dim: int) -> None:
    a, b = vectors(seed, 2, dim)
    assert torch.equal(slerp(a, b, 0.0), a)
    assert torch.equal(slerp(a, b, 1.0), b)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_slerp_joins_equal_opposite_and_zero_vectors(share: float) -> None:
    a = torch.tensor([3.0, 4.0, 0.0])
    assert torch.allclose(slerp(a, a, share), a)
    assert slerp(a, -a, share).norm().item() == pytest.approx(5.0)
    assert slerp(a, 0 * a, share).norm().item() == pytest.approx(5.0 * (1 - share))
    assert slerp(0 * a, 0 * a, share).tolist() == [0, 0, 0]
    halfway = slerp(a, -a, 0.5)
    assert (halfway @ a).item() == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("sphere", [False, True])
@pytest.mark.parametrize("shape", [(2, 5), (3, 7), (5, 2, 4)])
def test_a_closed_curve_passes_its_points_and_has_no_kink(
    sphere: bool, shape: tuple[int, ...]
) -> None:
    points = torch.randn(*shape, generator=torch.Generator().manual_seed(1)).double()
    curve = closed(points, sphere=sphere)
    assert torch.allclose(curve(torch.arange(len(points)) / len(points)), points, atol=1e-6)
    assert torch.allclose(curve(torch.tensor([1.0])), points[:1])
    step = 1e-4
    turn = curve(torch.linspace(0, 1, 101).double())
    usual = (turn[1:] - turn[:-1]).flatten(1).norm(dim=1).mean() * 100
    for seam in (0.0, 1 / len(points)):
        before, at, after = curve(torch.tensor([seam - step, seam, seam + step]).double())
        assert ((after - at) - (at - before)).norm() / step < 0.02 * usual


def test_a_closed_curve_on_the_sphere_stays_as_long_as_its_points() -> None:
    points = torch.randn(4, 64, generator=torch.Generator().manual_seed(1))
    lengths = closed(points, sphere=True)(torch.linspace(0, 1, 97)).norm(dim=1)
    straight = closed(points)(torch.linspace(0, 1, 97)).norm(dim=1)
    shortest = points.norm(dim=1).min()
    assert lengths.min() > 0.95 * shortest
    assert straight.min() < 0.85 * shortest
