"""What the clips of all classes look like in one window: a mixture from which any class can be taken out again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from art_audio_ext.functional.packed_gaussians import features, log_density_rows

MIXTURE = 12
_CLIPS_A_COMPONENT = 60
_PRIOR_MASS = 10.0
_LEAST_MASS = 15.0  # a component lighter than this, once a class is taken out, is dropped
_WEIGHT_PRIOR = 5.0
_RIDGE = 1e-3  # of the mean variance
_ABSENT = -1e30


@dataclass(frozen=True)
class Members:
    """Clips by class, in a table as wide as the largest class; shorter rows are padded."""

    rows: Tensor  # (C, n) int64, 0 where padded
    present: Tensor  # (C, n) bool

    @property
    def counts(self) -> Tensor:
        """Clips a class, (C,) int64."""
        return self.present.sum(1)


def members_of(rows: list[np.ndarray]) -> Members:
    """
    :param rows: The clips of each class, int64 (n_c,).
    :return: The same as one table.
    """
    width = max(len(r) for r in rows)
    table = np.stack([np.pad(r, (0, width - len(r))) for r in rows])
    present = np.arange(width) < np.array([len(r) for r in rows])[:, None]
    return Members(torch.from_numpy(table), torch.from_numpy(present))


@dataclass(frozen=True)
class Background:
    """For each class the mixture of all others, its weights fitted to the class itself."""

    rows: Tensor  # (C, K, F) log-density rows
    log_weights: Tensor  # (C, K)

    def log_density(self, x: Tensor, place: int) -> Tensor:
        """
        :param x: `features` of clips, shape (n, F).
        :param place: Which class is left out.
        :return: Shape (n,), in nats.
        """
        return torch.logsumexp(x @ self.rows[place].T + self.log_weights[place], 1)


def mixture_size(clips: int) -> int:
    """
    Components of the pooled mixture: 12, or one for every 60 clips where there are few.

    :param clips: In all classes together.
    :return: At least 1.
    """
    return min(MIXTURE, max(1, clips // _CLIPS_A_COMPONENT))


def whitening(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """
    Fit the map that brings the clips of all classes together to mean 0 and covariance 1 (ridge 1e-3).

    :param tokens: One window, shape (N, D), float64.
    :return: Centre (D,), matrix (D, D).
    """
    centre = tokens.mean(0)
    centred = tokens - centre
    covariance = centred.T @ centred / len(tokens)
    dims = len(covariance)
    ridge = _RIDGE * covariance.trace() / dims
    values, vectors = torch.linalg.eigh(covariance + ridge * torch.eye(dims, dtype=tokens.dtype))
    return centre, vectors / values.clamp(min=1e-12).sqrt()


def pooled_statistics(x: Tensor, members: Members, seed: int) -> Tensor:
    """
    Fit one mixture to all clips and keep each class's share of its moments: they add up, and can be taken out.

    :param x: Whitened vectors of one window, shape (N, D).
    :param members: Of each class.
    :param seed: Of the first centres.
    :return: Moments of each class and component, shape (C, K, F), float64.
    """
    size, table = mixture_size(len(x)), features(x)
    shares = torch.nn.functional.one_hot(_nearest_centres(x, size, seed), size).to(x).T
    for _ in range(12):
        moments = shares @ table
        rows = log_density_rows(moments, x.shape[1], _PRIOR_MASS)
        prior = ((moments[:, -1:] + 1e-6) / len(x)).log()
        shares = torch.softmax(torch.addmm(prior, rows, table.T), 0)
    own = shares[:, members.rows].transpose(0, 1) * members.present[:, None]
    return torch.bmm(own, table[members.rows]).double()


def backgrounds(x: Tensor, members: Members, statistics: Tensor) -> tuple[Background, Tensor]:
    """
    For each class the mixture of all other classes: one more step on their moments, then weights alone on the class.

    :param x: `features` of the clips of each class, shape (C, n, F).
    :param members: Of each class.
    :param statistics: From :func:`pooled_statistics`.
    :return: The mixtures, and the log-density of each class's own clips (C, n).
    """
    others = statistics.sum(0) - statistics
    mass = others[..., -1]
    kept = (mass > _LEAST_MASS) | (mass == mass.amax(1, keepdim=True))
    prior = mass * kept / (mass * kept).sum(1, keepdim=True)
    dims = round(((8 * x.shape[2] + 1) ** 0.5 - 3) / 2)
    rows = log_density_rows(others.to(x), dims, _PRIOR_MASS)
    logs = torch.bmm(x, rows.transpose(1, 2)).masked_fill(~kept[:, None], _ABSENT)
    top = logs.amax(2, keepdim=True)
    likelihood = (logs - top).exp()
    counts = members.counts[:, None].to(x)
    prior = prior.to(x)
    weights, present = prior, members.present.to(x)
    for _ in range(15):
        share = present / torch.bmm(likelihood, weights[..., None])[..., 0]
        mass_here = weights * torch.bmm(share[:, None], likelihood)[:, 0]
        weights = ((mass_here + _WEIGHT_PRIOR * prior) / (counts + _WEIGHT_PRIOR)).clamp(min=1e-4) * kept
        weights = weights / weights.sum(1, keepdim=True)
    log_weights = weights.clamp(min=1e-30).log().masked_fill(~kept, _ABSENT)
    return Background(rows, log_weights), torch.logsumexp(logs + log_weights[:, None], 2)


def _nearest_centres(x: Tensor, size: int, seed: int) -> Tensor:
    """Which of `size` centres each vector is nearest to, after six rounds of k-means from random clips, (N,)."""
    chosen = np.random.default_rng(seed).choice(len(x), size, replace=False)
    centres = x[torch.from_numpy(chosen)]
    for _ in range(6):
        nearest = (centres.square().sum(1) - 2 * x @ centres.T).argmin(1)
        sides = torch.nn.functional.one_hot(nearest, size).to(x)
        held = sides.sum(0)
        means = (sides.T @ x) / held.clamp(min=1)[:, None]
        centres = torch.where((held > 5)[:, None], means, centres)
    return nearest
