"""Many Gaussians at once as rows of numbers: moments and log-densities are then one matrix product each."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

PRIOR_VARIANCE = 0.3  # what a covariance is shrunk to, in data of unit variance
RIDGE = 1e-4
_EMPTY = 1e-6  # mass that keeps the mean of an empty set finite


def features(x: Tensor) -> Tensor:
    """
    Lay out vectors so that sums of them are moments: products x_i x_j for i <= j, then x_i, then 1.

    :param x: Shape (..., n, D).
    :return: Shape (..., n, F), F = D (D + 1) / 2 + D + 1.
    """
    i, j = torch.triu_indices(x.shape[-1], x.shape[-1])
    return torch.cat([x.index_select(-1, i) * x.index_select(-1, j), x, torch.ones_like(x[..., :1])], -1)


def log_density_rows(moments: Tensor, dims: int, prior_mass: float) -> Tensor:
    """
    Fit a Gaussian to each row of moments; the product of the result with `features` is its log-density.

    The covariance is shrunk, (scatter + prior_mass x 0.3 I) / (mass + prior_mass) + 1e-4 I. In white data this keeps
    it far enough from singular for float32.

    :param moments: Weighted sums of `features`, shape (..., F), float32 or float64.
    :param dims: D.
    :param prior_mass: Strength of the shrinkage, in clips.
    :return: Shape (..., F), the same type.
    """
    sums = moments.reshape(-1, moments.shape[-1])
    mass = sums[:, -1:] + _EMPTY
    mean = sums[:, -dims - 1 : -1] / mass
    second = sums.index_select(1, _unpacked(dims)).view(-1, dims, dims)
    scatter = second - mass[:, :, None] * mean[:, :, None] * mean[:, None]
    identity = torch.eye(dims, dtype=moments.dtype)
    covariance = (scatter + prior_mass * PRIOR_VARIANCE * identity) / (mass + prior_mass)[:, :, None] + RIDGE * identity
    factor = torch.linalg.cholesky(covariance)
    inverse = torch.linalg.solve_triangular(factor, identity.expand_as(factor), upper=False)
    precision = inverse.transpose(1, 2) @ inverse
    linear = (precision @ mean[:, :, None])[:, :, 0]
    scale = inverse.diagonal(dim1=1, dim2=2).log().sum(1) - 0.5 * dims * math.log(2 * math.pi)
    i, j = torch.triu_indices(dims, dims)
    quadratic = precision.flatten(1).index_select(1, i * dims + j) * torch.where(i == j, -0.5, -1.0)
    rows = torch.cat([quadratic, linear, (scale - 0.5 * (linear * mean).sum(1))[:, None]], 1)
    return rows.view(moments.shape)


@lru_cache(maxsize=16)
def _unpacked(dims: int) -> Tensor:
    """Where each entry of a full symmetric matrix lies among its packed upper ones, (D * D,)."""
    i, j = torch.triu_indices(dims, dims)
    full = torch.zeros(dims, dims, dtype=torch.int64)
    full[i, j] = full[j, i] = torch.arange(len(i))
    return full.flatten()
