"""Averages of weights: of one network while it learns, and of several that learnt from the same start."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

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


@torch.no_grad()
def mean_network(networks: Sequence[nn.Module]) -> nn.Module:
    """
    A network with the mean of the weights of others, which went on from the same start in different ways.

    Source: Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy without
    increasing inference time", 2022.

    :param networks: One or more of the same shape.
    :return: A new one; statistics of batch norms are averaged alike.
    :raises ValueError: If there is none, or their shapes differ.
    """
    states = [network.state_dict() for network in networks]
    shapes = [{name: value.shape for name, value in state.items()} for state in states]
    if not states or any(other != shapes[0] for other in shapes):
        raise ValueError("networks must be one or more of the same shape to have a mean")
    mean = deepcopy(networks[0])
    for name, value in mean.state_dict().items():
        if value.is_floating_point():
            value.copy_(sum(state[name].double() for state in states) / len(states))
    return mean
