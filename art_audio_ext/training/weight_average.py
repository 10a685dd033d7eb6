"""The running average of a network's weights, which is what a training may return instead of the last ones."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, decay: float, done: int) -> None:
    """
    Move an average a little towards the weights.

    In its first steps k the decay is (1 + k) / (10 + k), where that is less: an average of few steps must not consist
    of the first weights. Running statistics of batch norms move alike.

    :param average: Moves in place.
    :param network: Whose weights it follows; of the same shape.
    :param decay: Below 1.
    :param done: Steps taken so far.
    """
    share = 1 - min(decay, (1 + done) / (10 + done))
    for kept, now in zip(average.parameters(), network.parameters(), strict=True):
        kept.lerp_(now, share)
    for statistic, latest in zip(average.buffers(), network.buffers(), strict=True):
        if statistic.is_floating_point():
            statistic.lerp_(latest, share)
        else:
            statistic.copy_(latest)
