"""Purifiers of waveforms: what their gradients see of the network."""

from __future__ import annotations

import pytest
import torch

from art_audio_ext.defences.preprocessor import OneShotPurifier
from art_audio_ext.training.audio_diffusion import AudioDiffusion, build_network
from art_audio_ext.training.diffusion_settings import DiffusionSettings
from art_audio_ext.training.runs import seeded


@pytest.fixture(scope="module")
def wave() -> AudioDiffusion:
    settings = DiffusionSettings(
        "wave", residual_channels=4, layers=2, dilation_cycle=2, skip_channels=4, embedding=(8, 8, 8)
    )
    network = seeded(lambda: build_network(settings), 0)
    with torch.no_grad():  # the last layer of a fresh network is zero
        for parameter in network.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    return AudioDiffusion(network, settings, 16000)


def slope(purifier) -> torch.Tensor:
    x = torch.zeros(1, 4000, requires_grad=True)
    return torch.autograd.grad(purifier.forward(x)[0].sum(), x)[0]


def test_without_the_network_a_gradient_is_that_of_the_noise_alone(wave):
    ones = torch.ones(1, 4000)  # the way forward divides by what the way back multiplies by
    past = slope(OneShotPurifier(wave, 2, network_gradient=False))
    torch.testing.assert_close(past, ones)
    assert (slope(OneShotPurifier(wave, 2)) - ones).abs().max() > 1e-4
