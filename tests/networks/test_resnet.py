"""The residual victims: shapes, the order of their blocks, their augmentation and their bad input."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from art_audio_ext.networks.resnet import AudioResNet


@pytest.mark.parametrize("depth", [18, 50])
@pytest.mark.parametrize("front_end", ["log_mel", "stft"])
def test_waveforms_become_logits(depth, front_end):
    model = AudioResNet(5, depth=depth, width=4, front_end=front_end).eval()
    assert model(torch.zeros(3, 16000)).shape == (3, 5)


def test_parameters_match_the_published_network():
    """ResNet-18 at width 64 has 11.2 M parameters before its head; only the stem differs here."""
    count = sum(p.numel() for p in AudioResNet(10, depth=18, width=64).features.layers.parameters())
    assert count == pytest.approx(11.166e6, rel=1e-3)
    count = sum(p.numel() for p in AudioResNet(10, depth=50, width=64).features.layers.parameters())
    assert count == pytest.approx(23.498e6, rel=1e-3)


def test_features_are_registered_last():
    assert list(AudioResNet(3, width=4)._modules)[-1] == "features"


def test_augmentation_only_while_training_and_by_its_own_seed():
    x = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, (4, 16000)).astype(np.float32))
    model = AudioResNet(3, width=4, seed=1)
    state = torch.random.get_rng_state()
    training = model.train()(x)
    assert torch.equal(state, torch.random.get_rng_state())
    assert not torch.allclose(training, model(x)), "each step has its own draw"
    model.eval()
    assert torch.equal(model(x), model(x))
    assert torch.equal(pickle.loads(pickle.dumps(model)).eval()(x), model(x))


@pytest.mark.parametrize("wrong", [{"depth": 34}, {"front_end": "mfcc"}])
def test_unknown_choices_are_refused(wrong):
    with pytest.raises(ValueError, match="must be one of"):
        AudioResNet(3, **wrong)
