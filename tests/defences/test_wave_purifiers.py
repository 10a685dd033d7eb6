"""Purifiers of waveforms: what their gradients see of the network."""

from __future__ import annotations

import torch

from art_audio_ext.defences.preprocessor import OneShotPurifier


def slope(purifier) -> torch.Tensor:
    x = torch.zeros(1, 4000, requires_grad=True)
    return torch.autograd.grad(purifier.forward(x)[0].sum(), x)[0]


def test_without_the_network_a_gradient_is_that_of_the_noise_alone(wave):
    ones = torch.ones(1, 4000)  # the way forward divides by what the way back multiplies by
    past = slope(OneShotPurifier(wave, 2, network_gradient=False))
    torch.testing.assert_close(past, ones)
    assert (slope(OneShotPurifier(wave, 2)) - ones).abs().max() > 1e-4
