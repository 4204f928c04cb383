"""Ways between points of a latent space, and closed ways through several of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["closed", "slerp"]


def slerp(a: Tensor, b: Tensor, t: Tensor | float) -> Tensor:
    """The point a share ``t`` of the way from ``a`` to ``b`` along the sphere.

    A straight line between two standard normal vectors of many dimensions passes near the
    origin, where the generator was never trained; the arc does not. Directions turn at a
    constant rate, lengths change linearly, and the ends are exact.

    Args:
        a: float (..., D).
        b: float (..., D).
        t: 0 to 1, a number or float (..., 1).

    Returns:
        Float (..., D), of the type of ``a``.

    Source: Shoemake 1985, "Animating Rotation with Quaternion Curves", section 3.3; White
    2016, "Sampling Generative Networks", section 2.1. Differs: lengths apart from
    directions; opposite vectors are joined along one fixed half circle of the many.

    Example:
        >>> slerp(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0]), 0.5).tolist()
        [1.4142135381698608, 1.4142135381698608]
    """
    if not a.shape[-1]:  # generators without pixel noise
        return torch.lerp(a, b, torch.as_tensor(t, dtype=a.dtype))
    start, end = a.double(), b.double()
    share = torch.as_tensor(t, dtype=torch.float64)
    lengths = start.norm(dim=-1, keepdim=True), end.norm(dim=-1, keepdim=True)
    # The origin has no direction: it takes the other's.
    one = _unit(torch.where(lengths[0] > 0, start, end))
    other = _unit(torch.where(lengths[1] > 0, end, start))
    angle = 2 * torch.atan2((one - other).norm(dim=-1, keepdim=True),
                            (one + other).norm(dim=-1, keepdim=True))  # fmt: skip
    across = _across(one, other)
    direction = torch.cos(share * angle) * one + torch.sin(share * angle) * across
    point = direction * torch.lerp(*lengths, share)
    return torch.where(share == 0, start, torch.where(share == 1, end, point)).to(a.dtype)


def closed(points: Tensor, *, sphere: bool = False) -> Callable[[Tensor], Tensor]:
    """A smooth closed curve through points: a periodic cubic spline.

    Args:
        points: float (K, ...), at least two; the curve passes point k at time k / K.
        sphere: keep lengths between those of the points, as `slerp` does; each row of the
            last dimension is one vector.

    Returns:
        A function of times, float (T,), in turns (1 is back at the start), that gives
        float (T, ...). Place, speed and acceleration are continuous, at the seam too.
    """
    import numpy as np
    from scipy.interpolate import CubicSpline

    if not points.shape[-1]:  # generators without pixel noise
        return lambda times: points[:1].expand(len(times), *points.shape[1:])
    knots = np.linspace(0, 1, len(points) + 1)

    def spline(values: Tensor) -> CubicSpline:
        rows = values.double().numpy()
        return CubicSpline(knots, np.concatenate([rows, rows[:1]]), bc_type="periodic")

    curve = spline(points)
    lengths = points.double().norm(dim=-1, keepdim=True)
    length = spline(lengths.clamp_min(1e-12).log()) if sphere else None

    def at(times: Tensor) -> Tensor:
        turns = times.double().remainder(1).numpy()
        place = torch.from_numpy(curve(turns))
        if length is not None:
            place = _unit(place) * torch.from_numpy(length(turns)).exp()
        curved: Tensor = place.to(points.dtype)
        return curved

    return at


def _unit(x: Tensor) -> Tensor:
    length: Tensor = x.norm(dim=-1, keepdim=True)
    return x / length.clamp_min(1e-300)


def _across(one: Tensor, other: Tensor) -> Tensor:
    """Unit vectors at right angles to ``one``, towards ``other`` where that has a direction."""
    across = other - (one * other).sum(-1, keepdim=True) * one
    axis = torch.zeros_like(one).scatter_(-1, one.abs().argmin(-1, keepdim=True), 1.0)
    fixed = axis - (one * axis).sum(-1, keepdim=True) * one
    return _unit(torch.where(across.norm(dim=-1, keepdim=True) > 1e-9, across, fixed))
