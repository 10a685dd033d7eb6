"""A compact group of clips within each class that the background of all other classes does not explain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from art_audio_ext.functional.novel_background import Members
from art_audio_ext.functional.packed_gaussians import log_density_rows

SEEDS = 80
NEIGHBOURS = 12
_FINALISTS = 12
_FIRST_ROUNDS, _LAST_ROUNDS = 4, 12
_FIRST_SHARE, _SHARES = 0.05, (0.005, 0.45)
_PRIOR_MASS = 16.0
_FAR = 60.0  # log odds beyond which a clip is wholly in or out


@dataclass(frozen=True)
class NovelComponents:
    """What was found in one window, a class an entry."""

    statistic: Tensor  # (C,), the largest gain over the background, a root of the clips it holds
    rows: Tensor  # (C, F), of the component with the largest gain: its log-density with the log odds of its share


def find_components(x: Tensor, vectors: Tensor, log_background: Tensor, members: Members, seed: int) -> NovelComponents:
    """
    Add one compact Gaussian to the background of each class, from many starts, and keep what gains most.

    A start is a clip with its nearest neighbours; four rounds of expectation-maximisation for all of them, twelve more
    for the best. The gain is the sum over clips of log(1 - share + share N / background).

    :param x: `features` of the clips of each class, shape (C, n, F).
    :param vectors: The same clips whitened, shape (C, n, D).
    :param log_background: Their log-density without the component, shape (C, n).
    :param members: Of each class, at least 12 each.
    :param seed: Of the starts.
    :return: The statistic and the component of each class.
    """
    counts = members.counts[:, None].to(x)
    offset = log_background.masked_fill(~members.present, 1e6)[:, None]  # padding is wholly out
    shares, real = _starts(vectors, members, seed)
    rows, share = _fit(shares, x, vectors.shape[2], None)
    for _ in range(_FIRST_ROUNDS - 1):
        rows, share = _fit(_responsibilities(x, rows, offset), x, vectors.shape[2], counts)
    best = _gains(x, rows, offset, share, counts).masked_fill(~real, -torch.inf).topk(_FINALISTS, 1)[1]
    rows = rows.gather(1, best[..., None].expand(-1, -1, rows.shape[2]))
    for _ in range(_LAST_ROUNDS):
        rows, share = _fit(_responsibilities(x, rows, offset), x, vectors.shape[2], counts)
    gains = _gains(x, rows, offset, share, counts)
    statistic = (gains / (share * counts).clamp(min=1).sqrt()).amax(1)
    return NovelComponents(statistic, rows[torch.arange(len(rows)), gains.argmax(1)])


def component_log_odds(x: Tensor, log_background: Tensor, row: Tensor) -> Tensor:
    """
    Log odds of lying in a component rather than in the background.

    :param x: `features` of clips, shape (n, F).
    :param log_background: Shape (n,).
    :param row: Of the component, shape (F,), see `NovelComponents`.
    :return: Shape (n,), in nats.
    """
    return (x @ row - log_background).clamp(-_FAR, _FAR)


def _starts(vectors: Tensor, members: Members, seed: int) -> tuple[Tensor, Tensor]:
    """First responsibilities (C, S, n): up to 80 random clips and their neighbours; and which starts are real."""
    counts = members.counts.tolist()
    width = min(SEEDS, max(counts))
    drawn = [np.random.default_rng(seed).permutation(n)[:width] for n in counts]
    real = torch.from_numpy(np.stack([np.arange(width) < len(d) for d in drawn]))
    chosen = torch.from_numpy(np.stack([np.pad(d, (0, width - len(d))) for d in drawn]))
    centres = vectors.gather(1, chosen[..., None].expand(-1, -1, vectors.shape[2]))
    squares = vectors.square().sum(2).masked_fill(~members.present, torch.inf)
    distance = torch.baddbmm(squares[:, None], centres, vectors.transpose(1, 2), alpha=-2)
    near = distance.topk(NEIGHBOURS, 2, largest=False, sorted=False)[1]
    return torch.zeros_like(distance).scatter_(2, near, 1.0), real


def _fit(shares: Tensor, x: Tensor, dims: int, counts: Tensor | None) -> tuple[Tensor, Tensor]:
    """Components (C, S, F) with the log odds of their share, and the share (C, S), fixed where no counts are given."""
    moments = torch.bmm(shares, x)
    rows = log_density_rows(moments, dims, _PRIOR_MASS)
    if counts is None:
        share = torch.full_like(rows[..., 0], _FIRST_SHARE)
    else:
        share = (moments[..., -1] / counts).clamp(*_SHARES)
    rows[..., -1] += torch.logit(share)
    return rows, share


def _log_odds(x: Tensor, rows: Tensor, offset: Tensor) -> Tensor:
    """Shape (C, S, n), in nats."""
    return torch.baddbmm(offset, rows, x.transpose(1, 2), beta=-1).clamp_(-_FAR, _FAR)


def _responsibilities(x: Tensor, rows: Tensor, offset: Tensor) -> Tensor:
    return _log_odds(x, rows, offset).sigmoid_()


def _gains(x: Tensor, rows: Tensor, offset: Tensor, share: Tensor, counts: Tensor) -> Tensor:
    """How much each component adds to the log-likelihood of its class, (C, S)."""
    return torch.nn.functional.softplus(_log_odds(x, rows, offset)).sum(2) + counts * torch.log1p(-share)
