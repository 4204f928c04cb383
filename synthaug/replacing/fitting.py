"""The statistical face fitted to photographs, in closed form."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthaug.networks.faces import FaceModel, powers
from synthaug.replacing.game import surroundings
from synthaug.replacing.photos import FacePhotos

__all__ = ["fit_model"]

_RIDGE = 30.0
_BLOCK = 256


def fit_model(
    photos: FacePhotos, train: NDArray[np.int64], *, resolution: int = 64, z_dim: int = 96
) -> FaceModel:
    """A linear face model of photographs, mirrored ones too.

    Args:
        photos: crops of any side that is a multiple of ``resolution``.
        train: numbers of the photographs that count.
        resolution: side of the model.
        z_dim: components.
    """
    model = FaceModel(resolution, z_dim)
    rows = photos.rows(train, (0, 1))
    told = torch.from_numpy(np.asarray(photos.attributes)[rows])
    model.usual.copy_(torch.linalg.lstsq(powers(told[:, 10]), told[:, :10]).solution)
    faces, features = [], []
    for at in range(0, len(rows), _BLOCK):
        part = slice(at, at + _BLOCK)
        crops = photos.read(rows[part]).float().div(127.5).sub(1)
        around, whole = surroundings(crops)
        small = torch.nn.functional.avg_pool2d(whole, photos.resolution // resolution)
        faces.append(model.unbent(small, told[part]))
        small = torch.nn.functional.avg_pool2d(around, photos.resolution // resolution)
        features.append(model.features(small, told[part]))
    x, phi = torch.cat(faces), torch.cat(features)
    model.mean.copy_(x.mean(0))
    x.sub_(model.mean).mul_(model.weight)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        _, _, found = torch.svd_lowrank(x, q=min(z_dim + 16, *x.shape), niter=3)
    # Fewer photographs than components leave the last ones at nothing.
    axes = torch.zeros(x.shape[1], z_dim)
    axes[:, : found.shape[1]] = found[:, :z_dim]
    model.components.copy_(axes.T / model.weight)
    wanted = x @ axes
    model.foretold.copy_(_ridge(phi, wanted))
    rest = wanted - phi @ model.foretold
    spread, turn = torch.linalg.eigh(rest.T @ rest / len(rest))
    model.own.copy_(spread.clamp_min(1e-5 * float(spread.max())).sqrt()[:, None] * turn.T)
    model.posed.copy_(
        _posed(torch.linalg.solve(model.own, rest, left=False), phi, _exact(photos, rows))
    )
    return model


def _exact(photos: FacePhotos, rows: NDArray[np.int64]) -> Tensor:
    """What conditions tell of rows before it is rounded, float (N, NUM_POSED)."""
    return torch.from_numpy(np.stack([photos.exact(int(row)) for row in rows])).float()


def _posed(latents: Tensor, phi: Tensor, told: Tensor) -> Tensor:
    """Directions of latents that tell what conditions leave open, orthonormal columns."""
    left = told - phi @ _ridge(phi, told)
    left = left / left.std(0).clamp_min(1e-6)
    directions = _ridge(latents.clamp(-3, 3), left)
    basis: Tensor = torch.linalg.qr(directions)[0]
    return basis


def _ridge(phi: Tensor, wanted: Tensor) -> Tensor:
    phi, wanted = phi.double(), wanted.double()
    square = phi.T @ phi + _RIDGE * torch.eye(phi.shape[1], dtype=phi.dtype)
    weights: Tensor = torch.linalg.solve(square, phi.T @ wanted)
    return weights.float()
