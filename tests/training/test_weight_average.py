"""The running average of weights: by hand on a small network."""

from __future__ import annotations

import torch
from torch import nn

from art_audio_ext.training.weight_average import follow


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
