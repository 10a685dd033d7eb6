"""Averages of weights: by hand on small networks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from art_audio_ext.training.weight_average import follow, mean_network


def filled(value: float) -> nn.BatchNorm1d:
    layer = nn.BatchNorm1d(2)
    for tensor in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
        nn.init.constant_(tensor, value)
    layer.num_batches_tracked.fill_(int(value))
    return layer


def test_it_moves_by_its_share_and_counts_are_copied():
    average, network = filled(0.0), filled(10.0)
    follow(average, network, 0.9, done=1000)
    for tensor in (average.weight, average.bias, average.running_mean, average.running_var):
        torch.testing.assert_close(tensor.detach(), torch.full((2,), 1.0))
    assert average.num_batches_tracked == 10
    torch.testing.assert_close(network.weight.detach(), torch.full((2,), 10.0))


def test_first_steps_forget_the_first_weights():
    average, network = filled(0.0), filled(10.0)
    follow(average, network, 0.999, done=0)
    torch.testing.assert_close(average.weight.detach(), torch.full((2,), 9.0))


def test_a_mean_is_of_all_and_leaves_them_alone():
    first, second, third = filled(1.0), filled(2.0), filled(6.0)
    mean = mean_network([first, second, third])
    for tensor in (mean.weight, mean.bias, mean.running_mean, mean.running_var):
        torch.testing.assert_close(tensor.detach(), torch.full((2,), 3.0))
    assert mean.num_batches_tracked == 1
    torch.testing.assert_close(first.weight.detach(), torch.ones(2))
    for unequal in ([], [first, nn.BatchNorm1d(3)], [first, nn.Linear(2, 2)]):
        with pytest.raises(ValueError, match="same shape"):
            mean_network(unequal)
